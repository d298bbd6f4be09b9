"""Mon espace citoyen: Mes demandes, Mon espace de stockage, and a request that uses what is stored."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Route, expect

from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive, Somebody
from tests.browser.sites.doing import fill_street_light, go_on, log_in, log_in_at_desk, log_out, saved
from tests.files import a_jpeg, a_pdf
from tests.journeys.client import Client
from tests.journeys.stories import file_request, open_account, post
from tests.stack import Api, Stack

PASSWORD = "Tournesol-au-balcon-7"
EVENTS_OF_A_PAGE = 50


async def citizen(somebody: Somebody, api: Api, **profile: Any) -> Client:
    """Logs in with an account that was just opened; the same account, as a program uses it."""
    client, account = await open_account(api, **profile)
    await log_in(somebody, account["username"], PASSWORD)
    return client


async def test_a_piece_is_stored_seen_changed_and_deleted(arrive: Arrive, stack: Stack) -> None:
    somebody = await arrive()
    page = somebody.page
    await citizen(somebody, stack.api)
    await page.get_by_role("link", name="Mon espace de stockage").click()
    await expect(page.get_by_text("Votre espace de stockage est vide.")).to_be_visible()
    await page.get_by_role("button", name="Ajouter").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Choisissez un fichier")
    await expect(page.locator("#field-file")).to_have_attribute("aria-invalid", "true")
    file, title = dialog.get_by_label("Fichier"), dialog.get_by_label("Titre de la pièce")
    await file.set_input_files({"name": "bad.exe", "mimeType": "application/octet-stream", "buffer": b"MZ"})
    await expect(title).to_have_value("bad")
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(page.locator("#field-file-messages")).not_to_contain_text("Choisissez un fichier")
    await file.set_input_files({"name": "avis.pdf", "mimeType": "application/pdf", "buffer": a_pdf()})
    await expect(title).to_have_value("avis")
    await title.fill("Avis d’imposition")
    await file.set_input_files({"name": "autre.pdf", "mimeType": "application/pdf", "buffer": a_pdf()})
    await expect(title).to_have_value("Avis d’imposition")
    await dialog.get_by_label("Nature de la pièce").select_option("INCOME")
    await dialog.get_by_label("Valable jusqu’au").fill("1026-12-31")
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(page.locator("#field-validUntil-messages")).to_be_visible()
    await expect(page.locator("#field-file")).to_have_attribute("aria-invalid", "false")
    await examine(page)
    await dialog.get_by_label("Valable jusqu’au").fill("2027-01-01")
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_text("Avis d’imposition").first).to_be_visible()
    await expect(page.get_by_text("Revenus")).to_contain_text("vendredi 1er janvier 2027")
    await page.get_by_role("button", name="Modifier : Avis d’imposition").click()
    await dialog.get_by_label("Titre de la pièce").fill("Avis 2026")
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_text("Avis 2026").first).to_be_visible()
    await page.get_by_role("button", name="Supprimer : Avis 2026").click()
    await dialog.get_by_role("button", name="Supprimer").click()
    await expect(page.get_by_text("Votre espace de stockage est vide.")).to_be_visible()


@pytest.mark.parametrize("width", [1100, 320])
async def test_a_stored_piece_is_looked_at(arrive: Arrive, stack: Stack, width: int) -> None:
    """By the name of its file: it opens beside the page, and is seen. No name is too long for the page."""
    somebody = await arrive(width=width)
    page = somebody.page
    client = await citizen(somebody, stack.api)
    await page.get_by_role("link", name="Mon espace de stockage").click()
    await page.get_by_role("button", name="Ajouter").click()
    dialog = page.get_by_role("dialog")
    name, title = "justificatif_de_domicile_de_janvier_a_decembre_2026_facture.jpg", "Justificatif" * 16
    await dialog.get_by_label("Fichier").set_input_files(
        {"name": name, "mimeType": "image/jpeg", "buffer": a_jpeg()}
    )
    await dialog.get_by_label("Titre de la pièce").fill(title)
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_text(title, exact=True).first).to_be_visible()
    piece = page.get_by_role("link", name=name)
    await expect(piece).to_be_visible()
    await examine(page)
    await piece.focus()
    async with page.expect_popup() as opened:
        await page.keyboard.press("Enter")
    shown = (await opened.value).locator("img")
    await expect(shown).to_be_visible()
    assert await shown.evaluate("image => image.naturalWidth") > 0
    await expect(page.get_by_role("heading", level=1)).to_have_text("Mon espace de stockage")

    request = await file_request(client)
    [stored] = (await client.run("StorageSpace"))["storage"]["documents"]["nodes"]
    await client.change("AddAttachment", request=request["id"], source={"storedDocument": stored["id"]})
    await somebody.open(f"/mon-espace/demandes/{request['id']}/suivi")
    await expect(page.get_by_role("link", name=title)).to_be_visible()
    await examine(page)


async def test_a_request_with_a_piece_of_the_storage_space(arrive: Arrive, stack: Stack) -> None:
    """Filled in from the account, a piece from the device and one from the storage space; archived once cancelled."""
    somebody = await arrive()
    page = somebody.page
    await citizen(somebody, stack.api, preferredContactMethod="MOBILE_PHONE", mobilePhone="06 12 34 56 78")
    await page.get_by_role("link", name="Mon espace de stockage").click()
    await page.get_by_role("button", name="Ajouter").click()
    await page.get_by_label("Fichier").set_input_files(
        {"name": "facture.jpg", "mimeType": "image/jpeg", "buffer": a_jpeg()}
    )
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await somebody.open("/demarches/signalement-voirie")
    await page.get_by_role("button", name="Commencer la demande").click()
    await expect(page.get_by_label("Prénom")).to_have_value("Hélène")
    preferred = page.get_by_role("group", name="Moyen de contact préféré")
    await expect(preferred.get_by_role("radio", name="Téléphone mobile")).to_be_checked()
    await go_on(page)
    await fill_street_light(page)
    photos = page.get_by_role("group", name="Photos")
    await photos.get_by_role("button", name="Ajouter depuis mon espace de stockage").click()
    await page.get_by_role("dialog").get_by_role("button", name="facture").click()
    await expect(photos.get_by_text("facture").first).to_be_visible()
    await saved(page)
    await go_on(page)
    await page.get_by_role("button", name="Valider ma demande").click()
    await expect(page.get_by_text("Votre demande est envoyée")).to_be_visible()
    await page.get_by_role("navigation", name="Rubriques").get_by_role("link", name="Suivi").click()
    await expect(page.get_by_role("heading", name="Pièces jointes")).to_be_visible()
    await expect(page.get_by_role("heading", name="Rendez-vous")).to_be_hidden()
    pieces = page.locator("section", has=page.get_by_role("heading", name="Pièces jointes"))
    await expect(pieces.get_by_role("listitem").filter(has_text="facture")).to_contain_text("Photos")
    await pieces.get_by_role("button", name="Ajouter", exact=True).click()
    await (
        page.get_by_role("dialog")
        .get_by_label("Fichier")
        .set_input_files({"name": "plan.pdf", "mimeType": "application/pdf", "buffer": a_pdf()})
    )
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(pieces.get_by_text("plan").first).to_be_visible()
    await pieces.get_by_role("button", name="Modifier : plan").click()
    await page.get_by_role("dialog").get_by_label("Titre de la pièce").fill("Plan de la rue")
    await page.get_by_role("dialog").get_by_role("button", name="Enregistrer").click()
    shown = await pieces.get_by_role("link", name="Plan de la rue").get_attribute("href")
    assert (await (await page.request.get(shown or "")).body()).startswith(b"%PDF")
    await pieces.get_by_role("button", name="Supprimer : Plan de la rue").click()
    await page.get_by_role("dialog").get_by_role("button", name="Supprimer").click()
    await expect(pieces.get_by_role("button", name="Supprimer : Plan de la rue")).to_be_hidden()
    await pieces.get_by_role("button", name="Ajouter depuis mon espace de stockage").click()
    await page.get_by_role("dialog").get_by_role("button", name="facture").click()
    await expect(pieces.get_by_role("button", name="Supprimer : facture")).to_have_count(1)
    await page.get_by_role("button", name="Annuler ma demande").click()
    await page.get_by_role("button", name="Oui, annuler ma demande").click()
    await expect(page.get_by_text("Votre demande est annulée et archivée.")).to_be_visible()
    await page.get_by_role("link", name="Mon espace citoyen").click()
    await expect(page.get_by_text("Vous n’avez pas encore de demande.")).to_be_visible()
    await expect(page.locator("main ul:not(.tabs)")).to_have_count(0)
    main = page.get_by_role("main")
    await expect(main.get_by_role("link", name="Faire une demande")).to_be_visible()
    archived = page.get_by_label("Voir les demandes archivées")
    await archived.check()
    await expect(page.get_by_role("link", name="Signaler un problème sur la voie publique")).to_be_visible()
    await page.reload()
    await expect(archived).to_be_checked()
    await page.get_by_role("link", name="Signaler un problème sur la voie publique").click()
    await page.go_back()
    await expect(archived).to_be_checked()
    await archived.uncheck()
    await main.get_by_role("link", name="Faire une demande").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Faire une demande")


async def test_a_request_of_a_visitor_is_attached(arrive: Arrive, stack: Stack) -> None:
    """Rattacher cette demande, of a request consulted by ticket: asks to log in; once done, it is offered no more."""
    _, account = await open_account(stack.api)
    request = await file_request(Client(stack.api))
    somebody = await arrive()
    page = somebody.page
    await somebody.open(f"/demandes/{request['ticket']}")
    await page.get_by_role("link", name="Rattacher cette demande à mon compte citoyen").click()
    await page.get_by_label("Nom d’utilisateur").fill(account["username"])
    await page.get_by_label("Mot de passe").fill(PASSWORD)
    await page.get_by_role("button", name="Se connecter").click()
    await page.get_by_role("button", name="Rattacher cette demande à mon compte citoyen").click()
    await expect(page.get_by_text("La demande est rattachée à votre compte.")).to_be_visible()
    await page.get_by_role("link", name="Mon espace citoyen").click()
    await expect(page.get_by_text(request["ticket"])).to_be_visible()
    await log_out(page)
    await somebody.open(f"/demandes/{request['ticket']}")
    await expect(page.get_by_role("link", name="Me connecter")).to_be_visible()
    await expect(page.get_by_role("link", name="Rattacher cette demande")).to_be_hidden()


async def test_an_exchange_that_waits_to_be_read(arrive: Arrive, stack: Stack) -> None:
    """Échange à lire in the list and above the exchanges, with its icon, until it was seen; then with another one."""
    client, account = await open_account(stack.api)
    request = await file_request(client)
    agent = await Client(stack.api).log_in("agent")
    await post(agent, request["id"], "Passez à l’accueil.")
    somebody = await arrive()
    page = somebody.page
    await log_in(somebody, account["username"], PASSWORD)
    await expect(page.locator(".request-line").get_by_text("1 échange à lire")).to_be_visible()
    seen = asyncio.Event()

    async def not_yet(route: Route) -> None:
        if "markExchangesRead" in (route.request.post_data or ""):
            await seen.wait()
        await route.continue_()

    await page.route("**/graphql", not_yet)
    await somebody.open(f"/mon-espace/demandes/{request['id']}/suivi")
    theirs = page.locator(".exchange", has_text="Passez à l’accueil.")
    unread = "Vous n’avez pas lu ce message adressé par la mairie."
    await expect(theirs.get_by_role("img", name=unread)).to_be_visible()
    await expect(page.get_by_text("Échange à lire", exact=True)).to_be_visible()
    seen.set()
    read = "Vous avez lu ce message adressé par la mairie."
    await expect(theirs.get_by_role("img", name=read)).to_be_visible()
    await expect(page.get_by_text("Échange à lire", exact=True)).to_be_hidden()
    await post(agent, request["id"], "Avant midi.")
    announced = page.get_by_test_id("announcements").locator("p")
    await expect(announced.filter(has_text="Avant midi.")).to_be_visible()
    # There is nothing to wait for: that nobody else tells it, too, is what is wanted.
    await page.wait_for_timeout(500)
    await expect(announced).to_have_count(1)
    await page.locator(".new-exchange").get_by_role("button", name="Ajouter").click()
    await expect(page.locator("#field-exchange-messages")).to_have_text("Écrivez votre message.")
    await expect(page.get_by_role("alert").get_by_role("listitem")).to_have_count(0)
    await examine(page)


@pytest.mark.parametrize("locale", ["fr-FR", "en-GB"])
async def test_only_what_happens_once_a_page_is_read_is_announced(
    arrive: Arrive, stack: Stack, locale: str
) -> None:
    """A request with more events than the first page of its history has: what is old is news to neither side."""
    client = Client(stack.api)
    request = await file_request(client)
    agent = await Client(stack.api).log_in("agent")
    for number in range(EVENTS_OF_A_PAGE):
        await post(agent, request["id"], f"Message {number}")
    for writer in (client, agent):
        await post(writer, request["id"], "Le dernier de la veille.")
    citizen, desk = await arrive(locale=locale), await arrive(locale=locale)
    await citizen.open(f"/demandes/{request['ticket']}")
    await expect(citizen.page.get_by_text(request["ticket"])).to_be_visible()
    await log_in_at_desk(desk, "agent")
    await desk.open(f"/mairie/demandes/{request['id']}")
    await expect(desk.page.get_by_text(request["ticket"])).to_be_visible()
    for somebody, writer in ((citizen, agent), (desk, client)):
        announced = somebody.page.get_by_test_id("announcements").locator("p")
        await post(writer, request["id"], "Celui-ci est nouveau.")
        await expect(announced.last).to_contain_text("Celui-ci est nouveau.")
        await post(writer, request["id"], "Celui-là aussi.")
        await expect(announced.last).to_contain_text("Celui-là aussi.")
        assert "veille" not in await somebody.page.get_by_test_id("announcements").inner_text()
