"""On a phone in a tunnel: what was typed meanwhile, and what happened meanwhile, is all there afterwards."""

from __future__ import annotations

import asyncio

from playwright.async_api import expect

from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import fill_contact, saved
from tests.browser.sites.wire import wire_to
from tests.journeys.client import Client
from tests.journeys.stories import file_request, new_address, post
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
