"""A world for each test: made once a session, and copied, rows and files."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from core import limits
from core.redis import close_redis, get_redis
from core.settings import Settings, get_settings
from espace.embedded import EmbeddedServers
from models.database import close, execute, initialise
from resolvers import catalogue
from tests.authorization.calling import ADDRESS, Callers, calling
from tests.authorization.survey import Survey, take
from tests.authorization.world import World, make_world

MADE = "authorization_made"
COPY = "authorization_copy"


@dataclass(frozen=True, repr=False)
class Worlds:
    """The world as it was made, and a copy that may be spoilt and made again."""

    servers: EmbeddedServers
    world: World
    made: Path
    copy: Path

    async def open(self) -> Settings:
        """Settings of a fresh copy, to which the process is connected."""
        await run_on_server(self.servers, f'DROP DATABASE IF EXISTS "{COPY}" WITH (FORCE)')
        await run_on_server(self.servers, f'CREATE DATABASE "{COPY}" TEMPLATE "{MADE}" STRATEGY FILE_COPY')
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.made, self.copy)
        settings = get_settings()
        await initialise(settings)
        catalogue.forget()
        # What lasts some minutes only has to last as long as the tests.
        await execute(
            "UPDATE session SET created_at = now(), expires_at = now() + (expires_at - created_at) "
            "WHERE temporary_password_id IS NOT NULL"
        )
        await execute("UPDATE second_factor SET offered_at = now() WHERE confirmed_at IS NULL")
        await execute(
            "UPDATE captcha SET expires_at = now() + interval '1 hour' WHERE expires_at > created_at"
        )
        return settings

    async def renew(self) -> None:
        await self.close()
        await self.open()

    async def close(self) -> None:
        catalogue.forget()
        await close()


@pytest_asyncio.fixture(scope="session")
async def worlds(
    servers: EmbeddedServers, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Worlds]:
    made, copy = tmp_path_factory.mktemp("made"), tmp_path_factory.mktemp("copy")
    await run_on_server(servers, f'CREATE DATABASE "{MADE}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    with environment(servers, MADE, made):
        await initialise(get_settings())
        world = await make_world()
        await close()
        catalogue.forget()
    yield Worlds(servers, world, made, copy)
    for name in (MADE, COPY):
        await run_on_server(servers, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest_asyncio.fixture
async def callers(worlds: Worlds) -> AsyncIterator[Callers]:
    """Every kind of caller, in a world of the test's own."""
    with environment(worlds.servers, COPY, worlds.copy):
        await get_redis().flushall()
        async with calling(await worlds.open(), worlds.world) as made:
            yield made
        await worlds.close()
        await limits.close()
        await close_redis()


@pytest_asyncio.fixture(scope="session")
async def survey(worlds: Worlds) -> AsyncIterator[Survey]:
    """What all looks find, taken once a session."""
    with environment(worlds.servers, COPY, worlds.copy):
        async with calling(await worlds.open(), worlds.world) as made:
            taken = await take(made, worlds.renew)
        await worlds.close()
        await limits.close()
        await close_redis()
    yield taken


@contextmanager
def environment(servers: EmbeddedServers, database: str, data: Path) -> Iterator[None]:
    """The matrix asks thousands of times from one address: nothing is counted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ESPACE_DATABASE_URL", servers.postgres.url(database))
        patch.setenv("ESPACE_REDIS_URL", servers.valkey.url())
        patch.setenv("ESPACE_DATA", str(data))
        patch.setenv("ESPACE_PUBLIC_URL", ADDRESS)
        patch.setenv("ESPACE_RATE_LIMITS", "0")
        patch.setenv("ESPACE_AGENTS_SECOND_FACTOR", "required")
        # Nobody is there: nobody is sent there either.
        patch.setenv("ESPACE_OPENID_ISSUER", "https://identite.invalid")
        patch.setenv("ESPACE_OPENID_CLIENT_ID", "mairie")
        patch.setenv("ESPACE_OPENID_CLIENT_SECRET", "a secret of the provider's which is long enough")
        patch.setenv("ESPACE_DATABASE_TIMEOUT_SECONDS", "60")
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


async def run_on_server(servers: EmbeddedServers, statement: str) -> None:
    connection = await asyncpg.connect(servers.postgres.url("postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
