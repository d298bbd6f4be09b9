"""What lasts ends with the session, or the partner's token, that it began with: in every process, whoever ended it,
wherever.

One look a process asks for all sessions and tokens that are followed there: when somebody says that one has ended
(Redis), and every half second all the same.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from contextvars import Context
from typing import TypeVar
from uuid import UUID

from core.errors import UnauthenticatedError, UnavailableError
from core.event_bus import event_bus
from core.tasks import end_tasks
from models.actors import Actor, AgentActor, CitizenActor, PartnerActor, RestrictedActor
from models.database import fetch

LOOK_EVERY_SECONDS = 0.5

_END = object()

Row = TypeVar("Row")

logger = logging.getLogger(__name__)


async def while_logged_in(actor: Actor, rows: AsyncGenerator[Row, None]) -> AsyncGenerator[Row, None]:
    """The rows, as long as the caller's session or token lasts. Raises UnauthenticatedError where it has ended."""
    followed = _lasting(actor)
    if followed is None:
        async with aclosing(rows):
            async for row in rows:
                yield row
        return
    async with session_watch().following(followed) as ended, aclosing(rows):
        while True:
            drawing = asyncio.ensure_future(_next(rows))
            try:
                await asyncio.wait((drawing, ended), return_when=asyncio.FIRST_COMPLETED)
            finally:
                if ended.done() or not drawing.done():
                    await end_tasks([drawing])
            if ended.done():
                raise UnauthenticatedError
            drawn = drawing.result()
            if drawn is _END:
                return
            yield drawn  # type: ignore[misc]  # what is not the end is a row


def _lasting(actor: Actor) -> UUID | None:
    """The session or the token by which the caller is let in; None for whoever has neither."""
    match actor:
        case CitizenActor() | AgentActor() | RestrictedActor():
            return actor.session_id
        case PartnerActor():
            return actor.token_id
        case _:
            return None


async def _next(rows: AsyncGenerator[Row, None]) -> Row | object:
    return await anext(rows, _END)


class SessionWatch:
    """Runs while anybody follows."""

    def __init__(self) -> None:
        self._followers: dict[UUID, set[asyncio.Future[None]]] = {}
        self._task: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def following(self, id: UUID) -> AsyncIterator[asyncio.Future[None]]:
        """A future that is done once the session or the token of this id has ended."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._followers.setdefault(id, set()).add(ended)
        if self._task is None or self._task.done():
            # A context of its own, so that it belongs to no operation that happens to start it.
            self._task = asyncio.get_running_loop().create_task(
                self._run(), name="session watch", context=Context()
            )
        try:
            yield ended
        finally:
            self._followers[id].discard(ended)
            if not self._followers[id]:
                del self._followers[id]
            if not self._followers and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _run(self) -> None:
        async with event_bus().listen("sessions") as bell:
            while True:
                try:
                    await self._look()
                except UnavailableError:
                    # Nobody is told anything meanwhile, either: events are read from the same database.
                    logger.warning("sessions cannot be looked at for the moment")
                except Exception:
                    # Everybody who follows depends on this loop: whatever it was, look again.
                    logger.exception("sessions could not be looked at")
                await bell.wait(LOOK_EVERY_SECONDS)

    async def _look(self) -> None:
        followed = list(self._followers)
        rows = await fetch(
            "SELECT id FROM session WHERE id = ANY($1::uuid[]) AND expires_at > now() "
            "UNION ALL SELECT id FROM partner_token WHERE id = ANY($1::uuid[]) AND expires_at > now()",
            followed,
        )
        for id in set(followed).difference(row["id"] for row in rows):
            for ended in self._followers.get(id, ()):
                if not ended.done():
                    ended.set_result(None)


_watch = SessionWatch()


def session_watch() -> SessionWatch:
    """That of this process."""
    return _watch
