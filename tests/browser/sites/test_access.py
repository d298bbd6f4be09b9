"""For everybody: axe-core on every page, the keyboard alone, 320 pixels, and what a slow phone has to fetch first."""

from __future__ import annotations

import gzip
import re

import pytest
from playwright.async_api import Locator, Response, expect

from tests.browser.sites.accessibility import examine, look, tab_to
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import log_in
from tests.journeys.client import Client
from tests.journeys.stories import (
    CODE,
    WITH_APPOINTMENT,
    draft_request,
    file_request,
    new_address,
    open_account,
    post,
)
from tests.stack import Stack

PASSWORD = "Tournesol-au-balcon-7"
MOST_SCRIPT_BYTES = 150 * 1024
LEAST_TARGET_PIXELS = 24


@pytest.mark.parametrize(("width", "locale"), [(1100, "fr-FR"), (320, "en-GB")])
async def test_every_page_of_a_visitor(arrive: Arrive, stack: Stack, width: int, locale: str) -> None:
    visitor = Client(stack.api)
    await draft_request(visitor)
    draft = (visitor.authorization or "").removeprefix("Ticket ")
    sent = await file_request(Client(stack.api))
    somebody = await arrive(width=width, locale=locale)
    page = somebody.page
    await look(somebody, "/", "main form")
    await page.get_by_role("navigation").first.locator("a").last.click()
    await expect(page.locator("#field-username")).to_be_focused()
    await look(somebody, "/creer-mon-compte", ".captcha-picture img")
    await look(somebody, "/demarches", ".themes")
    await look(somebody, "/demarches/inscription-scolaire", ".steps")
    await look(somebody, "/demarches/signalement-voirie", ".steps")
    await look(somebody, f"/demandes/{draft}/saisie", "#field-firstName")
    for step in range(await page.locator(".steps button").count()):
        await page.locator(".steps button").nth(step).click()
        await expect(page.locator(".steps button").nth(step)).to_have_attribute("aria-current", "step")
        await examine(page)
    await page.locator(".help-link").click()
    await examine(page)
    await page.keyboard.press("Escape")
    await look(somebody, f"/demandes/{sent['ticket']}", ".summary")
    await look(somebody, f"/demandes/{sent['ticket']}/suivi", "#field-exchange")
    await look(somebody, "/confirmer?token=inconnu", ".notice-problem")
    await look(somebody, "/une-page-qui-n-existe-pas", "main .button")


async def test_every_page_of_a_citizen(arrive: Arrive, stack: Stack) -> None:
    client, account = await open_account(stack.api)
    request = await file_request(client)
    await post(client, request["id"], "Bonjour")
    somebody = await arrive(width=320)
    await log_in(somebody, account["username"], PASSWORD)
    await look(somebody, "/mon-espace", ".requests li")
    await look(somebody, "/mon-espace/compte", "#field-firstName")
    await look(somebody, "/mon-espace/stockage", "meter")
    await somebody.page.get_by_role("button", name="Ajouter").click()
    await examine(somebody.page)
    await look(somebody, f"/mon-espace/demandes/{request['id']}", ".summary")
    await look(somebody, f"/mon-espace/demandes/{request['id']}/suivi", ".exchange")


async def test_what_the_mairie_wrote_is_said_in_its_language(arrive: Arrive, stack: Stack) -> None:
    """On a page in English its French is read as French, and the site's own words are not (WCAG 3.1.2)."""
    draft = await draft_request(Client(stack.api))
    sent = await file_request(Client(stack.api))
    somebody = await arrive(locale="en-GB")
    page = somebody.page
    filling = f"/demandes/{draft['ticket']}/saisie?etape="
    for path, there in (
        ("/", ".theme-links a"),
        ("/demarches", ".themes h3, .procedures a, .procedures p"),
        ("/demarches/signalement-voirie", "h1, h2 + p, .prose"),
        (f"{filling}demande", "h1, .field > label > span:first-child, .field > legend > span:first-child"),
        (f"{filling}demande", ".field option:not([value='']), .field-help"),
        (f"{filling}recapitulatif", "h1"),
        (f"/demandes/{sent['ticket']}", "h1, .summary:last-of-type dt"),
    ):
        await somebody.open(path)
        await expect(page.locator(there).first).to_be_attached()
        languages = await page.locator(there).evaluate_all("all => all.map(each => each.lang)")
        assert set(languages) == {"fr"}, (path, languages)
        await examine(page)
    for path, own in (
        (f"{filling}informations", page.get_by_text("First name", exact=True)),
        (f"{filling}demande", page.get_by_text("(required)").first),
        ("/demarches", page.get_by_role("heading", level=1)),
    ):
        await somebody.open(path)
        await expect(own).to_be_visible()
        assert await own.evaluate("element => element.closest('[lang]').lang") == "en"


async def test_what_belongs_on_a_line_takes_one_on_a_phone(arrive: Arrive, stack: Stack) -> None:
    """The bar of the calendar, the tabs, and the steps, each a button with its whole name all the same."""
    client, account = await open_account(stack.api)
    draft = await draft_request(client, WITH_APPOINTMENT)
    somebody = await arrive(width=320)
    page = somebody.page
    await log_in(somebody, account["username"], PASSWORD)
    await expect_one_line(page.locator(".tabs a"))
    await page.set_viewport_size({"width": 390, "height": 800})
    await somebody.open(f"/mon-espace/demandes/{draft['id']}/saisie?etape=rendez-vous")
    await expect_one_line(page.locator(".slot-week > *"))
    steps = page.get_by_role("navigation", name="Étapes de la demande").get_by_role("button")
    await expect_one_line(steps)
    for index, name in enumerate(
        ("La démarche", "Mon rendez-vous", "Mes informations", "Ma demande", "Le récapitulatif")
    ):
        await expect(steps.nth(index)).to_have_accessible_name(re.compile(f"(^|remplie ){name}$"))
        place = await steps.nth(index).bounding_box()
        assert place
        assert min(place["width"], place["height"]) >= LEAST_TARGET_PIXELS
    await examine(page)
    await steps.nth(3).click()
    await expect(page.get_by_role("heading", level=2)).to_have_text("Ma demande")


async def expect_one_line(parts: Locator) -> None:
    """They stand on one line, whatever their heights."""
    await expect(parts.first).to_be_visible()
    places = [await part.bounding_box() for part in await parts.all()]
    middles = [place["y"] + place["height"] / 2 for place in places if place]
    assert len(middles) == len(places) > 1
    assert max(middles) - min(middles) <= 2, middles


async def test_a_request_with_the_keyboard_alone(arrive: Arrive) -> None:
    """From the home page to the ticket, without a mouse: Tab, Enter, Space, arrows, and what is typed."""
    visitor = await arrive()
    page = visitor.page
    await visitor.open("/")
    await tab_to(page, "Aller au contenu")
    await page.keyboard.press("Enter")
    await tab_to(page, "Faire une demande")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1, name="Faire une demande")).to_be_focused()
    await tab_to(page, "Rechercher un formulaire")
    await page.keyboard.type("lampadaire")
    await expect(
        page.get_by_text("formulaire trouvé").or_(page.get_by_text("formulaires trouvés"))
    ).to_be_visible()
    await tab_to(page, "Signaler un problème sur la voie publique")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Commencer la demande")).to_be_visible()
    await tab_to(page, "Commencer la demande")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("Prénom")).to_be_visible()
    for label, typed in (("Prénom", "Hélène"), ("Nom", "Marchand"), ("Courriel", new_address())):
        await tab_to(page, label)
        await page.keyboard.type(typed)
    await tab_to(page, "Continuer")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=2, name="Ma demande")).to_be_focused()
    await tab_to(page, "Nature du problème")
    await page.keyboard.type("Tag")
    await tab_to(page, "Lieu précis")
    await page.keyboard.type("Mur de l’école")
    await tab_to(page, "Description")
    await page.keyboard.type("Un tag de deux mètres.")
    await tab_to(page, "Oui")
    await page.keyboard.press("ArrowDown")
    await tab_to(page, "Continuer")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=2, name="Le récapitulatif")).to_be_focused()
    await expect(page.get_by_text("Mur de l’école")).to_be_visible()
    await tab_to(page, "Code de sécurité")
    await page.keyboard.type(CODE)
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Votre demande est envoyée")).to_be_visible()


async def test_the_first_load_is_small(arrive: Arrive) -> None:
    """Under 150 KB of script for the home page, compressed as any server can."""
    visitor = await arrive()
    scripts: list[Response] = []
    visitor.page.on(
        "response", lambda response: scripts.append(response) if response.url.endswith(".js") else None
    )
    await visitor.open("/")
    sizes = [len(gzip.compress(await script.body(), 9)) for script in scripts]
    assert 0 < sum(sizes) < MOST_SCRIPT_BYTES
