"""Following the event log live.

A subscriber reads pages of the log from its cursor, and sleeps where there is none left: replay and live tail are one
and the same loop, so that nothing can fall between them. Whose session has ended reads nothing any more; that it ends,
too, is resolvers/session_watch.py's to see to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from core.errors import ForbiddenError, NotFoundError
from core.selection import Selection
from models.actors import Actor, AgentActor, CitizenActor
from models.database import Row
from models.ids import decode_as
from models.statement import Statement
from models.visibility import session_holds, visible_requests
from resolvers.event_tail import Happening, event_tail, head
from resolvers.reading.accounts import unread_of_account
from resolvers.reading.events import event_part
from resolvers.reading.pages import decode_cursor, encode_cursor
from resolvers.reading.shape import Part, Shape, read_all, read_value, reading_for
from resolvers.requests import read_request

AT_ONCE = 100

_reading = asyncio.Semaphore(3)
"""An event may wake a thousand followers of this process at once: they queue up here, where nobody is told to come
again because it takes long, and leave connections to whoever else needs the database."""

Condition = Callable[[Statement, str], str]


async def request_events(
    actor: Actor, *, request: str, after: str | None, selection: Selection
) -> AsyncGenerator[Row, None]:
    """Events of one request: with `after` all since that cursor, then live. Raises NotFoundError."""
    request_id = decode_as("ServiceRequest", request)
    if await read_request(actor, request_id, Selection.of("version")) is None:
        raise NotFoundError
    events = _follow(
        actor,
        after,
        concerns=lambda happening: happening.request_id == request_id,
        condition=lambda statement, r: f"{r}.id = {statement.bind(request_id, 'uuid')}",
        selection=selection,
    )
    async with aclosing(events):
        async for _, row in events:
            yield row


async def desk_events(actor: Actor, *, after: str | None, selection: Selection) -> AsyncGenerator[Row, None]:
    """Events of every request that the agent may see."""
    if not isinstance(actor, AgentActor):
        raise ForbiddenError
    events = _follow(
        actor,
        after,
        concerns=lambda happening: True,
        condition=lambda statement, r: "TRUE",
        selection=selection,
    )
    async with aclosing(events):
        async for _, row in events:
            yield row


async def notifications(
    actor: Actor, *, after: str | None, selection: Selection
) -> AsyncGenerator[Row, None]:
    """What concerns the caller's account. The first message only gives the counts, and the cursor to resume after."""
    if not isinstance(actor, CitizenActor):
        raise ForbiddenError
    position = await head() if after is None else _position(after)
    start = encode_cursor([position])
    yield {"cursor": start, "event": None, "unread_exchange_count": await _unread_count(actor)}
    events = _follow(
        actor,
        start,
        concerns=lambda happening: happening.account_id == actor.account_id,
        condition=lambda statement, r: "TRUE",
        selection=selection.get("event"),
    )
    async with aclosing(events):
        async for cursor, row in events:
            yield {"cursor": cursor, "event": row, "unread_exchange_count": await _unread_count(actor)}


async def _follow(
    actor: Actor,
    after: str | None,
    *,
    concerns: Callable[[Happening], bool],
    condition: Condition,
    selection: Selection,
) -> AsyncGenerator[tuple[str, Row], None]:
    """Each event with its cursor, oldest first, for ever."""
    position = _position(after) if after is not None else None
    wanted = Selection.merged([*selection.fields, *Selection.of("cursor").fields])
    async with event_tail().following(concerns) as follower:
        if position is None:
            position = await head()
        while True:
            rows = await _read_after(actor, position, condition, wanted)
            for row in rows:
                position = _position(row["cursor"])
                yield row["cursor"], row
            if len(rows) < AT_ONCE:
                await follower.wait(None)


def _position(cursor: str) -> int:
    """Raises MalformedError where the cursor is none of the log's."""
    position: int = decode_cursor(cursor, "bigint")[0]
    return position


async def _read_after(actor: Actor, position: int, condition: Condition, selection: Selection) -> list[Row]:
    reading = await reading_for(actor)
    e, r = reading.alias("e"), reading.alias("r")
    part = event_part(reading, selection, e)
    source = (
        f"request_event {e} JOIN service_request {r} ON {r}.id = {e}.request_id "
        f"WHERE {e}.position > {reading.bind(position, 'bigint')} "
        f"AND {visible_requests(reading, actor, r)} AND {condition(reading, r)} AND {session_holds(reading, actor)} "
        f"ORDER BY {e}.position LIMIT {AT_ONCE}"
    )
    async with _reading:
        return await read_all(reading, part, source)


async def _unread_count(actor: CitizenActor) -> int:
    reading = await reading_for(actor)
    shape = Shape(reading, "Notification")
    shape.plain("count", unread_of_account(reading, reading.bind(actor.account_id, "uuid")))
    part: Part = shape.part()
    async with _reading:
        count: int = (await read_value(reading, part))["count"]
    return count
