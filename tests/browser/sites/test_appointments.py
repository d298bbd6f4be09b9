"""Mon rendez-vous: held while the form is filled in, moved later with the calendar, reminded of the day before."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import asyncpg
import pytest
from playwright.async_api import Response, Route, WebSocketRoute, expect

from models.ids import decode_as
from tests.browser.sites.accessibility import examine
from tests.browser.sites.conftest import Arrive
from tests.browser.sites.doing import fill_contact, go_on, log_in, pass_captcha
from tests.journeys.client import Client
from tests.journeys.stories import (
    ANSWERS_WITH_APPOINTMENT,
    WITH_APPOINTMENT,
    contact,
    draft_request,
    new_address,
    open_account,
    open_slots,
    request_with_appointment,
)
from tests.stack import Stack


async def test_an_appointment_is_held_booked_moved_and_reminded_of(arrive: Arrive, stack: Stack) -> None:
    await open_slots(await Client(stack.api).log_in("admin"))
    visitor = await arrive()
    page = visitor.page
    await visitor.open(f"/demarches/{WITH_APPOINTMENT}")
    await page.get_by_role("button", name="Commencer la demande").click()
    await expect(page.get_by_role("heading", level=2, name="Mon rendez-vous")).to_be_visible()
    await page.get_by_role("button", name="1er dispo").click()
    held = page.get_by_test_id("slot-detail")
    await expect(held).to_contain_text("Il vous est réservé jusqu’à")
    await page.get_by_label("Me notifier la veille").check()
    await page.get_by_label("Adresse de courriel").fill("pas une adresse")
    await page.get_by_role("button", name="Enregistrer").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_role("heading", level=2, name="Mon rendez-vous")).to_be_visible()
    await page.get_by_label("Adresse de courriel").fill("voisine@exemple.example")
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
    await expect(appointment.get_by_label("Me notifier la veille")).to_be_checked()
    await expect(appointment.get_by_label("Adresse de courriel")).to_have_value("voisine@exemple.example")
    await appointment.get_by_label("Me notifier la veille").uncheck()
    await expect(appointment.get_by_text("Un rappel sera envoyé le")).to_be_hidden()
    await appointment.get_by_label("Me notifier la veille").check()
    await expect(appointment.get_by_text("Un rappel sera envoyé le")).to_be_visible()
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


@pytest.mark.parametrize(("width", "height"), [(390, 800), (1280, 900), (390, 500)])
async def test_what_is_chosen_is_shown_where_it_was_chosen(
    arrive: Arrive, stack: Stack, width: int, height: int
) -> None:
    """In view and read out, however long the calendar; Tab leads to confirming it, and that is in view, too."""
    _, slots = await open_slots(await Client(stack.api).log_in("admin"), minutes=10, hours=8)
    client, account = await open_account(stack.api)
    draft, _ = await request_with_appointment(client, slots[0]["id"])
    somebody = await arrive(width=width, locale="en-GB")
    page = somebody.page
    await page.set_viewport_size({"width": width, "height": height})
    await somebody.open("/")
    await page.get_by_label("Username").fill(account["username"])
    await page.get_by_label("Password").fill("Tournesol-au-balcon-7")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("My requests")
    await somebody.open(f"/mon-espace/demandes/{draft['id']}/suivi")
    await page.get_by_role("button", name="Move the appointment").click()
    detail, confirm = page.get_by_test_id("slot-detail"), page.get_by_role("button", name="Confirm this slot")
    for time in ("09:10", "12:50"):
        await page.get_by_role("button", name=time, exact=True).first.click()
        await expect(detail).to_contain_text(f"{time}–")
        await expect(detail).to_be_focused()
        await expect(detail).to_have_accessible_name(re.compile(f"^Chosen slot: .*{time}–.* – "))
        await expect(confirm).to_be_in_viewport(ratio=1)
    await examine(page)
    await page.keyboard.press("Tab")
    await expect(confirm).to_be_focused()
    await page.keyboard.press("Enter")
    told = page.get_by_text("Your appointment is moved.")
    await expect(told).to_be_in_viewport(ratio=1)
    await expect(page.get_by_test_id("appointment")).to_contain_text("12:50")


async def test_first_available_counts_one_s_own_slot(arrive: Arrive, stack: Stack) -> None:
    """Pressed again it changes nothing; after another choice it leads back to the first: in view, and read out."""
    await open_slots(await Client(stack.api).log_in("admin"))
    somebody = await arrive(width=390)
    page = somebody.page
    booked: list[str] = []
    page.on(
        "request", lambda request: booked.extend(re.findall("bookAppointment", request.post_data or "")[:1])
    )
    await somebody.open(f"/demarches/{WITH_APPOINTMENT}")
    await page.get_by_role("button", name="Commencer la demande").click()
    first, detail = page.get_by_role("button", name="1er dispo"), page.get_by_test_id("slot-detail")
    pressed = page.locator(".slot[aria-pressed=true]")
    await first.click()
    await expect(detail).to_be_focused()
    await expect(pressed).to_be_in_viewport(ratio=1)
    told, time = await detail.inner_text(), await pressed.inner_text()
    assert f"{time}–" in told
    await first.click()
    await expect(detail).to_be_focused()
    assert await detail.inner_text() == told
    assert len(booked) == 1
    await page.locator(".slot").last.click()
    await expect(pressed).not_to_have_text(time)
    await expect(detail).to_be_focused()
    await first.click()
    await expect(pressed).to_have_text(time)
    await expect(detail).to_contain_text(f"{time}–")
    await expect(detail).to_be_focused()
    assert len(booked) == 3
    await examine(page)


async def test_an_open_calendar_follows_what_others_take(arrive: Arrive, stack: Stack) -> None:
    """A slot that somebody else books while two look at it is gone from the other's calendar."""
    await open_slots(await Client(stack.api).log_in("admin"))
    one, other = await arrive(), await arrive()
    for somebody in (one, other):
        await somebody.open(f"/demarches/{WITH_APPOINTMENT}")
        await somebody.page.get_by_role("button", name="Commencer la demande").click()
        await somebody.page.get_by_role("button", name="1er dispo").click()
        await expect(somebody.page.get_by_test_id("slot-detail")).to_be_visible()
    await one.page.reload()
    await one.page.get_by_role("button", name="1er dispo").click()
    await expect(one.page.locator(".slot").first).to_be_visible()
    taken = await one.page.locator(".slot").last.text_content()
    await other.page.get_by_role("button", name=taken or "", exact=True).last.click()
    await expect(one.page.locator(".slot").last).not_to_have_text(taken or "")


async def test_what_is_taken_while_the_network_is_away_is_seen_once_it_is_back(
    arrive: Arrive, stack: Stack
) -> None:
    await open_slots(await Client(stack.api).log_in("admin"))
    somebody, other = await arrive(), await arrive()
    page, deaf = somebody.page, True
    connections: list[WebSocketRoute] = []

    def relay(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        connections.append(socket)

        def hand_on(message: str | bytes) -> None:
            if not (deaf and '"next"' in str(message)):
                socket.send(message)

        server.on_message(hand_on)

    await page.route_web_socket("**/graphql", relay)
    for each in (somebody, other):
        await each.open(f"/demarches/{WITH_APPOINTMENT}")
        await each.page.get_by_role("button", name="Commencer la demande").click()
        await each.page.get_by_role("button", name="1er dispo").click()
        await expect(each.page.get_by_test_id("slot-detail")).to_be_visible()
        await expect(each.page.locator(".slot").first).to_be_visible()
    free = page.locator(".slot")
    taken = await free.last.text_content() or ""
    await other.page.locator(".slot").last.click()
    await expect(other.page.get_by_test_id("slot-detail")).to_contain_text(taken)
    await expect(free.last).to_have_text(taken)
    deaf = False
    await connections[-1].close(code=1012, reason="Restarting")
    await expect(free.last).not_to_have_text(taken)


def _is_of_a_week(response: Response) -> bool:
    return "ScheduleMonth" in (response.request.post_data or "")


async def test_a_week_that_answers_late_is_not_shown_as_another(arrive: Arrive, stack: Stack) -> None:
    await open_slots(await Client(stack.api).log_in("admin"))
    somebody = await arrive()
    page = somebody.page
    await somebody.open(f"/demarches/{WITH_APPOINTMENT}")
    await page.get_by_role("button", name="Commencer la demande").click()
    await page.get_by_role("button", name="1er dispo").click()
    await expect(page.get_by_test_id("slot-detail")).to_be_visible()
    await expect(page.locator(".slot").first).to_be_visible()
    shown = page.locator(".slot-picker")
    async with page.expect_response(_is_of_a_week):
        await page.get_by_role("button", name="Semaine suivante").click()
    await expect(page.get_by_text("Recherche des créneaux")).to_be_hidden()
    week = await shown.inner_text()

    asked, go = asyncio.Event(), asyncio.Event()

    async def hold_the_first(route: Route) -> None:
        if "ScheduleMonth" in (route.request.post_data or "") and not asked.is_set():
            asked.set()
            await go.wait()
        await route.continue_()

    await page.route("**/graphql", hold_the_first)
    await page.get_by_role("button", name="Semaine précédente").click()
    await asked.wait()
    async with page.expect_response(_is_of_a_week):
        await page.get_by_role("button", name="Semaine suivante").click()
    await expect(page.get_by_text("Recherche des créneaux")).to_be_hidden()
    assert await shown.inner_text() == week
    async with page.expect_response(_is_of_a_week) as late:
        go.set()
    await (await late.value).finished()
    # There is nothing to wait for: that nothing happens is what is wanted.
    await page.wait_for_timeout(300)
    assert await shown.inner_text() == week


async def test_after_an_appointment_that_is_over_another_is_booked(arrive: Arrive, stack: Stack) -> None:
    _, slots = await open_slots(await Client(stack.api).log_in("admin"))
    citizen, account = await open_account(stack.api)
    draft = await draft_request(citizen, WITH_APPOINTMENT)
    filled = await citizen.change(
        "UpdateRequest",
        request=draft["id"],
        version=draft["version"],
        answers=ANSWERS_WITH_APPOINTMENT,
        contact=contact(new_address()),
    )
    await citizen.change("BookAppointment", request=draft["id"], slot=slots[0]["id"])
    await citizen.change("SubmitRequest", request=draft["id"], version=filled["request"]["version"])
    connection = await asyncpg.connect(stack.servers.postgres.url())
    await connection.execute(
        'UPDATE slot SET start = start - $2::interval, "end" = "end" - $2::interval WHERE id = $1',
        decode_as("Slot", slots[0]["id"]),
        timedelta(days=300),
    )
    await connection.close()

    somebody = await arrive()
    page = somebody.page
    await log_in(somebody, account["username"], "Tournesol-au-balcon-7")
    await somebody.open(f"/mon-espace/demandes/{draft['id']}/suivi")
    appointments = page.get_by_test_id("appointment")
    await expect(appointments).to_have_count(1)
    await expect(appointments.get_by_role("button")).to_have_count(0)
    await page.get_by_role("button", name="Prendre rendez-vous").click()
    await page.get_by_role("button", name="1er dispo").click()
    await expect(page.get_by_test_id("slot-detail")).to_be_visible()
    await page.get_by_role("button", name="Confirmer ce créneau").click()
    await expect(appointments).to_have_count(2)
    await expect(appointments.first.get_by_role("button")).to_have_count(0)
    await expect(appointments.last.get_by_role("button", name="Déplacer le rendez-vous")).to_be_visible()
    await expect(page.get_by_role("button", name="Prendre rendez-vous")).to_be_hidden()
