"""Positions of the event log become visible in their own order, so that `position > cursor` skips nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg
import pytest_asyncio

from core.settings import Settings
from models.ids import new_id
from tests.factories import make_procedure, make_request

WRITERS = 50
EVENTS_EACH = 4
READERS = 5
INSERT = (
    "INSERT INTO request_event (id, kind, request_id, actor, data, occurred_at) "
    "VALUES ($1, 'RequestSubmitted', $2, 'CITIZEN', '{}', now())"
)
# What an ordinary sequence would do: numbers in the order of insertion, visible in the order of commit.
WITHOUT_THE_LOCK = """
DROP TRIGGER request_event_position ON request_event;
ALTER TABLE request_event ALTER COLUMN position SET DEFAULT nextval('request_event_position');
"""


@pytest_asyncio.fixture
async def request_id(database: Settings) -> UUID:
    return (await make_request(await make_procedure())).id


async def followed(settings: Settings, request_id: UUID) -> tuple[list[UUID], list[list[UUID]]]:
    """All events in the order of their positions, and what each reader met, while 50 writers wrote."""
    chance = random.Random(20260702)
    written = asyncio.Event()

    async def write(pool: asyncpg.Pool) -> None:
        for _ in range(EVENTS_EACH):
            await asyncio.sleep(chance.random() * 0.02)
            async with pool.acquire() as connection, connection.transaction():
                for _ in range(chance.choice([1, 1, 2])):
                    await connection.execute(INSERT, new_id(), request_id)
                # Most commit at once; some dawdle, while others with later numbers overtake them.
                await asyncio.sleep(0.03 if chance.random() < 0.1 else chance.random() * 0.002)

    async def read(pool: asyncpg.Pool) -> list[UUID]:
        met: list[UUID] = []
        cursor = 0
        while True:
            last_time = written.is_set()
            rows = await pool.fetch(
                "SELECT id, position FROM request_event WHERE position > $1 ORDER BY position", cursor
            )
            met += [row["id"] for row in rows]
            cursor = rows[-1]["position"] if rows else cursor
            if last_time and not rows:
                return met
            await asyncio.sleep(chance.random() * 0.002)

    async with asyncpg.create_pool(settings.database_url, min_size=0, max_size=WRITERS + READERS) as pool:
        readers = [asyncio.create_task(read(pool)) for _ in range(READERS)]
        await asyncio.gather(*(write(pool) for _ in range(WRITERS)))
        written.set()
        met = list(await asyncio.gather(*readers))
        rows = await pool.fetch("SELECT id FROM request_event ORDER BY position")
    return [row["id"] for row in rows], met


async def test_readers_skip_nothing_and_repeat_nothing(database: Settings, request_id: UUID) -> None:
    events, met = await followed(database, request_id)
    assert len(events) >= WRITERS * EVENTS_EACH
    assert met == [events] * READERS


async def test_without_the_lock_readers_skip(database: Settings, request_id: UUID) -> None:
    """The negative control: positions of a plain sequence are seen out of order."""
    await _run(database, lambda connection: connection.execute(WITHOUT_THE_LOCK))
    events, met = await followed(database, request_id)
    assert any(set(one) < set(events) for one in met)


async def test_positions_count_on_after_a_rollback(database: Settings, request_id: UUID) -> None:
    """A transaction that is undone may leave a gap, never a second event at a position."""

    async def undone_then_kept(connection: asyncpg.Connection) -> None:
        await connection.execute(INSERT, new_id(), request_id)
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(INSERT, new_id(), request_id)
        await transaction.rollback()
        await connection.execute(INSERT, new_id(), request_id)
        positions = [
            row["position"]
            for row in await connection.fetch("SELECT position FROM request_event ORDER BY occurred_at")
        ]
        assert len(positions) == 2
        assert positions[0] < positions[1]

    await _run(database, undone_then_kept)


async def _run(settings: Settings, what: Callable[[asyncpg.Connection], Awaitable[object]]) -> None:
    connection = await asyncpg.connect(settings.database_url)
    try:
        await what(connection)
    finally:
        await connection.close()
