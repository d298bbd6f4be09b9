"""What is taken and freed in a schedule, live (resolvers/slot_tail.py finds it)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection
from datetime import date, timedelta
from uuid import UUID

from core.errors import MalformedError, NotFoundError
from core.i18n import Text
from core.selection import Selection
from models.actors import Actor
from models.database import Row
from models.ids import decode_as
from resolvers import catalogue
from resolvers.reading.shape import read_all, reading_for
from resolvers.reading.slots import LONGEST_CALENDAR_DAYS, slot_part, span_of_days
from resolvers.slot_tail import SAME_FOR_ALL, slot_tail

_LONG = Text(
    fr="Suivez un calendrier de {days} jours au plus.",
    en="Follow a calendar of {days} days at most.",
).format(days=str(LONGEST_CALENDAR_DAYS))


async def slot_changes(
    actor: Actor, *, schedule: str, first: date, last: date, selection: Selection
) -> AsyncGenerator[Row, None]:
    """Each slot of the schedule whose free places change, or that is closed, from now on, for ever.

    Raises NotFoundError where there is no such schedule, MalformedError where the span is too long, UnavailableError.
    """
    id = decode_as("Schedule", schedule)
    known = await catalogue.current()
    if id is None or id not in known.schedules:
        raise NotFoundError
    if last - first > timedelta(days=LONGEST_CALENDAR_DAYS):
        raise MalformedError(_LONG)
    start, end = span_of_days(known.municipality.timezone, first, last)
    wanted = Selection.merged([*selection.fields, *Selection.of("id", "remaining", "closed").fields])
    told: dict[str, tuple[int, bool]] = {}
    async with slot_tail().following(id, start, end) as calendar:
        while True:
            changed = await calendar.changes()
            if wanted.names <= SAME_FOR_ALL:
                rows = list(changed.values())
            else:
                rows = await _read(actor, changed.keys(), wanted)
            for row in rows:
                standing = row["remaining"], row["closed"]
                if told.get(row["id"]) != standing:
                    told[row["id"]] = standing
                    yield row


async def _read(actor: Actor, ids: Collection[UUID], wanted: Selection) -> list[Row]:
    reading = await reading_for(actor)
    s = reading.alias("s")
    part = slot_part(reading, wanted, s)
    bound = reading.bind(list(ids), "uuid[]")
    return await read_all(reading, part, f"slot {s} WHERE {s}.id = ANY({bound}) ORDER BY {s}.start")
