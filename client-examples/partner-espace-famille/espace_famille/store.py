"""Everything that is kept, in one SQLite file.

Constraints say what must never be: a token that is used twice, an event that counts twice, a link that comes back
after it was ended.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TABLES = """
CREATE TABLE IF NOT EXISTS family (
    id INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    password_hash BLOB NOT NULL,
    name TEXT NOT NULL,
    children TEXT NOT NULL
);
-- A row without a family is a link that was ended before it was made: it is not to be made any more.
CREATE TABLE IF NOT EXISTS link (
    reference TEXT PRIMARY KEY,
    family_id INTEGER REFERENCES family (id),
    subject TEXT,
    token_digest BLOB UNIQUE,
    made_at REAL NOT NULL,
    ended_at REAL,
    ended_as TEXT CHECK (ended_as IN ('EXPIRED', 'REVOKED')),
    to_be_told INTEGER NOT NULL DEFAULT 0,
    CHECK ((ended_at IS NULL) = (ended_as IS NULL)),
    CHECK ((ended_at IS NULL) = (token_digest IS NOT NULL)),
    CHECK (family_id IS NOT NULL OR ended_at IS NOT NULL)
);
CREATE INDEX IF NOT EXISTS link_family ON link (family_id);
CREATE INDEX IF NOT EXISTS link_to_be_told ON link (ended_at) WHERE to_be_told;
CREATE TABLE IF NOT EXISTS wrong_try (code TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS wrong_try_code ON wrong_try (code, at);
CREATE TABLE IF NOT EXISTS sign_on (jti TEXT PRIMARY KEY, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS session (
    token_digest BLOB PRIMARY KEY,
    family_id INTEGER NOT NULL REFERENCES family (id),
    came_from_mairie INTEGER NOT NULL,
    expires_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event (
    id TEXT PRIMARY KEY,
    request TEXT NOT NULL,
    occurred_at TEXT NOT NULL,
    body TEXT NOT NULL,
    received_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS event_request ON event (request);
"""


class Store:
    """Opened anew for each piece of work: SQLite is fast at that, and no connection passes from thread to thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connected() as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(TABLES)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, and one writer at a time."""
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=5, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = NORMAL")
            yield connection
        finally:
            connection.close()
