"""A million slots, most of the near ones full: `python -m benchmarks.appointments [slots]`.

Publishes a year of 20 schedules as agents do, then fills the database up and times 1er dispo and a month's calendar,
each as the SQL statement alone (on a connection of its own, the plan prepared) and as the whole resolver; and once more
with 10,000 holds that have run out and that nobody has tidied up.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import asyncpg
import orjson

from benchmarks.databases import migrated, patient
from core.clock import now
from core.selection import SelectedField, Selection
from core.settings import Settings
from models.actors import Visitor
from models.appointments import Schedule
from models.database import connected, execute, fetch_one
from models.ids import encode
from resolvers import catalogue
from resolvers.nodes import node
from resolvers.procedures import procedure as read_procedure
from resolvers.reading.shape import Part, Reading, reading_for
from resolvers.reading.slots import first_free, slots_between
from resolvers.slots import OpeningRule, publish_slots
from tests.factories import make_agent, make_procedure, make_schedule

SLOTS = 1_000_000
SCHEDULES = 20
EXPIRED = 10_000
ROUNDS = 200
SLOT = Selection.of("id", "start", "end", "capacity", "remaining", "closed")
WEEK = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY")
VISITOR = Visitor()

NEAR = "start BETWEEN now() + interval '3 days' AND now() + interval '10 days'"

# Slots of past years and of years to come, beside those that were published: every 20 minutes, night and day.
FILL = """
INSERT INTO slot (id, schedule_id, start, "end", capacity, taken, held, changed_in)
SELECT gen_random_uuid(), s.id, t.start, t.start + interval '20 minutes', 1, 0, 0, 0
FROM schedule s CROSS JOIN generate_series($1::timestamptz, $2::timestamptz, interval '20 minutes') AS t (start)
"""
# Nine of ten of the next 60 days have somebody in them, and all of the next two weeks.
TAKE = """
UPDATE slot SET taken = capacity
WHERE start BETWEEN now() AND now() + interval '60 days'
AND (start < now() + interval '14 days' OR abs(hashtext(id::text)) % 10 > 0)
"""

EMPTY = "UPDATE slot SET taken = 0 WHERE id IN (SELECT id FROM slot WHERE {chosen})"
HOLD = """
WITH chosen AS MATERIALIZED (SELECT id, gen_random_uuid() AS request_id FROM slot WHERE {chosen}),
started AS (
    INSERT INTO service_request (id, ticket_digest, ticket_sealed, procedure_id, procedure_version_id, answers,
        language, status, version, exchange_count, created_at, updated_at)
    SELECT request_id, uuid_send(request_id), '', $1, $2, '{{}}', 'fr', 'DRAFT', 1, 0, now(), now() FROM chosen
)
INSERT INTO appointment (id, request_id, slot_id, state, counts, held_until, sequence, created_at)
SELECT gen_random_uuid(), request_id, id, 'HELD', true, now() - interval '1 hour', 0, now() FROM chosen
"""


async def measure(slots: int) -> None:
    async with migrated() as settings:
        async with connected(settings):
            await publish_a_year()
        async with connected(patient(settings)):
            schedule = await fill(slots)
            for name, holds, where in (
                ("", 0, ""),
                (
                    f", {EXPIRED:,} holds that ran out lying around",
                    EXPIRED,
                    "start > now() + interval '500 days'",
                ),
                (", and more in slots that are near", SCHEDULES * 20, NEAR),
            ):
                if holds:
                    await lapse(holds, where)
                    await execute("ANALYZE appointment")
                print(f"\n{await count('slot'):,} slots, {await count('appointment'):,} appointments{name}")
                await tell_times(settings, schedule)


async def publish_a_year() -> None:
    """With the time limit that statements have in production."""
    agent = await make_agent()
    schedules = [await make_schedule(title=f"Guichet {number + 1}") for number in range(SCHEDULES)]
    await make_procedure("passeport", appointment="REQUIRED", schedules=schedules)
    first = now().date() + timedelta(days=1)
    rule = [OpeningRule(WEEK, "09:00", "12:00"), OpeningRule(WEEK, "13:30", "17:10")]
    for again in ("", " again"):
        started_at, published = perf_counter(), 0
        for schedule in schedules:
            _, new = await publish_slots(
                agent,
                schedule=encode("Schedule", schedule.id),
                first=first,
                last=first + timedelta(days=364),
                openings=rule,
                minutes=20,
                capacity=1,
                skip_public_holidays=True,
                selection=Selection.of("id"),
            )
            published += new
        taken = perf_counter() - started_at
        print(f"published a year of {SCHEDULES} schedules{again}: {published:,} new slots in {taken:.1f} s")


async def fill(slots: int) -> Schedule:
    """Until there are about so many; the schedule to be asked for."""
    schedule = await Schedule.filter().order_by("id").first()
    assert schedule is not None
    each = (slots - await count("slot")) // SCHEDULES
    first = now() + timedelta(days=400)
    await execute("ALTER TABLE slot DROP CONSTRAINT slot_overlap")  # Only to fill it sooner.
    await execute(FILL, first, first + timedelta(minutes=20 * (each - 1)))
    await execute(TAKE)
    await execute(
        "ALTER TABLE slot ADD CONSTRAINT slot_overlap EXCLUDE USING gist "
        '(schedule_id WITH =, tstzrange(start, "end") WITH &&) WHERE (closed_at IS NULL)'
    )
    await execute("VACUUM ANALYZE slot")
    return schedule


async def lapse(most: int, where: str) -> None:
    """Holds that ran out, one in a slot each, which they fill."""
    procedure = await fetch_one("SELECT procedure_id, id FROM procedure_version")
    assert procedure is not None
    chosen = f"{where} AND held = 0 ORDER BY start LIMIT {most}"
    await execute(EMPTY.format(chosen=chosen))
    await execute(HOLD.format(chosen=chosen), procedure["procedure_id"], procedure["id"])


async def tell_times(settings: Settings, schedule: Schedule) -> None:
    known = await catalogue.current()
    everywhere = list(known.schedules)
    soon = now()
    first_day = now().date() + timedelta(days=20)
    month = SelectedField("slots", {"from": first_day, "to": first_day + timedelta(days=30)}, SLOT)
    far = SelectedField(
        "slots", {"from": first_day + timedelta(days=60), "to": first_day + timedelta(days=90)}, SLOT
    )
    first = SelectedField("first_available_slot", {}, SLOT)
    id = encode("Schedule", schedule.id)
    cases: dict[str, tuple[Callable[[Reading], Part], Callable[[], Awaitable[Any]]]] = {
        "1er dispo, one schedule": (
            lambda reading: first_free(reading, SLOT, [schedule.id], None),
            lambda: node(VISITOR, id=id, selection=Selection((first,))),
        ),
        "1er dispo, after 300 days": (
            lambda reading: first_free(reading, SLOT, [schedule.id], soon + timedelta(days=300)),
            lambda: node(
                VISITOR,
                id=id,
                selection=Selection(
                    (SelectedField("first_available_slot", {"after": soon + timedelta(days=300)}, SLOT),)
                ),
            ),
        ),
        f"1er dispo, all {len(everywhere)} schedules": (
            lambda reading: first_free(reading, SLOT, everywhere, None),
            lambda: read_procedure(VISITOR, slug="passeport", selection=Selection((first,))),
        ),
        "a month, most of it full": (
            slots_between(month, schedule.id),
            lambda: node(VISITOR, id=id, selection=Selection((month,))),
        ),
        "a month, most of it free": (
            slots_between(far, schedule.id),
            lambda: node(VISITOR, id=id, selection=Selection((far,))),
        ),
    }
    print(f"{'':<28} {'statement: median':>18} {'p95':>9} {'resolver: median':>18} {'p95':>9}  slots")
    connection = await asyncpg.connect(settings.database_url)
    try:
        for name, (make, resolve) in cases.items():
            reading = await reading_for(VISITOR)
            statement = await connection.prepare(f"SELECT {make(reading).sql}")
            plan = await explain(connection, make)
            alone = await times(lambda s=statement, r=reading: s.fetchval(*r.values))  # type: ignore[misc]
            whole = await times(resolve)
            answer = orjson.loads(await statement.fetchval(*reading.values))
            found = len(answer) if isinstance(answer, list) else 1
            print(
                f"{name:<28} {median(alone):15.2f} ms {quantiles(alone, n=20)[-1]:6.2f} ms "
                f"{median(whole):15.2f} ms {quantiles(whole, n=20)[-1]:6.2f} ms {found:>6}"
                f"  {', '.join(plan)}"
            )
    finally:
        await connection.close()


async def explain(connection: asyncpg.Connection, make: Callable[[Reading], Part]) -> list[str]:
    """The indexes of slots that the plan uses. Fails where it reads the whole table."""
    reading = await reading_for(VISITOR)
    rows = await connection.fetch(f"EXPLAIN (ANALYZE, COSTS OFF) SELECT {make(reading).sql}", *reading.values)
    plan = "\n".join(row[0] for row in rows)
    assert "Seq Scan on slot" not in plan, plan
    return sorted({word for word in plan.replace("\n", " ").split() if word.startswith("slot_")})


async def times(ask: Callable[[], Awaitable[Any]]) -> list[float]:
    """Milliseconds of each round, after some to warm up."""
    taken = []
    for number in range(ROUNDS + 20):
        started_at = perf_counter()
        await ask()
        if number >= 20:
            taken.append((perf_counter() - started_at) * 1000)
    return taken


async def count(table: str) -> int:
    row = await fetch_one(f"SELECT count(*) AS count FROM {table}")  # noqa: S608 - a name of our own
    assert row is not None
    return int(row["count"])


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else SLOTS))
