"""A database for one benchmark."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.settings import Settings, get_settings
from espace.embedded import temporary_servers
from models.database import migrate

PATIENCE_SECONDS = 600.0
"""For one statement: filling a table takes longer than anybody waits for an answer."""


@asynccontextmanager
async def migrated() -> AsyncIterator[Settings]:
    """The settings, of a database of its own that is migrated and empty, for as long as the block lasts."""
    with temporary_servers() as servers:
        os.environ["ESPACE_DATABASE_URL"] = servers.postgres.url("postgres")
        os.environ.setdefault("ESPACE_SECRET_KEY", "the secret key of the benchmarks, which is long enough")
        get_settings.cache_clear()
        settings = get_settings()
        await migrate(settings)
        yield settings


def patient(settings: Settings) -> Settings:
    return settings.model_copy(update={"database_timeout_seconds": PATIENCE_SECONDS})
