"""A mairie with 300 procedures, 105 agents, calendars and partners: each of them is found, in every list and choice."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from core.settings import Settings
from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import card, log_in_at_desk
from tests.conftest import DEMONSTRATION, SECRET_KEY
from tests.factories import (
    make_agent,
    make_category,
    make_partner,
    make_procedure,
    make_request,
    make_schedule,
)
from tests.stack import Api, Stack

PROCEDURES = 300
OTHERS = 105
DECIDED = 25
"""Procedures of which a request was decided."""
THEMES = 4
LAST = "Zone bleue, disque numéro 999"
"""The last procedure of the last theme."""


@pytest_asyncio.fixture
async def large(database_url: str, municipality: Settings, stack: Stack) -> AsyncIterator[Api]:
    """What serves a mairie as large as that: the demonstration, and more. One request waits, of the last procedure."""
    here = len(list((DEMONSTRATION / "procedures").iterdir()))
    categories = [await make_category(title=f"Thème {number:02}") for number in range(THEMES)]
    for number in range(here, PROCEDURES - 1):
        category = categories[number % THEMES]
        procedure = await make_procedure(title=f"Autorisation numéro {number}", category=category)
        if number < here + DECIDED:
            await make_request(procedure, status="ACCEPTED")
    await make_request(await make_procedure(title=LAST, category=categories[-1]))
    for number in range(3, OTHERS):
        await make_schedule(title=f"Permanence {number:03}")
    await make_agent("ADMINISTRATOR", username="admin")
    for number in range(1, OTHERS):
        await make_agent("HANDLER", username=f"agent-{number}")
        await make_partner(name=f"Partenaire {number:03}")
    yield await stack.start_api(ESPACE_DATABASE_URL=database_url, ESPACE_SECRET_KEY=SECRET_KEY)
    await stack.recover()


async def choose_last(page: Page) -> None:
    """With the keyboard alone, in the form of a dialog: found by what is typed, which sends nothing."""
    dialog = page.get_by_role("dialog")
    choices = dialog.get_by_role("group", name="Démarches")
    await expect(choices.get_by_role("status")).to_have_text(f"{PROCEDURES} démarches")
    boxes = choices.get_by_role("checkbox")
    await expect(boxes).to_have_count(50)
    await choices.get_by_role("button", name="Voir la suite").press("Enter")
    await expect(boxes).to_have_count(100)
    await expect(boxes.nth(50)).to_be_focused()
    await choices.get_by_role("searchbox").fill("DISQUE  zone")
    await page.keyboard.press("Enter")
    await expect(choices.get_by_role("status")).to_have_text("1 démarche")
    await expect(dialog.get_by_role("alert")).to_have_count(0)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await expect(boxes).to_have_count(1)
    await expect(boxes).to_be_checked()
    await choices.get_by_role("searchbox").fill("")
    await expect(choices.get_by_text("1 démarche choisie")).to_contain_text(LAST)
    await examine(page)


@pytest.mark.timeout(300)  # It looks at seven pages, each full.
async def test_every_procedure_agent_calendar_and_partner_is_found(arrive: Arrive, large: Api) -> None:
    administrator = await arrive(site=large.url.replace("127.0.0.1", "localhost"), width=320)
    page = administrator.page
    administrator.forgive("WebSocket connection")  # Its server ends before its browser.
    dialog = page.get_by_role("dialog")
    await log_in_at_desk(administrator)

    await page.get_by_label("Démarche").select_option(LAST)
    await expect(page.get_by_role("status").filter(has_text="1 demande")).to_be_visible()
    await expect(page.get_by_role("link", name=LAST)).to_be_visible()
    await page.reload()
    await expect(page.get_by_label("Démarche").locator("option:checked")).to_have_text(LAST)
    # Anybody, nobody, each.
    await expect(page.get_by_label("Attribuée à").locator("option")).to_have_count(2 + OTHERS)
    await examine(page)

    await administrator.open("/mairie/demarches")
    await expect(page.locator(".procedure-line")).to_have_count(PROCEDURES)
    await examine(page)
    await page.get_by_label("Rechercher une démarche").fill("disque numero 999")
    await expect(page.get_by_role("status").filter(has_text="1 démarche")).to_be_visible()
    await page.get_by_role("link", name=LAST).click()
    await expect(page.get_by_role("heading", level=1)).to_have_text(LAST)
    await page.get_by_label("Rendez-vous", exact=True).select_option("facultatif")
    await expect(page.get_by_role("group", name="Agendas").get_by_role("checkbox")).to_have_count(OTHERS)

    await administrator.open("/mairie/chiffres")
    groups = page.locator("tbody")
    await expect(groups).to_have_count(20)
    await expect(groups.first).to_contain_text(f"{LAST} En attente : 1")
    await page.get_by_role("button", name="Voir la suite").press("Enter")
    await expect(groups).to_have_count(DECIDED + 1)
    await expect(groups.nth(20).get_by_role("link")).to_be_focused()
    await expect(page.get_by_role("button", name="Voir la suite")).to_be_hidden()
    await page.get_by_label("Rechercher une démarche").fill("zone")
    await expect(page.get_by_role("rowheader", name=LAST)).to_be_visible()
    await expect(groups).to_have_count(1)
    await examine(page)
    await page.get_by_role("link", name=LAST).click()
    await expect(page.get_by_role("status").filter(has_text="1 demande")).to_be_visible()

    await administrator.open("/mairie/agendas")
    await expect(page.get_by_label("Agenda", exact=True).locator("option")).to_have_count(OTHERS)
    await page.get_by_label("Agenda", exact=True).select_option(f"Permanence {OTHERS - 1} – Hôtel de ville")
    await expect(page.get_by_text("Aucun créneau ce jour-là.")).to_be_visible()

    await administrator.open("/mairie/reglages")
    await page.get_by_role("button", name="Nouvel agent").click()
    await dialog.get_by_label("Nom affiché").fill("Agent de la zone bleue")
    await dialog.get_by_role("textbox", name="Nom d’utilisateur (obligatoire)").fill("zone-bleue")
    await dialog.get_by_role("textbox", name="Mot de passe (obligatoire)").fill("Un-agent-de-la-mairie-7")
    await choose_last(page)
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(dialog).to_be_hidden()
    agents = card(page, "Agents").get_by_role("listitem")
    await expect(agents).to_have_count(OTHERS + 1)
    await expect(agents.filter(has_text="Agent de la zone bleue")).to_contain_text(LAST)

    await administrator.open("/mairie/reglages/partenaires")
    await page.get_by_role("button", name="Nouveau jeton").click()
    await dialog.get_by_label("Nom du partenaire").fill("Parcmètres")
    await choose_last(page)
    await dialog.get_by_role("button", name="Créer le jeton").click()
    await page.get_by_role("button", name="Je l’ai copié").click()
    tokens = card(page, "Jetons").locator("li")
    await expect(tokens).to_have_count(OTHERS)
    await expect(tokens.filter(has_text="Parcmètres")).to_contain_text(LAST)


async def test_every_procedure_is_found_by_a_citizen(arrive: Arrive, large: Api) -> None:
    """By its theme, and by a word that many have: the list goes on, and the focus with it."""
    visitor = await arrive(site=large.url.replace("127.0.0.1", "localhost"), width=320)
    page = visitor.page
    await visitor.open("/demarches")
    theme = card(page, f"Thème {THEMES - 1:02}")
    procedures = theme.get_by_role("listitem")
    await expect(procedures).to_have_count(50)
    await theme.get_by_role("button", name="Voir la suite").press("Enter")
    await expect(procedures.nth(50).get_by_role("link")).to_be_focused()
    await expect(theme.get_by_role("link", name=LAST)).to_be_visible()
    await expect(theme.get_by_role("button", name="Voir la suite")).to_be_hidden()

    await page.get_by_label("Rechercher un formulaire").fill("autorisation")
    found = page.get_by_role("search").get_by_role("listitem")
    await expect(found).to_have_count(10)
    await page.get_by_role("search").get_by_role("button", name="Voir la suite").click()
    await expect(found).to_have_count(20)
    await expect(found.nth(10).get_by_role("link")).to_be_focused()
    await examine(page)
