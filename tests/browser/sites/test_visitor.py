"""Faire une demande sans compte, from the home page to the mairie's answer."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import Route, expect

from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import (
    fill_contact,
    fill_street_light,
    go_on,
    pass_captcha,
    saved,
    ticket_of,
)
from tests.journeys.client import Client
from tests.journeys.stories import ANSWERS, contact, draft_request, new_address, post
from tests.stack import Stack


async def test_a_request_from_the_search_box_to_the_answer(arrive: Arrive, stack: Stack) -> None:
    """Searched, filled, closed, gone on with, sent, consulted by ticket; answered live; then it is cancelled."""
    visitor = await arrive()
    page = visitor.page
    address = new_address()
    await visitor.open("/")
    notice = page.get_by_role("contentinfo").get_by_role("link", name="Mentions légales")
    await expect(notice).to_have_attribute("href", "https://saint-aubin-les-roches.example/mentions-legales")
    await page.get_by_role("navigation", name="Par thème").get_by_role("link", name="Urbanisme").click()
    await expect(page.get_by_role("heading", level=3, name="Urbanisme")).to_be_focused()
    await page.get_by_role("link", name="Espace Citoyens").click()
    await page.get_by_role("main").get_by_role("link", name="Faire une demande").click()
    await page.get_by_label("Rechercher un formulaire").fill("lampadere")
    found = page.get_by_role("search").get_by_role("link", name="Signaler un problème sur la voie publique")
    await found.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(
        "Signaler un problème sur la voie publique"
    )
    await page.get_by_role("button", name="Aide à la saisie").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await page.get_by_role("button", name="Commencer la demande").click()

    await expect(page.get_by_role("heading", level=2, name="Mes informations")).to_be_visible()
    await fill_contact(page, "pas une adresse")
    await go_on(page)
    await expect(page.locator("#field-email-messages")).to_be_visible()
    await expect(page.locator("#field-email")).to_be_focused()
    await expect(
        page.get_by_text("Pas encore enregistré, à compléter ou à corriger : Courriel.")
    ).to_be_visible()
    await page.get_by_label(re.compile("^Courriel")).first.fill(address)
    await saved(page)
    await expect(page.locator("#field-email-messages")).to_be_hidden()

    # The browser is closed, and opened again.
    await page.close()
    visitor.page = page = await visitor.context.new_page()
    await visitor.open("/")
    await page.get_by_role("link", name="Signaler un problème sur la voie publique").click()
    await expect(page.get_by_label(re.compile("^Courriel")).first).to_have_value(address)
    await go_on(page)
    await expect(page.get_by_label(re.compile("lampadaire", re.IGNORECASE))).to_be_hidden()
    await fill_street_light(page)
    await saved(page)
    await go_on(page)
    await expect(page.get_by_role("heading", level=2, name="Le récapitulatif")).to_be_visible()
    await expect(page.get_by_text("Devant le 4 rue des Lilas")).to_be_visible()
    await page.get_by_label(re.compile("^Code de sécurité")).fill("FAUX99")
    await page.get_by_role("button", name="Valider ma demande").click()
    await expect(page.get_by_role("alert")).to_contain_text("Recommencez avec un nouveau code.")
    await pass_captcha(page)
    await page.get_by_role("button", name="Valider ma demande").click()
    await expect(page.get_by_text("Votre demande est envoyée")).to_be_visible()
    ticket = await ticket_of(page)
    mail = await stack.inbox.wait_for(address)
    text = mail.get_body(("plain",))
    assert text is not None
    assert ticket in text.get_content()

    await visitor.open("/")
    await page.get_by_label("Numéro de ticket").fill(ticket.lower().replace("-", " "))
    await page.get_by_role("button", name="Consulter cette demande").click()
    await expect(page.get_by_text("Devant le 4 rue des Lilas")).to_be_visible()
    await expect(page.get_by_role("link", name="Me connecter")).to_be_visible()
    await page.get_by_role("navigation", name="Rubriques").get_by_role("link", name="Suivi").click()
    await expect(page.get_by_text("La demande a été envoyée.")).to_be_visible()
    await page.get_by_label("Nouvel échange").fill("Il clignote aussi.")
    await page.get_by_role("button", name="Ajouter").first.click()
    mine = page.locator(".exchange", has_text="Il clignote aussi.")
    await expect(mine.get_by_role("img", name="La mairie n’a pas encore lu votre message.")).to_be_visible()
    await expect(page.locator(".history")).to_contain_text("Vous avez écrit un échange.")

    agent = await Client(stack.api).log_in("agent")
    listed = await agent.run("DeskInbox", filter={"search": ticket})
    request = listed["requests"]["nodes"][0]["id"]
    read = await agent.run("DeskRequest", request=request)
    await agent.change("MarkExchangesRead", request=request, upTo=read["exchanges"]["nodes"][-1]["id"])
    await expect(mine.get_by_role("img", name="La mairie a lu votre message.")).to_be_visible()
    await post(agent, request, "Une équipe passe demain.")
    theirs = page.locator(".exchange", has_text="Une équipe passe demain.")
    await theirs.scroll_into_view_if_needed()
    await expect(
        theirs.get_by_role("img", name="Vous avez lu ce message adressé par la mairie.")
    ).to_be_visible()
    await expect(page.get_by_test_id("announcements")).to_contain_text("Une équipe passe demain.")

    await page.get_by_role("button", name="Annuler ma demande").click()
    await page.get_by_role("button", name="Non, la garder").click()
    await page.get_by_role("button", name="Annuler ma demande").click()
    await page.get_by_role("button", name="Oui, annuler ma demande").click()
    await expect(page.get_by_text("Votre demande est annulée et archivée.")).to_be_visible()


async def test_another_code_on_a_slow_network_takes_nothing_that_was_typed(
    arrive: Arrive, stack: Stack
) -> None:
    """After a wrong code: nothing can be typed until the other one is there, and then it stays."""
    client = Client(stack.api)
    draft = await draft_request(client)
    await client.change(
        "UpdateRequest", request=draft["id"], version=draft["version"], answers=ANSWERS, contact=contact()
    )
    visitor = await arrive()
    page = visitor.page
    await visitor.open(f"/demandes/{draft['ticket']}/saisie")
    await page.get_by_role("button", name="Le récapitulatif").click()
    code = page.get_by_label(re.compile("^Code de sécurité"))
    await code.fill("FAUX99")
    arrived = asyncio.Event()

    async def slowly(route: Route) -> None:
        if "createCaptcha" in (route.request.post_data or ""):
            await arrived.wait()
        await route.continue_()

    await page.route("**/graphql", slowly)
    await page.get_by_role("button", name="Valider ma demande").click()
    await expect(page.get_by_role("alert")).to_contain_text("code de sécurité")
    await expect(code).to_have_value("")
    await expect(code).not_to_be_editable()
    await code.press_sequentially("ZZZ")
    await expect(page.get_by_text("Le code arrive…")).to_be_visible()
    arrived.set()
    await expect(code).to_be_editable()
    await expect(code).to_have_value("")
    await pass_captcha(page)
    await page.get_by_role("button", name="Valider ma demande").click()
    await expect(page.get_by_text("Votre demande est envoyée")).to_be_visible()


async def test_the_arrows_of_the_browser_lead_through_the_steps(arrive: Arrive, stack: Stack) -> None:
    """Back and forward, typing until the last moment; and a page that is loaded again is the same step."""
    draft = await draft_request(Client(stack.api))
    visitor = await arrive()
    page = visitor.page
    step = page.get_by_role("heading", level=2)
    await visitor.open(f"/demandes/{draft['ticket']}/saisie")
    await expect(step).to_have_text("Mes informations")
    await go_on(page)
    await expect(step).to_have_text("Ma demande")
    await go_on(page)
    await expect(step).to_have_text("Le récapitulatif")
    await page.go_back()
    await expect(step).to_have_text("Ma demande")
    await expect(step).to_be_focused()
    await page.go_back()
    await expect(step).to_have_text("Mes informations")
    await fill_contact(page, new_address())
    await page.evaluate("history.go(2)")
    await expect(step).to_have_text("Le récapitulatif")
    await expect(page.locator(".summary").first).to_contain_text("Marchand")
    await page.reload()
    await expect(step).to_have_text("Le récapitulatif")
    await expect(page.locator(".summary").first).to_contain_text("Marchand")


async def test_the_magnifying_glass_leads_to_what_was_found(arrive: Arrive) -> None:
    visitor = await arrive(locale="en-GB", width=320)
    page = visitor.page
    await visitor.open("/demarches")
    found = page.get_by_role("search").get_by_role("status")
    await page.get_by_role("button", name="Search").click()
    await expect(found).to_have_text("Type at least two letters.")
    await page.get_by_label("Search for a form").fill("lampadaire")
    await page.get_by_role("button", name="Search").click()
    await expect(found).to_be_focused()
    await expect(found).to_contain_text("found")
    await examine(page)
    await page.keyboard.press("Tab")
    first = page.get_by_role("search").get_by_role("link").first
    await expect(first).to_be_focused()
    title = await first.text_content() or ""
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_have_text(title)
    await page.go_back()
    await expect(page.get_by_label("Search for a form")).to_have_value("lampadaire")
    await expect(first).to_have_text(title)
    await page.reload()
    await expect(first).to_have_text(title)
    await page.get_by_label("Search for a form").fill("")
    await expect(page).to_have_url(f"{visitor.site}/demarches")
    await page.get_by_role("link", name="Espace Citoyens").first.click()
    await page.get_by_label("Search for a form").fill("lampadaire")
    await first.click()
    await page.go_back()
    await expect(first).to_have_text(title)


async def test_an_unknown_ticket_is_told(arrive: Arrive) -> None:
    visitor = await arrive()
    await visitor.open("/")
    await visitor.page.get_by_role("button", name="Consulter cette demande").click()
    await expect(visitor.page.get_by_role("alert")).to_contain_text("numéro de ticket")
    await expect(visitor.page.locator("#field-ticket-messages")).to_be_visible()
    await visitor.page.get_by_label("Numéro de ticket").fill("K7QM-2XRD-9F4T-W8ZB-3HNC")
    await visitor.page.get_by_role("button", name="Consulter cette demande").click()
    await expect(visitor.page.get_by_role("alert")).to_contain_text("Aucune demande")
    visitor.forgive("401")


async def test_the_padlock_asks_to_log_in(arrive: Arrive) -> None:
    visitor = await arrive(locale="en-GB")
    await visitor.open("/demarches")
    await expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Make a request")
    locked = visitor.page.locator(
        "li", has=visitor.page.get_by_role("img", name="citizen account needed")
    ).first
    await locked.get_by_role("link").click()
    await expect(visitor.page.get_by_text("This procedure needs a citizen account.")).to_be_visible()
    await expect(visitor.page.get_by_role("button", name="Begin the request")).to_be_hidden()
