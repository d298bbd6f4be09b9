"""Mon rendez-vous, from the calendar to the counter."""

from __future__ import annotations

from typing import Any

from tests.journeys.client import Client, Data
from tests.journeys.stories import (
    ANSWERS_WITH_APPOINTMENT,
    WITH_APPOINTMENT,
    captcha,
    contact,
    draft_request,
    file_request,
    new_address,
    open_account,
    open_slots,
)
from tests.stack import Stack


def day_of(slot: Data) -> str:
    return str(slot["start"])[:10]


async def book(caller: Client, request: str, slot: Data, **more: Any) -> Data:
    booked = await caller.change("BookAppointment", request=request, slot=slot["id"], **more)
    appointment: Data = booked["appointment"]
    return appointment


async def test_the_whole_story(stack: Stack) -> None:
    """A citizen holds a slot, submits, moves; the mairie closes the slot; the citizen takes the one that is offered."""
    administrator = await Client(stack.api).log_in("admin")
    schedule, slots = await open_slots(administrator)
    first, second, third = slots
    citizen, account = await open_account(stack.api)
    address = account["profile"]["email"]
    draft = await draft_request(citizen, WITH_APPOINTMENT)
    assert draft["permittedActions"][-1] == "BOOK_APPOINTMENT"

    found = await citizen.run("FirstAvailable", procedure=WITH_APPOINTMENT, after=first["start"])
    assert found["firstAvailableSlot"]["id"] == first["id"]
    month = await citizen.run(
        "ScheduleMonth", schedule=schedule, **{"from": day_of(first), "to": day_of(first)}
    )
    assert [slot["id"] for slot in month["slots"]] == [slot["id"] for slot in slots]

    filled = await citizen.change(
        "UpdateRequest", request=draft["id"], version=draft["version"], answers=ANSWERS_WITH_APPOINTMENT
    )
    version = filled["request"]["version"]
    early = await citizen.run("SubmitRequest", request=draft["id"], version=version)
    assert early["code"] == "VALIDATION"
    held = await book(citizen, draft["id"], first, reminderEmail=address)
    assert (held["state"], held["slot"]["remaining"]) == ("HELD", 0)
    assert held["heldUntil"]
    assert (held["suggestedReminderEmail"], held["reminder"]["email"]) == (address, address)

    sent = await citizen.change("SubmitRequest", request=draft["id"], version=version)
    assert sent["request"]["permittedActions"][-1] == "MOVE_APPOINTMENT"
    await stack.inbox.wait_for(address, count=2)
    moved = await citizen.change("MoveAppointment", appointment=held["id"], slot=second["id"])
    assert moved["appointment"]["slot"]["id"] == second["id"]
    assert moved["appointment"]["state"] == "CONFIRMED"

    agent = await Client(stack.api).log_in("agent")
    day = await agent.run("DaySlots", schedule=schedule, day=day_of(first))
    assert [[one["request"]["id"] for one in slot["appointments"]] for slot in day["node"]["slots"]] == [
        [],
        [draft["id"]],
        [],
    ]
    seen = await citizen.run("DaySlots", schedule=schedule, day=day_of(first))
    assert seen["desk"] is None
    assert [slot["id"] for slot in seen["node"]["slots"]] == [first["id"], third["id"]]
    assert [slot["appointments"] for slot in seen["node"]["slots"]] == [[], []]

    closed = await agent.change("CloseSlots", slots=[second["id"]], reason="Travaux")
    assert closed["cancelled"] == 1
    page = await citizen.run("RequestPage", request=draft["id"])
    assert page["appointments"] == []
    assert [event["__typename"] for event in page["history"]["nodes"]] == [
        "RequestSubmitted",
        "AppointmentBooked",
        "AppointmentMoved",
        "AppointmentCancelled",
    ]
    moved_then, closed_then = page["history"]["nodes"][-2:]
    assert moved_then["previousStart"] == first["start"]
    assert (closed_then["start"], closed_then["reason"]) == (second["start"], "Travaux"), (
        "as the mail promises"
    )
    lost = await citizen.run("BookAppointment", request=draft["id"], slot=second["id"])
    assert lost["code"] == "SLOT_UNAVAILABLE"
    offered = lost["nextAvailable"]
    assert offered["id"] == third["id"]
    again = await book(citizen, draft["id"], offered)
    assert again["state"] == "CONFIRMED"
    await stack.inbox.wait_for(address, count=5)
    page = await citizen.run("RequestPage", request=draft["id"])
    assert [one["slot"]["start"] for one in page["appointments"]] == [third["start"]]

    cancelled = await citizen.change("CancelAppointment", appointment=again["id"])
    assert cancelled["request"]["appointments"] == []
    await book(citizen, draft["id"], first)


async def test_a_visitor_whose_slot_was_taken_meanwhile_is_offered_the_next(stack: Stack) -> None:
    administrator = await Client(stack.api).log_in("admin")
    _, slots = await open_slots(administrator)
    visitor, other = Client(stack.api), Client(stack.api)
    draft = await draft_request(visitor, WITH_APPOINTMENT)
    filled = await visitor.change(
        "UpdateRequest",
        request=draft["id"],
        version=draft["version"],
        answers=ANSWERS_WITH_APPOINTMENT,
        contact=contact(new_address()),
    )
    await book(visitor, draft["id"], slots[0])
    theirs = await draft_request(other, WITH_APPOINTMENT)
    lost = await other.run("BookAppointment", request=theirs["id"], slot=slots[0]["id"])
    assert (lost["code"], lost["nextAvailable"]["id"]) == ("SLOT_UNAVAILABLE", slots[1]["id"])

    agent = await Client(stack.api).log_in("agent")
    assert (await agent.change("CloseSlots", slots=[slots[0]["id"]]))["cancelled"] == 0
    version = filled["request"]["version"]
    code = await captcha(visitor, "SUBMIT_REQUEST")
    late = await visitor.run("SubmitRequest", request=draft["id"], version=version, captcha=code)
    assert (late["code"], late["nextAvailable"]["id"]) == ("SLOT_UNAVAILABLE", slots[1]["id"])
    await book(visitor, draft["id"], slots[1])
    # Nothing was sent, so the security code is good still.
    sent = await visitor.change("SubmitRequest", request=draft["id"], version=version, captcha=code)
    assert sent["request"]["status"] == "SUBMITTED"


async def test_open_calendars_on_another_process_are_live(stack: Stack) -> None:
    """Over a WebSocket and over server-sent events, also while Redis is away."""
    other = await stack.start_api()
    administrator = await Client(stack.api).log_in("admin")
    schedule, slots = await open_slots(administrator)
    visitor, span = Client(stack.api), {"from": day_of(slots[0]), "to": day_of(slots[0])}
    draft = await draft_request(visitor, WITH_APPOINTMENT)
    looking = Client(other)
    async with (
        looking.follow("SlotChanges", schedule=schedule, **span) as socket,
        looking.stream("SlotChanges", schedule=schedule, **span) as events,
    ):
        # Each follows once it tells of something: slots are taken until both have.
        for place in (0, 1, 0, 1):
            await book(visitor, draft["id"], slots[place])
            try:
                for following in (socket, events):
                    await following.next(within=2)
                break
            except TimeoutError:
                continue
        await book(visitor, draft["id"], slots[2])
        for following in (socket, events):
            while (change := await following.next())["id"] != slots[2]["id"]:
                continue
            assert (change["remaining"], change["closed"]) == (0, False)

        stack.servers.valkey.stop()
        await visitor.change("CancelRequest", request=draft["id"])
        for following in (socket, events):
            while (change := await following.next())["id"] != slots[2]["id"] or change["remaining"] != 1:
                continue


async def test_a_request_without_a_procedure_of_appointments_takes_none(stack: Stack) -> None:
    administrator = await Client(stack.api).log_in("admin")
    _, slots = await open_slots(administrator)
    visitor = Client(stack.api)
    sent = await file_request(visitor)
    refused = await visitor.run("BookAppointment", request=sent["id"], slot=slots[0]["id"])
    assert refused["code"] == "NOT_ALLOWED"
