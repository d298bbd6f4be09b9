"""Real servers for every test: one embedded PostgreSQL and Valkey a session, a fresh database a test.

`database_url`   a clone of the migrated template, the test's own
`settings`       the process's settings, pointing to that clone and to an emptied Valkey
`database`       the same, with `models.database` initialised
`municipality`   the same, with the demo municipality's catalogue
`partner`        `database`, with an Espace Famille to talk to: a real process (tests/partner.py)
`stack`          API, worker, mail server: real processes on servers of their own (tests/stack.py)
"""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from functools import cache
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio

from core import limits
from core.redis import close_redis, get_redis
from core.settings import Settings, get_settings
from espace.embedded import EmbeddedServers, temporary_servers
from tests.partner import Partner
from tests.sharing import pytest_xdist_make_scheduler
from tests.stack import ROOT, Stack, free_port

__all__ = ["pytest_xdist_make_scheduler"]

SECRET_KEY = "the secret key of the tests, which is long enough"
TEMPLATE = "template_migrated"
DEMONSTRATION = ROOT / "municipalities" / "demonstration"

MEMORY = Path("/dev/shm")
"""A database is a thousand small files: there they are made in a third of the time that a disk takes."""
ROOM_BYTES = 2 << 30

_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test depends on what the developer has set, nor touches the developer's data."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith("ESPACE_"):
                patch.delenv(name)
        patch.setenv("ESPACE_DATA", str(tmp_path_factory.mktemp("data")))
        patch.setenv("ESPACE_SECRET_KEY", SECRET_KEY)
        patch.setenv("ESPACE_CAPTCHA_FIXED_CODE", "AZERTY")
        # Workers of other tests have better things to do.
        patch.setenv("ESPACE_CAPTCHA_AUDIO_STOCK", "0")
        # Everybody in a test is one address. Everything is counted; what has limits of its own is told so.
        patch.setenv("ESPACE_RATE_LIMITS", "1000")
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def certificates_read_once() -> Iterator[None]:
    """Each client of httpx would read those of all authorities, 40 ms of a processor: tests make thousands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("httpx._transports.default.create_ssl_context", cache(httpx.create_ssl_context))
        yield


@pytest.fixture(scope="session")
def servers() -> Iterator[EmbeddedServers]:
    """PostgreSQL and Valkey without durability, shared by the session. Do not stop them: `stack` has its own."""
    with temporary_servers(MEMORY if _has_room(MEMORY) else None) as servers:
        yield servers


def _has_room(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > ROOM_BYTES


@pytest_asyncio.fixture(scope="session")
async def template(servers: EmbeddedServers) -> str:
    """The name of a migrated, empty database that nobody is connected to."""
    from models.database import migrate

    await _run_on_server(servers, f'CREATE DATABASE "{TEMPLATE}"')
    await migrate(Settings(database_url=servers.postgres.url(TEMPLATE)))
    return TEMPLATE


@pytest_asyncio.fixture
async def database_url(servers: EmbeddedServers, template: str) -> AsyncIterator[str]:
    """A database of the test's own, as `migrate` leaves it."""
    name = f"test_{next(_numbers)}"
    await _run_on_server(servers, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    yield servers.postgres.url(name)
    await _run_on_server(servers, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest_asyncio.fixture
async def settings(
    database_url: str, servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Settings]:
    """What `get_settings()` returns during the test. Redis is empty."""
    monkeypatch.setenv("ESPACE_DATABASE_URL", database_url)
    monkeypatch.setenv("ESPACE_REDIS_URL", servers.valkey.url())
    monkeypatch.setenv("ESPACE_DATA", str(tmp_path))
    get_settings.cache_clear()
    await get_redis().flushall()
    yield get_settings()
    await limits.close()
    await close_redis()
    get_settings.cache_clear()


@pytest.fixture
def limits_as_declared(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits are those of production, not a thousand times that."""
    monkeypatch.setenv("ESPACE_RATE_LIMITS", "1")
    get_settings.cache_clear()


@pytest_asyncio.fixture
async def database(settings: Settings) -> AsyncIterator[Settings]:
    """The settings, once `models.database` can be used by this process."""
    from models.database import close, initialise
    from resolvers import catalogue

    await initialise(settings)
    catalogue.forget()
    yield settings
    catalogue.forget()
    await close()


@pytest_asyncio.fixture
async def municipality(database: Settings) -> Settings:
    """The settings, once the demo municipality's catalogue is loaded; its people are not."""
    from models.municipality_files import read_municipality
    from resolvers.municipality import load_municipality

    await load_municipality(read_municipality(DEMONSTRATION))
    return database


@pytest_asyncio.fixture(scope="session")
async def running_partner(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Partner]:
    """What `partner` hands out. Started once a session."""
    partner = Partner(tmp_path_factory.mktemp("partner"), free_port())
    try:
        await partner.start()
        yield partner
    finally:
        if partner.running:
            partner.stop()


@pytest_asyncio.fixture
async def partner(
    running_partner: Partner, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Partner]:
    """An Espace Famille that the municipality offers, without links; the settings say where it is."""
    from tests.factories import make_partner_system

    running_partner.forget()
    running_partner.is_there(monkeypatch)
    await make_partner_system()
    yield running_partner
    get_settings.cache_clear()


@pytest_asyncio.fixture(scope="session")
async def running_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """What `stack` hands out. Started once a session."""
    stack = Stack(tmp_path_factory.mktemp("stack"))
    try:
        await stack.start(DEMONSTRATION)
        yield stack
    finally:
        stack.stop()


@pytest_asyncio.fixture
async def stack(running_stack: Stack) -> AsyncIterator[Stack]:
    """API, worker, mail: all running when the test starts, whatever the one before has done to them."""
    await running_stack.recover()
    yield running_stack
    running_stack.inbox.answer = None


async def _run_on_server(servers: EmbeddedServers, statement: str) -> None:
    connection = await asyncpg.connect(servers.postgres.url("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await asyncio.wait_for(connection.close(), 5)
