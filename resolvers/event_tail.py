"""One process's view of the end of the event log: who waits for an event is woken when it is there to be read.

A wake-up from Redis makes it look at once; without one it looks every second. It only says *that* something
happened to a request: each reader then reads for itself, from its own cursor, what it may see.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass
from uuid import UUID

from core.errors import UnavailableError
from core.event_bus import Listener, event_bus
from models.database import fetch, fetch_one

LOOK_EVERY_SECONDS = 1.0
AT_ONCE = 1_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Happening:
    """What is needed to know whom an event concerns."""

    position: int
    request_id: UUID
    account_id: UUID | None
    procedure_id: UUID


class Follower(Listener):
    """Waits for happenings of its own concern."""

    def __init__(self, concerns: Callable[[Happening], bool]) -> None:
        super().__init__()
        self.concerns = concerns


class EventTail:
    """Runs while anybody follows."""

    def __init__(self) -> None:
        self._followers: set[Follower] = set()
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def following(self, concerns: Callable[[Happening], bool]) -> AsyncIterator[Follower]:
        follower = Follower(concerns)
        self._followers.add(follower)
        if self._task is None or self._task.done():
            # A context of its own, so that it belongs to no operation that happens to start it.
            self._task = asyncio.get_running_loop().create_task(
                self._run(), name="event tail", context=Context()
            )
        try:
            yield follower
        finally:
            self._followers.discard(follower)
            if not self._followers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _run(self) -> None:
        position: int | None = None
        async with event_bus().listen("events") as bell:
            while True:
                try:
                    position = await self._look(position)
                except UnavailableError:
                    logger.warning("the event log cannot be read for the moment")
                    await asyncio.sleep(LOOK_EVERY_SECONDS)
                except Exception:
                    # Everybody who follows depends on this loop: whatever it was, look again.
                    logger.exception("the event log could not be read")
                    await asyncio.sleep(LOOK_EVERY_SECONDS)
                else:
                    await bell.wait(LOOK_EVERY_SECONDS)

    async def _look(self, position: int | None) -> int:
        if position is None:
            # Whatever came in before the first look: let everybody read once.
            position = await head()
            for follower in self._followers:
                follower.wake()
        while True:
            rows = await fetch(
                "SELECT e.position, e.request_id, r.account_id, r.procedure_id "
                "FROM request_event e JOIN service_request r ON r.id = e.request_id "
                "WHERE e.position > $1 ORDER BY e.position LIMIT $2",
                position,
                AT_ONCE,
            )
            happenings = [Happening(**row) for row in rows]
            for follower in self._followers:
                if any(follower.concerns(happening) for happening in happenings):
                    follower.wake()
            if happenings:
                position = happenings[-1].position
            if len(happenings) < AT_ONCE:
                return position


async def head() -> int:
    """The last position of the log; 0 where it is empty. All that is committed later has a greater one."""
    row = await fetch_one("SELECT coalesce(max(position), 0) AS head FROM request_event")
    assert row is not None
    position: int = row["head"]
    return position


_tail = EventTail()


def event_tail() -> EventTail:
    """That of this process."""
    return _tail
