"""The mairie's inbox: found by any filter, unread first, page by page, live; every page of the desk for everybody."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from playwright.async_api import Locator, Page, expect

from tests.browser.sites.accessibility import examine, sticks_out, tab_to
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import card, go_to, log_in_at_desk
from tests.browser.sites.wire import wire_to
from tests.journeys.client import DEMONSTRATION_PASSWORD, Client
from tests.journeys.stories import file_request, open_account, open_slots, post
from tests.stack import Stack

PAGE = 50
WIDE, BETWEEN, NARROW = 1100, 840, 320


async def test_an_agent_finds_what_waits(arrive: Arrive, stack: Stack) -> None:
    """More requests of one citizen than a page holds: found, unread first, filtered; more arrive meanwhile."""
    name = f"Aubépine-{uuid4().hex[:8]}"
    citizen, _ = await open_account(stack.api, lastName=name)
    citizen.patience(60)
    sent = []
    for _ in range(9):
        sent += await asyncio.gather(*(file_request(citizen) for _ in range(6)))
    somebody = await arrive()
    page = somebody.page
    await log_in_at_desk(somebody)
    table, status = page.get_by_role("table"), page.get_by_role("status")
    rows = table.locator("tbody tr", has=page.get_by_role("link"))
    await page.get_by_label("Ticket, nom ou courriel").fill(name)
    await page.get_by_label("État").focus()
    await expect(status.filter(has_text="54 demandes")).to_be_visible()
    await expect(rows).to_have_count(PAGE)

    # It goes on below, and so does the focus.
    await page.get_by_role("button", name="Voir la suite").press("Enter")
    await expect(rows).to_have_count(len(sent))
    await expect(rows.nth(PAGE).get_by_role("link")).to_be_focused()
    await expect(page.get_by_role("button", name="Voir la suite")).to_be_hidden()
    assert await rows.locator(f"text={name}").count() == len(sent)
    await go_through_the_list(page, rows)

    # Somebody who reads further down is told of what arrives, and nothing moves.
    await post(citizen, sent[0]["id"], "Où en est ma demande ?")
    announced = page.get_by_test_id("announcements")
    await expect(announced).to_contain_text("Signaler un problème sur la voie publique : ")
    await expect(page.get_by_text("De nouvelles choses sont arrivées.")).to_be_visible()
    await expect(rows).to_have_count(len(sent))
    await page.get_by_role("button", name="Afficher").click()
    await expect(rows).to_have_count(PAGE)
    await expect(rows.first).to_contain_text("1 échange à lire")

    # At the first page it comes by itself, to the top where there is something to read.
    await post(citizen, sent[-1]["id"], "Bonjour.")
    await expect(table.get_by_text("1 échange à lire")).to_have_count(2)
    newest = await file_request(citizen)
    await expect(status.filter(has_text="55 demandes")).to_be_visible()
    await expect(rows.nth(2)).to_contain_text("Envoyée")
    await expect(rows.nth(2).get_by_role("link")).to_have_attribute(
        "href", f"/mairie/demandes/{newest['id']}"
    )

    # In the other language, what was told is not told again.
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Requests")
    await post(citizen, sent[-1]["id"], "Bonsoir.")
    told = announced.get_by_text("The applicant wrote a message.")
    await expect(told).to_have_count(1)
    await expect(table.get_by_text("2 messages to read")).to_be_visible()
    await expect(told).to_have_count(1)
    await page.get_by_role("button", name="Français").click()

    # Filters; they are in the address, and hold where it is opened again.
    await page.get_by_label("Échanges à lire seulement").check()
    await expect(status.filter(has_text="2 demandes")).to_be_visible()
    administrator = await Client(stack.api).log_in("admin")
    me = (await administrator.run("DeskInbox"))["agent"]
    await administrator.change("AssignRequest", request=sent[0]["id"], agent=me["id"])
    await page.get_by_label("Attribuée à").select_option(label=f"{me['displayName']} (moi)")
    await expect(status.filter(has_text="1 demande")).to_be_visible()
    await expect(rows).to_have_count(1)
    await expect(rows).to_contain_text(me["displayName"])
    await page.get_by_label("État").select_option("Refusée")
    await expect(status.filter(has_text="Aucune demande")).to_be_visible()
    await page.get_by_label("État").select_option("Envoyée")
    await page.get_by_label("Démarche").select_option("Signaler un problème sur la voie publique")
    await expect(rows).to_have_count(1)
    await page.reload()
    await expect(page.get_by_label("Ticket, nom ou courriel")).to_have_value(name)
    await expect(page.get_by_label("Échanges à lire seulement")).to_be_checked()
    await expect(rows).to_have_count(1)

    # A link that leads to all of them leads the field there, too; a button says that it seeks.
    filtered = page.url
    await go_to(page, "Demandes")
    await expect(page.get_by_label("Ticket, nom ou courriel")).to_have_value("")
    await page.get_by_label("Ticket, nom ou courriel").fill("Personne de ce nom")
    await page.get_by_role("search").get_by_role("button", name="Rechercher").click()
    await expect(status.filter(has_text="Aucune demande")).to_be_visible()

    # How much there is to read stands in the navigation of every page, and follows.
    to_read = (await administrator.run("DeskUnread"))["unreadExchangeCount"]
    link = page.get_by_role("navigation", name="Navigation principale").get_by_role("link", name="Demandes")
    await go_to(page, "Agendas")
    await expect(link).to_have_accessible_name(f"Demandes {to_read} échanges à lire")
    await post(citizen, sent[1]["id"], "Faut-il une photo ?")
    await expect(link).to_have_accessible_name(f"Demandes {to_read + 1} échanges à lire")
    await examine(page)
    await page.goto(filtered)
    await expect(rows).to_have_count(1)

    # Opened, what it says is read; back in the inbox, what happened before is not told again.
    await rows.get_by_role("link").click()
    await page.locator(".exchange", has_text="Où en est ma demande ?").scroll_into_view_if_needed()
    await expect(page.get_by_role("img", name="Ce message du citoyen est lu.")).to_be_visible()
    await expect(link).to_have_accessible_name(f"Demandes {to_read} échanges à lire")
    await page.go_back()
    await expect(status.filter(has_text="Aucune demande")).to_be_visible()
    await page.get_by_label("Échanges à lire seulement").uncheck()
    await expect(rows).to_have_count(1)
    await expect(announced).not_to_contain_text("échange")
    await citizen.change("CancelRequest", request=newest["id"])
    await page.get_by_label("Attribuée à").select_option("")
    await page.get_by_label("État").select_option("")
    await page.get_by_label("Archivées").check()
    await expect(status.filter(has_text="1 demande")).to_be_visible()
    await expect(rows).to_contain_text("Annulée")


async def go_through_the_list(page: Page, rows: Locator) -> None:
    """From one request to its neighbours, and back to the list as it was: filter, pages, and the row that was left."""
    links = rows.get_by_role("link")
    addresses = await links.evaluate_all("links => links.map(link => link.href)")
    filtered, heading = page.url, page.get_by_role("heading", level=1)
    back, following = (
        page.get_by_role("link", name="Retour aux demandes"),
        page.get_by_text("Demande suivante"),
    )
    preceding = page.get_by_text("Demande précédente")
    await links.nth(PAGE + 1).click()
    await expect(back).to_be_visible()
    await preceding.click()
    await expect(page).to_have_url(addresses[PAGE])
    await expect(heading).to_be_focused()
    await page.reload()
    await expect(page.locator("main .ticket")).to_be_visible()
    await preceding.click()
    await expect(page).to_have_url(addresses[PAGE - 1])
    await back.click()
    await expect(links.nth(PAGE - 1)).to_be_focused()
    await expect(links.nth(PAGE - 1)).to_be_in_viewport()
    await expect(rows).to_have_count(len(addresses))
    assert page.url == filtered

    # The browser's arrow leads back to where it was left, too.
    await links.nth(len(addresses) - 1).click()
    await expect(preceding).to_be_visible()
    await expect(following).to_be_hidden()
    await page.go_back()
    await expect(links.nth(len(addresses) - 1)).to_be_focused()

    # What is not shown yet is gone on to, and shown then. Opening the address that is open would only load it again.
    await page.goto("about:blank")
    await page.goto(filtered)
    await expect(rows).to_have_count(PAGE)
    await links.nth(PAGE - 1).click()
    await following.click()
    await expect(page).to_have_url(addresses[PAGE])
    await back.click()
    await expect(links.nth(PAGE)).to_be_focused()

    # The navigation leads to the whole list, from its top; a request without a list leads there, too.
    await go_to(page, "Demandes")
    await expect(page.get_by_label("Ticket, nom ou courriel")).to_have_value("")
    await page.goto(addresses[0])
    await expect(back).to_be_visible()
    await expect(following).to_be_hidden()
    await back.click()
    await expect(page.get_by_role("search")).to_be_visible()
    await page.goto(filtered)
    await page.get_by_role("button", name="Voir la suite").click()
    await expect(rows).to_have_count(len(addresses))


async def test_what_nobody_has_what_is_archived_and_what_is_no_filter(arrive: Arrive, stack: Stack) -> None:
    """A request of each; an address that asks for what there is not shows all, and the fields say so."""
    name = f"Églantine-{uuid4().hex[:8]}"
    citizen, _ = await open_account(stack.api, firstName="Hélène", lastName=name)
    kept, taken, cancelled = [await file_request(citizen) for _ in range(3)]
    administrator = await Client(stack.api).log_in("admin")
    me = (await administrator.run("DeskInbox"))["agent"]
    await administrator.change("AssignRequest", request=taken["id"], agent=me["id"])
    await citizen.change("CancelRequest", request=cancelled["id"])
    somebody = await arrive()
    page = somebody.page
    await log_in_at_desk(somebody)
    rows = page.get_by_role("table").locator("tbody tr")
    await somebody.open("/mairie/?etat=NIMPORTE&demarche=rien&agent=personne-de-ce-nom")
    await expect(rows.first).to_be_visible()
    for label in ("État", "Démarche", "Attribuée à"):
        await expect(page.get_by_label(label, exact=True)).to_have_value("")

    await page.get_by_label("Ticket, nom ou courriel").fill(f"{name.replace('É', 'e')} helene")
    await page.keyboard.press("Enter")
    await expect(rows).to_have_count(2)
    await page.get_by_label("Attribuée à").select_option("Personne")
    await expect(rows).to_have_count(1)
    await expect(rows.locator(".ticket")).to_have_text(kept["ticket"])
    await page.reload()
    await expect(page.get_by_label("Attribuée à").locator("option:checked")).to_have_text("Personne")
    await expect(rows).to_have_count(1)
    await page.get_by_label("Ticket, nom ou courriel").fill(cancelled["ticket"].lower())
    await page.keyboard.press("Enter")
    await expect(rows.locator(".ticket")).to_have_text(cancelled["ticket"])


async def test_the_inbox_comes_back_with_the_network(arrive: Arrive, stack: Stack) -> None:
    """By itself: as soon as the browser is on a network, and where it never noticed, as soon as the server answers."""
    async with wire_to(stack.api.port) as wire:
        somebody = await arrive(site=wire.url)
        page = somebody.page
        await log_in_at_desk(somebody)
        table, problem = page.get_by_role("table"), page.get_by_role("alert")
        await expect(table).to_be_visible()
        await somebody.context.set_offline(True)
        await page.get_by_label("État").select_option("Envoyée")
        await expect(problem).to_contain_text("La connexion est interrompue")
        await somebody.context.set_offline(False)
        await expect(table).to_be_visible()
        await expect(problem).to_be_hidden()
        await wire.cut()
        await page.get_by_label("État").select_option("")
        await expect(problem).to_contain_text("La connexion est interrompue")
        await wire.mend()
        await expect(table).to_be_visible()
        await expect(problem).to_be_hidden()
        for part in (
            "ERR_INTERNET_DISCONNECTED",
            "ERR_CONNECTION_REFUSED",
            "ERR_EMPTY_RESPONSE",
            "WebSocket connection",
        ):
            somebody.forgive(part)


async def test_a_request_is_handled_with_the_keyboard_alone(arrive: Arrive, stack: Stack) -> None:
    name = f"Lierre-{uuid4().hex[:8]}"
    citizen, _ = await open_account(stack.api, lastName=name)
    sent = await file_request(citizen)
    await post(citizen, sent["id"], "Bonjour.")
    somebody = await arrive()
    page = somebody.page
    await somebody.open("/mairie/")
    await tab_to(page, "Nom d’utilisateur")
    await page.keyboard.type("agent")
    await tab_to(page, "Mot de passe")
    await page.keyboard.type(DEMONSTRATION_PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("search")).to_be_visible()
    await tab_to(page, "Aller au contenu")
    await page.keyboard.press("Enter")
    await tab_to(page, "Ticket, nom ou courriel")
    await page.keyboard.type(name)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("1 demande", exact=True)).to_be_visible()
    await tab_to(page, "Signaler un problème sur la voie publique")
    await page.keyboard.press("Enter")
    heading = page.get_by_role("heading", level=1, name="Signaler un problème sur la voie publique")
    await expect(heading).to_be_focused()
    await tab_to(page, "Nouvel échange")
    await page.keyboard.type("Une équipe passe demain.")
    await tab_to(page, "Ajouter")
    await page.keyboard.press("Enter")
    await expect(page.locator(".exchange", has_text="Une équipe passe demain.")).to_be_visible()
    await tab_to(page, "Nouvel état")
    await page.keyboard.type("En cours")
    await tab_to(page, "Changer")
    await page.keyboard.press("Enter")
    await expect(page.locator("main .status")).to_have_text("En cours de traitement")
    await expect(page.get_by_role("button", name="Changer", exact=True)).to_be_focused()
    await tab_to(page, "Attribuer à")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowUp")
    chosen = await page.get_by_label("Attribuer à").evaluate("select => select.selectedOptions[0].text")
    await tab_to(page, "Attribuer")
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("announcements")).to_contain_text(f"Attribuée à : {chosen}.")
    assignments = card(page, "Historique").get_by_text("La demande a été attribuée à un agent.")
    await expect(assignments).to_have_count(1)
    await expect(page.get_by_role("button", name="Attribuer", exact=True)).to_be_focused()


async def test_every_page_of_the_desk(arrive: Arrive, stack: Stack) -> None:
    """axe-core finds nothing and nothing sticks out, in a wide window and at 320 pixels."""
    administrator = await Client(stack.api).log_in("admin")
    schedule, slots = await open_slots(administrator)
    long = f"{uuid4().hex}@une-adresse-longue.exemple.example"
    citizen, _ = await open_account(stack.api, email=long, lastName="Aubépine" * 12)
    sent = await file_request(citizen)
    await post(citizen, sent["id"], "Bonjour.")
    somebody = await arrive(locale="en-GB")
    page = somebody.page

    async def at_both_widths() -> None:
        for width in (WIDE, NARROW):
            await page.set_viewport_size({"width": width, "height": 900})
            await examine(page)

    async def look(path: str, ready: str) -> None:
        await somebody.open(path)
        await page.wait_for_selector(ready)
        await at_both_widths()

    await look("/mairie/", "#field-username")
    await log_in_at_desk(somebody)
    await look("/mairie/", ".requests-table")
    await page.set_viewport_size({"width": BETWEEN, "height": 900})
    assert await sticks_out(page) == 0
    await page.set_viewport_size({"width": NARROW, "height": 900})
    await page.get_by_role("button", name="Menu").click()
    await examine(page)
    await page.get_by_role("navigation").get_by_role("link", name="Calendars").click()
    await expect(page.get_by_role("heading", level=1)).to_be_focused()
    await expect(page.get_by_role("button", name="Menu")).to_have_attribute("aria-expanded", "false")
    await page.locator("#field-schedule").select_option(schedule)
    await page.locator("#field-day").fill(slots[0]["start"][:10])
    await expect(page.locator(".day > li")).to_have_count(len(slots))
    await at_both_widths()
    for button in (".day button", ".actions .button", ".actions .button-second"):
        await page.locator(button).first.click()
        await page.wait_for_selector("dialog")
        await examine(page)
        await page.keyboard.press("Escape")
        await expect(page.locator(button).first).to_be_focused()
    await look(f"/mairie/demandes/{sent['id']}", ".exchange")
    await examine(page)
    await look("/mairie/demarches", ".procedure-line")
    await look("/mairie/demarches/signalement-voirie", ".preview")
    await look("/mairie/chiffres", "table")
    await look("/mairie/reglages", "section li")
    await page.get_by_role("button", name="New agent").click()
    await page.wait_for_selector("dialog")
    await examine(page)
    await page.keyboard.press("Escape")
    await look("/mairie/une-page-qui-n-existe-pas", "main p")
