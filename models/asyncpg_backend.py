"""Tortoise's PostgreSQL client, with four things mended:

- a task cancelled while it waits for BEGIN gives its connection back (Tortoise 1.1.9 leaks it: a client that
  subscribes and leaves in a loop empties the pool);
- a database that is away is one error, core.errors.UnavailableError, within `database_timeout_seconds`; a connection
  that timed out is dropped instead of being waited for, and PostgreSQL ends its statement (models/database.py);
- one that was not migrated is core.errors.NotMigratedError;
- statements are counted, so that tests can say how many an operation makes.

Named as the `engine` of the connection (models/database.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import (
    NestedTransactionContext,
    PoolConnectionWrapper,
    TransactionContext,
    TransactionContextPooled,
)
from tortoise.connection import get_connections
from tortoise.exceptions import DBConnectionError, OperationalError

from core.errors import NotMigratedError, UnavailableError

logger = logging.getLogger("espace.database")

AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
    asyncpg.InvalidCatalogNameError,
    DBConnectionError,
)

BEHIND = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError)
MIGRATIONS_TABLE = '"tortoise_migrations"'
"""What only those ask for who want to know what is still to be migrated: an empty database is no error to them."""

_BOOKKEEPING = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


Translated = Callable[..., Awaitable[Any]]


@contextmanager
def away_is_unavailable() -> Iterator[None]:
    try:
        yield
    except AWAY as error:
        raise UnavailableError from error
    except OperationalError as error:
        if isinstance(error.__cause__, BEHIND):
            if MIGRATIONS_TABLE not in str(error):
                logger.error("The database is not up to date, run `python -m espace migrate`: %s", error)
            raise NotMigratedError from error
        raise


class StatementCount:
    """How many statements went to the database, BEGIN and COMMIT left out."""

    def __init__(self) -> None:
        self.value = 0


_count: ContextVar[StatementCount | None] = ContextVar("statement_count", default=None)


@contextmanager
def counted() -> Iterator[StatementCount]:
    """Counts the statements of this task, and of the tasks it starts, while the block lasts."""
    count = StatementCount()
    token = _count.set(count)
    try:
        yield count
    finally:
        _count.reset(token)


@contextmanager
def uncounted() -> Iterator[None]:
    """Counts nothing of this task while the block lasts."""
    token = _count.set(None)
    try:
        yield
    finally:
        _count.reset(token)


class CountingConnection(asyncpg.Connection):
    def get_reset_query(self) -> str:
        # Nothing here changes the state of a session, so there is nothing to reset: one round trip saved a statement.
        return ""

    async def fetch(self, query: str, *args: Any, **options: Any) -> Any:
        self._note(query)
        return await super().fetch(query, *args, **options)

    async def fetchrow(self, query: str, *args: Any, **options: Any) -> Any:
        self._note(query)
        return await super().fetchrow(query, *args, **options)

    async def execute(self, query: str, *args: Any, **options: Any) -> Any:
        self._note(query)
        return await super().execute(query, *args, **options)

    async def executemany(self, command: str, args: Any, **options: Any) -> Any:
        self._note(command)
        return await super().executemany(command, args, **options)

    @staticmethod
    def _note(query: str) -> None:
        count = _count.get()
        if count is not None and not query.startswith(_BOOKKEEPING):
            count.value += 1


async def _give_back(client: AsyncpgDBClient, connection: Any, failure: BaseException | None) -> None:
    """Back to the pool; a connection that was lost, timed out or was cancelled is dropped: its state is unknown."""
    if isinstance(failure, (*AWAY, UnavailableError, asyncio.CancelledError)):
        with suppress(asyncpg.InterfaceError):  # It has ended by itself, and the pool knows.
            connection.terminate()
    if client._pool is not None:
        await client._pool.release(connection)


async def _take(client: AsyncpgDBClient) -> Any:
    assert client._pool is not None
    with away_is_unavailable():
        return await client._pool.acquire(timeout=client.extra["command_timeout"])


class PooledConnection(PoolConnectionWrapper[Any]):
    client: AsyncpgDBClient

    async def __aenter__(self) -> Any:
        await self.ensure_connection()
        self.connection = await _take(self.client)
        return self.connection

    async def __aexit__(self, exc_type: Any, exc: BaseException | None, traceback: Any) -> None:
        await _give_back(self.client, self.connection, exc)


class PooledTransaction(TransactionContextPooled):
    client: CommitsOrTells

    async def __aenter__(self) -> Any:
        await self.ensure_connection()
        parent = self.client._parent
        connection = self.client._connection = await _take(parent)
        try:
            await self.client.begin()
        except BaseException as error:
            # The task may have been cancelled here; __aexit__ will never run.
            await _give_back(parent, connection, error)
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client

    async def __aexit__(self, exc_type: Any, exc: BaseException | None, traceback: Any) -> None:
        failure = exc
        try:
            if not self.client._finalized:
                if exc is None:
                    await self.client.commit()
                elif not isinstance(exc, (TimeoutError, UnavailableError, asyncio.CancelledError)):
                    await self.client.rollback()
        except BaseException as error:
            failure = error
            raise
        finally:
            get_connections().reset(self.token)
            await _give_back(self.client._parent, self.client._connection, failure)


class CommitsOrTells(TransactionWrapper):
    """A transaction whose BEGIN, COMMIT and ROLLBACK tell of an absent database as its statements do."""

    _parent: AsyncpgDBClient

    async def _translate_exceptions(self, func: Translated, *args: Any, **kwargs: Any) -> Any:
        with away_is_unavailable():
            return await super()._translate_exceptions(func, *args, **kwargs)

    async def commit(self) -> None:
        # Deferred constraints are checked now.
        await self._translate_exceptions(TransactionWrapper.commit)

    async def rollback(self) -> None:
        await self._translate_exceptions(TransactionWrapper.rollback)

    def _in_transaction(self) -> TransactionContext:
        return NestedTransactionContext(CommitsOrTells(self))


class Client(AsyncpgDBClient):
    connection_class: Any = CountingConnection

    async def _translate_exceptions(self, func: Translated, *args: Any, **kwargs: Any) -> Any:
        with away_is_unavailable():
            return await super()._translate_exceptions(func, *args, **kwargs)

    async def create_connection(self, with_db: bool) -> None:
        with away_is_unavailable():
            await super().create_connection(with_db)

    def acquire_connection(self) -> PooledConnection:
        return PooledConnection(self, self._pool_init_lock)

    def _in_transaction(self) -> TransactionContext:
        return PooledTransaction(CommitsOrTells(self), self._pool_init_lock)


client_class = Client
