from __future__ import annotations

import asyncio
import logging
import os
import signal
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.event_bus import EventBus, event_bus
from core.redis import make_redis
from espace.embedded import EmbeddedServers, EmbeddedValkey


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """One of the test's own, to stop and start."""
    with EmbeddedServers(tmp_path, postgres=False) as servers:
        yield servers.valkey


@asynccontextmanager
async def started(url: str) -> AsyncIterator[EventBus]:
    bus = EventBus(url)
    await bus.start()
    try:
        await asyncio.wait_for(bus.hearing(), 5)
        yield bus
    finally:
        await bus.stop()


async def test_a_wake_up_reaches_every_listener_of_its_kind_here_and_elsewhere(
    valkey: EmbeddedValkey,
) -> None:
    async with (
        started(valkey.url()) as here,
        started(valkey.url()) as elsewhere,
        here.listen("events") as own,
        elsewhere.listen("events") as one,
        elsewhere.listen("events") as other,
        elsewhere.listen("mail") as of_another_kind,
    ):
        await here.wake("events")
        assert all(await asyncio.gather(own.wait(0), one.wait(2), other.wait(2)))
        assert not await of_another_kind.wait(0.05)
        assert not await own.wait(0.05), "a process must not be woken again by its own words"


async def test_a_wake_up_takes_a_few_milliseconds(valkey: EmbeddedValkey) -> None:
    async with (
        started(valkey.url()) as here,
        started(valkey.url()) as elsewhere,
        elsewhere.listen("events") as listener,
    ):
        delays = []
        for _ in range(30):
            began = time.perf_counter()
            await here.wake("events")
            assert await listener.wait(2)
            delays.append(time.perf_counter() - began)
    assert statistics.median(delays) < 0.02


async def test_a_wake_up_between_two_waits_is_kept_once() -> None:
    bus = EventBus("unix:///nowhere")
    async with bus.listen("events") as listener:
        await bus.wake("events")
        await bus.wake("events")
        assert await listener.wait(0)
        assert not await listener.wait(0)


async def test_a_process_holds_one_connection_to_hear_and_one_to_tell(valkey: EmbeddedValkey) -> None:
    redis = make_redis(valkey.url())
    async with started(valkey.url()) as bus:
        listening = [bus.listen("events") for _ in range(50)]
        for context in listening:
            await context.__aenter__()
        await bus.wake("events")
        await asyncio.sleep(0.1)
        assert len(await redis.client_list()) == 3
        for context in listening:
            await context.__aexit__(None, None, None)
    await redis.aclose()


async def test_without_redis_it_works_within_the_process_and_never_delays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bus = EventBus("unix:///nowhere/at/all.sock")
    await bus.start()
    with caplog.at_level(logging.INFO, "core.event_bus"):
        async with bus.listen("mail") as listener:
            for _ in range(5):
                began = time.perf_counter()
                await bus.wake("mail")
                assert time.perf_counter() - began < 0.05
                assert await listener.wait(0)
                await asyncio.sleep(0.1)
    await bus.stop()
    assert [record.levelname for record in caplog.records] == ["WARNING"], "an outage is told once"


async def test_a_restart_of_redis_costs_only_time(
    valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "core.event_bus"):
        async with (
            started(valkey.url()) as here,
            started(valkey.url()) as elsewhere,
            elsewhere.listen("events") as listener,
        ):
            valkey.stop()
            await asyncio.sleep(0.2)
            await listener.wait(0)
            await here.wake("events")
            assert not await listener.wait(0.2)
            valkey.start()
            assert await listener.wait(5), "what was said meanwhile is heard once it is back"
            await asyncio.wait_for(asyncio.gather(here.hearing(), elsewhere.hearing()), 5)
            await asyncio.sleep(0.3)
            await listener.wait(0)
            await here.wake("events")
            assert await listener.wait(2)
    messages = [record.message for record in caplog.records]
    assert sum("is away" in message for message in messages) == 2
    assert sum(message == "Redis is back" for message in messages) == 2


async def test_an_emptied_redis_changes_nothing(valkey: EmbeddedValkey) -> None:
    redis = make_redis(valkey.url())
    async with (
        started(valkey.url()) as here,
        started(valkey.url()) as elsewhere,
        elsewhere.listen("events") as listener,
    ):
        await redis.flushall()
        await here.wake("events")
        assert await listener.wait(2)
    await redis.aclose()


async def test_a_connection_that_redis_closes_is_made_again(valkey: EmbeddedValkey) -> None:
    redis = make_redis(valkey.url())
    async with (
        started(valkey.url()) as here,
        started(valkey.url()) as elsewhere,
        elsewhere.listen("events") as listener,
    ):
        await redis.client_kill_filter(_type="pubsub")
        assert await listener.wait(2), "who may have missed something is woken"
        await here.wake("events")
        assert await listener.wait(2)
    await redis.aclose()


async def test_a_redis_that_hangs_delays_nobody_and_is_noticed(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.event_bus.SILENCE_SECONDS", 0.2)
    assert valkey.process is not None
    async with (
        started(valkey.url()) as here,
        started(valkey.url()) as elsewhere,
        elsewhere.listen("events") as listener,
    ):
        os.kill(valkey.process.pid, signal.SIGSTOP)
        try:
            began = time.perf_counter()
            await here.wake("events")
            assert time.perf_counter() - began < 0.05
            await asyncio.sleep(1)
        finally:
            os.kill(valkey.process.pid, signal.SIGCONT)
        assert await listener.wait(5)


async def test_the_last_words_of_a_process_are_told(valkey: EmbeddedValkey) -> None:
    async with started(valkey.url()) as elsewhere, elsewhere.listen("mail") as listener:
        async with started(valkey.url()) as here:
            await here.wake("mail")
        assert await listener.wait(1)


async def test_it_stops_and_starts_again_and_leaves_no_connection(valkey: EmbeddedValkey) -> None:
    redis = make_redis(valkey.url())
    bus = EventBus(valkey.url())
    for _ in range(3):
        await bus.start()
        await asyncio.wait_for(bus.hearing(), 5)
        await bus.stop()
    await asyncio.sleep(0.05)
    assert len(await redis.client_list()) == 1
    await redis.aclose()


def test_a_process_has_one_bus() -> None:
    assert event_bus() is event_bus()
