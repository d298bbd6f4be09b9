"""Redis stopped, frozen, started again while limits count."""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from core import limits
from core.errors import RateLimitedError
from core.limits import Limit, Rate, count
from core.limits import counting as module
from core.limits.counting import TIMEOUT_SECONDS
from core.settings import Settings, get_settings
from espace.embedded.valkey import EmbeddedValkey
from models.database import counted, fetch

LIMIT = Limit("AWAY", each_address=(Rate(5, 3_600),))


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    """A Valkey that may be stopped. The path of its socket must be short."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedValkey(Path(folder), Path(folder))
        server.start()
        yield server
        if server.process is not None and server.process.poll() is None:
            server.process.send_signal(signal.SIGCONT)
        server.stop()


@pytest_asyncio.fixture(autouse=True)
async def counting(
    database: Settings, valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[None]:
    monkeypatch.setenv("ESPACE_RATE_LIMITS", "1")
    monkeypatch.setenv("ESPACE_REDIS_URL", valkey.url())
    get_settings.cache_clear()
    yield
    await limits.close()


async def allowed(times: int, limit: Limit = LIMIT) -> int:
    """How many of so many were let through."""
    done = 0
    for _ in range(times):
        try:
            await count(limit, address="192.0.2.1")
        except RateLimitedError:
            continue
        done += 1
    return done


async def rows() -> int:
    return len(await fetch("SELECT id FROM limit_count"))


async def test_postgresql_goes_on_counting_when_redis_stops(valkey: EmbeddedValkey) -> None:
    with counted() as statements:
        assert await allowed(3) == 3
    assert (statements.value, await rows()) == (0, 0)
    valkey.stop()
    assert await allowed(20) == 5, "the limit holds, counted anew"
    assert await rows() == 1


async def test_what_limits_count_is_not_shown_as_the_operations(valkey: EmbeddedValkey) -> None:
    valkey.stop()
    with counted() as statements:
        await allowed(3)
        await fetch("SELECT 1")
    assert statements.value == 1


async def test_redis_counts_again_once_it_is_back(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    valkey.stop()
    await allowed(2)
    valkey.start()
    monkeypatch.setattr(module, "monotonic", lambda: time.monotonic() + 60)
    assert await allowed(3) == 3
    with counted():
        before = await fetch("SELECT counted FROM limit_count")
    assert before == [{"counted": 2}], "nothing more came to PostgreSQL"
    assert await allowed(20) == 2


async def test_a_frozen_redis_costs_a_moment_and_not_each_call(valkey: EmbeddedValkey) -> None:
    """Connections are taken, and nothing is answered: the worst of the ways to be away."""
    await allowed(1)
    assert valkey.process is not None
    valkey.process.send_signal(signal.SIGSTOP)
    generous = Limit("FROZEN", each_address=(Rate(1_000, 3_600),))
    started_at = time.monotonic()
    assert await allowed(200, generous) == 200
    took = time.monotonic() - started_at
    assert took < 200 * TIMEOUT_SECONDS / 5, "each call has waited for it"
    assert (await fetch("SELECT counted FROM limit_count"))[0]["counted"] == 200


async def test_only_one_call_at_a_time_tries_a_redis_that_was_away(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    await allowed(1)
    valkey.stop()
    counters = module._counters()
    assert counters._redis is not None
    tries = 0
    actual = counters._redis.acquire_sliding_window_entry

    async def watched(*arguments: object) -> bool:
        nonlocal tries
        tries += 1
        return await actual(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(counters._redis, "acquire_sliding_window_entry", watched)
    clock = time.monotonic()
    monkeypatch.setattr(module, "monotonic", lambda: clock)
    await allowed(10)
    assert tries == 1
    clock += 1.5
    await allowed(10)
    assert tries == 2
