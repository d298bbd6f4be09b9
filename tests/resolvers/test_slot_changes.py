"""Open calendars: whatever happens, each ends up showing what the database says."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from core.clock import now
from core.errors import MalformedError, NotFoundError, SlotUnavailableError, UnavailableError
from core.event_bus import event_bus
from core.selection import SelectedField, Selection
from core.settings import Settings
from models.actors import Actor, AgentActor, CitizenActor, Visitor
from models.appointments import Appointment, Schedule, Slot
from models.database import Row, execute, transaction
from models.ids import encode, new_id
from models.procedures import Procedure
from resolvers.appointments import book_appointment, cancel_appointment, move_appointment
from resolvers.nodes import node
from resolvers.reading.shape import read_all
from resolvers.requests import cancel_request, submit_request
from resolvers.slot_changes import slot_changes
from resolvers.slot_tail import LOOK_EVERY_SECONDS
from resolvers.slots import close_slots
from tests.factories import (
    id_of,
    make_appointment,
    make_citizen,
    make_procedure,
    make_request,
    make_schedule,
    make_slot,
)

SLOT = Selection.of("id", "remaining")
VISITOR = Visitor()
WITHIN_SECONDS = 10.0

_numbers = itertools.count(1)


@pytest_asyncio.fixture
async def schedule(database: Settings) -> Schedule:
    return await make_schedule()


@pytest_asyncio.fixture
async def procedure(schedule: Schedule) -> Procedure:
    return await make_procedure("passeport", appointment="REQUIRED", schedules=[schedule])


def span() -> tuple[date, date]:
    today = now().date()
    return today - timedelta(days=1), today + timedelta(days=30)


class OpenCalendar:
    """What somebody sees who has the calendar open: what it showed first, and what was told since."""

    def __init__(self) -> None:
        self.shown: dict[str, int] = {}
        self.told: list[tuple[str, int]] = []

    async def follow(self, actor: Actor, schedule: Schedule) -> None:
        first, last = span()
        stream = slot_changes(actor, schedule=id_of(schedule), first=first, last=last, selection=SLOT)
        async with aclosing(stream) as changes:
            async for row in changes:
                self.told.append((row["id"], row["remaining"]))
                self.shown[row["id"]] = row["remaining"]

    async def shows(self, remaining: dict[Slot, int], within: float = WITHIN_SECONDS) -> None:
        wanted = {id_of(slot): count for slot, count in remaining.items()}
        deadline = time.monotonic() + within
        while any(self.shown.get(id) != count for id, count in wanted.items()):
            assert time.monotonic() < deadline, (self.shown, wanted)
            await asyncio.sleep(0.01)

    async def has_told(self, count: int, within: float = WITHIN_SECONDS) -> None:
        deadline = time.monotonic() + within
        while len(self.told) < count:
            assert time.monotonic() < deadline, self.told
            await asyncio.sleep(0.01)


@asynccontextmanager
async def open_calendar(schedule: Schedule, actor: Actor = VISITOR) -> AsyncIterator[OpenCalendar]:
    """Follows from the moment that the block begins."""
    calendar = OpenCalendar()
    marker = await make_slot(schedule, hours=24 * 20 + next(_numbers))
    following = asyncio.create_task(calendar.follow(actor, schedule))
    while not calendar.told and not following.done():
        await execute("UPDATE slot SET taken = taken WHERE id = $1", marker.id)
        await event_bus().wake("slots")
        await asyncio.sleep(0.02)
    calendar.told.clear()
    try:
        yield calendar
        assert not following.done(), following.exception()
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def read_calendar(schedule: Schedule) -> dict[str, int]:
    """The free places of the calendar, as somebody sees them who opens it now."""
    first, last = span()
    field = SelectedField("slots", {"from": first, "to": last}, SLOT)
    row = await node(VISITOR, id=id_of(schedule), selection=Selection((field,)))
    assert row is not None
    return {slot["id"]: slot["remaining"] for slot in row[field.key]}


async def book(actor: Actor, request: str, slot: Slot) -> Row:
    return await book_appointment(
        actor, request=request, slot=id_of(slot), reminder_email=None, selection=SLOT, next_selection=SLOT
    )


async def test_what_is_taken_moved_freed_and_closed(
    citizen: CitizenActor, agent: AgentActor, procedure: Procedure, schedule: Schedule
) -> None:
    one, two = await make_slot(schedule, capacity=2), await make_slot(schedule, hours=30)
    sent = await make_request(procedure, citizen=citizen)
    async with open_calendar(schedule) as calendar:
        booked = await book(citizen, id_of(sent), one)
        await calendar.shows({one: 1})
        await move_appointment(
            citizen, appointment=booked["id"], slot=id_of(two), selection=SLOT, next_selection=SLOT
        )
        await calendar.shows({one: 2, two: 0})
        await cancel_appointment(citizen, appointment=booked["id"], selection=SLOT)
        await calendar.shows({two: 1})
        await book(citizen, id_of(sent), two)
        await calendar.shows({two: 0})
        await cancel_request(citizen, request=id_of(sent), reason=None, selection=SLOT)
        await calendar.shows({two: 1})
        await close_slots(agent, slots=[id_of(one)], reason=None, selection=SLOT)
        await calendar.shows({one: 0})
    assert calendar.told == [
        (id_of(one), 1), (id_of(one), 2), (id_of(two), 0), (id_of(two), 1), (id_of(two), 0), (id_of(two), 1),
        (id_of(one), 0),
    ]  # fmt: skip


async def test_a_full_slot_that_is_closed_is_told_as_closed(
    citizen: CitizenActor, agent: AgentActor, procedure: Procedure, schedule: Schedule
) -> None:
    """It has no more room than before, and whoever sits at the counter waits for nobody any more."""
    slot = await make_slot(schedule)
    sent = await make_request(procedure, citizen=citizen)
    async with open_calendar(schedule, agent) as calendar:
        await book(citizen, id_of(sent), slot)
        await calendar.shows({slot: 0})
        await close_slots(agent, slots=[id_of(slot)], reason=None, selection=SLOT)
        await calendar.has_told(2)
    assert calendar.told == [(id_of(slot), 0), (id_of(slot), 0)]


async def test_a_draft_that_is_thrown_away(
    citizen: CitizenActor, procedure: Procedure, schedule: Schedule
) -> None:
    slot = await make_slot(schedule)
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    async with open_calendar(schedule) as calendar:
        await book(citizen, id_of(draft), slot)
        await calendar.shows({slot: 0})
        await cancel_request(citizen, request=id_of(draft), reason=None, selection=SLOT)
        await calendar.shows({slot: 1})


async def test_a_hold_that_runs_out_and_is_renewed_and_confirmed(
    citizen: CitizenActor, procedure: Procedure, schedule: Schedule
) -> None:
    """Running out changes no row; and holding on, or submitting, takes the place again though it was counted."""
    slot = await make_slot(schedule)
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    async with open_calendar(schedule) as calendar:
        await book(citizen, id_of(draft), slot)
        await calendar.shows({slot: 0})
        for _ in range(2):
            # Soon, and not at once: when it runs out, no row changes.
            await Appointment.all().update(held_until=now() + timedelta(seconds=1.2))
            await calendar.shows({slot: 1})
            await book(citizen, id_of(draft), slot)
            await calendar.shows({slot: 0})
        await Appointment.all().update(held_until=now() + timedelta(seconds=1.2))
        await calendar.shows({slot: 1})
        await submit_request(
            citizen, request=id_of(draft), version=1, captcha=None, selection=Selection.of("id")
        )
        await calendar.shows({slot: 0})


async def test_what_another_process_does_without_a_word(procedure: Procedure, schedule: Schedule) -> None:
    """Redis is away and nobody rings: a calendar looks for itself every second."""
    slot = await make_slot(schedule)
    request = await make_request(procedure)
    async with open_calendar(schedule) as calendar:
        changed_at = time.monotonic()
        await make_appointment(request, slot)
        await calendar.shows({slot: 0})
        assert time.monotonic() - changed_at < 5


async def test_only_this_schedule_and_these_days(procedure: Procedure, schedule: Schedule) -> None:
    elsewhere = await make_slot(await make_schedule())
    later, slot = await make_slot(schedule, hours=24 * 40), await make_slot(schedule)
    async with open_calendar(schedule) as calendar:
        for each in (elsewhere, later, slot):
            await make_appointment(await make_request(procedure), each)
        await calendar.shows({slot: 0})
    assert calendar.told == [(id_of(slot), 0)]


async def test_slots_that_are_published_meanwhile_are_told(schedule: Schedule) -> None:
    async with open_calendar(schedule) as calendar:
        slot = await make_slot(schedule, capacity=3)
        await calendar.shows({slot: 3})


class Naive:
    """The negative control: reads on from the highest `changed_in` that it has seen."""

    def __init__(self) -> None:
        self.last = 0
        self.seen: set[str] = set()

    async def look(self) -> None:
        for row in await Slot.filter(changed_in__gt=self.last).order_by("changed_in"):
            self.last = row.changed_in
            self.seen.add(id_of(row))


async def test_a_commit_that_comes_late_is_not_missed(
    database: Settings, procedure: Procedure, schedule: Schedule
) -> None:
    """It began before others that committed long ago: `changed_in > last` steps over it, for ever."""
    late, early = await make_slot(schedule), await make_slot(schedule, hours=30)
    first, second = await make_request(procedure), await make_request(procedure)
    naive = Naive()
    await naive.look()
    naive.seen.clear()
    connection = await asyncpg.connect(database.database_url)
    try:
        async with open_calendar(schedule) as calendar:
            held_open = connection.transaction()
            await held_open.start()
            await connection.execute(
                "INSERT INTO appointment (id, request_id, slot_id, state, counts, sequence, created_at) "
                "VALUES ($1, $2, $3, 'CONFIRMED', true, 0, now())",
                new_id(), first.id, late.id,
            )  # fmt: skip
            await make_appointment(second, early)
            await calendar.shows({early: 0})
            await naive.look()
            # At least one look more, with nothing new in it.
            await make_slot(schedule, hours=50)
            await asyncio.sleep(1.2)
            assert id_of(late) not in calendar.shown
            await held_open.commit()
            await calendar.shows({late: 0})
            await naive.look()
    finally:
        await connection.close()
    assert id_of(early) in naive.seen
    assert id_of(late) not in naive.seen, "the control sees it too: this test proves nothing"
    assert [told for told in calendar.told if told[0] == id_of(late)] == [(id_of(late), 0)]


def count_looks(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts the statements that the tail makes, by what they are for."""
    made: Counter[str] = Counter()

    def watch(module: str, name: str, told: str) -> None:
        real = getattr(importlib.import_module(module), name)

        async def counting(*arguments: Any) -> Any:
            made[told] += 1
            return await real(*arguments)

        monkeypatch.setattr(f"{module}.{name}", counting)

    watch("resolvers.slot_tail", "fetch_one", "look around")
    watch("resolvers.slot_tail", "fetch", "changed")
    watch("resolvers.slot_tail", "read_all", "read")
    watch("resolvers.slot_changes", "read_all", "read for one")
    return made


async def test_many_open_calendars_cost_no_more_than_one(
    procedure: Procedure, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the morning when the slots of the summer open, half the town looks."""
    slot, other = await make_slot(schedule), await make_slot(schedule, hours=30)
    async with AsyncExitStack() as stack:
        calendars = [await stack.enter_async_context(open_calendar(schedule)) for _ in range(30)]
        await make_appointment(await make_request(procedure), slot)
        await asyncio.gather(*(calendar.shows({slot: 0}) for calendar in calendars))
        request = await make_request(procedure)
        made = count_looks(monkeypatch)
        began_at = time.monotonic()
        await make_appointment(request, other)
        await asyncio.gather(*(calendar.shows({other: 0}) for calendar in calendars))
        looks = 2 + (time.monotonic() - began_at) / LOOK_EVERY_SECONDS
    assert (made["read"], made["read for one"]) == (1, 0)
    assert 1 <= made["changed"] <= looks
    assert made["look around"] <= looks


async def test_who_asks_for_more_than_others_has_it_read(
    agent: AgentActor, procedure: Procedure, schedule: Schedule
) -> None:
    slot = await make_slot(schedule)
    first, last = span()
    wanted = Selection.of("id", schedule=Selection.of("title"), appointments=Selection.of("state"))
    stream = slot_changes(agent, schedule=id_of(schedule), first=first, last=last, selection=wanted)
    async with open_calendar(schedule) as beside, aclosing(stream) as changes:
        change = asyncio.create_task(anext(changes))
        while not change.done():
            await make_appointment(await make_request(procedure), slot)
            await beside.shows({slot: 0})
            await Appointment.all().update(state="CANCELLED", counts=False)
            await beside.shows({slot: 1})
        row = await change
    assert (row["id"], row["schedule"]["title"]) == (id_of(slot), schedule.title)
    assert row["remaining"] == 1 - len(row["appointments"])


async def test_while_something_old_runs_each_change_is_read_once(
    database: Settings, procedure: Procedure, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dump of the database may last an hour; all that was changed meanwhile is come upon by every look."""
    slot, other = await make_slot(schedule), await make_slot(schedule, hours=30)
    connection = await asyncpg.connect(database.database_url)
    try:
        async with connection.transaction(), open_calendar(schedule) as calendar:
            await connection.execute("SELECT pg_current_xact_id()")
            await make_appointment(await make_request(procedure), slot)
            await calendar.shows({slot: 0})
            made = count_looks(monkeypatch)
            await make_appointment(await make_request(procedure), other)
            await calendar.shows({other: 0})
            while made["changed"] < 4:
                await event_bus().wake("slots")
                await asyncio.sleep(0.02)
    finally:
        await connection.close()
    assert made["read"] == 1
    assert calendar.told == [(id_of(slot), 0), (id_of(other), 0)]


async def test_what_changes_while_slots_cannot_be_read_is_told_afterwards(
    procedure: Procedure, schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await make_slot(schedule), await make_slot(schedule, hours=30)
    async with open_calendar(schedule) as calendar:
        problems: list[Exception] = [RuntimeError("whatever"), UnavailableError()]
        has_failed = asyncio.Event()

        async def fail(*arguments: Any) -> Any:
            if problems:
                has_failed.set()
                raise problems.pop()
            return await read_all(*arguments)

        monkeypatch.setattr("resolvers.slot_tail.read_all", fail)
        await make_appointment(await make_request(procedure), one)
        await has_failed.wait()
        await make_appointment(await make_request(procedure), two)
        await calendar.shows({one: 0, two: 0})
    assert problems == []
    assert sorted(calendar.told) == sorted([(id_of(one), 0), (id_of(two), 0)])


async def test_after_a_rush_every_calendar_shows_what_the_database_says(
    procedure: Procedure, schedule: Schedule
) -> None:
    chance = random.Random(7)
    slots = [await make_slot(schedule, hours=24 + hours, capacity=2) for hours in range(4)]
    citizens = [await make_citizen() for _ in range(10)]
    requests = [await make_request(procedure, citizen=citizen) for citizen in citizens]

    async def rush(citizen: CitizenActor, request: str) -> None:
        appointment: str | None = None
        for _ in range(8):
            slot = chance.choice(slots)
            try:
                if appointment is None:
                    appointment = (await book(citizen, request, slot))["id"]
                elif chance.random() < 0.3:
                    await cancel_appointment(citizen, appointment=appointment, selection=SLOT)
                    appointment = None
                else:
                    await move_appointment(
                        citizen,
                        appointment=appointment,
                        slot=id_of(slot),
                        selection=SLOT,
                        next_selection=SLOT,
                    )
            except SlotUnavailableError:
                continue

    async with open_calendar(schedule) as one, open_calendar(schedule) as two:
        await asyncio.gather(
            *(rush(citizen, id_of(request)) for citizen, request in zip(citizens, requests, strict=True))
        )
        free = await read_calendar(schedule)
        touched = set(one.shown) | set(two.shown)
        final = {slot: free.get(id_of(slot), 0) for slot in slots if id_of(slot) in touched}
        await one.shows(final)
        await two.shows(final)
    assert len(final) == 4


async def test_a_calendar_that_is_too_long_or_none(schedule: Schedule) -> None:
    first = date(2099, 1, 1)
    for id, days, error in (
        (id_of(schedule), 63, MalformedError),
        (encode("Schedule", new_id()), 1, NotFoundError),
        ("?", 1, NotFoundError),
    ):
        stream = slot_changes(
            VISITOR, schedule=id, first=first, last=first + timedelta(days=days), selection=SLOT
        )
        with pytest.raises(error):
            await anext(stream)
    for day in (date.min, date.max):
        stream = slot_changes(VISITOR, schedule=id_of(schedule), first=day, last=day, selection=SLOT)
        with pytest.raises(MalformedError):
            await anext(stream)


async def test_what_changed_back_meanwhile_is_not_told_again(
    procedure: Procedure, schedule: Schedule
) -> None:
    slot = await make_slot(schedule)
    request = await make_request(procedure)
    async with open_calendar(schedule) as calendar:
        appointment = await make_appointment(request, slot)
        await calendar.shows({slot: 0})
        async with transaction():
            for counts in (False, True):
                state = "CONFIRMED" if counts else "CANCELLED"
                await Appointment.filter(id=appointment.id).update(state=state, counts=counts)
        marker = await make_slot(schedule, hours=60)
        await calendar.shows({marker: 1})
    assert calendar.told == [(id_of(slot), 0), (id_of(marker), 1)]
