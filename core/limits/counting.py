"""Counting against the limits.

Redis counts, by the library's Lua script: reading and adding are one step, so calls at the same moment never get more
than the limit together. While it is away PostgreSQL does, in one statement for each count. Which of the two is decided
call by call; after a failure Redis is left alone for PAUSE_SECONDS, then one call tries it again while all others go
on with PostgreSQL, so that a dead Redis costs one call a second TIMEOUT_SECONDS at most, and the others nothing.

The two do not know each other's counts: a limit can be had twice at the moment of a change.

Keys hold an HMAC of what is counted, never an address or a name.

A clock that is set back delays nobody for that long: a window that ends later than it can have begun is none.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from time import monotonic
from typing import TypeVar
from weakref import WeakKeyDictionary

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from core.errors import RateLimitedError
from core.keys import hmac_digest
from core.limits.addresses import network, site
from core.limits.declared import Limit, Rate
from core.limits.postgres import Fetch, PostgresStorage
from core.settings import get_settings

TIMEOUT_SECONDS = 0.25
"""The longest that a Redis which does not answer holds a call up, connecting included twice that."""

PAUSE_SECONDS = 1.0
NETWORKS_OF_A_SITE = 4
"""What is counted for a /64 is counted for its /48, too: so many times as much, however many /64 are tried."""
CLOCK_SECONDS = 1.0
"""How much clocks are corrected by while they run."""
PREFIX = "espace:limits"
TOLD_EVERY_SECONDS = 60.0

_Storage = RedisStorage | PostgresStorage
T = TypeVar("T")

logger = logging.getLogger("espace.limits")


async def count(
    limit: Limit,
    *,
    address: str | None = None,
    caller: str | None = None,
    subject: str | None = None,
    amount: int = 1,
    logged_in: bool = False,
) -> bool:
    """Counts `amount`, before it is done. True where address and subject are a pair that has succeeded before.

    `logged_in` tells that no stranger calls.
    Raises RateLimitedError where that would be more than the limit, and then the count that it met is as before.
    Raises UnavailableError where neither Redis nor PostgreSQL is there.
    """
    factor = get_settings().rate_limits
    if not factor:
        return False
    known = None if subject is None or not limit.familiar else _remembered(limit, subject, address)
    if known is not None and await _counters().run(_get(known)) > 0:
        familiar = [(_item(limit, rate, factor), "familiar", known) for rate in limit.familiar]
        if [met async for met in _hits(limit, familiar, amount)] == []:
            return True
    whose: dict[str, str | None] = {
        "caller": caller,
        "address": network(address),
        "stranger": None if logged_in else network(address),
        "pair": None if subject is None else f"{subject}\0{site(address) or network(address)}",
        "subject": subject,
        "all": "",
    }
    async for wait, scope in _hits(limit, _counts(limit, factor, whose, site(address)), amount):
        _tell(limit, scope)
        raise RateLimitedError(wait)
    return False


async def remember(limit: Limit, *, address: str | None, subject: str) -> None:
    """Keeps in mind that this subject has succeeded from this address."""
    if limit.remembered and get_settings().rate_limits:
        key = _remembered(limit, subject, address)
        await _counters().run(lambda storage: storage.incr(key, limit.remembered))


def use_database(fetch: Fetch) -> None:
    """Where to count while Redis is away: a function that runs one statement and returns its rows."""
    global _fetch
    _fetch = fetch


async def close() -> None:
    """Close the connections to Redis. The next `count` makes others."""
    current = _current.pop(asyncio.get_running_loop(), None)
    if current is not None:
        await current.close()


class Counters:
    """Redis, and PostgreSQL for as long as Redis is away."""

    def __init__(self, redis_url: str | None) -> None:
        self.redis_url = redis_url
        self._postgres = PostgresStorage(_statements)
        self._pool: ConnectionPool | None = None
        self._redis: RedisStorage | None = None
        self._away = False
        self._leave_alone_until = 0.0
        if redis_url is not None:
            self._pool = ConnectionPool.from_url(
                redis_url,
                socket_connect_timeout=TIMEOUT_SECONDS,
                socket_timeout=TIMEOUT_SECONDS,
                # A connection that broke is made anew; one that does not answer is not waited for twice.
                retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
            )
            self._redis = RedisStorage(
                "async+redis://",
                implementation="redispy",
                key_prefix=PREFIX,
                connection_pool=self._pool,  # type: ignore[arg-type]  # what its documentation says it takes
            )

    async def run(self, action: Callable[[_Storage], Awaitable[T]]) -> T:
        """The action on the storage that is there. Raises UnavailableError where none is."""
        if self._redis is None or (self._away and monotonic() < self._leave_alone_until):
            return await action(self._postgres)
        # Where Redis was away, those who come meanwhile do not try, too.
        self._leave_alone_until = monotonic() + PAUSE_SECONDS
        try:
            result = await action(self._redis)
        except (RedisError, OSError, TimeoutError) as error:
            self._leave_alone_until = monotonic() + PAUSE_SECONDS
            if not self._away:
                logger.warning("Redis is away (%s): PostgreSQL counts", type(error).__name__)
            self._away = True
            return await action(self._postgres)
        if self._away:
            logger.info("Redis is back, and counts")
        self._away = False
        return result

    async def close(self) -> None:
        if self._pool is not None:
            with suppress(RedisError, OSError, TimeoutError):
                await self._pool.disconnect()


_fetch: Fetch | None = None
_current: WeakKeyDictionary[asyncio.AbstractEventLoop, Counters] = WeakKeyDictionary()
_told: dict[tuple[str, str], float] = {}


def _counters() -> Counters:
    """Those of this event loop, which connections belong to."""
    loop, url = asyncio.get_running_loop(), get_settings().redis_url
    counters = _current.get(loop)
    if counters is None or counters.redis_url != url:
        counters = _current[loop] = Counters(url)
    return counters


async def _statements(sql: str, *values: object) -> list[dict[str, object]]:
    if _fetch is None:
        raise RuntimeError("core.limits has no database: models.database.initialise gives it one")
    return await _fetch(sql, *values)


_Count = tuple[RateLimitItem, str, str]
"""A window, the scope that it is of, and whose it is."""


def _counts(
    limit: Limit, factor: float, whose: Mapping[str, str | None], site: str | None
) -> Iterator[_Count]:
    """Narrow before wide, as Limit says."""
    for scope, rates in limit.scopes():
        counted = whose[scope]
        if counted is None:
            continue
        for rate in rates:
            yield _item(limit, rate, factor), scope, counted
            if site is not None and scope in ("address", "stranger"):
                yield _item(limit, rate, factor * NETWORKS_OF_A_SITE), f"{scope}-site", site


async def _hits(limit: Limit, counts: Iterable[_Count], amount: int) -> AsyncIterator[tuple[int, str]]:
    """Counts one after the other; tells the first that is met, and how many seconds it lasts."""
    for item, scope, whose in counts:
        key = _key(limit, scope, whose)
        while not await _counters().run(_hit(item, key, amount)):
            wait = await _counters().run(_seconds_until(item, key, amount))
            if wait is not None:
                yield wait, scope
                return
            await _counters().run(_clear(item, key))


def _item(limit: Limit, rate: Rate, factor: float) -> RateLimitItem:
    return RateLimitItemPerSecond(max(1, round(rate.amount * factor)), rate.seconds, namespace=limit.name)


def _key(limit: Limit, scope: str, whose: str) -> str:
    return f"{scope}/{hmac_digest('limits', f'{limit.name}/{scope}/{whose}'.encode())[:16].hex()}"


def _remembered(limit: Limit, subject: str, address: str | None) -> str:
    name = limit.familiar_with or limit.name
    pair = f"{name}/remembered/{subject}\0{network(address)}"
    return f"{name}/remembered/{hmac_digest('limits', pair.encode())[:16].hex()}"


def _get(key: str) -> Callable[[_Storage], Awaitable[int]]:
    return lambda storage: storage.get(key)


def _hit(item: RateLimitItem, key: str, amount: int) -> Callable[[_Storage], Awaitable[bool]]:
    return lambda storage: SlidingWindowCounterRateLimiter(storage).hit(item, key, cost=amount)


def _clear(item: RateLimitItem, key: str) -> Callable[[_Storage], Awaitable[None]]:
    return lambda storage: storage.clear_sliding_window(item.key_for(key), item.get_expiry())


def _seconds_until(item: RateLimitItem, key: str, amount: int) -> Callable[[_Storage], Awaitable[int | None]]:
    """None where the window would end later than any that has begun: the clock was set back meanwhile."""

    async def ask(storage: _Storage) -> int | None:
        length = item.get_expiry()
        window = await storage.get_sliding_window(item.key_for(key), length)
        _, before_ends_in, _, now_ends_in = window
        if max(before_ends_in - length, now_ends_in - 2 * length) > CLOCK_SECONDS:
            return None
        return seconds_until_allowed(*window, limit=item.amount, seconds=length, amount=amount)

    return ask


def seconds_until_allowed(
    before: int, before_ends_in: float, now: int, now_ends_in: float, *, limit: int, seconds: int, amount: int
) -> int:
    """Whole seconds until `amount` fits into a window that it did not fit into, if nothing else is counted meanwhile.

    `before` were counted in the window before, whose share ends in `before_ends_in` seconds, and `now` in this one,
    whose share ends in `now_ends_in` (that is, up to two windows from now).
    """
    ends_in = max(now_ends_in - seconds, 0.0) if now_ends_in else before_ends_in
    room = limit - now - amount
    if room >= 0 and before:
        # floor(before * left / seconds) <= room
        wait = before_ends_in - seconds * (room + 1) / before
    elif room >= 0:
        wait = 0.0
    elif amount <= limit:
        # This window has become the one before: floor(now * left / seconds) <= limit - amount
        wait = ends_in + seconds - seconds * (limit - amount + 1) / now
    else:
        wait = float(seconds)
    return max(1, math.floor(wait) + 1)


def _tell(limit: Limit, scope: str) -> None:
    """Once a minute for each: what meets a limit comes in thousands."""
    at = monotonic()
    if at - _told.get((limit.name, scope), -TOLD_EVERY_SECONDS) >= TOLD_EVERY_SECONDS:
        _told[limit.name, scope] = at
        logger.warning("the limit %s is met (%s)", limit.name, scope)
