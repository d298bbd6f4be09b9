"""What is taken and freed in a schedule, live.

Each slot names the transaction that changed it last. A follower asks for those changed by transactions that its last
look could not see yet (`changed_in` at or after the oldest one running then), so it misses none, whatever order they
committed in; what it has told already it does not tell again. A hold that runs out changes no row: the look names
those, too.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from core.errors import MalformedError, NotFoundError
from core.event_bus import event_bus
from core.i18n import Text
from core.selection import Selection
from models.actors import Actor
from models.database import Row, fetch_one
from models.ids import decode_as
from resolvers import catalogue
from resolvers.reading.shape import read_all, reading_for
from resolvers.reading.slots import LONGEST_CALENDAR_DAYS, slot_part, span_of_days

LOOK_EVERY_SECONDS = 1.0

_LONG = Text(
    fr="Suivez un calendrier de {days} jours au plus.",
    en="Follow a calendar of {days} days at most.",
).format(days=str(LONGEST_CALENDAR_DAYS))


async def slot_changes(
    actor: Actor, *, schedule: str, first: date, last: date, selection: Selection
) -> AsyncGenerator[Row, None]:
    """Each slot of the schedule whose free places change, from now on, for ever.

    Raises NotFoundError where there is no such schedule, MalformedError where the span is too long.
    """
    id = decode_as("Schedule", schedule)
    known = await catalogue.current()
    if id is None or id not in known.schedules:
        raise NotFoundError
    if last - first > timedelta(days=LONGEST_CALENDAR_DAYS):
        raise MalformedError(_LONG)
    start, end = span_of_days(known.municipality.timezone, first, last)
    wanted = Selection.merged([*selection.fields, *Selection.of("id", "remaining").fields])
    told: dict[str, int] = {}
    async with event_bus().listen("slots") as bell:
        since, looked_at = await _snapshot()
        while True:
            await bell.wait(LOOK_EVERY_SECONDS)
            following, at = await _snapshot()
            for row in await _changed(actor, id, start, end, since, looked_at, wanted):
                if told.get(row["id"]) != row["remaining"]:
                    told[row["id"]] = row["remaining"]
                    yield row
            since, looked_at = following, at


async def _snapshot() -> tuple[int, datetime]:
    """All transactions before this one have ended, as seen now; and now, by the clock that holds run out by."""
    row = await fetch_one("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin, now() AS at")
    assert row is not None
    return row["xmin"], row["at"]


async def _changed(
    actor: Actor,
    schedule_id: UUID,
    start: datetime,
    end: datetime,
    since: int,
    looked_at: datetime,
    wanted: Selection,
) -> list[dict[str, Any]]:
    reading = await reading_for(actor)
    s = reading.alias("s")
    part = slot_part(reading, wanted, s)
    ran_out = (
        "SELECT x.slot_id FROM appointment x WHERE x.state = 'HELD' AND x.counts "
        f"AND x.held_until > {reading.bind(looked_at, 'timestamptz')} AND x.held_until <= now()"
    )
    condition = (
        f"{s}.schedule_id = {reading.bind(schedule_id, 'uuid')} "
        f"AND {s}.start >= {reading.bind(start, 'timestamptz')} AND {s}.start < {reading.bind(end, 'timestamptz')} "
        f"AND ({s}.changed_in >= {reading.bind(since, 'bigint')} OR {s}.id IN ({ran_out}))"
    )
    return await read_all(reading, part, f"slot {s} WHERE {condition} ORDER BY {s}.start")
