"""Both places that count, and a clock that can be moved."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from core import limits
from core.limits.counting import PREFIX
from core.redis import make_redis
from core.settings import Settings, get_settings
from models.database import execute

PassTime = Callable[[float], Awaitable[None]]


@pytest_asyncio.fixture(params=["redis", "postgres"])
async def counting(
    request: pytest.FixtureRequest, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[str]:
    """Who counts. The limits are those of production."""
    monkeypatch.setenv("ESPACE_RATE_LIMITS", "1")
    if request.param == "postgres":
        monkeypatch.setenv("ESPACE_REDIS_URL", "unix:///nowhere/valkey.sock")
    get_settings.cache_clear()
    yield request.param
    await limits.close()


@pytest.fixture
def pass_time(database: Settings) -> PassTime:
    """Lets seconds pass for all that was counted."""
    url = database.redis_url
    assert url is not None

    async def pass_(seconds: float) -> None:
        async with make_redis(url) as redis:
            async for key in redis.scan_iter(f"{PREFIX}:*"):
                left = await redis.pttl(key) - round(seconds * 1000)
                await (redis.pexpire(key, left) if left > 0 else redis.delete(key))
        await execute(
            "UPDATE limit_count SET started_at = started_at - make_interval(secs => $1::float8), "
            "expires_at = expires_at - make_interval(secs => $1::float8)",
            seconds,
        )

    return pass_
