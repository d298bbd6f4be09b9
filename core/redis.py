"""The one Redis client of a process: a wake-up, a cache and a bus, never the truth.

Timeouts are short because everything works without it, only later.
"""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from core.settings import get_settings

TIMEOUT_SECONDS = 1.0

_client: Redis | None = None


def get_redis() -> Redis:
    """The client that this process shares, connected when it is first used.

    Commands raise `redis.RedisError` or `OSError` within about a second when the server is away.
    """
    global _client
    if _client is None:
        url = get_settings().redis_url
        if url is None:
            raise RuntimeError(
                "ESPACE_REDIS_URL is not set: `python -m espace dev` starts a server and sets it"
            )
        _client = make_redis(url)
    return _client


def make_redis(url: str, *, read_timeout: float | None = TIMEOUT_SECONDS) -> Redis:
    """A client of its own, for what must not share: `read_timeout=None` for a subscriber that waits for messages."""
    client: Redis = Redis.from_url(
        url,
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_timeout=read_timeout,
        retry=Retry(NoBackoff(), 1),
        health_check_interval=15,
    )
    return client


async def close_redis() -> None:
    """Close the shared client. The next `get_redis` makes another one."""
    global _client
    client, _client = _client, None
    if client is not None:
        await client.aclose()
