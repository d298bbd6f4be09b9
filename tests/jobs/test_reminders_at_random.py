"""Random moves and cancellations under a fake clock, with workers and a mail server that come and go: 20,000 with the
other tests, 100,000 in `make soak`.

What is set anew when an appointment moves (resolvers/booking.py), what is due and marked (jobs/reminders.py), and what
is still sent (jobs/overtaken.py) is decided by the code, on real rows. Only what lies between is written in bulk: one
statement a round for all moves, where the API has a transaction for each.

What is expected is computed of the calendar alone: a *stay* is an appointment on one day, told to one address. Each has
exactly one reminder if there was a moment to send it, none otherwise.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core.settings import Settings
from jobs.facts import FACTS
from jobs.overtaken import forget, is_overtaken
from jobs.reminders import write_reminders
from models.appointments import Appointment, Schedule
from models.database import Row, execute, fetch
from models.ids import new_id
from models.reminders import first_reminder, reminder_time
from resolvers import booking
from tests.factories import make_procedure, make_request, make_schedule

PARIS = ZoneInfo("Europe/Paris")
DAY = timedelta(days=1)
HALF_HOUR = timedelta(minutes=30)
HOUR = 18
CHANGES_A_WORLD = 10_000
STORIES, ROUNDS = 400, 52
CHANCE = 0.6
CLOCK_CHANGES = [
    date(2025, 3, 30),
    date(2026, 10, 25),
    date(2027, 3, 28),
    date(2030, 10, 27),
    date(2035, 3, 25),
]


@dataclass
class Stay:
    """On one day, told to one address, from `since` until it moved, was cancelled, or had its address changed."""

    appointment: UUID
    email: str
    day: date
    since: datetime
    until: datetime | None = None
    starts: list[tuple[datetime, datetime]] = field(default_factory=list)
    """From when on it was to start when."""

    def start_at(self, at: datetime) -> datetime:
        return [start for since, start in self.starts if since <= at][-1]

    def first_of(self, moments: list[datetime], after: datetime) -> datetime | None:
        """The first of the moments, from `after` on, at which a reminder may be told: by the wall clock from the hour
        on the day before, or at once if that day had come already; as long as it stands and has not begun."""
        eve = self.day - DAY
        at_once = self.since.astimezone(PARIS).date() >= eve
        for at in moments[bisect_left(moments, max(after, self.since)) :]:
            if (self.until is not None and at >= self.until) or at >= self.start_at(at):
                return None
            here = at.astimezone(PARIS).replace(tzinfo=None)
            if at_once or here >= datetime.combine(eve, time(HOUR)):
                return at
        return None


@dataclass
class Story:
    """One request: its appointment, and those it had."""

    request: UUID
    active: Appointment | None = None
    start: datetime | None = None
    stays: list[Stay] = field(default_factory=list)


class World:
    """The fake clock, the stories, what was sent."""

    def __init__(self, chance: Random, begins: datetime, schedule: Schedule, requests: list[UUID]) -> None:
        self.chance = chance
        self.clock = begins
        self.schedule = schedule
        self.stories = [Story(request) for request in requests]
        self.slots: list[tuple[UUID, datetime]] = []
        self.works: list[datetime] = []
        self.sends: list[datetime] = []
        self.sent: list[tuple[UUID, str, datetime]] = []
        self.dropped = self.changes = 0

    async def make_slots(self) -> None:
        first = self.clock.replace(minute=0)
        self.slots = [(new_id(), first + n * HALF_HOUR) for n in range(48 * 24)]
        await execute(
            'INSERT INTO slot (id, schedule_id, start, "end", capacity, taken, held, changed_in) '
            "SELECT n.id, $1, n.start, n.start + interval '30 minutes', 1000, 0, 0, 0 "
            "FROM unnest($2::uuid[], $3::timestamptz[]) AS n (id, start)",
            self.schedule.id,
            [id for id, _ in self.slots],
            [start for _, start in self.slots],
        )

    def some_slot(self) -> Row:
        first = next(n for n, (_, start) in enumerate(self.slots) if start > self.clock)
        id, start = self.slots[first + int(self.chance.triangular(0, 48 * 5, 20))]
        return {"id": id, "start": start}

    async def live(self) -> None:
        for _ in range(ROUNDS):
            hours = self.chance.choice([0.2, 1, 2, 3, 4, 6, 6, 11])
            self.clock += timedelta(hours=hours, minutes=self.chance.randrange(30))
            await self.change_some()
            if self.chance.random() < 0.8:
                self.works.append(self.clock)
                await write_reminders([s.active.id for s in self.stories if s.active], self.clock)
            if self.chance.random() < 0.7:
                self.sends.append(self.clock)
                await self.send()

    async def change_some(self) -> None:
        created, changed = [], []
        for story in self.stories:
            if story.start is not None and story.start <= self.clock:
                story.active = story.start = None  # It is over: nothing may change any more.
            if story.active is None:
                created.append(await self.book(story))
            elif self.chance.random() < CHANCE:
                self.changes += 1
                changed.append(await self.change(story, story.active))
        await Appointment.bulk_create(created)
        if not changed:
            return
        await execute(
            "UPDATE appointment a SET slot_id = n.slot_id, state = n.state, counts = n.state = 'CONFIRMED', "
            "sequence = n.sequence, reminder_email = n.email, reminder_at = CASE WHEN n.anew THEN n.reminder_at "
            "ELSE a.reminder_at END, reminder_sent_at = CASE WHEN n.anew THEN NULL ELSE a.reminder_sent_at END "
            "FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::text[], $6::timestamptz[], $7::bool[]) "
            "AS n (id, slot_id, state, sequence, email, reminder_at, anew) WHERE a.id = n.id",
            *(list(column) for column in zip(*changed, strict=True)),
        )

    async def book(self, story: Story) -> Appointment:
        slot, email = self.some_slot(), f"p{self.chance.randrange(3)}@example.fr"
        appointment = Appointment(request_id=story.request, slot_id=slot["id"], state="CONFIRMED")
        await booking.set_reminder_of(appointment, email, slot)
        story.active, story.start = appointment, slot["start"]
        self.note(story, email, anew=True)
        return appointment

    async def change(self, story: Story, active: Appointment) -> tuple[object, ...]:
        """Moves it, cancels it or has its address changed, as the resolvers do; the columns to write."""
        anew = True
        what = self.chance.random()
        assert story.start is not None
        assert active.reminder_email is not None
        email = active.reminder_email
        if what < 0.15:
            active.state = "CANCELLED"
            active.sequence += 1
            anew = False
            story.stays[-1].until = self.clock
            story.active = story.start = None
        elif what < 0.25:
            email = "autre@example.fr" if email != "autre@example.fr" else "encore@example.fr"
            await booking.set_reminder_of(active, email, {"id": active.slot_id, "start": story.start})
            self.note(story, email, anew=True)
        else:
            slot = self.some_slot()
            anew = bool(await booking._remind_again(active, slot["start"], story.start))
            active.slot_id = slot["id"]
            active.sequence += 1
            previous, story.start = story.start, slot["start"]
            self.note(story, email, anew=_day(previous) != _day(slot["start"]))
        return active.id, active.slot_id, active.state, active.sequence, email, active.reminder_at, anew

    def note(self, story: Story, email: str, *, anew: bool) -> None:
        assert story.active is not None
        assert story.start is not None
        if anew:
            if story.stays and story.stays[-1].appointment == story.active.id:
                story.stays[-1].until = self.clock
            story.stays.append(Stay(story.active.id, email, _day(story.start), self.clock))
        story.stays[-1].starts.append((self.clock, story.start))

    async def send(self) -> None:
        waiting = [
            row["id"] for row in await fetch("SELECT id FROM mail WHERE state = 'PENDING' ORDER BY id")
        ]
        sent = []
        for row in await fetch(FACTS, waiting):
            if is_overtaken(row, self.clock):
                self.dropped += 1
                await forget(row)
            else:
                sent.append(row["mail_id"])
                self.sent.append((row["appointment_id"], row["recipient"], self.clock))
        await execute(
            "UPDATE mail SET state = 'SENT', sent_at = $2 WHERE id = ANY($1::uuid[])", sent, self.clock
        )

    def expected(self) -> Iterator[tuple[UUID, str, datetime]]:
        """At the first moment at which a mail that could have been written could be sent."""
        for story in self.stories:
            for stay in story.stays:
                written = stay.first_of(self.works, stay.since)
                at = stay.first_of(self.sends, written) if written else None
                if at is not None:
                    yield stay.appointment, stay.email, at


def _day(instant: datetime) -> date:
    return instant.astimezone(PARIS).date()


@pytest_asyncio.fixture
async def schedule(database: Settings) -> Schedule:
    # Places are another matter: without their count, a round is one quick statement. Who has been here comes again.
    await execute("ALTER TABLE appointment DISABLE TRIGGER appointment_places")
    await execute("DROP INDEX appointment_one_a_request")
    await execute("ALTER TABLE service_request DROP COLUMN found_by")
    await make_request(await make_procedure())
    await execute(
        "INSERT INTO service_request SELECT (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid(), "
        r"'ticket_digest', '\x' || md5(n::text)))).* FROM service_request r, generate_series(1, $1) n",
        STORIES - 1,
    )
    return await make_schedule()


async def _live(schedule: Schedule, seed: int, day: date, stories: int = STORIES) -> World:
    for table in ("mail", "appointment", "slot"):
        await execute(f"DELETE FROM {table}")
    requests = [row["id"] for row in await fetch("SELECT id FROM service_request LIMIT $1", stories)]
    world = World(Random(seed), datetime.combine(day - 4 * DAY, time(7), UTC), schedule, requests)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("resolvers.booking.now", lambda: world.clock)
        await world.make_slots()
        await world.live()
    return world


def in_worlds(count: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Has a test run in that many, each of a seed and around a day, of which half change the clocks."""
    limits = settings(
        max_examples=count,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],  # nothing of a seed is simpler than another
    )
    days = st.sampled_from(CLOCK_CHANGES) | st.dates(date(2025, 1, 1), date(2035, 12, 1))
    return lambda test: limits(given(seed=st.integers(0, 2**32), day=days)(test))


@pytest.mark.timeout(400)
@in_worlds(2)
async def test_each_stay_has_exactly_one_reminder_and_on_the_right_day(
    schedule: Schedule, seed: int, day: date
) -> None:
    await _judge(schedule, seed, day)


@pytest.mark.soak
@in_worlds(10)
async def test_the_same_in_ten_worlds(schedule: Schedule, seed: int, day: date) -> None:
    await _judge(schedule, seed, day)


async def _judge(schedule: Schedule, seed: int, day: date) -> None:
    world = await _live(schedule, seed, day)
    assert sorted(world.sent) == sorted(world.expected())
    assert world.changes >= CHANGES_A_WORLD
    assert len(world.sent) > 1_000
    assert world.dropped > 20, "or nothing was ever overtaken"


def _a_day_of_24_hours(start: datetime, _timezone: str, _hour: int, _at: datetime) -> datetime:
    return start - timedelta(hours=24)


def _never_at_once(start: datetime, timezone: str, hour: int, _at: datetime) -> datetime:
    return reminder_time(start, timezone, hour)


def _an_hour_of_utc(start: datetime, _timezone: str, hour: int, at: datetime) -> datetime:
    return first_reminder(start, "UTC", hour, at)


@pytest.mark.parametrize(
    ("what", "wrong"),
    [
        ("resolvers.booking.is_another_day", lambda *_: True),
        ("resolvers.booking.is_another_day", lambda *_: False),
        ("resolvers.booking.first_reminder", _a_day_of_24_hours),
        ("resolvers.booking.first_reminder", _never_at_once),
        ("resolvers.booking.first_reminder", _an_hour_of_utc),
        (f"{__name__}.is_overtaken", lambda *_: False),
    ],
)
async def test_a_wrong_rule_is_found(
    schedule: Schedule, what: str, wrong: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with any rule broken, what is sent is not what is expected."""
    monkeypatch.setattr(what, wrong)
    world = await _live(schedule, 1, CLOCK_CHANGES[0], stories=100)
    assert sorted(world.sent) != sorted(world.expected())


async def test_with_the_right_rules_nothing_is_found(schedule: Schedule) -> None:
    world = await _live(schedule, 1, CLOCK_CHANGES[0], stories=100)
    assert sorted(world.sent) == sorted(world.expected())
