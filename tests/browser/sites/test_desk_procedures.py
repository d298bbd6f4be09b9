"""The form editor: a procedure from nothing to citizens, its mistakes shown where they are, its next version."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest
from playwright.async_api import Dialog, Locator, Page, expect

from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import (
    card,
    fill_contact,
    go_on,
    go_to,
    log_in,
    log_in_at_desk,
    saved,
    ticket_of,
)
from tests.files import a_pdf
from tests.journeys.client import Client
from tests.journeys.stories import new_address, open_account
from tests.stack import Stack

PASSWORD = "Tournesol-au-balcon-7"
MANY, FAR = 30, 26
NARROW = 320
CLOSED_AND_OPENED = "Réserver une salle municipale"


def field(page: Page, position: int) -> Locator:
    return page.get_by_role("group", name=f"Champ {position}", exact=True)


def told_at(page: Page, path: str) -> Locator:
    """What is said to be wrong at an input."""
    return page.locator(f'[id="field-{path}-messages"]')


async def add_field(page: Page, position: int, label: str, key: str, type: str) -> Locator:
    await page.get_by_role("button", name="Ajouter un champ").click()
    added = field(page, position)
    await expect(added.get_by_label("Libellé")).to_be_focused()
    await page.keyboard.type(label)
    await added.get_by_label("Clé").fill(key)
    await added.get_by_label("Type", exact=True).select_option(type)
    return added


async def accept(dialog: Dialog) -> None:
    await dialog.accept()


async def save(page: Page) -> None:
    await page.get_by_role("button", name="Enregistrer").click()


async def test_a_procedure_is_written_filled_in_and_written_again(arrive: Arrive, stack: Stack) -> None:
    mark = uuid4().hex[:8]
    slug, title = f"pret-velo-{mark}", f"Emprunter un vélo {mark}"
    administrator = await arrive()
    page = administrator.page
    await log_in_at_desk(administrator)
    await go_to(page, "Démarches")
    await page.get_by_role("link", name="Nouvelle démarche").click()
    await page.get_by_label("Titre").fill(title)
    await page.get_by_label("Adresse (dans les liens)").fill(slug)
    await page.get_by_label("Résumé").fill("Un mois, gratuit.")
    await page.get_by_label("La démarche (Markdown)").fill("Apportez une **caution**.")
    await page.get_by_label("Aide à la saisie : Ma demande").fill("Mesurez-vous d’abord.")

    # As it is written, it is seen as citizens will see it.
    preview = page.get_by_role("region", name="Aperçu")
    await expect(preview.get_by_role("heading", name=title)).to_be_visible()
    await expect(preview.locator("strong")).to_have_text("caution")
    steps = preview.get_by_role("list").first.get_by_role("listitem")
    await page.get_by_label("Rendez-vous", exact=True).select_option("facultatif")
    await expect(steps).to_have_text(
        ["La démarche", "Mon rendez-vous", "Mes informations", "Ma demande", "Le récapitulatif"]
    )
    await page.get_by_label("Rendez-vous", exact=True).select_option("aucun")
    await expect(steps).to_have_count(4)
    kind = await add_field(page, 1, "Type de vélo", "type", "choix")
    await kind.get_by_label(re.compile("^Options")).fill("ville = Vélo de ville\ncargo = Vélo cargo")
    await kind.get_by_label("Obligatoire").check()
    age = await add_field(page, 2, "Âge de l’enfant", "age", "nombre")
    await age.get_by_label("Nombre entier").check()
    await add_field(page, 3, "Justificatif de domicile", "justificatif", "fichiers")
    badge = await add_field(page, 4, "Badge", "badge", "texte")
    await page.get_by_role("button", name="Monter le champ Badge").press("Enter")
    badge = field(page, 3)
    await expect(badge.get_by_label("Libellé")).to_have_value("Badge")
    await expect(page.get_by_role("button", name="Monter le champ Badge")).to_be_focused()

    # What cannot be read is told at once where it is typed, and keeps the rest from being saved without it.
    conditions = re.compile("^Demandé si")
    await age.get_by_label(conditions).fill("type vaut cargo")
    await expect(told_at(page, "fields.1.visibleWhen")).to_contain_text("type vaut cargo")
    await age.get_by_label("Minimum").fill("trois")
    await expect(told_at(page, "fields.1.type.number.minimum")).to_contain_text("trois")
    await save(page)
    await expect(page.get_by_role("alert")).to_contain_text("Rien n’est enregistré")
    await age.get_by_label("Minimum").fill("")

    # A condition on a missing field and a pattern that is none, together; then a circle.
    await age.get_by_label(conditions).fill("typ EQUALS cargo")
    await badge.get_by_label("Motif").fill("[A-Z")
    kept = page.get_by_label("Durée de conservation, en mois")
    await expect(kept).to_have_accessible_description(re.compile("De 1 à 1.200. Vide : comme les autres"))
    await kept.fill("1201")
    await save(page)
    await expect(told_at(page, "retentionMonths")).to_contain_text("1200")
    await expect(kept).to_have_attribute("aria-invalid", "true")
    await expect(told_at(page, "fields.1.visibleWhen")).to_contain_text("Aucun champ n’a la clé « typ »")
    await expect(told_at(page, "fields.2.type.text.pattern")).to_be_visible()
    await expect(age.get_by_label(conditions)).to_have_attribute("aria-invalid", "true")
    alert = page.get_by_role("alert")
    await expect(alert).to_be_focused()
    await alert.get_by_role("link", name="Âge de l’enfant").click()
    await expect(age.get_by_label(conditions)).to_be_focused()
    await examine(page)
    await badge.get_by_label("Motif").fill("[A-Z]{2}[0-9]{3}")
    await kept.fill("24")
    await age.get_by_label(conditions).fill("badge IS_ANSWERED")
    await badge.get_by_label(conditions).fill("age GREATER_THAN 3")
    await save(page)
    await expect(told_at(page, "fields.1.visibleWhen")).to_contain_text("finit par dépendre d’elle-même")
    await expect(told_at(page, "fields.2.visibleWhen")).to_contain_text("finit par dépendre d’elle-même")
    await page.get_by_role("button", name="Retirer le champ Badge").click()
    await expect(page.get_by_role("button", name="Ajouter un champ")).to_be_focused()
    await expect(page.locator(".field-messages")).to_have_count(0)
    await age.get_by_label(conditions).fill("type EQUALS cargo")
    await expect(preview.get_by_label("Âge de l’enfant")).to_be_hidden()
    await preview.get_by_label("Vélo cargo").check()
    await expect(preview.get_by_label("Âge de l’enfant")).to_be_visible()
    await save(page)
    await expect(page.get_by_text("Enregistrée : version 1.")).to_be_visible()
    await expect(page).to_have_url(re.compile(f"/mairie/demarches/{slug}$"))
    await expect(age.get_by_label(conditions)).to_have_value("type EQUALS cargo")
    await expect(page.get_by_label("Aide à la saisie : Ma demande")).to_have_value("Mesurez-vous d’abord.")
    await expect(kept).to_have_value("24")

    # A draft is nobody's business yet; opened, a citizen fills it in.
    _, account = await open_account(stack.api)
    citizen = await arrive()
    theirs = citizen.page
    await log_in(citizen, account["username"], PASSWORD)
    await citizen.open(f"/demarches/{slug}")
    await expect(theirs.get_by_role("heading", level=1)).not_to_have_text(title)
    await page.get_by_label("État").select_option("ouverte")
    await expect(page.get_by_text("Enregistrée : version")).to_be_hidden()
    await save(page)
    await expect(page.get_by_text("Enregistrée : version 1.")).to_be_visible()
    await citizen.open(f"/demarches/{slug}")
    await theirs.get_by_role("button", name="Commencer la demande").click()
    await expect(theirs.get_by_label("Prénom")).to_have_value("Hélène")
    await go_on(theirs)
    await theirs.get_by_role("button", name="Aide à la saisie").click()
    await expect(theirs.get_by_role("dialog")).to_contain_text("Mesurez-vous d’abord.")
    await theirs.keyboard.press("Escape")
    await expect(theirs.get_by_label("Âge de l’enfant")).to_be_hidden()
    await theirs.get_by_label("Vélo cargo").check()
    await theirs.get_by_label("Âge de l’enfant").fill("4")
    pieces = theirs.get_by_role("group", name="Justificatif de domicile")
    await pieces.get_by_role("button", name="Ajouter", exact=True).click()
    await (
        theirs.get_by_role("dialog")
        .get_by_label("Fichier")
        .set_input_files({"name": "facture.pdf", "mimeType": "application/pdf", "buffer": a_pdf()})
    )
    await theirs.get_by_role("dialog").get_by_role("button", name="Enregistrer").click()
    await expect(pieces.get_by_text("facture").first).to_be_visible()
    await saved(theirs)

    # The next version asks for one thing more: of whoever begins now, not of whoever has begun.
    colour = await add_field(page, 4, "Couleur", "couleur", "texte")
    await colour.get_by_label("Obligatoire").check()
    await save(page)
    await expect(page.get_by_text("Enregistrée : version 2.")).to_be_visible()
    visitor = await arrive()
    await visitor.open(f"/demarches/{slug}")
    await visitor.page.get_by_role("button", name="Commencer la demande").click()
    await fill_contact(visitor.page, new_address())
    await go_on(visitor.page)
    await expect(visitor.page.get_by_label("Couleur")).to_be_visible()
    await theirs.reload()
    await expect(theirs.get_by_label("Âge de l’enfant")).to_have_value("4")
    await expect(theirs.get_by_label("Couleur")).to_be_hidden()
    await go_on(theirs)
    await theirs.get_by_role("button", name="Valider ma demande").click()
    await expect(theirs.get_by_text("Votre demande est envoyée")).to_be_visible()
    ticket = await ticket_of(theirs)

    # Two administrators: the later one is told, and loses nothing of what they typed.
    other = await administrator.context.new_page()
    await other.goto(page.url)
    await other.get_by_label("Résumé").fill("Deux mois, gratuit.")
    await expect(other.get_by_label("Durée de conservation, en mois")).to_have_value("24")
    await page.get_by_label("Résumé").fill("Un mois, sous caution.")
    await kept.fill("")
    await save(page)
    await expect(page.get_by_text("Enregistrée : version 3.")).to_be_visible()
    await page.reload()
    await expect(kept).to_have_value("")
    await expect(kept).to_have_accessible_description(re.compile(r"comme les autres démarches \(60\)\."))
    await save(other)
    conflict = other.get_by_role("alert")
    await expect(conflict).to_contain_text("Quelqu’un a publié la version 3")
    await examine(other)
    async with other.expect_popup() as opened:
        await conflict.get_by_role("link", name="Ouvrir la version 3 dans un nouvel onglet").click()
    theirs_now = await opened.value
    await expect(theirs_now.get_by_label("Résumé")).to_have_value("Un mois, sous caution.")
    await theirs_now.close()

    # What they typed is there after a reload, too, and takes the other's place once they say so.
    other.on("dialog", accept)
    await other.reload()
    await expect(other.get_by_text("est repris")).to_be_visible()
    await expect(other.get_by_label("Résumé")).to_have_value("Deux mois, gratuit.")
    await save(other)
    await conflict.get_by_role("button", name="Publier la mienne à la place").press("Enter")
    await expect(other.get_by_text("Enregistrée : version 4.")).to_be_visible()
    await expect(other.get_by_role("button", name="Enregistrer")).to_be_focused()
    await other.get_by_label("Résumé").fill("Trois mois.")
    await other.reload()
    await other.get_by_role("button", name="Revenir à ce qui est enregistré").click()
    await expect(other.get_by_text("est repris")).to_be_hidden()
    await expect(other.get_by_label("Résumé")).to_have_value("Deux mois, gratuit.")

    # Closed from the list, nobody begins; what was sent is handled.
    await go_to(page, "Démarches")
    line = page.locator(".procedure-line", has_text=title)
    await line.get_by_role("button", name=f"Fermer : {title}").press("Enter")
    await expect(page.get_by_test_id("announcements")).to_contain_text(f"« {title} » est fermée.")
    await expect(line.get_by_role("button", name=f"Ouvrir : {title}")).to_be_focused()
    await visitor.open(f"/demarches/{slug}")
    await expect(visitor.page.get_by_text("Cette démarche est fermée pour le moment.")).to_be_visible()
    await expect(visitor.page.get_by_role("button", name="Commencer la demande")).to_be_hidden()
    await expect(line).to_contain_text("fermée, version 4")
    await go_to(page, "Demandes")
    await page.get_by_label("Ticket, nom ou courriel").fill(ticket)
    await page.keyboard.press("Enter")
    await page.get_by_role("table").get_by_role("link", name=title).click()
    await expect(card(page, "La demande")).to_contain_text("Vélo cargo")
    await expect(card(page, "Pièces jointes").get_by_role("link", name="facture")).to_be_visible()


async def test_what_is_not_saved_is_not_left_unasked(arrive: Arrive) -> None:
    """By a link, by the browser's arrows, by loading again: asked, and where the answer is no, all is as it was."""
    administrator = await arrive()
    page = administrator.page
    asked: list[str] = []
    answers: list[bool] = []

    async def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await (dialog.accept() if answers.pop(0) else dialog.dismiss())

    page.on("dialog", answer)
    await log_in_at_desk(administrator)
    await go_to(page, "Démarches")
    await page.get_by_role("link", name="Nouvelle démarche").click()
    await go_to(page, "Démarches")
    await page.get_by_role("link", name="Nouvelle démarche").click()
    title = page.get_by_label("Titre")
    await title.fill("Louer un barnum")
    answers[:] = [False, False, True]
    await go_to(page, "Agendas")
    await expect(title).to_have_value("Louer un barnum")
    await page.evaluate("history.back()")
    await expect(title).to_have_value("Louer un barnum")
    await go_to(page, "Agendas")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Agendas")
    assert asked == ["confirm"] * 3

    # The address of a new one is nobody's own.
    await administrator.open("/mairie/demarches/nouvelle")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Page introuvable")


async def test_all_that_an_empty_procedure_lacks_is_named(arrive: Arrive) -> None:
    administrator = await arrive(width=320)
    page = administrator.page
    await log_in_at_desk(administrator)
    await administrator.open("/mairie/demarches/_nouvelle")
    await page.get_by_label("Adresse (dans les liens)").fill("Prêt de vélo")
    await page.get_by_role("button", name="Ajouter un champ").click()
    await save(page)
    alert = page.get_by_role("alert")
    await expect(alert).to_be_focused()
    told = [re.sub(r"\s", " ", each) for each in await alert.get_by_role("listitem").all_text_contents()]
    assert set(told) >= {
        "Titre : À remplir.",
        "Résumé : À remplir.",
        "La démarche (Markdown) : À remplir.",
        "Champ 1, Libellé : À remplir.",
        "Champ 1, Clé : À remplir.",
    }
    address = next(each for each in told if each.startswith("Adresse (dans les liens)"))
    assert address.endswith("il faut des lettres minuscules sans accent, des chiffres et des tirets.")
    await alert.get_by_role("link", name="La démarche (Markdown)").click()
    await expect(page.get_by_label("La démarche (Markdown)")).to_be_focused()
    await examine(page)


@pytest.mark.parametrize("width", [1100, 320])
async def test_a_long_form_is_written_with_its_means_in_sight(
    arrive: Arrive, stack: Stack, width: int
) -> None:
    """Folded fields, the buttons at the bottom of the window, and the preview at what is being written."""
    slug = f"longue-{uuid4().hex[:8]}"
    client = await Client(stack.api).log_in("admin")
    categories = (await client.run("DeskProcedure", slug=slug))["procedureCategories"]
    fields = [
        {"key": f"champ-{n}", "label": f"Question {n}", "type": {"text": {"multiline": True}}}
        for n in range(1, MANY + 1)
    ]
    written = {
        "slug": slug,
        "title": f"Longue {slug}",
        "category": categories[0]["slug"],
        "summary": "Longue.",
        "body": "Longue.",
        "fields": fields,
    }
    await client.change("SaveProcedure", input=written)
    administrator = await arrive(width=width)
    page = administrator.page
    await page.emulate_media(reduced_motion="reduce")
    await log_in_at_desk(administrator)
    await administrator.open(f"/mairie/demarches/{slug}")
    button = page.get_by_role("button", name="Enregistrer")
    await expect(page.locator("details[open]")).to_have_count(0)
    await expect(button).to_be_in_viewport(ratio=1)

    # Unfolded and written on with the keyboard: nothing that has the focus is under the buttons.
    summary = page.locator("summary", has_text=f"Question {FAR}")
    await summary.press("Enter")
    bar = page.locator(".save-bar")
    for _ in range(6):
        await page.keyboard.press("Tab")
        focused, buttons = page.locator(":focus"), await bar.bounding_box()
        place = await focused.bounding_box()
        assert place
        assert buttons
        assert place["y"] + place["height"] <= buttons["y"]
    label = field(page, FAR).get_by_label("Libellé")
    await label.focus()
    before = await label.bounding_box()
    await label.fill("Question neuve")
    assert await label.bounding_box() == before
    preview = page.get_by_role("region", name="Aperçu")
    if width > NARROW:
        await expect(preview.get_by_label("Question neuve")).to_be_in_viewport()
        await page.get_by_label("Résumé").focus()
        await expect(preview.get_by_role("heading", name="Aperçu")).to_be_in_viewport()
    await save(page)
    await expect(page.get_by_role("status").filter(has_text="Enregistrée : version 2.")).to_be_in_viewport()
    await expect(button).to_have_accessible_description("Enregistrée : version 2.")
    await examine(page)


async def test_a_procedure_is_closed_and_opened_as_it_was(arrive: Arrive) -> None:
    """The demonstration's longest one, with conditions and files: no other version of it comes of that."""
    administrator = await arrive(width=320)
    page = administrator.page
    await log_in_at_desk(administrator)
    await administrator.open("/mairie/demarches")
    line = page.locator(".procedure-line", has=page.get_by_role("link", name=CLOSED_AND_OPENED))
    before = await line.locator(".quiet").text_content()
    await line.get_by_role("button", name="Fermer").click()
    await expect(line).to_contain_text("fermée")
    await examine(page)
    await line.get_by_role("button", name="Ouvrir").click()
    await expect(line.locator(".quiet")).to_have_text(before or "")
