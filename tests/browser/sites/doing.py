"""What people do again and again on the citizen's site."""

from __future__ import annotations

import re

from playwright.async_api import Locator, Page, expect

from tests.browser.sites.conftest import Somebody
from tests.journeys.client import DEMONSTRATION_PASSWORD
from tests.journeys.stories import CODE

TICKET = re.compile(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){4}")


async def log_in(somebody: Somebody, username: str, password: str) -> None:
    await somebody.open("/")
    await somebody.page.get_by_label("Nom d’utilisateur").fill(username)
    await somebody.page.get_by_label("Mot de passe").fill(password)
    await somebody.page.get_by_role("button", name="Se connecter").click()
    await expect(somebody.page.get_by_role("heading", level=1)).to_have_text("Mes demandes")


async def log_out(page: Page) -> None:
    """Gone once the site says so: whoever loads another page before may still be somebody there."""
    button = page.get_by_role("button", name="Se déconnecter")
    await button.click()
    await expect(button).to_be_hidden()


async def fill_contact(page: Page, email: str) -> None:
    await page.get_by_label("Prénom").fill("Hélène")
    await page.get_by_label(re.compile(r"^Nom\b(?! d)")).fill("Marchand")
    await page.get_by_label(re.compile("^Courriel")).first.fill(email)


async def fill_street_light(page: Page) -> None:
    """Ma demande of « Signaler un problème sur la voie publique », a lamp that is out."""
    await page.get_by_label(re.compile("^Nature du problème")).select_option("eclairage")
    await page.get_by_label(re.compile("Numéro .*lampadaire", re.IGNORECASE)).fill("L-0042")
    await page.get_by_label(re.compile("^Lieu précis")).fill("Devant le 4 rue des Lilas")
    await page.get_by_label(re.compile("^Description")).fill("Le lampadaire est éteint depuis lundi.")
    danger = page.get_by_role("group", name=re.compile("danger"))
    await danger.get_by_role("radio", name="Non").check()


async def go_on(page: Page) -> None:
    await page.get_by_role("button", name="Continuer").click()


async def saved(page: Page) -> None:
    await expect(page.get_by_text("Brouillon enregistré")).to_be_visible()


async def pass_captcha(page: Page) -> None:
    await page.get_by_label(re.compile("^Code de sécurité")).fill(CODE)


async def ticket_of(page: Page) -> str:
    shown = await page.locator(".ticket").text_content()
    assert shown is not None
    assert TICKET.fullmatch(shown)
    return shown


async def log_in_at_desk(
    somebody: Somebody, username: str = "admin", password: str = DEMONSTRATION_PASSWORD
) -> None:
    """Opens the mairie's site, in either language, at its first page."""
    await somebody.open("/mairie/")
    await somebody.page.locator("#field-username").fill(username)
    await somebody.page.locator("#field-password").fill(password)
    await somebody.page.keyboard.press("Enter")
    await expect(somebody.page.get_by_role("search")).to_be_visible()


async def go_to(page: Page, place: str) -> None:
    """Follows a link of the main navigation."""
    await page.get_by_role("navigation", name="Navigation principale").get_by_role("link", name=place).click()


async def write_exchange(page: Page, body: str) -> None:
    await page.get_by_label("Nouvel échange").fill(body)
    await (
        page.locator("form", has=page.get_by_label("Nouvel échange"))
        .get_by_role("button", name="Ajouter")
        .click()
    )


def exchange(page: Page, body: str) -> Locator:
    return page.locator(".exchange", has_text=body)


def card(page: Page, title: str) -> Locator:
    """A part of a page, by its heading."""
    return page.locator("section", has=page.get_by_role("heading", name=title, exact=True)).last
