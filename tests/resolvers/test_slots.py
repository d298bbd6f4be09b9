"""Publishing, closing and reading slots; 1er dispo."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from core.clock import now
from core.errors import MalformedError, NotFoundError, ValidationError
from core.selection import SelectedField, Selection
from core.settings import Settings
from models.actors import Actor, AgentActor, CitizenActor, Visitor
from models.address import Address
from models.appointments import Appointment, Schedule, Slot
from models.database import Row, counted, execute, fetch_one
from models.events import RequestEvent
from models.ids import encode, new_id
from models.mail import Mail
from models.procedures import Procedure
from resolvers import catalogue
from resolvers.nodes import node
from resolvers.procedures import procedure as read_procedure
from resolvers.slots import OpeningRule, close_slots, publish_slots, save_schedule
from tests.factories import (
    holder_of,
    id_of,
    make_agent,
    make_appointment,
    make_procedure,
    make_request,
    make_schedule,
    make_slot,
)

PARIS = ZoneInfo("Europe/Paris")
SLOT = Selection.of("id", "start", "end", "capacity", "remaining", "closed")
WHOLE_SLOT = Selection.of(
    "id", "start", "remaining", schedule=Selection.of("title", "place"), appointments=Selection.of("id")
)
WHO_COMES = Selection.of("id", appointments=Selection.of("id", request=Selection.of("ticket", "contact")))
WEEK = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY")
VISITOR = Visitor()


@pytest_asyncio.fixture
async def schedule(database: Settings) -> Schedule:
    return await make_schedule()


async def publish(actor: AgentActor, schedule: Schedule, **changes: Any) -> int:
    rule: dict[str, Any] = {
        "first": date(2099, 6, 1),
        "last": date(2099, 6, 7),
        "openings": [OpeningRule(WEEK, "09:00", "12:00")],
        "minutes": 20,
        "capacity": 2,
        "skip_public_holidays": False,
        **changes,
    }
    row, published = await publish_slots(
        actor, schedule=id_of(schedule), selection=Selection.of("id"), **rule
    )
    assert row["id"] == id_of(schedule)
    return published


async def calendar(
    actor: Actor, schedule: Schedule, first: date, last: date, *, full: bool = False, of: Selection = SLOT
) -> list[Row]:
    field = SelectedField("slots", {"from": first, "to": last, **({"full": True} if full else {})}, of)
    row = await node(actor, id=id_of(schedule), selection=Selection((field,)))
    assert row is not None
    found: list[Row] = row[field.key]
    return found


async def first_available(actor: Actor, schedule: Schedule, after: datetime | None = None) -> Row | None:
    field = SelectedField("first_available_slot", {"after": after} if after else {}, SLOT)
    row = await node(actor, id=id_of(schedule), selection=Selection((field,)))
    assert row is not None
    found: Row | None = row[field.key]
    return found


async def test_publishing_a_week(agent: AgentActor, schedule: Schedule) -> None:
    assert await publish(agent, schedule) == 5 * 9
    slots = await calendar(VISITOR, schedule, date(2099, 6, 1), date(2099, 6, 7))
    assert len(slots) == 45
    first = slots[0]
    assert datetime.fromisoformat(first["start"]) == datetime(2099, 6, 1, 9, tzinfo=PARIS)
    assert datetime.fromisoformat(first["end"]) == datetime(2099, 6, 1, 9, 20, tzinfo=PARIS)
    assert (first["capacity"], first["remaining"], first["closed"]) == (2, 2, False)
    assert [slot["start"] for slot in slots] == sorted(slot["start"] for slot in slots)


async def test_publishing_again_skips_what_stands(agent: AgentActor, schedule: Schedule) -> None:
    await publish(agent, schedule)
    before = {slot.id for slot in await Slot.all()}
    assert await publish(agent, schedule) == 0
    assert await publish(agent, schedule, last=date(2099, 6, 8)) == 9
    assert before < {slot.id for slot in await Slot.all()}


async def test_what_would_overlap_is_skipped_and_the_rest_published(
    agent: AgentActor, schedule: Schedule
) -> None:
    await publish(agent, schedule)
    # Of 08:30, 09:15, 10:00 … only what lies outside 09:00 to 12:00 is new.
    longer = [OpeningRule(("MONDAY",), "08:15", "13:30")]
    assert await publish(agent, schedule, openings=longer, minutes=45) == 3
    starts = [slot.start.astimezone(PARIS).time() for slot in await Slot.filter(capacity=2).order_by("start")]
    assert {time(8, 15), time(12), time(12, 45)} <= set(starts)


async def test_openings_of_one_rule_that_overlap(agent: AgentActor, schedule: Schedule) -> None:
    both = [OpeningRule(("MONDAY",), "09:00", "10:00"), OpeningRule(("MONDAY",), "09:30", "10:30")]
    assert await publish(agent, schedule, openings=both, minutes=30) == 3


async def test_two_who_publish_at_once_publish_once(agent: AgentActor, schedule: Schedule) -> None:
    published = await asyncio.gather(publish(agent, schedule), publish(agent, schedule))
    assert sorted(published) == [0, 45]


async def test_days_that_are_past_are_left_out(agent: AgentActor, schedule: Schedule) -> None:
    today = now().astimezone(PARIS).date()
    all_day = [OpeningRule((*WEEK, "SATURDAY", "SUNDAY"), "00:00", "23:00")]
    first, last = today - timedelta(days=3), today + timedelta(days=1)
    await publish(agent, schedule, first=first, last=last, openings=all_day, minutes=60)
    starts = [slot.start for slot in await Slot.all()]
    assert min(starts) > now() - timedelta(seconds=30)
    assert len([start for start in starts if start.astimezone(PARIS).date() == last]) in (22, 23, 24)


@pytest.mark.parametrize("postal_code", ["78000", "67000"])
async def test_public_holidays_on_request(agent: AgentActor, schedule: Schedule, postal_code: str) -> None:
    """1 to 5 April 2089, Good Friday and Easter Monday among them; and Christmas, with the day after in Alsace."""
    await execute(
        "UPDATE municipality SET address = jsonb_build_object('postal_code', $1::text), revision = revision + 1",
        postal_code,
    )
    await catalogue.refresh()
    every = [OpeningRule((*WEEK, "SATURDAY", "SUNDAY"), "09:00", "10:00")]
    rule = {"openings": every, "minutes": 60, "skip_public_holidays": True}
    easter = await publish(agent, schedule, first=date(2089, 4, 1), last=date(2089, 4, 5), **rule)
    december = await publish(agent, schedule, first=date(2089, 12, 1), last=date(2089, 12, 26), **rule)
    in_alsace = postal_code == "67000"
    assert (easter, december) == ((3, 24) if in_alsace else (4, 25))
    whole = await publish(
        agent, schedule, first=date(2089, 12, 25), last=date(2089, 12, 26), openings=every, minutes=60
    )
    assert whole == (2 if in_alsace else 1)


async def test_a_rule_that_is_wrong_is_told_all_that_is_wrong(agent: AgentActor, schedule: Schedule) -> None:
    with pytest.raises(ValidationError) as raised:
        await publish(
            agent,
            schedule,
            first=date(2099, 6, 7),
            last=date(2099, 6, 1),
            minutes=0,
            capacity=0,
            openings=[
                OpeningRule(WEEK, "9:00", "24:00"),
                OpeningRule((), "10:00", "09:00"),
                OpeningRule(WEEK, "09:00", "10:00"),
            ],
        )
    assert [problem.path for problem in raised.value.problems] == [
        "to",
        "minutes",
        "capacity",
        "openings.0.start",
        "openings.0.end",
        "openings.1.end",
        "openings.1.weekdays",
    ]
    assert await Slot.all().count() == 0


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"last": date(2100, 6, 3)}, "to"),
        ({"openings": []}, "openings"),
        ({"openings": [OpeningRule(WEEK, "09:00", "10:00")] * 51}, "openings"),
        ({"minutes": 1441}, "minutes"),
        ({"capacity": 1001}, "capacity"),
        ({"first": date(2300, 1, 1), "last": date(2300, 1, 2)}, "to"),
        # Tens of millions: refused without being made.
        (
            {
                "last": date(2100, 6, 1),
                "minutes": 1,
                "openings": [OpeningRule(WEEK, "00:00", "23:59")] * 50,
            },
            "to",
        ),
    ],
)
async def test_a_rule_that_is_too_much(
    agent: AgentActor, schedule: Schedule, changes: dict[str, Any], path: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        await publish(agent, schedule, **changes)
    assert [problem.path for problem in raised.value.problems] == [path]


async def test_days_that_are_past_are_not_even_counted(agent: AgentActor, schedule: Schedule) -> None:
    """Twenty-six millions of spans, all past: going through them would hold everybody up for half a minute."""
    began_at = perf_counter()
    every = [OpeningRule((*WEEK, "SATURDAY", "SUNDAY"), "00:00", "23:59")] * 50
    span = {"first": date(2000, 1, 1), "last": date(2000, 12, 31)}
    assert await publish(agent, schedule, minutes=1, openings=every, **span) == 0
    assert perf_counter() - began_at < 5


async def test_publishing_in_a_schedule_that_is_none(agent: AgentActor, schedule: Schedule) -> None:
    with pytest.raises(NotFoundError):
        await publish(agent, Schedule(id=new_id(), slug="x", title="x", place="x"))


async def test_a_year_is_published_in_few_statements(agent: AgentActor, schedule: Schedule) -> None:
    """The shape of what benchmarks/appointments.py times: a year, 20 minutes, and no statement for each slot."""
    await catalogue.current()
    with counted() as count:
        published = await publish(agent, schedule, first=date(2099, 1, 1), last=date(2099, 12, 31))
    assert published == 261 * 9
    assert count.value <= 5


async def test_the_calendar_is_that_of_the_municipality(agent: AgentActor, schedule: Schedule) -> None:
    night = [OpeningRule((*WEEK, "SATURDAY", "SUNDAY"), "00:00", "00:20")]
    late = [OpeningRule((*WEEK, "SATURDAY", "SUNDAY"), "23:30", "23:50")]
    span = {"first": date(2099, 5, 31), "last": date(2099, 6, 2)}
    assert await publish(agent, schedule, openings=night, **span) == 3
    assert await publish(agent, schedule, openings=late, **span) == 3
    day = await calendar(VISITOR, schedule, date(2099, 6, 1), date(2099, 6, 1))
    assert [datetime.fromisoformat(slot["start"]).astimezone(PARIS).strftime("%d %H:%M") for slot in day] == [
        "01 00:00",
        "01 23:30",
    ]


async def test_only_agents_see_what_is_full_closed_or_past(
    agent: AgentActor, citizen: CitizenActor, schedule: Schedule, procedure: Procedure
) -> None:
    free, full = await make_slot(schedule, hours=24), await make_slot(schedule, hours=25)
    closed, past = await make_slot(schedule, hours=26, closed=True), await make_slot(schedule, hours=-1)
    lapsed = await make_slot(schedule, hours=27)
    await make_appointment(await make_request(procedure), full)
    await make_appointment(await make_request(procedure), lapsed, state="HELD", minutes=-1)
    today = now().astimezone(PARIS).date()
    first, last = today - timedelta(days=1), today + timedelta(days=3)
    for actor in (VISITOR, citizen):
        for asked in (False, True):
            slots = await calendar(actor, schedule, first, last, full=asked)
            assert [slot["id"] for slot in slots] == [id_of(free), id_of(lapsed)]
            assert [slot["remaining"] for slot in slots] == [1, 1]
    everything = await calendar(agent, schedule, first, last, full=True)
    assert [(slot["id"], slot["remaining"]) for slot in everything] == [
        (id_of(past), 1),
        (id_of(free), 1),
        (id_of(full), 0),
        (id_of(closed), 0),
        (id_of(lapsed), 1),
    ]


async def test_a_calendar_that_is_too_long(schedule: Schedule) -> None:
    with pytest.raises(MalformedError):
        await calendar(VISITOR, schedule, date(2099, 1, 1), date(2099, 3, 5))
    for day in (date.max, date.min):
        with pytest.raises(MalformedError):
            await calendar(VISITOR, schedule, day, day)
    assert await calendar(VISITOR, schedule, date(2099, 1, 2), date(2099, 1, 1)) == []


async def test_the_first_available_slot(agent: AgentActor, schedule: Schedule, procedure: Procedure) -> None:
    assert await first_available(VISITOR, schedule) is None
    slots = [await make_slot(schedule, hours=hours) for hours in (-1, 1, 2, 3, 4, 5)]
    await make_appointment(await make_request(procedure), slots[1])
    lapsed = await make_appointment(await make_request(procedure), slots[2], state="HELD", minutes=-1)
    await make_appointment(await make_request(procedure), slots[3], state="HELD")

    async def found(after: datetime | None = None) -> str | None:
        row = await first_available(VISITOR, schedule, after)
        return row["id"] if row else None

    assert await found() == id_of(slots[2])
    assert await found(slots[0].start) == id_of(slots[2])
    assert await found(slots[2].start + timedelta(seconds=1)) == id_of(slots[4])
    assert await found(slots[5].start) == id_of(slots[5])
    assert await found(slots[5].start + timedelta(seconds=1)) is None
    await Appointment.filter(id=lapsed.id).update(counts=False)
    assert await found() == id_of(slots[2])
    await close_slots(agent, slots=[id_of(slots[2])], reason=None, selection=SLOT)
    assert await found() == id_of(slots[4])


async def test_the_first_available_slot_of_all_schedules_of_a_procedure(database: Settings) -> None:
    one, two, elsewhere = await make_schedule(), await make_schedule(), await make_schedule()
    procedure = await make_procedure("passeport", appointment="REQUIRED", schedules=[one, two])
    field = SelectedField("first_available_slot", {}, WHOLE_SLOT)
    asked = Selection.of("title", schedules=Selection((field,)))
    asked = Selection((*asked.fields, field))
    await make_slot(elsewhere, hours=1)
    await make_slot(one, hours=3)
    early = await make_slot(two, hours=2)
    await catalogue.current()
    with counted() as count:
        row = await read_procedure(VISITOR, slug="passeport", selection=asked)
    assert row is not None
    assert count.value == 1
    assert row[field.key]["id"] == id_of(early)
    assert row[field.key]["schedule"]["title"] == "Titres d’identité"
    assert row["schedules"][1][field.key]["id"] == id_of(early)
    assert id_of(procedure) is not None


async def test_a_month_and_the_first_available_slot_are_one_statement(
    schedule: Schedule, agent: AgentActor
) -> None:
    await publish(agent, schedule, first=date(2099, 6, 1), last=date(2099, 6, 30))
    month = SelectedField("slots", {"from": date(2099, 6, 1), "to": date(2099, 6, 30)}, WHOLE_SLOT)
    first = SelectedField("first_available_slot", {}, WHOLE_SLOT)
    await catalogue.current()
    for actor in (VISITOR, agent):
        with counted() as count:
            row = await node(actor, id=id_of(schedule), selection=Selection((month, first)))
        assert row is not None
        assert len(row[month.key]) == 22 * 9
        assert row[first.key]["id"] == row[month.key][0]["id"]
        assert count.value == 1


async def test_who_comes_is_told_to_agents_for_the_requests_they_see(
    database: Settings, citizen: CitizenActor, agent: AgentActor
) -> None:
    schedule = await make_schedule()
    passports = await make_procedure(appointment="REQUIRED", schedules=[schedule])
    weddings = await make_procedure(appointment="REQUIRED", schedules=[schedule])
    handler = await make_agent("HANDLER", procedures=[passports])
    slot = await make_slot(schedule, capacity=5)
    mine = await make_request(passports, citizen=citizen)
    shown = await make_appointment(mine, slot)
    hidden = await make_appointment(await make_request(weddings), slot)
    await make_appointment(await make_request(passports, status="DRAFT"), slot, state="HELD")
    await make_appointment(await make_request(passports), slot, state="CANCELLED")

    async def who(actor: Actor) -> set[str]:
        row = await node(actor, id=id_of(slot), selection=WHO_COMES)
        assert row is not None
        return {appointment["id"] for appointment in row["appointments"]}

    assert await who(agent) == {id_of(shown), id_of(hidden)}
    assert await who(handler) == {id_of(shown)}
    for actor in (VISITOR, citizen, holder_of(mine)):
        assert await who(actor) == set()


async def test_closing_slots_cancels_and_tells(database: Settings, agent: AgentActor) -> None:
    schedule = await make_schedule()
    procedure = await make_procedure(appointment="REQUIRED", schedules=[schedule])
    booked, held = await make_slot(schedule, hours=24, capacity=2), await make_slot(schedule, hours=25)
    sent = await make_request(procedure)
    appointments = [
        await make_appointment(sent, booked),
        await make_appointment(await make_request(procedure), booked),
    ]
    hold = await make_appointment(await make_request(procedure, status="DRAFT"), held, state="HELD")

    slots, told = await close_slots(
        agent, slots=[id_of(booked), id_of(held), "?"], reason="Travaux", selection=SLOT
    )
    assert told == 2
    assert [(slot["id"], slot["closed"], slot["remaining"]) for slot in slots] == [
        (id_of(booked), True, 0),
        (id_of(held), True, 0),
    ]
    for appointment in appointments:
        row = await Appointment.get(id=appointment.id)
        assert (row.state, row.counts, row.sequence) == ("CANCELLED", False, 1)
    kept = await Appointment.get(id=hold.id)
    assert (kept.state, kept.counts) == ("HELD", False)
    assert await fetch_one("SELECT sum(taken) AS taken, sum(held) AS held FROM slot") == {
        "taken": 0,
        "held": 0,
    }
    events = await RequestEvent.all()
    assert {(event.kind, event.actor, event.data["reason"]) for event in events} == {
        ("AppointmentCancelled", "MUNICIPALITY", "Travaux")
    }
    assert await Mail.filter(template="appointment_closed").count() == 2

    assert (await close_slots(agent, slots=[id_of(booked)], reason=None, selection=SLOT))[1] == 0
    assert await Mail.all().count() == 2


async def test_handlers_close_slots_of_their_procedures_only(database: Settings) -> None:
    ours, theirs = await make_schedule(), await make_schedule()
    procedure = await make_procedure(appointment="REQUIRED", schedules=[ours])
    other = await make_procedure(appointment="REQUIRED", schedules=[theirs])
    handler = await make_agent("HANDLER", procedures=[procedure])
    mine, not_mine = await make_slot(ours), await make_slot(theirs)
    appointment = await make_appointment(await make_request(other), not_mine)
    with pytest.raises(NotFoundError):
        await close_slots(handler, slots=[id_of(not_mine)], reason=None, selection=SLOT)
    await close_slots(handler, slots=[id_of(mine), id_of(not_mine)], reason=None, selection=SLOT)
    assert (await Slot.get(id=mine.id)).closed_at is not None
    assert (await Slot.get(id=not_mine.id)).closed_at is None
    assert (await Appointment.get(id=appointment.id)).state == "CONFIRMED"


async def test_closing_too_many_or_none(agent: AgentActor, schedule: Schedule) -> None:
    with pytest.raises(ValidationError):
        await close_slots(
            agent, slots=[encode("Slot", new_id()) for _ in range(501)], reason=None, selection=SLOT
        )
    for none in ([], ["?"], [encode("Slot", new_id())], [id_of(schedule)]):
        with pytest.raises(NotFoundError):
            await close_slots(agent, slots=none, reason=None, selection=SLOT)


async def test_publishing_again_leaves_closed_what_was_closed(agent: AgentActor, schedule: Schedule) -> None:
    """Nobody sits there: whoever closed it had a reason, and whoever publishes the next year does not know it."""
    await publish(agent, schedule)
    (slot, *_) = await calendar(VISITOR, schedule, date(2099, 6, 1), date(2099, 6, 1))
    await close_slots(agent, slots=[slot["id"]], reason=None, selection=SLOT)
    assert await publish(agent, schedule) == 0
    assert await publish(agent, schedule, last=date(2099, 6, 8)) == 9
    # Nor does another rule open a part of it: 09:10 overlaps what was closed, 09:00 to 09:20.
    assert (
        await publish(agent, schedule, openings=[OpeningRule(("MONDAY",), "09:10", "09:20")], minutes=10) == 0
    )
    before = {each.id for each in await Slot.all()}
    assert await publish(agent, schedule, reopen_closed=True) == 1
    (again,) = [each for each in await Slot.all() if each.id not in before]
    assert (encode("Slot", again.id) != slot["id"], again.closed_at) == (True, None)
    assert await publish(agent, schedule, reopen_closed=True) == 0


async def test_a_slot_that_has_begun_is_not_closed(agent: AgentActor, schedule: Schedule) -> None:
    """Who came yesterday is not told today that the mairie cancels it."""
    procedure = await make_procedure(appointment="REQUIRED", schedules=[schedule])
    past, to_come = await make_slot(schedule, hours=-24), await make_slot(schedule)
    came = await make_appointment(await make_request(procedure), past)
    await make_appointment(await make_request(procedure), to_come)
    slots, told = await close_slots(agent, slots=[id_of(past), id_of(to_come)], reason=None, selection=SLOT)
    assert told == 1
    assert [(slot["id"], slot["closed"]) for slot in slots] == [(id_of(past), False), (id_of(to_come), True)]
    assert (await Appointment.get(id=came.id)).state == "CONFIRMED"
    assert await Mail.all().count() == 1
    slots, told = await close_slots(agent, slots=[id_of(past)], reason=None, selection=SLOT)
    assert (told, slots[0]["closed"]) == (0, False)


@pytest.mark.parametrize("reason", ["x" * 2_001, "a\u202eb"])
async def test_a_reason_that_nobody_can_read(agent: AgentActor, schedule: Schedule, reason: str) -> None:
    slot = await make_slot(schedule)
    with pytest.raises(ValidationError) as raised:
        await close_slots(agent, slots=[id_of(slot)], reason=reason, selection=SLOT)
    assert [problem.path for problem in raised.value.problems] == ["reason"]
    assert (await Slot.get(id=slot.id)).closed_at is None


async def test_writing_a_schedule(agent: AgentActor, schedule: Schedule) -> None:
    asked = Selection.of("id", "title", "place", "address")
    made = await save_schedule(
        agent, id=None, title="  État   civil ", place="Mairie", address=None, selection=asked
    )
    assert (made["title"], made["place"], made["address"]) == ("État civil", "Mairie", None)
    again = await save_schedule(
        agent, id=made["id"], title="Mariages", place="Salle", address=None, selection=asked
    )
    assert (again["id"], again["title"]) == (made["id"], "Mariages")
    with pytest.raises(ValidationError) as raised:
        await save_schedule(agent, id=made["id"], title=" ", place="x" * 201, address=None, selection=asked)
    assert [problem.path for problem in raised.value.problems] == ["title", "place"]
    typed = Address(lines=(" 1  place de la Mairie ", ""), postal_code="49 985", city="Saint-Aubin")
    there = await save_schedule(
        agent, id=made["id"], title="Mariages", place="Salle", address=typed, selection=asked
    )
    assert there["address"] == {
        "lines": ["1 place de la Mairie"],
        "postal_code": "49985",
        "city": "Saint-Aubin",
        "country": "FR",
    }
    with pytest.raises(ValidationError) as raised:
        await save_schedule(
            agent, id=made["id"], title="", place="Salle", address=Address((), "49", ""), selection=asked
        )
    paths = [problem.path for problem in raised.value.problems]
    assert paths == ["title", "address.lines", "address.postalCode", "address.city"]
    without = await save_schedule(
        agent, id=made["id"], title="Mariages", place="Salle", address=None, selection=asked
    )
    assert without["address"] is None
    for unknown in ("?", encode("Schedule", new_id())):
        with pytest.raises(NotFoundError):
            await save_schedule(agent, id=unknown, title="X", place="X", address=None, selection=asked)


async def test_an_instant_with_another_offset_is_the_same_instant(schedule: Schedule) -> None:
    slot = await make_slot(schedule, hours=24)
    for zone in (UTC, PARIS, ZoneInfo("Pacific/Auckland")):
        row = await first_available(VISITOR, schedule, slot.start.astimezone(zone))
        assert row is not None
        assert row["id"] == id_of(slot)
