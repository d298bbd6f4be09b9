"""What models/asyncpg_backend.py mends in Tortoise's client, on a healthy server."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from tortoise import Tortoise
from tortoise.connection import get_connection
from tortoise.exceptions import OperationalError
from tortoise.transactions import in_transaction

from core.errors import UnavailableError
from core.settings import Settings
from models import database
from models.database import counted, execute, fetch, fetch_one, transaction

POOL_SIZE = 4
TASKS = 600


async def work() -> None:
    async with in_transaction():
        await fetch("SELECT 1")
        async with in_transaction():
            await fetch("SELECT pg_sleep(0.001)")


async def cancel_at_random_moments() -> None:
    """Runs many short transactions, each cancelled some microseconds or milliseconds after its start."""
    chance = random.Random(20260701)

    async def one(delay: float) -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(delay)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for _ in range(TASKS // 6):
        await asyncio.gather(*(one(chance.choice([0, 0.0002, 0.003]) * chance.random()) for _ in range(6)))


async def connections_handed_out() -> int:
    """How many connections the pool has to give, all held at once."""
    pool: Any = get_connection("default")
    held: list[Any] = []
    try:
        for _ in range(POOL_SIZE):
            connection = await pool._pool.acquire(timeout=0.5)
            held.append(connection)
            assert await connection.fetchval("SELECT 1") == 1
    except (TimeoutError, UnavailableError):
        pass
    finally:
        for connection in held:
            await pool._pool.release(connection)
    return len(held)


@asynccontextmanager
async def connected(settings: Settings, engine: str) -> AsyncIterator[None]:
    config = database.tortoise_config(settings.database_url or "", pool_size=POOL_SIZE, timeout_seconds=1.8)
    config["connections"]["default"]["engine"] = engine
    await Tortoise.init(config=config, _enable_global_fallback=True)
    try:
        await fetch("SELECT 1")
        yield
    finally:
        pool: Any = get_connection("default")
        pool._pool.terminate()
        await Tortoise.close_connections()


async def test_a_cancelled_transaction_gives_its_connection_back(settings: Settings) -> None:
    async with connected(settings, "models.asyncpg_backend"):
        await cancel_at_random_moments()
        assert await connections_handed_out() == POOL_SIZE
        assert await fetch("SELECT 2 AS two") == [{"two": 2}]


async def test_tortoises_own_client_leaks_it(settings: Settings) -> None:
    """The negative control: without what we mended, the same test finds the leak."""
    async with connected(settings, "tortoise.backends.asyncpg"):
        await asyncio.wait_for(cancel_at_random_moments(), 60)
        assert await connections_handed_out() < POOL_SIZE


async def test_a_cancelled_statement_leaves_nothing_behind(database: Settings) -> None:
    """What a cancelled transaction had written is undone, and its locks are gone."""
    await execute("CREATE TABLE kept (n int)")

    async def write() -> None:
        async with transaction():
            await execute("INSERT INTO kept VALUES (1)")
            await execute("LOCK TABLE kept IN ACCESS EXCLUSIVE MODE")
            await asyncio.sleep(10)

    task = asyncio.create_task(write())
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await fetch("SELECT * FROM kept") == []


SLEEP = "SELECT pg_sleep(30)"


async def give_up_by_cancelling() -> None:
    task = asyncio.create_task(_expect_no_answer())
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def give_up_in_a_transaction() -> None:
    async def sleep() -> None:
        async with transaction():
            await fetch(SLEEP)

    task = asyncio.create_task(sleep())
    await asyncio.sleep(0.2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def give_up_in_time() -> None:
    with pytest.raises(UnavailableError):
        await fetch(SLEEP)


async def _expect_no_answer() -> None:
    await fetch(SLEEP)


@pytest.mark.parametrize(
    "give_up",
    [give_up_by_cancelling, give_up_in_a_transaction, give_up_in_time],
    ids=lambda way: way.__name__,
)
async def test_a_statement_that_was_given_up_ends(
    database: Settings, give_up: Callable[[], Awaitable[None]]
) -> None:
    """Else whoever comes and leaves has PostgreSQL run more statements at once than the pool has connections."""
    observer = await asyncpg.connect(database.database_url)
    try:
        started = time.monotonic()
        giving_up = asyncio.gather(*(give_up() for _ in range(database.database_pool_size)))
        await _until_sleepers(observer, database.database_pool_size)
        await giving_up
        await _until_sleepers(observer, 0)
        assert time.monotonic() - started < database.database_timeout_seconds + 2
    finally:
        await observer.close()


async def test_a_statement_that_is_still_waited_for_ends_too(database: Settings) -> None:
    """PostgreSQL's own limit, for whoever does not hang up: a frozen process, a machine that is gone."""
    await fetch("SELECT 1")
    pool: Any = get_connection("default")
    async with pool.acquire_connection() as connection:
        with pytest.raises(asyncpg.QueryCanceledError):
            await connection.fetch(SLEEP, timeout=10)


async def test_a_statement_that_postgresql_gave_up_is_an_absent_database(database: Settings) -> None:
    async def run_out_of_time() -> None:
        async with transaction():
            await fetch("SELECT set_config('statement_timeout', '50ms', true)")
            await fetch(SLEEP)

    with pytest.raises(UnavailableError):
        await run_out_of_time()
    assert await fetch_one("SELECT 1 AS one") == {"one": 1}


async def test_a_migration_has_a_time_of_its_own(settings: Settings) -> None:
    """It waits for another one far longer than a request may."""
    observer = await asyncpg.connect(settings.database_url)
    try:
        await observer.execute("SELECT pg_advisory_lock($1)", database.MIGRATION_LOCK)
        hasty = settings.model_copy(update={"database_timeout_seconds": 0.1})
        migrating = asyncio.create_task(database.migrate(hasty))
        await asyncio.sleep(2 * (0.1 + database.STATEMENT_GRACE_SECONDS))
        assert not migrating.done()
        await observer.execute("SELECT pg_advisory_unlock($1)", database.MIGRATION_LOCK)
        assert await asyncio.wait_for(migrating, 5) == []
    finally:
        await observer.close()


async def _until_sleepers(observer: asyncpg.Connection[Any], expected: int) -> None:
    """Waits until that many statements sleep in the observer's database: 5 s at most."""
    async with asyncio.timeout(5):
        while await _sleepers(observer) != expected:  # noqa: ASYNC110 - another process ends them
            await asyncio.sleep(0.02)


async def _sleepers(observer: asyncpg.Connection[Any]) -> int:
    count: int = await observer.fetchval(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND query = $1 AND state = 'active'",
        SLEEP,
    )
    return count


async def test_a_block_inside_a_transaction_is_undone_alone(database: Settings) -> None:
    await execute("CREATE TABLE kept (n int)")

    async def write_and_fail() -> None:
        async with transaction():
            await execute("INSERT INTO kept VALUES (2)")
            raise ZeroDivisionError

    async with transaction():
        await execute("INSERT INTO kept VALUES (1)")
        with pytest.raises(ZeroDivisionError):
            await write_and_fail()
        await execute("INSERT INTO kept VALUES (3)")
    assert await fetch("SELECT n FROM kept ORDER BY n") == [{"n": 1}, {"n": 3}]


async def test_a_backend_killed_in_a_transaction(database: Settings) -> None:
    """The transaction ends as UNAVAILABLE; the next one has a working connection."""

    async def lose_the_connection() -> None:
        async with transaction():
            await _kill_own_backend()
            await fetch("SELECT 1")

    for _ in range(5):
        with pytest.raises(UnavailableError):
            await lose_the_connection()
        async with transaction():
            assert await fetch_one("SELECT 1 AS one") == {"one": 1}


async def test_a_backend_killed_before_the_commit(database: Settings) -> None:
    await execute("CREATE TABLE kept (n int)")

    async def write_and_lose_the_connection() -> None:
        async with transaction():
            await execute("INSERT INTO kept VALUES (1)")
            await _kill_own_backend()

    with pytest.raises(UnavailableError):
        await write_and_lose_the_connection()
    assert await fetch("SELECT * FROM kept") == []


async def test_every_idle_backend_killed(database: Settings) -> None:
    """Statements find dead connections in the pool: each says UNAVAILABLE at most once, then all is well."""
    await asyncio.gather(*(fetch("SELECT pg_sleep(0.05)") for _ in range(database.database_pool_size)))
    other = await asyncpg.connect(database.database_url)
    await other.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await other.close()
    await asyncio.sleep(0.05)
    assert await asyncio.gather(*(fetch("SELECT 1 AS one") for _ in range(30))) == [[{"one": 1}]] * 30


async def test_a_value_that_does_not_fit_is_no_absent_database(database: Settings) -> None:
    """A defect of ours must not look like a database that is away."""
    with pytest.raises(OperationalError):
        await fetch("SELECT $1::int AS n", 2**40)


async def test_statements_are_counted(database: Settings) -> None:
    with counted() as count:
        await fetch("SELECT 1")
        async with transaction():
            await execute("CREATE TABLE kept (n int)")
            async with transaction():
                await execute("INSERT INTO kept VALUES (1)")
        await asyncio.create_task(_fetch_one_more())
    assert count.value == 4
    await fetch("SELECT 1")
    assert count.value == 4


async def _fetch_one_more() -> None:
    await fetch("SELECT 1")


async def _kill_own_backend() -> None:
    row = await fetch_one("SELECT pg_backend_pid() AS pid")
    assert row is not None
    pool: Any = get_connection("default")
    parent = pool._parent
    other = await asyncpg.connect(**{k: parent._template[k] for k in ("host", "user", "database")})
    await other.execute("SELECT pg_terminate_backend($1, 1000)", row["pid"])
    await other.close()
