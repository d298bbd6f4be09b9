"""An appointment at every half hour of eleven years, each of which is reminded of: by the code that sets reminders, the
condition by which the relay finds them, and the statement that marks them, on real rows."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from core.settings import Settings
from jobs.reminders import write_reminders
from models.appointments import Appointment
from models.database import execute, fetch
from models.ids import new_id
from models.reminders import IS_DUE
from resolvers import booking
from tests.factories import make_procedure, make_request, make_schedule

PARIS = ZoneInfo("Europe/Paris")
HALF_HOUR, DAY = timedelta(minutes=30), timedelta(days=1)
FIRST, LAST = date(2025, 1, 1), date(2035, 12, 31)
DUE = (
    "SELECT a.id FROM appointment a JOIN slot s ON s.id = a.slot_id "
    f"WHERE {IS_DUE.format(at='$1::timestamptz')} ORDER BY a.reminder_at"
)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), PARIS).astimezone(UTC)


async def book_all(monkeypatch: pytest.MonkeyPatch) -> dict[UUID, datetime]:
    """When each of them begins. They were booked ten days before."""
    schedule, request = await make_schedule(), await make_request(await make_procedure())
    # Places are another matter, and so is that a request has one appointment.
    await execute("ALTER TABLE appointment DISABLE TRIGGER appointment_places")
    await execute("ALTER TABLE slot DROP CONSTRAINT slot_overlap")
    await execute("DROP INDEX appointment_one_a_request")
    start, rows = at(FIRST, 0), []
    with monkeypatch.context() as patch:
        patch.setattr("resolvers.booking.now", lambda: start - 10 * DAY)
        while start < at(LAST + DAY, 0):
            appointment = Appointment(request_id=request.id, slot_id=new_id(), state="CONFIRMED")
            await booking.set_reminder_of(appointment, "marie@example.fr", {"start": start})
            rows.append((appointment.id, appointment.slot_id, start, appointment.reminder_at))
            start += HALF_HOUR
    for i in range(0, len(rows), 1_000):
        ids, slots, starts, reminders = (list(column) for column in zip(*rows[i : i + 1_000], strict=True))
        await execute(
            'INSERT INTO slot (id, schedule_id, start, "end", capacity, taken, held, changed_in) '
            "SELECT n.id, $1, n.start, n.start + interval '30 minutes', 1, 0, 0, 0 "
            "FROM unnest($2::uuid[], $3::timestamptz[]) AS n (id, start)",
            schedule.id,
            slots,
            starts,
        )
        await execute(
            "INSERT INTO appointment (id, request_id, slot_id, state, counts, sequence, reminder_email, reminder_at, "
            "created_at) SELECT n.id, $1, n.slot_id, 'CONFIRMED', true, 0, 'marie@example.fr', n.reminder_at, now() "
            "FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[]) AS n (id, slot_id, reminder_at)",
            request.id,
            ids,
            slots,
            reminders,
        )
    for table in ("slot", "appointment"):
        await execute(f"ANALYZE {table}")
    return {id: start for id, _, start, _ in rows}


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_each_has_one_reminder_on_the_day_before(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a minute to six in the evening nothing is due, at six all of the next day, and at midnight nothing is left."""
    starts = await book_all(monkeypatch)
    assert len(starts) > 190_000
    day, told = FIRST - DAY, Counter[UUID]()
    while day < LAST:
        evening = at(day, 18)
        assert await fetch(DUE, at(day, 17, 59)) == []
        due = [row["id"] for row in await fetch(DUE, evening)]
        assert await write_reminders(due, evening) == len(due)
        assert await write_reminders(due, at(day, 18, 1)) == 0
        mails = await fetch("DELETE FROM mail RETURNING appointment_id AS id, created_at")
        told.update(mail["id"] for mail in mails)
        assert {mail["created_at"] for mail in mails} == {evening}
        day += DAY
        assert {starts[mail["id"]].astimezone(PARIS).date() for mail in mails} == {day}
        assert await fetch(DUE, at(day, 0)) == []
    assert told.keys() == starts.keys()
    assert set(told.values()) == {1}
