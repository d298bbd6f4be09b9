"""One process's view of what becomes of slots: who has a calendar open is handed what changed in it.

However many calendars are open in a process, one look a second is made, and one whenever something was taken or freed.
It asks for what changed in the schedules that anybody follows, and reads it once for all who follow.

Each slot names the transaction that changed it last. A look asks for slots changed by transactions that the look before
could not see yet (`changed_in` at or after the oldest one running then), so none is missed, whatever order they
committed in; what was handed over already is not handed over again. A hold that runs out changes no row: the look names
those, too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.errors import UnavailableError
from core.event_bus import Listener, event_bus
from core.selection import Selection
from models.actors import Visitor
from models.database import Row, fetch, fetch_one
from models.ids import decode_as
from resolvers.reading.shape import read_all, reading_for
from resolvers.reading.slots import slot_part

LOOK_EVERY_SECONDS = 1.0

SAME_FOR_ALL = frozenset({"id", "start", "end", "capacity", "remaining", "closed"})
"""What anybody is told of a slot in the same words."""

_READ = Selection.of(*sorted(SAME_FOR_ALL))

AT_ONCE = 1_000

_CHANGED = """
SELECT s.id, s.schedule_id, s.start, s.changed_in FROM slot s
WHERE s.schedule_id = ANY($1::uuid[]) AND s.start >= $2 AND s.start < $3 AND s.changed_in >= $4
UNION ALL
SELECT s.id, s.schedule_id, s.start, NULL FROM slot s
WHERE s.schedule_id = ANY($1::uuid[]) AND s.start >= $2 AND s.start < $3 AND s.id IN (
    SELECT x.slot_id FROM appointment x
    WHERE x.state = 'HELD' AND x.counts AND x.held_until > $5 AND x.held_until <= now()
)
ORDER BY start
"""

logger = logging.getLogger(__name__)


class OpenCalendar(Listener):
    """Some days of a schedule that somebody looks at. `changed`: its slots that changed since it was last asked, as
    they were read for all."""

    def __init__(self, schedule_id: UUID, start: datetime, end: datetime) -> None:
        super().__init__()
        self.schedule_id, self.start, self.end = schedule_id, start, end
        self.changed: dict[UUID, Row] = {}

    def shows(self, start: datetime) -> bool:
        """Whether a slot that begins then is among those days."""
        return self.start <= start < self.end

    async def changes(self) -> dict[UUID, Row]:
        """Waits until there are some."""
        while not self.changed:
            await self.wait(None)
        changed, self.changed = self.changed, {}
        return changed


@dataclass(slots=True)
class _Seen:
    """How far the last look saw: all transactions before `xmin` had ended, and holds had run out up to `at`."""

    xmin: int
    at: datetime


class SlotTail:
    """Runs while anybody has a calendar open."""

    def __init__(self) -> None:
        self._open: dict[UUID, set[OpenCalendar]] = {}
        self._task: asyncio.Task[None] | None = None
        self._seen: _Seen | None = None
        self._handed_over: dict[UUID, int] = {}
        """Slots that a look may come upon again, and which change of them everybody knows."""

    @asynccontextmanager
    async def following(
        self, schedule_id: UUID, start: datetime, end: datetime
    ) -> AsyncIterator[OpenCalendar]:
        """All that changes from now on. Raises UnavailableError."""
        calendar = OpenCalendar(schedule_id, start, end)
        self._open.setdefault(schedule_id, set()).add(calendar)
        try:
            if self._task is None or self._task.done():
                seen = await _look_around()
                if self._task is None or self._task.done():
                    self._seen, self._handed_over = seen, {}
                    # A context of its own, so that it belongs to no operation that happens to start it.
                    self._task = asyncio.get_running_loop().create_task(
                        self._run(), name="slot tail", context=Context()
                    )
            yield calendar
        finally:
            self._open[schedule_id].discard(calendar)
            if not self._open[schedule_id]:
                del self._open[schedule_id]
            if not self._open and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _run(self) -> None:
        async with event_bus().listen("slots") as bell:
            while True:
                await bell.wait(LOOK_EVERY_SECONDS)
                try:
                    await self._look()
                except UnavailableError:
                    logger.warning("slots cannot be read for the moment")
                    await asyncio.sleep(LOOK_EVERY_SECONDS)
                except Exception:
                    # Everybody who follows depends on this loop: whatever it was, look again.
                    logger.exception("slots could not be read")
                    await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _look(self) -> None:
        following = await _look_around()
        calendars = [calendar for some in self._open.values() for calendar in some]
        if not calendars or self._seen is None:
            return
        rows = await fetch(
            _CHANGED,
            list(self._open),
            min(calendar.start for calendar in calendars),
            max(calendar.end for calendar in calendars),
            self._seen.xmin,
            self._seen.at,
        )
        concerned = {
            row["id"]: some
            for row in rows
            if row["changed_in"] is None or row["changed_in"] != self._handed_over.get(row["id"])
            if (some := [each for each in self._open.get(row["schedule_id"], ()) if each.shows(row["start"])])
        }
        for id, slot in (await _read(list(concerned))).items():
            for calendar in concerned[id]:
                calendar.changed[id] = slot
                calendar.wake()
        # Only now: whatever failed before is looked for again.
        self._handed_over = {
            row["id"]: row["changed_in"]
            for row in rows
            if row["changed_in"] is not None and row["changed_in"] >= following.xmin
        }
        self._seen = following


async def _look_around() -> _Seen:
    row = await fetch_one("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin, now() AS at")
    assert row is not None
    return _Seen(row["xmin"], row["at"])


async def _read(ids: Sequence[UUID]) -> dict[UUID, Row]:
    """Slots as they are now, in the order of `ids`."""
    read: dict[UUID, Row] = {}
    for i in range(0, len(ids), AT_ONCE):
        reading = await reading_for(Visitor())
        s = reading.alias("s")
        part = slot_part(reading, _READ, s)
        some = reading.bind(ids[i : i + AT_ONCE], "uuid[]")
        for row in await read_all(reading, part, f"slot {s} WHERE {s}.id = ANY({some})"):
            id = decode_as("Slot", row["id"])
            assert id is not None
            read[id] = row
    return {id: read[id] for id in ids if id in read}


_tail = SlotTail()


def slot_tail() -> SlotTail:
    """That of this process."""
    return _tail
