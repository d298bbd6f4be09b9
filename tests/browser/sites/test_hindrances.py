"""What browsers and networks do to the sites: storage that is full or forbidden, parts that are gone, odd addresses."""

from __future__ import annotations

import pytest
from playwright.async_api import Route, expect

from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import fill_contact, go_on, log_in, log_in_at_desk, saved
from tests.journeys.client import Client
from tests.journeys.stories import draft_request, file_request, new_address, open_account
from tests.stack import Stack

PASSWORD = "Tournesol-au-balcon-7"
NOT_LOADED = "dynamically imported module"
FULL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError') }"
FORBIDDEN = """
for (const name of ['localStorage', 'sessionStorage'])
  Object.defineProperty(window, name, { get() { throw new DOMException('forbidden', 'SecurityError') } })
"""


@pytest.mark.parametrize("hindrance", [FULL, FORBIDDEN], ids=["full", "forbidden"])
async def test_a_browser_that_keeps_nothing_shows_the_sites_all_the_same(
    arrive: Arrive, hindrance: str
) -> None:
    """For as long as the page is there, it remembers by itself."""
    visitor = await arrive()
    page = visitor.page
    await page.add_init_script(hindrance)
    await visitor.open("/mairie/")
    await visitor.open("/demarches/signalement-voirie")
    await page.get_by_role("button", name="English").click()
    await page.get_by_role("button", name="Français").click()
    await page.get_by_role("button", name="Commencer la demande").click()
    await fill_contact(page, new_address())
    await saved(page)
    await go_on(page)
    await expect(page.get_by_role("heading", level=2, name="Ma demande")).to_be_visible()
    await page.get_by_role("link", name="Espace Citoyens").first.click()
    await page.get_by_role("link", name="Signaler un problème sur la voie publique").click()
    await expect(page.get_by_role("heading", level=2, name="Ma demande")).to_be_visible()


async def test_a_page_that_cannot_be_loaded_says_so_and_comes_with_the_network(arrive: Arrive) -> None:
    visitor = await arrive(width=320)
    page = visitor.page
    heading = page.get_by_role("heading", level=1)
    await visitor.open("/")
    await visitor.context.set_offline(True)
    await page.get_by_role("main").get_by_role("link", name="Faire une demande").click()
    await expect(heading).to_have_text("Page indisponible")
    await page.get_by_role("button", name="Réessayer").click()
    await expect(page.get_by_role("alert")).to_be_focused()
    await examine(page)
    await page.get_by_role("link", name="Espace Citoyens").first.click()
    await expect(heading).to_contain_text("Vos démarches")
    await page.get_by_role("main").get_by_role("link", name="Faire une demande").click()
    await expect(heading).to_have_text("Page indisponible")
    await visitor.context.set_offline(False)
    await expect(heading).to_have_text("Faire une demande")
    visitor.forgive("ERR_INTERNET_DISCONNECTED")
    visitor.forgive(NOT_LOADED)


async def test_a_new_release_under_an_open_page_is_loaded_with_the_next_one(arrive: Arrive) -> None:
    """What is gone is asked for once more by itself; where that is in vain, it is said, and only then asked by hand."""
    agent = await arrive(locale="en-GB")
    page = agent.page
    heading = page.get_by_role("heading", level=1)
    asked: list[str] = []

    async def be_gone(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(status=404)

    await log_in_at_desk(agent)
    await page.route("**/assets/ProceduresPage*", be_gone, times=1)
    await page.get_by_role("link", name="Procedures").click()
    await expect(heading).to_have_text("Procedures")
    assert len(asked) == 1
    await page.route("**/assets/FiguresPage*", be_gone)
    await page.get_by_role("link", name="Figures").click()
    await expect(heading).to_have_text("Page unavailable")
    await page.unroute_all()
    await page.get_by_role("button", name="Try again").click()
    await expect(heading).to_have_text("Figures")
    agent.forgive("404")
    agent.forgive(NOT_LOADED)


async def test_a_ticket_is_read_as_mail_programs_and_people_write_it(arrive: Arrive, stack: Stack) -> None:
    ticket = (await draft_request(Client(stack.api)))["ticket"]
    visitor = await arrive()
    page = visitor.page
    heading = page.get_by_role("heading", level=1)
    for odd in ("%25", "%", "\N{PARTY POPPER}", "\N{ARABIC LETTER BEH}" * 20):
        await visitor.open(f"/demandes/{odd}")
        await expect(heading).to_have_text("Demande introuvable")
    await page.get_by_role("link", name="Retour à l’accueil").click()
    for odd in ("%", "AB\N{EN DASH}1234"):
        await page.get_by_label("Numéro de ticket").fill(odd)
        await page.get_by_role("button", name="Consulter cette demande").click()
        await expect(page.get_by_role("alert")).to_contain_text("Aucune demande")
    await examine(page)
    written = f" {ticket.lower().replace('-', chr(0x2013))}."
    await page.get_by_label("Numéro de ticket").fill(written)
    await page.get_by_role("button", name="Consulter cette demande").click()
    await expect(heading).to_have_text("Signaler un problème sur la voie publique")
    await expect(page.locator(".ticket")).to_have_text(ticket)


async def test_a_draft_that_was_thrown_away_elsewhere_is_offered_no_more(arrive: Arrive) -> None:
    visitor = await arrive()
    page = visitor.page
    offered = page.get_by_role("link", name="Signaler un problème sur la voie publique")
    await visitor.open("/")
    gone = [{"ticket": "K7QM-2XRD-9F4T-W8ZB-3HNC", "title": "Signaler un problème sur la voie publique"}]
    await page.evaluate("kept => localStorage.setItem('drafts', JSON.stringify(kept))", gone)
    await visitor.open("/")
    await offered.click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Demande introuvable")
    await page.get_by_role("link", name="Retour à l’accueil").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Vos démarches")
    await expect(offered).to_be_hidden()
    visitor.forgive("401")


async def test_a_session_that_has_ended_elsewhere_leads_to_the_log_in(arrive: Arrive, stack: Stack) -> None:
    """Ended from another place at the one site, by a log-out in another tab at the other."""
    elsewhere, account = await open_account(stack.api)
    await file_request(elsewhere)
    citizen, agent = await arrive(), await arrive(locale="en-GB")
    await log_in(citizen, account["username"], PASSWORD)
    await elsewhere.change("RevokeOtherSessions")
    await citizen.page.get_by_role("link", name="Mon compte", exact=True).click()
    await expect(citizen.page.get_by_role("button", name="Se connecter")).to_be_visible()
    await examine(citizen.page)
    page = agent.page
    for place in (
        page.get_by_role("link", name="Figures"),
        page.get_by_role("link", name="Calendars"),
        page.get_by_role("table").get_by_role("link").first,
    ):
        await log_in_at_desk(agent, "agent")
        await expect(place).to_be_visible()
        await agent.context.clear_cookies()
        await place.click()
        await expect(page.get_by_role("button", name="Log in")).to_be_visible()
    await examine(page)


async def test_what_cannot_be_read_without_a_network_is_read_once_there_is_one(
    arrive: Arrive, stack: Stack
) -> None:
    _, account = await open_account(stack.api)
    citizen = await arrive(width=320)
    page = citizen.page
    await log_in(citizen, account["username"], PASSWORD)
    await citizen.context.set_offline(True)
    await page.get_by_role("link", name="Mon espace de stockage").click()
    await expect(page.get_by_role("alert")).to_contain_text("La connexion est interrompue.")
    await examine(page)
    await citizen.context.set_offline(False)
    await expect(page.get_by_role("button", name="Ajouter")).to_be_visible()
    citizen.forgive("ERR_INTERNET_DISCONNECTED")


async def test_what_cannot_be_read_at_the_desk_is_read_when_asked_again(arrive: Arrive) -> None:
    """A day of a calendar; what happened to the access of agents. An address that leads nowhere is said to."""
    agent = await arrive(width=320)
    page = agent.page
    problem, again = page.get_by_role("alert"), page.get_by_role("button", name="Réessayer")
    await log_in_at_desk(agent, "agent")

    async def refuse(route: Route) -> None:
        asked = route.request.post_data or ""
        if "query DaySlots" in asked or "query DeskSecurity" in asked:
            await route.abort()
        else:
            await route.continue_()

    agent.forgive("ERR_FAILED")
    for path, read in (("agendas", "#day-shown"), ("reglages/acces", "text=Ce qui s’est passé")):
        await page.route("**/graphql", refuse)
        await agent.open(f"/mairie/{path}")
        await expect(problem).to_contain_text("La connexion est interrompue.")
        await examine(page)
        await page.unroute("**/graphql")
        await again.click()
        await expect(page.locator(read)).to_be_visible()
        await expect(problem).to_be_hidden()
    await agent.open("/mairie/demandes/aucune")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Demande introuvable")
