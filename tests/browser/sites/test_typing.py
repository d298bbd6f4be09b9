"""What was typed in a form stays: left at once, in the other language, in two tabs, after its session."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import fill_contact, saved
from tests.journeys.client import Client
from tests.journeys.stories import contact, draft_request, new_address, open_account
from tests.stack import Stack

PASSWORD = "Tournesol-au-balcon-7"


def first_name(page: Page) -> Locator:
    return page.locator("#field-firstName")


def last_name(page: Page) -> Locator:
    return page.locator("#field-lastName")


async def begun(stack: Stack) -> str:
    """The address of a draft with Mes informations filled in."""
    client = Client(stack.api)
    draft = await draft_request(client)
    await client.change(
        "UpdateRequest", request=draft["id"], version=draft["version"], answers=[], contact=contact()
    )
    return f"/demandes/{draft['ticket']}/saisie?etape=informations"


async def test_a_draft_that_is_left_at_once_has_all_that_was_typed(arrive: Arrive, stack: Stack) -> None:
    """By a link, by the browser's arrow, and without a network for another page: opened again, it is there."""
    address = await begun(stack)
    somebody = await arrive()
    page = somebody.page
    await somebody.open("/")
    await somebody.open(address)
    await last_name(page).fill("Lien")
    await page.get_by_role("link", name="Faire une demande").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Faire une demande")
    await page.go_back()
    await expect(last_name(page)).to_have_value("Lien")
    await last_name(page).fill("Flèche")
    await page.go_back()
    await expect(last_name(page)).to_be_hidden()
    await page.go_forward()
    await expect(last_name(page)).to_have_value("Flèche")
    await saved(page)

    await somebody.context.set_offline(True)
    await last_name(page).fill("Tunnel")
    await expect(page.get_by_text("Connexion interrompue")).to_be_visible()
    await page.locator(".brand").click()
    await expect(last_name(page)).to_be_hidden()
    await somebody.context.set_offline(False)
    await somebody.open(address)
    await expect(last_name(page)).to_have_value("Tunnel")
    await saved(page)
    assert await page.evaluate("localStorage.getItem('pending')") == "[]"
    somebody.forgive("ERR_INTERNET_DISCONNECTED")
    somebody.forgive("WebSocket connection")


async def test_another_language_leaves_a_draft_as_it_is(arrive: Arrive, stack: Stack) -> None:
    address = await begun(stack)
    somebody = await arrive(width=320)
    page = somebody.page
    await somebody.open(address)
    await last_name(page).fill("Tapé")
    await page.locator("#field-email").fill("pas une adresse")
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("heading", level=2)).to_have_text("My details")
    await expect(last_name(page)).to_have_value("Tapé")
    await expect(page.locator("#field-email")).to_have_value("pas une adresse")
    await expect(page.locator("#field-email")).to_have_attribute("aria-invalid", "true")
    await examine(page)
    await page.reload()
    await expect(last_name(page)).to_have_value("Tapé")
    await expect(page.locator("#field-email")).to_have_value("pas une adresse")
    await page.locator("#field-email").fill(new_address())
    await expect(page.get_by_text("Draft saved")).to_be_visible()


async def test_another_language_leaves_create_my_account_as_it_is(arrive: Arrive) -> None:
    somebody = await arrive()
    page = somebody.page
    await somebody.open("/creer-mon-compte")
    await page.locator("#field-username").fill("helene.marchand")
    await page.locator("#field-password").fill(PASSWORD)
    await fill_contact(page, new_address())
    await somebody.context.set_offline(True)
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Create my account")
    await expect(page.locator("#field-username")).to_have_value("helene.marchand")
    await expect(page.locator("#field-password")).to_have_value(PASSWORD)
    await expect(last_name(page)).to_have_value("Marchand")
    await examine(page)
    somebody.forgive("ERR_INTERNET_DISCONNECTED")


async def test_two_tabs_fill_in_one_draft(arrive: Arrive, stack: Stack) -> None:
    """Neither overwrites what only the other was given, and what was changed elsewhere is shown."""
    address = await begun(stack)
    somebody = await arrive(locale="en-GB")
    one = somebody.page
    await somebody.open(address)
    other = await somebody.context.new_page()
    await other.goto(one.url)
    await expect(last_name(other)).to_have_value("Marchand")
    await first_name(one).fill("Ondine")
    await expect(one.get_by_text("Draft saved")).to_be_visible()
    await last_name(other).fill("Autrement")
    await expect(first_name(other)).to_have_value("Ondine")
    await expect(other.get_by_text("This request was changed elsewhere")).to_be_visible()
    await examine(other)
    await expect(other.get_by_text("Draft saved")).to_be_visible()
    await one.reload()
    await expect(first_name(one)).to_have_value("Ondine")
    await expect(last_name(one)).to_have_value("Autrement")


@pytest.mark.parametrize(("locale", "width"), [("fr-FR", 320), ("en-GB", 1100)])
async def test_a_session_that_ends_while_a_draft_is_filled_in(
    arrive: Arrive, stack: Stack, locale: str, width: int
) -> None:
    """The form stays, with the way to log in over it; whoever does goes on, and all is saved."""
    client, account = await open_account(stack.api)
    draft = await draft_request(client)
    somebody = await arrive(locale=locale, width=width)
    page = somebody.page
    await somebody.open("/connexion")
    await enter(page, account["username"])
    await expect(page.locator("#field-username")).to_be_hidden()
    await somebody.open(f"/mon-espace/demandes/{draft['id']}/saisie?etape=informations")
    await somebody.context.clear_cookies()
    await last_name(page).fill("Patiente")
    await expect(page.locator("#field-username")).to_be_visible()
    await expect(last_name(page)).to_have_value("Patiente")
    await first_name(page).fill("Toujours")
    await examine(page)
    await enter(page, account["username"])
    await expect(page.locator("#field-username")).to_be_hidden()
    await expect(page.get_by_role("heading", level=2)).to_be_focused()
    await expect(page.locator(".saving")).to_have_attribute("data-saving", "saved")
    await page.reload()
    await expect(last_name(page)).to_have_value("Patiente")
    await expect(first_name(page)).to_have_value("Toujours")

    # Who logs out leaves nothing on the device, not even what no server has.
    somebody.forgive("ERR_FAILED")
    await page.route("**/graphql", refuse_answers)
    await last_name(page).fill("Impatiente")
    await expect(page.locator(".saving")).to_have_attribute("data-saving", "offline")
    assert "Impatiente" in str(await somebody.context.storage_state())
    await page.get_by_role("button", name=re.compile("Se déconnecter|Log out")).click()
    await expect(last_name(page)).to_be_hidden()
    assert "Impatiente" not in str(await somebody.context.storage_state())


async def refuse_answers(route: Route) -> None:
    if "mutation UpdateRequest" in (route.request.post_data or ""):
        await route.abort()
    else:
        await route.continue_()


async def enter(page: Page, username: str) -> None:
    await page.locator("#field-username").fill(username)
    await page.locator("#field-password").fill(PASSWORD)
    await page.keyboard.press("Enter")
