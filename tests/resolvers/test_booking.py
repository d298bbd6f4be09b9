"""Holding, booking, moving, cancelling: who may, what it does to the slots, and what a loser is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from core.clock import now
from core.errors import (
    NotAllowedError,
    NotFoundError,
    RateLimitedError,
    SlotUnavailableError,
    ValidationError,
)
from core.limits.declared import HOLD, MAIL, MAIL_OF_REQUEST
from core.selection import Selection
from core.settings import Settings, get_settings
from models.actors import Actor, AgentActor, CitizenActor, Visitor
from models.appointments import Appointment, Schedule, Slot
from models.database import Row, counted, execute, fetch_one
from models.events import RequestEvent
from models.ids import decode_as, encode, new_id
from models.mail import Mail
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers import catalogue
from resolvers.appointments import book_appointment, cancel_appointment, move_appointment, set_reminder
from resolvers.nodes import node
from resolvers.requests import cancel_request, request, submit_request
from resolvers.slots import close_slots
from tests.factories import (
    holder_of,
    id_of,
    make_agent,
    make_appointment,
    make_citizen,
    make_procedure,
    make_request,
    make_schedule,
    make_slot,
)

APPOINTMENT = Selection.of(
    "id",
    "state",
    "held_until",
    "reminder",
    "suggested_reminder_email",
    "calendar_url",
    slot=Selection.of("id", "remaining", schedule=Selection.of("title")),
    request=Selection.of("id", "status", "permitted_actions"),
)
NEXT = Selection.of("id", "remaining")
REQUEST = Selection.of("id", "status", "problems", "summary", "permitted_actions", appointments=APPOINTMENT)


@pytest_asyncio.fixture
async def schedule(database: Settings) -> Schedule:
    return await make_schedule()


@pytest_asyncio.fixture
async def procedure(schedule: Schedule) -> Procedure:
    return await make_procedure("passeport", appointment="REQUIRED", schedules=[schedule])


@pytest_asyncio.fixture
async def draft(procedure: Procedure, citizen: CitizenActor) -> ServiceRequest:
    return await make_request(procedure, citizen=citizen, status="DRAFT")


@pytest_asyncio.fixture
async def sent(procedure: Procedure, citizen: CitizenActor) -> ServiceRequest:
    return await make_request(procedure, citizen=citizen)


async def book(actor: Actor, request: ServiceRequest, slot: Slot, email: str | None = None) -> Row:
    return await book_appointment(
        actor,
        request=id_of(request),
        slot=id_of(slot),
        reminder_email=email,
        selection=APPOINTMENT,
        next_selection=NEXT,
    )


async def move(actor: Actor, appointment: str, slot: Slot) -> Row:
    return await move_appointment(
        actor, appointment=appointment, slot=id_of(slot), selection=APPOINTMENT, next_selection=NEXT
    )


async def cancel(actor: Actor, appointment: str) -> Row:
    return await cancel_appointment(actor, appointment=appointment, selection=REQUEST)


async def submit(actor: Actor, request: ServiceRequest) -> Row:
    return await submit_request(
        actor,
        request=id_of(request),
        version=request.version,
        captcha=None,
        selection=REQUEST,
        next_selection=NEXT,
    )


async def read(actor: Actor, sent: ServiceRequest) -> Row:
    row = await request(actor, id=id_of(sent), selection=REQUEST)
    assert row is not None
    return row


async def run_out(appointment: str) -> None:
    """The quarter of an hour is over; nothing else happens."""
    await Appointment.filter(id=decode_as("Appointment", appointment)).update(
        held_until=now() - timedelta(seconds=1)
    )


async def taken(*slots: Slot) -> list[int]:
    return [(await Slot.get(id=slot.id)).taken for slot in slots]


async def kinds() -> list[str]:
    return [event.kind for event in await RequestEvent.all().order_by("position")]


async def lost(booking: Awaitable[Any]) -> str | None:
    """The id of the next free slot that a loser is told."""
    with pytest.raises(SlotUnavailableError) as raised:
        await booking
    following = raised.value.next_available
    return following["id"] if following else None


async def test_a_draft_holds_a_slot_for_a_quarter_of_an_hour(
    citizen: CitizenActor, draft: ServiceRequest, schedule: Schedule
) -> None:
    slot = await make_slot(schedule)
    assert (await read(citizen, draft))["permitted_actions"][-1] == "BOOK_APPOINTMENT"
    row = await book(citizen, draft, slot)
    assert (row["state"], row["slot"]["remaining"]) == ("HELD", 0)
    until = (await Appointment.get()).held_until
    assert until is not None
    assert timedelta(minutes=14) < until - now() <= timedelta(minutes=15)
    assert row["suggested_reminder_email"] == "jeanne@example.org"
    assert row["reminder"] is None
    assert row["request"]["permitted_actions"][-1] == "MOVE_APPOINTMENT"
    assert (await kinds(), await Mail.all().count()) == ([], 0)


async def test_the_time_is_a_setting(
    citizen: CitizenActor, draft: ServiceRequest, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESPACE_APPOINTMENT_HOLD_SECONDS", "60")
    get_settings.cache_clear()
    await book(citizen, draft, await make_slot(schedule))
    until = (await Appointment.get()).held_until
    assert until is not None
    assert timedelta(seconds=50) < until - now() <= timedelta(seconds=60)


async def test_a_hold_ends_when_the_slot_begins(
    citizen: CitizenActor, draft: ServiceRequest, schedule: Schedule
) -> None:
    slot, later = await make_slot(schedule, hours=0.1, minutes=5), await make_slot(schedule, hours=0.2)
    held = await book(citizen, draft, slot)
    assert (await Appointment.get()).held_until == slot.start
    await move(citizen, held["id"], later)
    assert (await Appointment.get()).held_until == later.start


async def test_a_hold_ends_when_the_slot_is_closed(
    citizen: CitizenActor, draft: ServiceRequest, schedule: Schedule, agent: AgentActor
) -> None:
    slot = await make_slot(schedule)
    await book(citizen, draft, slot)
    await close_slots(agent, slots=[id_of(slot)], reason=None, selection=NEXT)
    until = (await Appointment.get()).held_until
    assert until is not None
    assert until <= now()


async def test_where_none_follows_the_loser_is_told_the_first_of_all(
    citizen: CitizenActor, draft: ServiceRequest, sent: ServiceRequest, schedule: Schedule
) -> None:
    first, last = await make_slot(schedule, hours=24), await make_slot(schedule, hours=48)
    await book(citizen, sent, last)
    assert await lost(book(citizen, draft, last)) == id_of(first)


async def test_booking_what_is_booked_takes_the_reminder_that_is_asked_for(
    citizen: CitizenActor, sent: ServiceRequest, schedule: Schedule
) -> None:
    slot = await make_slot(schedule, hours=60)
    await book(citizen, sent, slot, "ici@example.org")
    assert (await book(citizen, sent, slot, "ailleurs@example.org"))["reminder"][
        "email"
    ] == "ailleurs@example.org"
    assert (await book(citizen, sent, slot))["reminder"]["email"] == "ailleurs@example.org"
    await execute("UPDATE slot SET start = now() - interval '1 minute' WHERE id = $1", slot.id)
    assert (await book(citizen, sent, slot, "trop@example.org"))["reminder"][
        "email"
    ] == "ailleurs@example.org"


async def test_capitals_make_no_other_reminder(
    citizen: CitizenActor, sent: ServiceRequest, schedule: Schedule
) -> None:
    booked = await book(citizen, sent, await make_slot(schedule, hours=60), "ici@example.org")
    sent_at = now()
    await execute("UPDATE appointment SET reminder_sent_at = $1", sent_at)
    await set_reminder(citizen, appointment=booked["id"], email="Ici@Example.org", selection=APPOINTMENT)
    assert (await Appointment.get()).reminder_sent_at == sent_at


async def test_choosing_again_moves_the_hold(
    citizen: CitizenActor, draft: ServiceRequest, schedule: Schedule
) -> None:
    first, second = await make_slot(schedule), await make_slot(schedule, hours=30)
    held = await book(citizen, draft, first)
    await run_out(held["id"])
    again = await book(citizen, draft, second)
    assert (again["id"], again["state"], again["slot"]["id"]) == (held["id"], "HELD", id_of(second))
    assert await taken(first, second) == [0, 1]
    until = (await Appointment.get()).held_until
    assert until is not None
    assert until > now() + timedelta(minutes=14)
    moved = await move(citizen, held["id"], first)
    assert (moved["state"], await taken(first, second)) == ("HELD", [1, 0])
    assert (await kinds(), await Mail.all().count()) == ([], 0)


async def test_choosing_again_what_is_held_begins_the_time_anew(
    citizen: CitizenActor, draft: ServiceRequest, schedule: Schedule
) -> None:
    slot = await make_slot(schedule)
    held = await book(citizen, draft, slot)
    await run_out(held["id"])
    await book(citizen, draft, slot)
    until = (await Appointment.get()).held_until
    assert until is not None
    assert until > now() + timedelta(minutes=14)
    assert await taken(slot) == [1]


async def test_submitting_confirms_what_is_held(
    citizen: CitizenActor, draft: ServiceRequest, schedule: Schedule
) -> None:
    held = await book(citizen, draft, await make_slot(schedule), "ici@example.org")
    row = await submit(citizen, draft)
    (appointment,) = row["appointments"]
    assert (row["status"], appointment["id"]) == ("SUBMITTED", held["id"])
    assert (appointment["state"], appointment["held_until"]) == ("CONFIRMED", None)
    assert appointment["reminder"]["email"] == "ici@example.org"
    assert await kinds() == ["RequestSubmitted", "AppointmentBooked"]
    mails = await Mail.all()
    assert {mail.template for mail in mails} == {"acknowledgement", "appointment_booked"}
    # The same call again, as by somebody whose answer was lost.
    again = await submit(citizen, draft)
    assert again["appointments"][0]["id"] == held["id"]
    assert await kinds() == ["RequestSubmitted", "AppointmentBooked"]


async def test_a_required_appointment_is_asked_for_and_an_optional_one_is_not(
    citizen: CitizenActor, draft: ServiceRequest, schedule: Schedule
) -> None:
    (problem,) = (await read(citizen, draft))["problems"]
    with pytest.raises(ValidationError) as raised:
        await submit(citizen, draft)
    assert [one.path for one in raised.value.problems] == [problem["path"]]
    await book(citizen, draft, await make_slot(schedule))
    assert (await read(citizen, draft))["problems"] == []

    optional = await make_procedure(appointment="OPTIONAL", schedules=[schedule])
    another = await make_request(optional, citizen=citizen, status="DRAFT")
    row = await read(citizen, another)
    assert (row["problems"], row["permitted_actions"][-1]) == ([], "BOOK_APPOINTMENT")
    assert (await submit(citizen, another))["appointments"] == []


async def test_the_summary_says_when_and_where(
    citizen: CitizenActor, draft: ServiceRequest, schedule: Schedule
) -> None:
    before = str((await read(citizen, draft))["summary"])
    await book(citizen, draft, await make_slot(schedule))
    assert "Hôtel de ville" in str((await read(citizen, draft))["summary"])
    assert "Hôtel de ville" not in before


async def test_a_hold_that_ran_out_is_free_for_others_at_once(
    citizen: CitizenActor, draft: ServiceRequest, procedure: Procedure, schedule: Schedule
) -> None:
    """No job runs here."""
    slot, after = await make_slot(schedule), await make_slot(schedule, hours=30)
    held = await book(citizen, draft, slot)
    other = await make_citizen()
    theirs = await make_request(procedure, citizen=other)
    assert await lost(book(other, theirs, slot)) == id_of(after)
    await run_out(held["id"])
    assert (await book(other, theirs, slot))["state"] == "CONFIRMED"
    row = await Appointment.get(id=decode_as("Appointment", held["id"]))
    assert (row.state, row.counts, await taken(slot)) == ("HELD", False, [1])

    assert await lost(submit(citizen, draft)) == id_of(after)
    assert (await ServiceRequest.get(id=draft.id)).status == "DRAFT"
    await book(citizen, draft, after)
    assert (await submit(citizen, draft))["status"] == "SUBMITTED"
    assert await taken(slot, after) == [1, 1]


async def test_a_hold_that_ran_out_is_confirmed_as_long_as_nobody_took_the_place(
    citizen: CitizenActor, draft: ServiceRequest, schedule: Schedule
) -> None:
    slot = await make_slot(schedule)
    await run_out((await book(citizen, draft, slot))["id"])
    assert (await submit(citizen, draft))["appointments"][0]["state"] == "CONFIRMED"
    assert await taken(slot) == [1]


async def test_a_hold_that_was_lost_is_confirmed_where_the_place_is_free_again(
    citizen: CitizenActor, draft: ServiceRequest, procedure: Procedure, schedule: Schedule
) -> None:
    slot = await make_slot(schedule)
    await run_out((await book(citizen, draft, slot))["id"])
    other = await make_citizen()
    theirs = await book(other, await make_request(procedure, citizen=other), slot)
    await cancel(other, theirs["id"])
    assert (await submit(citizen, draft))["appointments"][0]["state"] == "CONFIRMED"
    assert await taken(slot) == [1]


async def test_a_lost_hold_takes_the_place_of_another_that_ran_out(
    citizen: CitizenActor, draft: ServiceRequest, procedure: Procedure, schedule: Schedule
) -> None:
    slot = await make_slot(schedule)
    mine = await book(citizen, draft, slot)
    await run_out(mine["id"])
    other = await make_citizen()
    theirs = await book(other, await make_request(procedure, citizen=other, status="DRAFT"), slot)
    await run_out(theirs["id"])
    assert (await submit(citizen, draft))["appointments"][0]["state"] == "CONFIRMED"
    assert (await Appointment.get(id=decode_as("Appointment", theirs["id"]))).counts is False
    assert await taken(slot) == [1]


async def test_throwing_the_draft_away_frees_the_slot(
    citizen: CitizenActor, draft: ServiceRequest, schedule: Schedule
) -> None:
    slot = await make_slot(schedule)
    await book(citizen, draft, slot)
    await cancel_request(citizen, request=id_of(draft), reason=None, selection=REQUEST)
    assert await taken(slot) == [0]
    assert await Appointment.all().count() == 0


async def test_a_sent_request_books_at_once(
    citizen: CitizenActor, sent: ServiceRequest, schedule: Schedule
) -> None:
    slot, other = await make_slot(schedule), await make_slot(schedule, hours=30)
    row = await book(citizen, sent, slot, "ici@example.org")
    assert (row["state"], row["held_until"], row["reminder"]["email"]) == (
        "CONFIRMED",
        None,
        "ici@example.org",
    )
    (event,) = await RequestEvent.all()
    assert (event.kind, event.data["start"]) == ("AppointmentBooked", slot.start.isoformat())
    (mail,) = await Mail.all()
    assert (mail.template, mail.appointment_sequence) == ("appointment_booked", 0)
    assert (await book(citizen, sent, slot))["id"] == row["id"], "asked again, it is booked once"
    with pytest.raises(NotAllowedError):
        await book(citizen, sent, other)
    assert (await kinds(), await taken(slot, other)) == (["AppointmentBooked"], [1, 0])


async def test_moving(citizen: CitizenActor, sent: ServiceRequest, schedule: Schedule) -> None:
    first, second = await make_slot(schedule), await make_slot(schedule, hours=30)
    booked = await book(citizen, sent, first)
    moved = await move(citizen, booked["id"], second)
    assert (moved["id"], moved["state"], moved["slot"]["id"]) == (booked["id"], "CONFIRMED", id_of(second))
    assert await taken(first, second) == [0, 1]
    assert (await Appointment.get()).sequence == 1
    await move(citizen, booked["id"], second)
    assert (await Appointment.get()).sequence == 1
    events = await RequestEvent.all().order_by("position")
    assert [event.kind for event in events] == ["AppointmentBooked", "AppointmentMoved"]
    assert events[1].data["previous_start"] == first.start.isoformat()
    assert [mail.template for mail in await Mail.all().order_by("id")] == [
        "appointment_booked",
        "appointment_moved",
    ]


async def test_moving_is_all_or_nothing(
    citizen: CitizenActor, sent: ServiceRequest, procedure: Procedure, schedule: Schedule
) -> None:
    mine, full = await make_slot(schedule), await make_slot(schedule, hours=30)
    free = await make_slot(schedule, hours=40)
    await make_appointment(await make_request(procedure), full)
    booked = await book(citizen, sent, mine)
    assert await lost(move(citizen, booked["id"], full)) == id_of(free)
    row = await Appointment.get(id=decode_as("Appointment", booked["id"]))
    assert (row.slot_id, row.state, row.sequence) == (mine.id, "CONFIRMED", 0)
    assert await taken(mine, full, free) == [1, 1, 0]
    assert await kinds() == ["AppointmentBooked"]


async def test_a_closed_slot_one_that_has_begun_and_none(
    citizen: CitizenActor, sent: ServiceRequest, schedule: Schedule
) -> None:
    closed, begun = await make_slot(schedule, closed=True), await make_slot(schedule, hours=-0.1)
    assert await lost(book(citizen, sent, closed)) is None
    free = await make_slot(schedule, hours=30)
    for slot in (closed, begun):
        assert await lost(book(citizen, sent, slot)) == id_of(free)
    booked = await book(citizen, sent, free)
    for slot in (closed, begun):
        await lost(move(citizen, booked["id"], slot))
    with pytest.raises(NotFoundError):
        await move(citizen, booked["id"], Slot(id=new_id(), schedule_id=schedule.id))


async def test_a_held_slot_that_begins_or_is_closed_is_confirmed_no_more(
    citizen: CitizenActor, agent: AgentActor, draft: ServiceRequest, schedule: Schedule
) -> None:
    slot, after = await make_slot(schedule), await make_slot(schedule, hours=30)
    await book(citizen, draft, slot)
    await close_slots(agent, slots=[id_of(slot)], reason=None, selection=NEXT)
    assert await lost(submit(citizen, draft)) == id_of(after)
    await book(citizen, draft, after)
    await Slot.filter(id=after.id).update(start=now() - timedelta(minutes=1))
    assert await lost(submit(citizen, draft)) is None


async def begin(slot: Slot) -> None:
    """A week goes by."""
    await execute(
        "UPDATE slot SET start = start - interval '7 days', \"end\" = \"end\" - interval '7 days' WHERE id = $1",
        slot.id,
    )


async def refuse_all(actor: Actor, appointment: str, *slots: Slot) -> None:
    """Nothing of it may be changed any more, as it is over."""
    for attempt in (
        *(move(actor, appointment, slot) for slot in slots),
        cancel(actor, appointment),
        set_reminder(actor, appointment=appointment, email="ici@example.org", selection=APPOINTMENT),
    ):
        with pytest.raises(NotAllowedError) as raised:
            await attempt
        assert "a commencé" in raised.value.text.fr


async def test_an_appointment_that_has_begun_is_over_and_another_may_be_booked(
    citizen: CitizenActor, agent: AgentActor, sent: ServiceRequest, schedule: Schedule
) -> None:
    """Who missed it, or has to come a second time, is not sent back to a form."""
    slot, other = await make_slot(schedule), await make_slot(schedule, hours=30)
    booked = await book(citizen, sent, slot)
    await begin(slot)
    for actor in (citizen, agent):
        await refuse_all(actor, booked["id"], slot, other)
    assert await taken(slot, other) == [1, 0]
    row = await read(citizen, sent)
    assert [action for action in row["permitted_actions"] if "APPOINTMENT" in action] == ["BOOK_APPOINTMENT"]

    again = await book(citizen, sent, other)
    assert again["id"] != booked["id"]
    row = await read(citizen, sent)
    assert [one["id"] for one in row["appointments"]] == [booked["id"], again["id"]]
    assert [action for action in row["permitted_actions"] if "APPOINTMENT" in action] == ["MOVE_APPOINTMENT"]
    assert await taken(slot, other) == [1, 1]
    await refuse_all(citizen, booked["id"], slot, other)
    third = await make_slot(schedule, hours=40)
    await move(citizen, again["id"], third)
    await cancel(citizen, again["id"])
    await refuse_all(citizen, booked["id"], other)
    row = await read(citizen, sent)
    assert [one["id"] for one in row["appointments"]] == [booked["id"]]
    await book(citizen, sent, other)
    await begin(other)
    await book(citizen, sent, third)
    assert await Appointment.filter(state="CONFIRMED").count() == 3
    assert await taken(slot, other, third) == [1, 1, 1]


async def test_who_cannot_book_another_keeps_the_one_that_is_over(
    citizen: CitizenActor, procedure: Procedure, sent: ServiceRequest, schedule: Schedule
) -> None:
    slot, full = await make_slot(schedule), await make_slot(schedule, hours=30)
    await make_appointment(await make_request(procedure), full)
    booked = await book(citizen, sent, slot)
    await begin(slot)
    await lost(book(citizen, sent, full))
    assert (await Appointment.get(id=decode_as("Appointment", booked["id"]))).past is False
    assert [one["id"] for one in (await read(citizen, sent))["appointments"]] == [booked["id"]]


async def test_cancelling_the_request_leaves_an_appointment_that_took_place(
    citizen: CitizenActor, sent: ServiceRequest, schedule: Schedule
) -> None:
    slot = await make_slot(schedule)
    await book(citizen, sent, slot)
    await begin(slot)
    await cancel_request(citizen, request=id_of(sent), reason=None, selection=REQUEST)
    assert await kinds() == ["AppointmentBooked", "RequestCancelled"]
    assert await taken(slot) == [1]
    assert not await Mail.filter(template="appointment_cancelled").exists()


async def test_cancelling_gives_the_place_back_and_another_may_be_booked(
    citizen: CitizenActor, sent: ServiceRequest, schedule: Schedule
) -> None:
    slot = await make_slot(schedule)
    booked = await book(citizen, sent, slot)
    row = await cancel(citizen, booked["id"])
    assert (row["appointments"], row["permitted_actions"][-1]) == ([], "BOOK_APPOINTMENT")
    assert await taken(slot) == [0]
    await cancel(citizen, booked["id"])
    assert await kinds() == ["AppointmentBooked", "AppointmentCancelled"]
    for attempt in (
        move(citizen, booked["id"], slot),
        set_reminder(citizen, appointment=booked["id"], email=None, selection=APPOINTMENT),
    ):
        with pytest.raises(NotAllowedError):
            await attempt
    again = await book(citizen, sent, slot)
    assert again["id"] != booked["id"]
    assert [mail.template for mail in await Mail.all().order_by("id")] == [
        "appointment_booked",
        "appointment_cancelled",
        "appointment_booked",
    ]


async def test_cancelling_the_request_frees_its_slot(
    citizen: CitizenActor, sent: ServiceRequest, schedule: Schedule
) -> None:
    slot = await make_slot(schedule)
    booked = await book(citizen, sent, slot)
    await cancel_request(citizen, request=id_of(sent), reason=None, selection=REQUEST)
    assert await taken(slot) == [0]
    assert await kinds() == ["AppointmentBooked", "RequestCancelled", "AppointmentCancelled"]
    for attempt in (book(citizen, sent, slot), move(citizen, booked["id"], slot)):
        with pytest.raises(NotAllowedError):
            await attempt


async def test_a_closed_slot_offers_the_next_one(
    citizen: CitizenActor, agent: AgentActor, sent: ServiceRequest, schedule: Schedule
) -> None:
    slot, after = await make_slot(schedule), await make_slot(schedule, hours=30)
    await book(citizen, sent, slot)
    await close_slots(agent, slots=[id_of(slot)], reason=None, selection=NEXT)
    row = await read(citizen, sent)
    assert (row["appointments"], row["permitted_actions"][-1]) == ([], "BOOK_APPOINTMENT")
    assert await lost(book(citizen, sent, slot)) == id_of(after)
    assert (await book(citizen, sent, after))["state"] == "CONFIRMED"


async def test_slots_of_other_procedures_do_not_exist_here(
    citizen: CitizenActor, sent: ServiceRequest, schedule: Schedule
) -> None:
    elsewhere = await make_schedule()
    await make_procedure(appointment="REQUIRED", schedules=[elsewhere])
    slot = await make_slot(elsewhere)
    with pytest.raises(NotFoundError):
        await book(citizen, sent, slot)
    booked = await book(citizen, sent, await make_slot(schedule))
    with pytest.raises(NotFoundError):
        await move(citizen, booked["id"], slot)
    assert await taken(slot) == [0]


async def test_who_may(
    citizen: CitizenActor, agent: AgentActor, sent: ServiceRequest, procedure: Procedure, schedule: Schedule
) -> None:
    slot, other = await make_slot(schedule), await make_slot(schedule, hours=30)
    booked = await book(citizen, sent, slot)
    stranger, unclaimed = await make_citizen(), await make_request(procedure)
    handler = await make_agent("HANDLER", procedures=[await make_procedure()])
    for actor in (Visitor(), stranger, handler, holder_of(unclaimed)):
        for attempt in (
            book(actor, sent, other),
            move(actor, booked["id"], other),
            cancel(actor, booked["id"]),
            set_reminder(actor, appointment=booked["id"], email=None, selection=APPOINTMENT),
        ):
            with pytest.raises(NotFoundError):
                await attempt
        assert await node(actor, id=booked["id"], selection=APPOINTMENT) is None
    assert await taken(slot, other) == [1, 0]

    of_ours = await make_agent("HANDLER", procedures=[procedure])
    for actor in (of_ours, agent, holder_of(sent), citizen):
        row = await node(actor, id=booked["id"], selection=APPOINTMENT)
        assert row is not None
        assert row["slot"]["id"] == id_of(slot)
    assert (await move(of_ours, booked["id"], other))["slot"]["id"] == id_of(other)
    await cancel(agent, booked["id"])
    assert (await book(of_ours, sent, slot))["state"] == "CONFIRMED"
    assert {event.actor for event in await RequestEvent.all()} == {"CITIZEN", "MUNICIPALITY"}


@pytest.mark.parametrize("name", ["book", "move", "cancel"])
async def test_ids_of_nothing(
    citizen: CitizenActor, sent: ServiceRequest, schedule: Schedule, name: str
) -> None:
    slot = await make_slot(schedule)
    for unknown in ("?", encode("Appointment", new_id()), id_of(slot)):
        attempts = {
            "book": lambda unknown=unknown: book_appointment(
                citizen, request=unknown, slot=id_of(slot), reminder_email=None,
                selection=APPOINTMENT, next_selection=NEXT,
            ),
            "move": lambda unknown=unknown: move(citizen, unknown, slot),
            "cancel": lambda unknown=unknown: cancel(citizen, unknown),
        }  # fmt: skip
        with pytest.raises(NotFoundError):
            await attempts[name]()


async def test_a_procedure_without_appointments(citizen: CitizenActor, schedule: Schedule) -> None:
    procedure = await make_procedure(schedules=[schedule])
    for status in ("DRAFT", "SUBMITTED"):
        mine = await make_request(procedure, citizen=citizen, status=status)
        assert not [
            action
            for action in (await read(citizen, mine))["permitted_actions"]
            if action.endswith("APPOINTMENT")
        ]
        with pytest.raises(NotAllowedError):
            await book(citizen, mine, await make_slot(schedule, hours=24 if status == "DRAFT" else 30))


@pytest.mark.parametrize("status", ["ACCEPTED", "REFUSED"])
async def test_a_decided_request_keeps_its_appointment_and_books_no_other(
    citizen: CitizenActor, procedure: Procedure, schedule: Schedule, status: str
) -> None:
    slot, other = await make_slot(schedule), await make_slot(schedule, hours=30)
    decided = await make_request(procedure, citizen=citizen, status=status)
    with pytest.raises(NotAllowedError):
        await book(citizen, decided, slot)
    appointment = await make_appointment(decided, slot)
    assert (await move(citizen, id_of(appointment), other))["slot"]["id"] == id_of(other)
    await cancel(citizen, id_of(appointment))
    assert "BOOK_APPOINTMENT" not in (await read(citizen, decided))["permitted_actions"]


async def test_a_reminder_address_that_is_none(
    citizen: CitizenActor, sent: ServiceRequest, schedule: Schedule
) -> None:
    with pytest.raises(ValidationError) as raised:
        await book(citizen, sent, await make_slot(schedule), "nulle part")
    assert [problem.path for problem in raised.value.problems] == ["reminderEmail"]


async def until_refused(*changes: Callable[[], Awaitable[Any]]) -> int:
    """Makes the changes by turns until one meets a limit; how many were made."""
    for made, change in enumerate(changes * 50):
        try:
            await change()
        except RateLimitedError:
            return made
    raise AssertionError("no limit was met")


@pytest.mark.usefixtures("limits_as_declared")
async def test_nobody_fills_a_mailbox_by_moving_back_and_forth(
    citizen: CitizenActor, agent: AgentActor, sent: ServiceRequest, schedule: Schedule
) -> None:
    one, two = await make_slot(schedule), await make_slot(schedule, hours=50)
    holder = holder_of(sent)
    booked = await book(holder, sent, one)
    made = await until_refused(
        lambda: move(holder, booked["id"], two), lambda: move(holder, booked["id"], one)
    )
    most = MAIL_OF_REQUEST.each_caller[0].amount + MAIL.each_subject[0].amount
    assert made == most - 1, "it was booked, too"
    assert await Mail.all().count() == most
    where = (await Appointment.get()).slot_id
    assert await taken(one, two) == [int(where == one.id), int(where == two.id)], (
        "what is refused is not done"
    )
    # The citizen's own account has another limit; the mairie has none here.
    await move(citizen, booked["id"], one if where == two.id else two)
    for slot in (one, two) * 20:
        await move(agent, booked["id"], slot)


@pytest.mark.usefixtures("limits_as_declared")
async def test_nobody_fills_a_mailbox_with_reminders(
    citizen: CitizenActor, sent: ServiceRequest, procedure: Procedure, schedule: Schedule
) -> None:
    """On the day before each leaves at once. It counts for its recipient, whoever asks."""
    booked = await book(citizen, sent, await make_slot(schedule, hours=1))

    def ask_for(email: str | None) -> Callable[[], Awaitable[Any]]:
        return lambda: set_reminder(citizen, appointment=booked["id"], email=email, selection=APPOINTMENT)

    asked = await until_refused(ask_for("victime@example.org"), ask_for(None))
    assert asked == 2 * MAIL.each_subject[0].amount
    other = await make_citizen()
    theirs = await make_request(procedure, citizen=other)
    with pytest.raises(RateLimitedError):
        await book(other, theirs, await make_slot(schedule, hours=2), "victime@example.org")
    assert (await book(other, theirs, await make_slot(schedule, hours=3)))["state"] == "CONFIRMED"


@pytest.mark.usefixtures("limits_as_declared")
async def test_no_account_keeps_a_calendar_from_everybody(
    citizen: CitizenActor, procedure: Procedure, schedule: Schedule
) -> None:
    """Neither with many drafts, nor by choosing again before the time has run out."""
    drafts = [await make_request(procedure, citizen=citizen, status="DRAFT") for _ in range(3)]
    slots = [await make_slot(schedule, hours=24 + hours) for hours in range(3)]
    made = await until_refused(
        *(lambda pair=pair: book(citizen, *pair) for pair in zip(drafts, slots, strict=True))
    )
    assert made == HOLD.each_caller[0].amount
    other = await make_citizen()
    await book(
        other,
        await make_request(procedure, citizen=other, status="DRAFT"),
        await make_slot(schedule, hours=40),
    )


@pytest.mark.usefixtures("limits_as_declared")
async def test_who_finds_a_slot_taken_has_not_caused_a_mail(
    sent: ServiceRequest, procedure: Procedure, schedule: Schedule
) -> None:
    full = await make_slot(schedule)
    await make_appointment(await make_request(procedure), full)
    for _ in range(MAIL.each_subject[0].amount + 1):
        await lost(book(holder_of(sent), sent, full))
    await book(holder_of(sent), sent, await make_slot(schedule, hours=30))


async def test_many_want_the_last_places(procedure: Procedure, schedule: Schedule) -> None:
    """As many are told yes as there are places, all others no, with the next one that was free."""
    slot, after = await make_slot(schedule, capacity=3), await make_slot(schedule, hours=30, capacity=100)
    citizens = [await make_citizen() for _ in range(20)]
    requests = [await make_request(procedure, citizen=citizen) for citizen in citizens]
    answers = await asyncio.gather(
        *(book(citizen, request, slot) for citizen, request in zip(citizens, requests, strict=True)),
        return_exceptions=True,
    )
    losers = [answer for answer in answers if isinstance(answer, SlotUnavailableError)]
    assert len(losers) == 17
    assert all(loser.next_available and loser.next_available["id"] == id_of(after) for loser in losers)
    assert await taken(slot) == [3]
    assert await Appointment.filter(slot_id=slot.id, state="CONFIRMED").count() == 3


async def test_many_holds_that_ran_out_give_one_place_to_one(
    procedure: Procedure, schedule: Schedule
) -> None:
    slot = await make_slot(schedule)
    await make_appointment(await make_request(procedure, status="DRAFT"), slot, state="HELD", minutes=-1)
    citizens = [await make_citizen() for _ in range(10)]
    requests = [await make_request(procedure, citizen=citizen) for citizen in citizens]
    answers = await asyncio.gather(
        *(book(citizen, request, slot) for citizen, request in zip(citizens, requests, strict=True)),
        return_exceptions=True,
    )
    assert sum(isinstance(answer, dict) for answer in answers) == 1
    assert await taken(slot) == [1]


async def test_two_who_swap_their_slots_do_not_wait_for_each_other(
    procedure: Procedure, schedule: Schedule
) -> None:
    """With room beside them both succeed, again and again; PostgreSQL never has to break a circle."""
    slots = [await make_slot(schedule, hours=hours, capacity=2) for hours in (24, 30)]
    citizens = [await make_citizen() for _ in slots]
    booked = [
        await book(citizen, await make_request(procedure, citizen=citizen), slot)
        for citizen, slot in zip(citizens, slots, strict=True)
    ]
    before = await deadlocks()
    for turn in range(1, 21):
        await asyncio.gather(
            *(
                move(citizen, appointment["id"], slots[(place + turn) % 2])
                for place, (citizen, appointment) in enumerate(zip(citizens, booked, strict=True))
            )
        )
        assert await taken(*slots) == [1, 1]
    assert await deadlocks() == before


async def deadlocks() -> int:
    row = await fetch_one("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    assert row is not None
    return int(row["deadlocks"])


async def test_closing_while_citizens_move_in_and_out(
    agent: AgentActor, procedure: Procedure, schedule: Schedule
) -> None:
    """Whoever is told yes has it, or was told of the closing; a closed slot holds nobody."""
    closing, other = (
        await make_slot(schedule, capacity=30),
        await make_slot(schedule, hours=30, capacity=30),
    )
    citizens = [await make_citizen() for _ in range(12)]
    requests = [await make_request(procedure, citizen=citizen) for citizen in citizens]
    booked = [
        await book(citizen, request, other if number % 2 else closing)
        for number, (citizen, request) in enumerate(zip(citizens, requests, strict=True))
    ]
    answers = await asyncio.gather(
        *(
            move(citizen, appointment["id"], closing if number % 2 else other)
            for number, (citizen, appointment) in enumerate(zip(citizens, booked, strict=True))
        ),
        close_slots(agent, slots=[id_of(closing)], reason=None, selection=NEXT),
        return_exceptions=True,
    )
    unforeseen = [
        answer
        for answer in answers
        if isinstance(answer, BaseException)
        and not isinstance(answer, (SlotUnavailableError, NotAllowedError))
    ]
    assert unforeseen == []
    assert await Appointment.filter(slot_id=closing.id, state="CONFIRMED").count() == 0
    assert await taken(closing) == [0]
    assert await taken(other) == [await Appointment.filter(slot_id=other.id, state="CONFIRMED").count()]
    cancelled = await Appointment.filter(state="CANCELLED").count()
    assert await RequestEvent.filter(kind="AppointmentCancelled").count() == cancelled
    assert await Mail.filter(template="appointment_closed").count() == cancelled


async def test_how_many_statements_each_takes(
    citizen: CitizenActor, procedure: Procedure, schedule: Schedule
) -> None:
    """However full the slots are, and however many there are."""
    slots = [await make_slot(schedule, hours=24 + number, capacity=50) for number in range(4)]

    async def round_() -> dict[str, int]:
        draft = await make_request(procedure, citizen=citizen, status="DRAFT")
        sent = await make_request(procedure, citizen=citizen)
        await catalogue.current()
        made: dict[str, int] = {}
        with counted() as count:
            held = await book(citizen, draft, slots[0])
        made["hold"] = count.value
        with counted() as count:
            await book(citizen, draft, slots[1])
        made["hold another"] = count.value
        with counted() as count:
            await submit(citizen, draft)
        made["submit"] = count.value
        with counted() as count:
            booked = await book(citizen, sent, slots[0], "ici@example.org")
        made["book"] = count.value
        with counted() as count:
            await move(citizen, booked["id"], slots[2])
        made["move"] = count.value
        with counted() as count:
            await cancel(citizen, booked["id"])
        made["cancel"] = count.value
        assert held["id"] != booked["id"]
        return made

    first = await round_()
    for _ in range(5):
        await make_appointment(await make_request(procedure), slots[0])
        await make_appointment(
            await make_request(procedure, status="DRAFT"), slots[0], state="HELD", minutes=-1
        )
    assert await round_() == first
    assert first == {"hold": 7, "hold another": 7, "submit": 13, "book": 9, "move": 10, "cancel": 9}
