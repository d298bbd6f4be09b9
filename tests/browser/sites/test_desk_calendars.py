"""Calendars at the desk: written, slots by a rule, the day's list, and a slot that is closed though booked."""

from __future__ import annotations

import re
from datetime import date, timedelta
from uuid import uuid4

from playwright.async_api import expect

from core.clock import now
from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import card, go_to, log_in, log_in_at_desk
from tests.journeys.client import Client
from tests.journeys.stories import (
    ANSWERS_WITH_APPOINTMENT,
    WITH_APPOINTMENT,
    draft_request,
    open_account,
    open_slots,
)
from tests.stack import Stack

PASSWORD = "Tournesol-au-balcon-7"
FAR_DAYS = 300
"""Beyond the days that other stories publish."""


def a_monday() -> date:
    day = now().date() + timedelta(days=FAR_DAYS)
    return day + timedelta(days=7 - day.weekday())


async def test_a_calendar_from_its_name_to_a_slot_that_is_closed(arrive: Arrive, stack: Stack) -> None:
    monday = a_monday()
    tuesday, thursday = monday + timedelta(days=1), monday + timedelta(days=3)
    administrator = await arrive()
    page = administrator.page
    dialog, announced = page.get_by_role("dialog"), page.get_by_test_id("announcements")
    await log_in_at_desk(administrator)
    await go_to(page, "Agendas")

    # A calendar of its own.
    title = f"Permanence {uuid4().hex[:8]}"
    await page.get_by_role("button", name="Nouvel agenda").click()
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(dialog.locator("#field-title-messages")).to_be_visible()
    await expect(dialog.locator("#field-place-messages")).to_be_visible()
    await dialog.get_by_label("Nom").fill(title)
    await dialog.get_by_label("Lieu").fill("Salle du conseil")
    await dialog.get_by_label("Numéro et voie").fill("1 place de la Mairie")
    await dialog.get_by_label("Commune").fill("Saint-Aubin-les-Roches")
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(dialog.locator('[id="field-address.postalCode-messages"]')).to_be_visible()
    await dialog.get_by_label("Code postal").fill("49985")
    await examine(page)
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(dialog).to_be_hidden()
    schedule = page.get_by_label("Agenda", exact=True)
    await expect(schedule.locator("option:checked")).to_have_text(f"{title} – Salle du conseil")
    await page.get_by_role("button", name="Modifier l’agenda").click()
    await dialog.get_by_label("Lieu").fill("Salle des mariages")
    await dialog.get_by_role("button", name="Enregistrer").click()
    await expect(schedule.locator("option:checked")).to_have_text(f"{title} – Salle des mariages")
    await page.get_by_role("button", name="Modifier l’agenda").click()
    await expect(dialog.get_by_label("Numéro et voie")).to_have_value("1 place de la Mairie")
    await expect(dialog.get_by_label("Code postal")).to_have_value("49985")
    await page.keyboard.press("Escape")

    # Slots by a rule: two days of the week, over two weeks.
    await page.get_by_label("Jour", exact=True).fill(monday.isoformat())
    await expect(page.get_by_text("Aucun créneau ce jour-là.")).to_be_visible()
    await page.get_by_role("button", name="Publier des créneaux").click()
    publish = dialog.get_by_role("button", name="Publier des créneaux")
    await expect(dialog.get_by_label("Du", exact=True)).to_have_value(monday.isoformat())
    await dialog.get_by_label("Au", exact=True).fill((monday + timedelta(days=13)).isoformat())
    for weekday in ("lundi", "mercredi", "vendredi"):
        await dialog.get_by_label(weekday).uncheck()
    await dialog.get_by_label("Sans les jours fériés").uncheck()
    await dialog.get_by_label("À", exact=True).fill("08:00")
    await publish.click()
    await expect(dialog.locator('[id="field-openings.0.end-messages"]')).to_be_visible()
    await dialog.get_by_label("À", exact=True).fill("10:00")
    await dialog.get_by_label("Durée (minutes)").fill("30")
    await dialog.get_by_label("Places par créneau").fill("2")
    await publish.click()
    await expect(dialog.get_by_role("status")).to_have_text("8 créneaux publiés.")
    await publish.click()
    await expect(dialog.get_by_role("status")).to_have_text("0 créneau publié.")
    await page.keyboard.press("Escape")
    lines = page.locator(".day > li")
    # The day and the calendar are in the address; the next day with free slots is one step away.
    next_free = page.get_by_role("button", name="Prochain jour avec des créneaux libres")
    await expect(page.get_by_label("Jour", exact=True)).to_have_value(monday.isoformat())
    await next_free.click()
    await expect(page.get_by_label("Jour", exact=True)).to_have_value(tuesday.isoformat())
    await expect(lines).to_have_count(2)
    await page.reload()
    await expect(page.get_by_label("Jour", exact=True)).to_have_value(tuesday.isoformat())
    await expect(schedule.locator("option:checked")).to_have_text(f"{title} – Salle des mariages")
    await expect(lines).to_have_count(2)
    await expect(lines.first).to_contain_text("09:00–09:30")
    await expect(lines.first).to_contain_text("2 libres sur 2")
    await page.get_by_role("button", name="Jour suivant").click()
    await expect(page.get_by_text("Aucun créneau ce jour-là.")).to_be_visible()
    await page.get_by_role("button", name="Jour suivant").click()
    await expect(lines).to_have_count(2)
    await page.get_by_label("Jour", exact=True).fill((thursday + timedelta(days=7)).isoformat())
    await expect(page.get_by_text("Aucun créneau n’est libre ensuite.")).to_be_hidden()
    await next_free.press("Enter")
    await expect(page.get_by_text("Aucun créneau n’est libre ensuite.")).to_be_visible()
    await page.get_by_label("Jour", exact=True).fill(thursday.isoformat())
    await expect(page.get_by_text("Aucun créneau n’est libre ensuite.")).to_be_hidden()

    # Somebody books in a calendar that is looked at: they stand in the day's list.
    api = await Client(stack.api).log_in("admin")
    known = (await api.run("FirstAvailable", procedure=WITH_APPOINTMENT))["schedules"][0]["id"]
    await schedule.select_option(known)
    await page.get_by_role("button", name="Publier des créneaux").click()
    await dialog.get_by_label("Du", exact=True).fill(thursday.isoformat())
    await dialog.get_by_label("Au", exact=True).fill(thursday.isoformat())
    await dialog.get_by_label("Sans les jours fériés").uncheck()
    await dialog.get_by_label("À", exact=True).fill("10:00")
    await publish.click()
    await expect(dialog.get_by_role("status")).to_have_text("3 créneaux publiés.")
    await dialog.get_by_role("button", name="Annuler").click()
    await expect(lines).to_have_count(3)
    slots = (await api.run("DaySlots", schedule=known, day=thursday.isoformat()))["node"]["slots"]
    client, account = await open_account(stack.api, firstName="Odile", lastName="Fougère")
    draft = await draft_request(client, WITH_APPOINTMENT)
    await client.change("BookAppointment", request=draft["id"], slot=slots[0]["id"])
    filled = await client.change(
        "UpdateRequest", request=draft["id"], version=draft["version"], answers=ANSWERS_WITH_APPOINTMENT
    )
    await client.change("SubmitRequest", request=draft["id"], version=filled["request"]["version"])
    await expect(lines.first).to_contain_text("0 libre sur 1")
    await expect(lines.first.get_by_role("link", name="Odile Fougère")).to_be_visible()

    # Closed all the same: they are told by mail, see it at once, and are offered the next one.
    citizen = await arrive()
    await log_in(citizen, account["username"], PASSWORD)
    await citizen.open(f"/mon-espace/demandes/{draft['id']}/suivi")
    appointment = citizen.page.get_by_test_id("appointment")
    await expect(appointment).to_contain_text("09:00")
    await lines.first.get_by_role("button", name="Fermer ce créneau : 09:00").click()
    await dialog.get_by_label("Motif").fill("La salle est inondée.")
    await dialog.get_by_role("button", name="Fermer ce créneau").click()
    await expect(dialog).to_be_hidden()
    await expect(announced).to_contain_text("Créneau fermé, une personne est prévenue.")
    await expect(lines.first).to_contain_text("fermé")
    await expect(lines.first.get_by_role("link")).to_have_count(0)
    await expect(appointment).to_be_hidden()
    await expect(citizen.page.get_by_test_id("announcements")).to_contain_text("La salle est inondée.")
    await expect(card(citizen.page, "Historique")).to_contain_text("La salle est inondée.")
    mail = await stack.inbox.wait_for(account["profile"]["email"], subject="doit annuler votre rendez-vous")
    text = mail.get_body(("plain",))
    assert text is not None
    assert re.search(r"Le prochain créneau libre est le .* à 9\sh\s20", text.get_content())


async def test_a_slot_that_was_closed_is_published_again(arrive: Arrive, stack: Stack) -> None:
    """Left alone as long as nobody asks for it; then a new one stands in its place, for citizens to book."""
    administrator = await Client(stack.api).log_in("admin")
    schedule, slots = await open_slots(administrator)
    await administrator.change("CloseSlots", slots=[slots[0]["id"]])
    day = slots[0]["start"][:10]
    somebody = await arrive(width=320)
    page = somebody.page
    dialog = page.get_by_role("dialog")
    await log_in_at_desk(somebody)
    await somebody.open("/mairie/agendas")
    await page.get_by_label("Agenda", exact=True).select_option(schedule)
    await page.get_by_label("Jour", exact=True).fill(day)
    lines = page.locator(".day > li")
    await expect(lines).to_have_count(3)
    await expect(lines.filter(has_text="fermé")).to_have_count(1)
    await page.get_by_role("button", name="Publier des créneaux").press("Enter")
    await dialog.get_by_label("À", exact=True).fill("10:00")
    for weekday in ("samedi", "dimanche"):
        await dialog.get_by_label(weekday).check()
    await dialog.get_by_label("Sans les jours fériés").uncheck()
    publish = dialog.get_by_role("button", name="Publier des créneaux")
    await publish.press("Enter")
    await expect(dialog.get_by_role("status")).to_have_text("0 créneau publié.")
    reopen = dialog.get_by_role("checkbox", name="Rouvrir les créneaux fermés")
    await expect(reopen).to_have_accessible_description(re.compile("un nouveau créneau s’ouvre à sa place"))
    await reopen.press("Space")
    await examine(page)
    await publish.press("Enter")
    await expect(dialog.get_by_role("status")).to_have_text("1 créneau publié.")
    await expect(page.get_by_test_id("announcements")).to_contain_text("1 créneau publié.")
    await page.keyboard.press("Escape")
    await expect(lines).to_have_count(4)
    await expect(lines.filter(has_text="1 libre sur 1")).to_have_count(3)
    again = (await administrator.run("DaySlots", schedule=schedule, day=day))["node"]["slots"]
    reopened = [slot for slot in again if slot["start"] == slots[0]["start"] and not slot["closed"]]
    assert [slot["remaining"] for slot in reopened] == [1]


async def test_slots_are_closed_by_those_who_handle_them(arrive: Arrive, stack: Stack) -> None:
    """Every agent sees every calendar; who handles none of its procedures is told why nothing can be closed there."""
    administrator = await Client(stack.api).log_in("admin")
    schedule, slots = await open_slots(administrator)
    username, password = f"ines-{uuid4().hex[:8]}", "Un-agent-de-la-mairie-7"
    handler = {"displayName": "Inès Roy", "role": "HANDLER", "username": username, "password": password}
    saved = await administrator.change("SaveAgent", input={**handler, "procedures": []})
    agent = await arrive(width=320)
    page = agent.page
    close = page.locator(".day").get_by_role("button", name=re.compile("^Fermer"))
    await log_in_at_desk(agent, username, password)

    async def look_at_the_day() -> None:
        await agent.open("/mairie/agendas")
        await page.get_by_label("Agenda", exact=True).select_option(schedule)
        await page.get_by_label("Jour", exact=True).fill(slots[0]["start"][:10])
        await expect(page.locator(".day > li")).to_have_count(len(slots))

    await look_at_the_day()
    await expect(close).to_have_count(0)
    await expect(page.get_by_text("qui instruisent une démarche de cet agenda")).to_be_visible()
    await examine(page)
    given = {"id": saved["agent"]["id"], "displayName": "Inès Roy", "role": "HANDLER"}
    await administrator.change("SaveAgent", input={**given, "procedures": [WITH_APPOINTMENT]})
    await look_at_the_day()
    await expect(close).to_have_count(len(slots))
    await expect(page.get_by_text("qui instruisent une démarche de cet agenda")).to_be_hidden()
