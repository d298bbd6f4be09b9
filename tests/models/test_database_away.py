"""A PostgreSQL that is stopped, frozen or restarted: what a process that uses it sees, and how soon."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from core.errors import UnavailableError
from core.settings import Settings, get_settings
from espace.embedded import EmbeddedServers
from models.database import close, execute, fetch, fetch_one, initialise, ping, transaction

WITHIN_SECONDS = 2.0
AT_ONCE = 30


@pytest.fixture(scope="module")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServers]:
    """A PostgreSQL of this module's own, since the others share theirs."""
    folder = tmp_path_factory.mktemp("breakable")
    with EmbeddedServers(folder, durable=False, valkey=False) as servers:
        yield servers


@pytest_asyncio.fixture
async def postgres(breakable: EmbeddedServers) -> AsyncIterator[EmbeddedServers]:
    settings: Settings = get_settings().model_copy(update={"database_url": breakable.postgres.url()})
    await initialise(settings)
    yield breakable
    await close()


async def in_a_statement() -> None:
    await fetch("SELECT 1")


async def in_a_transaction() -> None:
    async with transaction():
        await fetch("SELECT 1")


WAYS = [in_a_statement, in_a_transaction, ping]


async def seconds_to_unavailable(way: Callable[[], Awaitable[None]]) -> float:
    started_at = time.monotonic()
    with pytest.raises(UnavailableError):
        await way()
    return time.monotonic() - started_at


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("connected", [True, False], ids=["connected before", "never connected"])
async def test_stopped(
    postgres: EmbeddedServers, way: Callable[[], Awaitable[None]], connected: bool
) -> None:
    if connected:
        await asyncio.gather(*(fetch("SELECT pg_sleep(0.01)") for _ in range(AT_ONCE)))
    postgres.postgres.stop()
    try:
        times = await asyncio.gather(*(seconds_to_unavailable(way) for _ in range(AT_ONCE)))
        assert max(times) < WITHIN_SECONDS
    finally:
        postgres.postgres.start()
    assert await fetch_one("SELECT 1 AS one") == {"one": 1}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("connected", [True, False], ids=["connected before", "never connected"])
async def test_frozen(postgres: EmbeddedServers, way: Callable[[], Awaitable[None]], connected: bool) -> None:
    """It accepts connections (the kernel does) and never answers."""
    if connected:
        await asyncio.gather(*(fetch("SELECT pg_sleep(0.01)") for _ in range(AT_ONCE)))
    frozen = processes_of(postgres)
    for process in frozen:
        os.kill(process, signal.SIGSTOP)
    try:
        times = await asyncio.gather(*(seconds_to_unavailable(way) for _ in range(AT_ONCE)))
        assert max(times) < WITHIN_SECONDS
    finally:
        for process in frozen:
            os.kill(process, signal.SIGCONT)
    await in_a_transaction()
    assert [await fetch_one("SELECT 1 AS one") for _ in range(AT_ONCE)] == [{"one": 1}] * AT_ONCE


async def test_frozen_in_a_transaction(postgres: EmbeddedServers) -> None:
    """The transaction under way ends within the time of a statement, and nothing of it is kept."""
    await execute("CREATE TABLE IF NOT EXISTS kept (n int)")
    frozen: list[int] = []
    started_at = 0.0

    async def write_and_freeze() -> None:
        nonlocal started_at
        async with transaction():
            await execute("INSERT INTO kept VALUES (1)")
            frozen.extend(processes_of(postgres))
            for process in frozen:
                os.kill(process, signal.SIGSTOP)
            started_at = time.monotonic()
            await fetch("SELECT 1")

    try:
        with pytest.raises(UnavailableError):
            await write_and_freeze()
        assert time.monotonic() - started_at < WITHIN_SECONDS
    finally:
        for process in frozen:
            os.kill(process, signal.SIGCONT)
    assert await fetch("SELECT * FROM kept") == []


async def test_stopped_in_a_transaction(postgres: EmbeddedServers) -> None:
    await execute("CREATE TABLE IF NOT EXISTS kept (n int)")
    started_at = 0.0

    async def write_and_stop() -> None:
        nonlocal started_at
        async with transaction():
            await execute("INSERT INTO kept VALUES (1)")
            postgres.postgres.stop()
            started_at = time.monotonic()
            await fetch("SELECT 1")

    try:
        with pytest.raises(UnavailableError):
            await write_and_stop()
        assert time.monotonic() - started_at < WITHIN_SECONDS
    finally:
        postgres.postgres.start()
    assert await fetch("SELECT * FROM kept") == []


async def test_a_full_pool_is_unavailable_in_time(postgres: EmbeddedServers) -> None:
    """Who gets no connection is told so, and the others are served."""

    async def hold() -> None:
        async with transaction():
            await asyncio.sleep(2.2)

    size = get_settings().database_pool_size
    holders = [asyncio.create_task(hold()) for _ in range(size)]
    await asyncio.sleep(0.2)
    assert await seconds_to_unavailable(in_a_statement) < WITHIN_SECONDS
    await asyncio.gather(*holders)
    await in_a_statement()


async def test_as_soon_as_it_is_back(postgres: EmbeddedServers) -> None:
    """Nothing of the outage is remembered: the first statement after it succeeds."""
    for _ in range(3):
        postgres.postgres.stop()
        with pytest.raises(UnavailableError):
            await in_a_transaction()
        postgres.postgres.start()
        await in_a_transaction()


def processes_of(servers: EmbeddedServers) -> list[int]:
    """The server's main process, which is to stop first, and its children."""
    assert servers.postgres.process is not None
    main = servers.postgres.process.pid
    children = Path(f"/proc/{main}/task/{main}/children").read_text().split()
    return [main, *map(int, children)]


async def test_the_server_can_be_reached_from_elsewhere(postgres: EmbeddedServers) -> None:
    """After all of that no connection is left behind on the server but those of the pool."""
    other = await asyncpg.connect(postgres.postgres.url())
    await asyncio.sleep(0.1)
    others = await other.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await other.close()
    assert others <= get_settings().database_pool_size
