"""A form as it is filled in: gone on with where it was left, helped with, and a slot that is held no longer."""

from __future__ import annotations

import re
from datetime import timedelta

import asyncpg
import pytest
from playwright.async_api import Locator, Page, expect

from core.clock import now
from models.ids import decode_as
from tests.browser.sites.accessibility import examine, tab_to
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import fill_contact, go_on, pass_captcha, saved
from tests.journeys.client import Client
from tests.journeys.stories import (
    ANSWERS_WITH_APPOINTMENT,
    PROCEDURE,
    WITH_APPOINTMENT,
    contact,
    draft_request,
    new_address,
    open_account,
    open_slots,
)
from tests.stack import Stack

PASSWORD = "Tournesol-au-balcon-7"


def step(page: Page) -> Locator:
    return page.get_by_role("heading", level=2)


async def test_a_draft_is_gone_on_with_at_the_step_that_was_left(arrive: Arrive) -> None:
    """From the home page and from its own page; the browser's arrows lead out of it; thrown away, it is forgotten."""
    visitor = await arrive()
    page = visitor.page
    await visitor.open(f"/demarches/{PROCEDURE}")
    await page.get_by_role("button", name="Commencer la demande").click()
    await expect(step(page)).to_have_text("Mes informations")
    await fill_contact(page, new_address())
    await go_on(page)
    await expect(step(page)).to_have_text("Ma demande")
    await saved(page)

    await page.close()
    visitor.page = page = await visitor.context.new_page()
    await visitor.open("/")
    await expect(page.get_by_role("heading", name="Reprendre ma demande")).to_be_visible()
    await page.get_by_role("link", name="Signaler un problème sur la voie publique").click()
    await expect(step(page)).to_have_text("Ma demande")
    await expect(page).to_have_url(re.compile(r"\?etape=demande$"))
    await expect(page.get_by_role("button", name="remplie Mes informations")).to_be_visible()
    await go_on(page)
    await expect(step(page)).to_have_text("Le récapitulatif")
    await page.go_back()
    await expect(step(page)).to_have_text("Ma demande")
    await page.go_back()
    await expect(page.get_by_role("heading", name="Reprendre ma demande")).to_be_visible()

    await page.get_by_role("link", name="Signaler un problème sur la voie publique").click()
    await go_on(page)
    await expect(step(page)).to_have_text("Le récapitulatif")
    await visitor.open(page.url.removeprefix(visitor.site).partition("/saisie")[0])
    await page.get_by_role("link", name="Continuer la saisie").click()
    await expect(step(page)).to_have_text("Le récapitulatif")
    await page.get_by_role("button", name="Abandonner cette demande").click()
    await page.get_by_role("dialog").get_by_role("button", name="Abandonner cette demande").click()
    await expect(page.get_by_role("link", name="Faire une demande")).to_have_count(2)
    await expect(page.get_by_role("heading", name="Reprendre ma demande")).to_be_hidden()
    assert await page.evaluate("localStorage.getItem('steps')") == "[]"


async def test_a_draft_of_an_account_is_gone_on_with_from_my_requests(arrive: Arrive, stack: Stack) -> None:
    client, account = await open_account(stack.api)
    draft = await draft_request(client)
    somebody = await arrive(locale="en-GB", width=320)
    page = somebody.page
    await somebody.open("/")
    await page.get_by_label("Username").fill(account["username"])
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_role("link", name="Go on with my request").click()
    await expect(step(page)).to_have_text("My details")
    await page.get_by_role("button", name="Continue").click()
    await expect(step(page)).to_have_text("My request")
    await somebody.open("/mon-espace")
    await expect(page.get_by_text(draft["ticket"])).to_be_visible()
    await examine(page)
    await page.get_by_role("link", name="Go on with my request").click()
    await expect(step(page)).to_have_text("My request")


@pytest.mark.parametrize("width", [1100, 320])
async def test_the_help_is_at_the_top_right_of_every_step(arrive: Arrive, stack: Stack, width: int) -> None:
    """Aide à la saisie: above what is filled in, at its right edge; opened and closed with the keyboard alone."""
    draft = await draft_request(Client(stack.api))
    visitor = await arrive(width=width)
    page = visitor.page
    await visitor.open(f"/demandes/{draft['ticket']}/saisie")
    steps = page.locator(".steps button")
    help_ = page.get_by_role("button", name="Aide à la saisie")
    await expect(steps).to_have_count(4)
    for index in range(4):
        await steps.nth(index).click()
        await expect(steps.nth(index)).to_have_attribute("aria-current", "step")
        title = await step(page).text_content()
        await expect(page).to_have_title(
            re.compile(f"^{title} – Signaler un problème sur la voie publique – ")
        )
        place, head = await help_.bounding_box(), await page.locator(".step-head").bounding_box()
        form = await page.locator("main form").bounding_box()
        assert place
        assert head
        assert form
        assert abs(place["x"] + place["width"] - (head["x"] + head["width"])) <= 1
        assert place["x"] + place["width"] <= width
        assert place["y"] + place["height"] <= form["y"]
    await steps.nth(2).click()
    await expect(step(page)).to_be_focused()
    await tab_to(page, "Aide à la saisie")
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Aide à la saisie")
    await expect(dialog).to_be_visible()
    await expect(dialog.locator(".prose")).to_be_visible()
    await examine(page)
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(help_).to_be_focused()


async def test_that_a_slot_is_held_no_longer_is_told_in_every_step(arrive: Arrive, stack: Stack) -> None:
    """A laptop sleeps for a quarter of an hour: no timer has run, and the time has gone by all the same."""
    await open_slots(await Client(stack.api).log_in("admin"))
    somebody = await arrive(locale="en-GB", width=320)
    page = somebody.page
    await page.clock.install()
    await somebody.open(f"/demarches/{WITH_APPOINTMENT}")
    await page.get_by_role("button", name="Begin the request").click()
    await page.get_by_role("button", name="First available").click()
    held = page.get_by_test_id("slot-detail")
    await expect(held).to_contain_text("It is held for you until")
    await page.get_by_role("button", name="Continue").click()
    await expect(step(page)).to_have_text("My details")
    told = page.get_by_role("status").filter(has_text="has not been held for you since")
    await page.clock.set_system_time(now() + timedelta(minutes=14))
    await page.wait_for_timeout(2000)
    await expect(told).to_have_count(0)
    await page.clock.set_system_time(now() + timedelta(minutes=16))
    await expect(told).to_be_visible()
    await examine(page)
    await page.get_by_role("button", name="Choose another slot").click()
    await expect(step(page)).to_have_text("My appointment")
    await expect(told).to_be_visible()
    await expect(held).not_to_contain_text("It is held for you until")
    await expect(page.locator(".slot[aria-pressed=true]")).to_have_count(0)
    await examine(page)
    await page.get_by_role("button", name="Summary").click()
    await expect(step(page)).to_have_text("Summary")
    await expect(told).to_be_visible()


async def test_another_slot_is_taken_instead_of_one_that_is_held_no_longer(
    arrive: Arrive, stack: Stack
) -> None:
    """In Le récapitulatif: somebody else has taken it, 1er dispo holds another, and the request is sent with that."""
    _, slots = await open_slots(await Client(stack.api).log_in("admin"))
    client, other = Client(stack.api), Client(stack.api)
    draft, others = (
        await draft_request(client, WITH_APPOINTMENT),
        await draft_request(other, WITH_APPOINTMENT),
    )
    await client.change(
        "UpdateRequest",
        request=draft["id"],
        version=draft["version"],
        answers=ANSWERS_WITH_APPOINTMENT,
        contact=contact(),
    )
    await client.change("BookAppointment", request=draft["id"], slot=slots[0]["id"])
    connection = await asyncpg.connect(stack.servers.postgres.url())
    await connection.execute(
        "UPDATE appointment SET held_until = now() - interval '1 minute' WHERE request_id = $1",
        decode_as("ServiceRequest", draft["id"]),
    )
    await connection.close()
    await other.change("BookAppointment", request=others["id"], slot=slots[0]["id"])

    somebody = await arrive()
    page = somebody.page
    await somebody.open(f"/demandes/{draft['ticket']}/saisie?etape=recapitulatif")
    told = page.get_by_role("status").filter(has_text="ne vous est plus réservé")
    await expect(told).to_be_visible()
    await page.get_by_role("button", name="Garder ce créneau").click()
    await expect(page.get_by_role("alert")).to_contain_text("Le prochain créneau libre")
    await examine(page)
    await page.get_by_role("button", name="1er dispo").click()
    await expect(told).to_have_count(0)
    await expect(page.get_by_test_id("announcements")).to_contain_text("Créneau choisi")
    await expect(step(page)).to_be_focused()
    await pass_captcha(page)
    await page.get_by_role("button", name="Valider ma demande").click()
    await expect(page.get_by_text("Votre demande est envoyée")).to_be_visible()


@pytest.mark.parametrize(
    ("locale", "begin", "first", "notify", "go"),
    [
        ("fr-FR", "Commencer la demande", "1er dispo", "Me notifier la veille", "Continuer"),
        ("en-GB", "Begin the request", "First available", "Remind me the day before", "Continue"),
    ],
)
async def test_an_address_that_is_none_is_told_before_the_step_is_left(
    arrive: Arrive, stack: Stack, locale: str, begin: str, first: str, notify: str, go: str
) -> None:
    """Me notifier la veille, typed and not saved: Continuer stays where it can be mended, or taken back."""
    await open_slots(await Client(stack.api).log_in("admin"))
    somebody = await arrive(locale=locale)
    page = somebody.page
    await somebody.open(f"/demarches/{WITH_APPOINTMENT}")
    await page.get_by_role("button", name=begin).click()
    await page.get_by_role("button", name=first).click()
    address = page.locator("#field-reminderEmail")
    here = page.locator(".steps button[aria-current=step]")
    await page.get_by_label(notify).check()
    for wrong in ("pas une adresse", ""):
        await address.fill(wrong)
        await page.get_by_role("button", name=go).click()
        await expect(page.locator("#field-reminderEmail-messages")).to_be_visible()
        await expect(address).to_have_attribute("aria-invalid", "true")
        await expect(address).to_have_value(wrong)
        await expect(page).to_have_url(re.compile(r"\?etape=rendez-vous$"))
    await examine(page)
    await address.fill("voisine@exemple.example")
    await page.get_by_role("button", name=go).click()
    await expect(page).to_have_url(re.compile(r"\?etape=informations$"))
    await page.locator(".steps button").nth(1).click()
    await expect(address).to_have_value("voisine@exemple.example")
    await address.fill("encore autre chose")
    await page.get_by_role("button", name=go).click()
    await expect(address).to_have_attribute("aria-invalid", "true")
    await page.get_by_label(notify).uncheck()
    await page.get_by_role("button", name=go).click()
    await expect(page).to_have_url(re.compile(r"\?etape=informations$"))
    await page.locator(".steps button").nth(1).click()
    await expect(page.get_by_label(notify)).not_to_be_checked()
    await expect(here).to_be_visible()
