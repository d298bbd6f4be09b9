"""The one way to PostgreSQL: start, stop, migrate, statements, transactions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import orjson
from tortoise import Tortoise
from tortoise.backends.base.client import TransactionalDBClient
from tortoise.connection import get_connection
from tortoise.exceptions import IntegrityError
from tortoise.migrations.executor import MigrationExecutor
from tortoise.transactions import in_transaction

from core import limits
from core.errors import UnavailableError
from core.settings import Settings
from models.asyncpg_backend import counted, uncounted

__all__ = [
    "Row",
    "close",
    "connected",
    "counted",
    "execute",
    "fetch",
    "fetch_json",
    "fetch_one",
    "in_a_transaction",
    "initialise",
    "migrate",
    "pending_migrations",
    "ping",
    "tortoise_config",
    "transaction",
    "violated_constraint",
]

Row = dict[str, Any]

APP = "models"
MODULES = [
    "models.municipality",
    "models.procedures",
    "models.accounts",
    "models.captcha",
    "models.files",
    "models.storage",
    "models.requests",
    "models.appointments",
    "models.exchanges",
    "models.attachments",
    "models.uploads",
    "models.receipts",
    "models.events",
    "models.partner_tokens",
    "models.webhooks",
    "models.mail",
    "models.limits",
    "models.data_exports",
    "models.figures",
    "models.second_factors",
    "models.identities",
    "models.partner_links",
]
MIGRATION_TIMEOUT_SECONDS = 600.0
STATEMENT_GRACE_SECONDS = 0.5
"""How much longer than its caller PostgreSQL holds to a statement: the caller is to be the first to give up."""
GONE_AFTER_MILLISECONDS = 500
"""How soon PostgreSQL sees that whoever waited for a statement has left: dropping a connection tells it nothing."""
# Any constant does: it names the lock that two `migrate` at once queue up at.
MIGRATION_LOCK = 0x45535041


def tortoise_config(url: str, *, pool_size: int, timeout_seconds: float) -> dict[str, Any]:
    """Tortoise's configuration for `postgresql://user:password@host:port/database[?host=/socket/folder]`."""
    parts = urlsplit(url)
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    credentials = {
        "host": options.pop("host", None) or parts.hostname or "localhost",
        "port": int(options.pop("port", 0)) or parts.port or 5432,
        "user": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "database": unquote(parts.path.lstrip("/")) or None,
        # Made empty, the pool is there at once: callers that meet a frozen server then wait side by side, not in a row.
        "minsize": 0,
        "maxsize": pool_size,
        "timeout": timeout_seconds,
        "command_timeout": timeout_seconds,
        "server_settings": {
            "timezone": "UTC",
            "application_name": "espace-citoyens",
            "statement_timeout": str(round((timeout_seconds + STATEMENT_GRACE_SECONDS) * 1000)),
            "client_connection_check_interval": str(GONE_AFTER_MILLISECONDS),
        },
        **({"ssl": options["sslmode"]} if "sslmode" in options else {}),
    }
    return {
        "connections": {"default": {"engine": "models.asyncpg_backend", "credentials": credentials}},
        "apps": _apps(),
        "use_tz": True,
        "timezone": "UTC",
    }


def _config(settings: Settings, **changed: Any) -> dict[str, Any]:
    options = {
        "pool_size": settings.database_pool_size,
        "timeout_seconds": settings.database_timeout_seconds,
        **changed,
    }
    return tortoise_config(settings.database_url or "", **options)


async def initialise(settings: Settings) -> None:
    """Makes the database reachable from every task of this process. Does not connect yet."""
    await Tortoise.init(config=_config(settings), _enable_global_fallback=True)
    limits.use_database(_fetch_uncounted)


async def close() -> None:
    await Tortoise.close_connections()


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[None]:
    """The database, for as long as the block lasts."""
    await initialise(settings)
    try:
        yield
    finally:
        await close()


@asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """All or nothing; READ COMMITTED. Inside, every statement of this task takes part."""
    async with in_transaction():
        yield


def in_a_transaction() -> bool:
    """Whether this task's statements take part in one, and so hold a connection."""
    return isinstance(get_connection("default"), TransactionalDBClient)


async def fetch(sql: str, *values: Any) -> list[Row]:
    """The rows of one statement, RETURNING included. Raises UnavailableError where the database is away."""
    return await get_connection("default").execute_query_dict(sql, list(values))


async def _fetch_uncounted(sql: str, *values: Any) -> list[Row]:
    """What limits count while Redis is away is no part of the operation's own statements."""
    with uncounted():
        return await fetch(sql, *values)


async def fetch_one(sql: str, *values: Any) -> Row | None:
    rows = await fetch(sql, *values)
    return rows[0] if rows else None


async def fetch_json(sql: str, *values: Any) -> Any:
    """What a statement of one row and one JSON column holds; None where there is no row."""
    row = await fetch_one(sql, *values)
    if row is None:
        return None
    value = next(iter(row.values()))
    return None if value is None else orjson.loads(value)


async def execute(sql: str, *values: Any) -> int:
    """Runs a statement; returns how many rows an UPDATE or a DELETE changed. (Tortoise counts an INSERT as 0.)"""
    changed, _ = await get_connection("default").execute_query(sql, list(values))
    return changed


async def migrate(settings: Settings) -> list[str]:
    """Brings the database up to date; returns the names of the migrations applied. Two at once wait for each other."""
    await Tortoise.init(
        # One connection, so that the lock of its session is held around all that follows.
        config=_config(settings, pool_size=1, timeout_seconds=MIGRATION_TIMEOUT_SECONDS),
        _enable_global_fallback=True,
    )
    try:
        await fetch("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        before = await pending_migrations()
        if before:
            await MigrationExecutor(get_connection("default"), _apps()).migrate()
        return before
    finally:
        await Tortoise.close_connections()


async def pending_migrations() -> list[str]:
    """Names of the migrations that the connected database still lacks, in order."""
    executor = MigrationExecutor(get_connection("default"), _apps())
    return [step.migration.name for step in await executor.plan(None)]


def _apps() -> dict[str, dict[str, Any]]:
    return {APP: {"models": MODULES, "default_connection": "default", "migrations": "models.migrations"}}


async def ping() -> None:
    """Raises UnavailableError where the database does not answer."""
    if await fetch("SELECT 1 AS one") != [{"one": 1}]:
        raise UnavailableError


def violated_constraint(error: IntegrityError) -> str | None:
    """The name of the constraint or unique index that a statement ran into."""
    cause = error.__cause__
    name = getattr(cause, "constraint_name", None)
    return name if isinstance(name, str) else None
