"""On a phone in a tunnel: what was typed meanwhile, and what happened meanwhile, is all there afterwards."""

from __future__ import annotations

import asyncio

from playwright.async_api import Route, expect

from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import exchange, fill_contact, log_in, log_in_at_desk, log_out, saved
from tests.browser.sites.wire import wire_to
from tests.journeys.client import Client
from tests.journeys.stories import file_request, new_address, open_account, post
from tests.stack import Stack

CUT_SECONDS = 20


async def test_twenty_seconds_without_a_network_lose_nothing(arrive: Arrive, stack: Stack) -> None:
    agent = await Client(stack.api).log_in("agent")
    sent = await file_request(Client(stack.api))
    async with wire_to(stack.api.port) as wire:
        filling, reading = await arrive(site=wire.url), await arrive(site=wire.url)
        await filling.open("/demarches/signalement-voirie")
        await filling.page.get_by_role("button", name="Commencer la demande").click()
        await fill_contact(filling.page, new_address())
        await saved(filling.page)
        await reading.open(f"/demandes/{sent['ticket']}/suivi")
        await expect(reading.page.get_by_label("Nouvel échange")).to_be_visible()

        await wire.cut()
        await filling.page.get_by_label("Prénom").fill("Marguerite")
        await expect(filling.page.get_by_text("Connexion interrompue")).to_be_visible()
        await reading.page.get_by_label("Nouvel échange").fill("Écrit dans le tunnel.")
        await reading.page.get_by_role("button", name="Ajouter").first.click()
        await expect(reading.page.get_by_role("alert")).to_contain_text("Rien n’est perdu")
        await post(agent, sent["id"], "Écrit pendant la coupure.")
        # Each language has a connection of its own: the one before is closed while it waits for a network.
        for language in ("English", "Français"):
            await filling.page.get_by_role("button", name=language).click()
        await asyncio.sleep(CUT_SECONDS)
        await wire.mend()

        await saved(filling.page)
        await expect(reading.page.get_by_text("Écrit pendant la coupure.").first).to_be_visible()
        await expect(reading.page.get_by_label("Nouvel échange")).to_have_value("Écrit dans le tunnel.")
        await reading.page.get_by_role("button", name="Ajouter").first.click()
        await expect(reading.page.locator(".exchange", has_text="Écrit dans le tunnel.")).to_have_count(1)
        await filling.page.reload()
        await expect(filling.page.get_by_label("Prénom")).to_have_value("Marguerite")
        for somebody in (filling, reading):
            somebody.forgive("ERR_CONNECTION_REFUSED")
            somebody.forgive("ERR_EMPTY_RESPONSE")
            somebody.forgive("WebSocket connection")


async def test_a_log_out_that_fails_is_told(arrive: Arrive, stack: Stack) -> None:
    """On both sites: who leaves a computer believing to be logged out has to be."""
    _, account = await open_account(stack.api)
    citizen, agent = await arrive(width=320), await arrive()
    await log_in(citizen, account["username"], "Tournesol-au-balcon-7")
    await log_in_at_desk(agent, "agent")
    for somebody in (citizen, agent):
        page = somebody.page
        heading = page.get_by_role("heading", level=1)
        before = await heading.text_content() or ""
        await somebody.context.set_offline(True)
        await page.get_by_role("button", name="Se déconnecter").click()
        problem = page.get_by_role("alert")
        await expect(problem).to_contain_text("Vous êtes toujours connecté.")
        await expect(problem).to_be_focused()
        await expect(heading).to_have_text(before)
        await examine(page)
        await somebody.context.set_offline(False)
        await log_out(page)
        await expect(page.get_by_role("button", name="Se connecter")).to_be_visible()
        await expect(problem).to_be_hidden()
        somebody.forgive("ERR_INTERNET_DISCONNECTED")


async def test_an_exchange_that_is_being_written_is_kept(arrive: Arrive, stack: Stack) -> None:
    """Typed on while the first part is under way, left for another tab of the page, or longer than what is taken."""
    sent = await file_request(Client(stack.api))
    citizen = await arrive(width=320)
    page = citizen.page
    await citizen.open(f"/demandes/{sent['ticket']}/suivi")
    zone, add = page.get_by_label("Nouvel échange"), page.get_by_role("button", name="Ajouter").first
    on_the_way, arrives = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        if "postExchange" in (route.request.post_data or ""):
            on_the_way.set()
            await arrives.wait()
        await route.continue_()

    await page.route("**/graphql", hold)
    await zone.fill("Bonjour")
    await add.click()
    await on_the_way.wait()
    await zone.press_sequentially(" Et encore ceci")
    arrives.set()
    await expect(exchange(page, "Bonjour")).to_be_visible()
    await expect(zone).to_have_value("Et encore ceci")
    await page.unroute("**/graphql")

    await page.get_by_role("link", name="Récapitulatif").click()
    await expect(zone).to_be_hidden()
    await page.get_by_role("link", name="Suivi").click()
    await expect(zone).to_have_value("Et encore ceci")
    await page.reload()
    await expect(zone).to_have_value("Et encore ceci")

    await zone.fill("long " * 2_010)
    await add.click()
    await expect(page.locator("form", has=zone)).to_contain_text("10000 caractères")
    await expect(zone).to_have_value("long " * 2_010)
    await examine(page)
