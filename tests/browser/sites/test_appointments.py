"""Mon rendez-vous: held while the form is filled in, moved later with the calendar, reminded of the day before."""

from __future__ import annotations

import re

from playwright.async_api import expect

from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import fill_contact, go_on, pass_captcha
from tests.journeys.client import Client
from tests.journeys.stories import WITH_APPOINTMENT, new_address, open_slots
from tests.stack import Stack


async def test_an_appointment_is_held_booked_moved_and_reminded_of(arrive: Arrive, stack: Stack) -> None:
    await open_slots(await Client(stack.api).log_in("admin"))
    visitor = await arrive()
    page = visitor.page
    await visitor.open(f"/demarches/{WITH_APPOINTMENT}")
    await page.get_by_role("button", name="Commencer la demande").click()
    await expect(page.get_by_role("heading", level=2, name="Mon rendez-vous")).to_be_visible()
    await page.get_by_role("button", name="1er dispo").click()
    held = page.get_by_test_id("held")
    await expect(held).to_contain_text("Il vous est réservé jusqu’à")
    await go_on(page)
    await fill_contact(page, new_address())
    await go_on(page)
    await page.get_by_label(re.compile("^Nature du document")).fill("Procuration")
    await page.get_by_label(re.compile("signatures")).fill("2")
    await (
        page.get_by_role("group", name=re.compile("langue étrangère"))
        .get_by_role("radio", name="Non")
        .check()
    )
    await go_on(page)
    await pass_captcha(page)
    await page.get_by_role("button", name="Valider ma demande").click()
    await expect(page.get_by_text("Votre demande est envoyée")).to_be_visible()

    await page.get_by_role("navigation", name="Rubriques").get_by_role("link", name="Suivi").click()
    appointment = page.get_by_test_id("appointment")
    before = await appointment.locator("strong").text_content()
    await appointment.get_by_label("Me notifier la veille").check()
    await appointment.get_by_label("Adresse de courriel").fill("pas une adresse")
    await appointment.get_by_role("button", name="Enregistrer").click()
    await expect(appointment.get_by_role("alert")).to_be_visible()
    await appointment.get_by_label("Adresse de courriel").fill("helene@exemple.example")
    await appointment.get_by_role("button", name="Enregistrer").click()
    await expect(appointment.get_by_text("Un rappel sera envoyé le")).to_be_visible()
    await appointment.get_by_role("button", name="Déplacer le rendez-vous").click()
    await page.get_by_role("button", name="1er dispo").click()
    await expect(page.get_by_test_id("slot-detail")).to_be_visible()
    await page.get_by_role("button", name="Semaine suivante").click()
    await page.get_by_role("button", name="Semaine précédente").click()
    await page.locator(".slot").last.click()
    await page.get_by_role("button", name="Confirmer ce créneau").click()
    await expect(page.get_by_text("Votre rendez-vous est déplacé.")).to_be_visible()
    await expect(appointment.locator("strong")).not_to_have_text(before or "")
    async with page.expect_download() as download:
        await appointment.get_by_role("link", name="Ajouter à mon agenda").click()
    assert (await download.value).suggested_filename.endswith(".ics")
    await appointment.get_by_role("button", name="Annuler le rendez-vous").click()
    await page.get_by_role("dialog").get_by_role("button", name="Annuler le rendez-vous").click()
    await expect(appointment).to_be_hidden()


async def test_an_open_calendar_follows_what_others_take(arrive: Arrive, stack: Stack) -> None:
    """A slot that somebody else books while two look at it is gone from the other's calendar."""
    await open_slots(await Client(stack.api).log_in("admin"))
    one, other = await arrive(), await arrive()
    for somebody in (one, other):
        await somebody.open(f"/demarches/{WITH_APPOINTMENT}")
        await somebody.page.get_by_role("button", name="Commencer la demande").click()
        await somebody.page.get_by_role("button", name="1er dispo").click()
        await expect(somebody.page.get_by_test_id("held")).to_be_visible()
    await one.page.reload()
    await one.page.get_by_role("button", name="1er dispo").click()
    await expect(one.page.locator(".slot").first).to_be_visible()
    taken = await one.page.locator(".slot").last.text_content()
    await other.page.get_by_role("button", name=taken or "", exact=True).last.click()
    await expect(one.page.locator(".slot").last).not_to_have_text(taken or "")
