"""A storage of the library `limits` in PostgreSQL: the table `limit_count` (models/limits.py).

The same sliding window as its Redis storage has: a window that began at `started_at`, what was counted in it and in
the one before. Each call is one statement. Times are PostgreSQL's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from limits.aio.storage import SlidingWindowCounterSupport, Storage

from core.errors import UnavailableError

Fetch = Callable[..., Awaitable[list[dict[str, Any]]]]

_NOW = "EXCLUDED.started_at"
_LENGTH = "make_interval(secs => $4::float8)"
_PASSED = f"({_NOW} - c.started_at)"
# What began a moment later was counted by somebody who had waited less; much later: the clock was set back.
_SAME = f"{_PASSED} BETWEEN interval '-1 second' AND {_LENGTH} - interval '1 microsecond'"
_NEXT = f"{_PASSED} BETWEEN {_LENGTH} AND 2 * {_LENGTH} - interval '1 microsecond'"
_COUNTED = f"CASE WHEN {_SAME} THEN c.counted ELSE 0 END"
_BEFORE = f"CASE WHEN {_SAME} THEN c.counted_before WHEN {_NEXT} THEN c.counted ELSE 0 END"
_STARTED = f"CASE WHEN {_SAME} THEN c.started_at WHEN {_NEXT} THEN c.started_at + {_LENGTH} ELSE {_NOW} END"
# What the window before still counts. Who waited for the row asks of a moment that has passed: strictly, not openly.
_SHARE = f"least(1, 1 - extract(epoch FROM {_NOW} - ({_STARTED})) / $4::float8)"

_ACQUIRE = f"""
INSERT INTO limit_count AS c (id, counted, counted_before, started_at, expires_at)
SELECT $1::text, $2::bigint, 0, at, at + 2 * {_LENGTH} FROM (SELECT clock_timestamp() AS at) AS clock
WHERE $2::bigint <= $3::bigint
ON CONFLICT (id) DO UPDATE SET counted = {_COUNTED} + $2::bigint, counted_before = {_BEFORE}, started_at = {_STARTED},
    expires_at = {_STARTED} + 2 * {_LENGTH}
WHERE floor(({_BEFORE}) * {_SHARE}) + {_COUNTED} + $2::bigint <= $3::bigint
RETURNING id
"""

_ADD = """
INSERT INTO limit_count AS c (id, counted, counted_before, started_at, expires_at)
SELECT $1::text, $2::bigint, 0, at, at + make_interval(secs => $3::float8)
FROM (SELECT clock_timestamp() AS at) AS clock
ON CONFLICT (id) DO UPDATE SET
    counted = CASE WHEN c.expires_at <= EXCLUDED.started_at THEN 0 ELSE c.counted END + $2::bigint,
    expires_at = CASE WHEN c.expires_at <= EXCLUDED.started_at THEN EXCLUDED.expires_at ELSE c.expires_at END
RETURNING counted
"""

_READ = """
SELECT counted, counted_before, extract(epoch FROM clock_timestamp() - started_at)::float8 AS passed,
    extract(epoch FROM expires_at)::float8 AS expires_at
FROM limit_count WHERE id = $1 AND expires_at > clock_timestamp()
"""


class PostgresStorage(Storage, SlidingWindowCounterSupport):
    """`fetch` runs a statement with its values, and returns its rows. Raises UnavailableError."""

    STORAGE_SCHEME = None

    def __init__(self, fetch: Fetch) -> None:
        super().__init__()
        self._fetch = fetch

    @property
    def base_exceptions(self) -> type[Exception]:
        return UnavailableError

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return bool(await self._fetch(_ACQUIRE, key, amount, limit, float(expiry)))

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        row = await self._read(key)
        if row is None or row["passed"] < -1.0:
            return 0, 0.0, 0, 0.0
        passed = row["passed"]
        if passed < expiry:
            return row["counted_before"], expiry - passed, row["counted"], 2 * expiry - passed
        return row["counted"], max(2 * expiry - passed, 0.0), 0, max(3 * expiry - passed, 0.0)

    async def clear_sliding_window(self, key: str, expiry: int) -> None:  # noqa: ARG002 - the interface's
        await self.clear(key)

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        (row,) = await self._fetch(_ADD, key, amount, float(expiry))
        counted: int = row["counted"]
        return counted

    async def get(self, key: str) -> int:
        row = await self._read(key)
        return row["counted"] if row else 0

    async def get_expiry(self, key: str) -> float:
        row = await self._read(key)
        return row["expires_at"] if row else 0.0

    async def check(self) -> bool:
        try:
            return await self._fetch("SELECT 1 AS one") == [{"one": 1}]
        except UnavailableError:
            return False

    async def reset(self) -> int | None:
        return len(await self._fetch("DELETE FROM limit_count RETURNING id"))

    async def clear(self, key: str) -> None:
        await self._fetch("DELETE FROM limit_count WHERE id = $1", key)

    async def _read(self, key: str) -> dict[str, Any] | None:
        rows = await self._fetch(_READ, key)
        return rows[0] if rows else None
