"""A whole worker in this process, on servers of its own that come and go."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from arq.worker import Retry

from core.event_bus import EventBus
from core.redis import make_redis
from core.settings import Settings, get_settings
from espace.embedded import EmbeddedServers
from jobs.relay import MAIL, SOURCES
from jobs.retrying import retried
from jobs.worker import CAPTCHA_STOCK, SWEEPS, work
from tests.jobs.files import add_file
from tests.jobs.mail_server import MailServer
from tests.jobs.mails import add_account, add_confirmations, add_mail, count_mails
from tests.scanner import pretender


async def _until(holds: Callable[[], bool | Awaitable[bool]], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while True:
        answer = holds()
        if answer if isinstance(answer, bool) else await answer:
            return
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[asyncio.Task[None]]:
    stop = asyncio.Event()
    task = asyncio.create_task(work(settings, stop))
    try:
        yield task
    finally:
        stop.set()
        await asyncio.wait_for(task, 15)


def _has_kept(inbox: MailServer, count: int) -> bool:
    return len(inbox.kept) >= count


async def test_a_mail_leaves_within_a_moment_of_its_wake_up(mairie: Settings, inbox: MailServer) -> None:
    bus = EventBus(mairie.redis_url)
    await bus.start()
    async with working(mairie):
        await add_confirmations(1)
        await _until(lambda: len(inbox.kept) == 1)
        delays = []
        account_id = await add_account("paul")
        for number in range(2, 7):
            await asyncio.sleep(0.05)
            began = time.monotonic()
            await add_mail(recipient=f"paul{number}@example.fr", account_id=account_id)
            await bus.wake("mail")
            await _until(partial(_has_kept, inbox, number))
            delays.append(time.monotonic() - began)
        assert sorted(delays)[2] < 0.5
    await bus.stop()


async def test_a_mail_does_not_wait_for_files_whose_scanner_hangs(
    mairie: Settings, inbox: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hanging.append(writer)
        await asyncio.Event().wait()

    hanging: list[asyncio.StreamWriter] = []
    async with pretender(converse) as url:
        monkeypatch.setenv("ESPACE_CLAMD_URL", url)
        get_settings.cache_clear()
        for _ in range(30):
            await add_file()
        settings = mairie.model_copy(update={"shutdown_timeout_seconds": 1})
        async with working(settings):
            await _until(lambda: len(hanging) >= 4)
            await add_confirmations(1)
            await _until(lambda: len(inbox.kept) == 1, within=5)
        assert len(hanging) == 4, "more scans at once than there should be"


async def test_many_mails_arrive_once_each_from_two_workers(mairie: Settings, inbox: MailServer) -> None:
    message_ids = await add_confirmations(60)
    inbox.slow_by_chance(0.02)
    async with working(mairie), working(mairie):
        await _until(lambda: len(inbox.kept) >= 60, within=30)
        await asyncio.sleep(0.3)
    assert sorted(inbox.message_ids) == sorted(message_ids)


async def test_redis_may_stop_and_come_back_empty(
    mairie: Settings, inbox: MailServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with EmbeddedServers(tmp_path / "own", postgres=False) as own, caplog.at_level(logging.INFO, "jobs"):
        settings = mairie.model_copy(update={"redis_url": own.valkey.url()})
        async with working(settings) as task:
            message_ids = await add_confirmations(5)
            await _until(lambda: len(inbox.kept) == 5)
            own.valkey.stop()
            account_id = await add_account("paul")
            message_ids |= {f"<{await add_mail(account_id=account_id)}@mairie.example>" for _ in range(5)}
            await asyncio.sleep(1)
            assert not task.done(), "the worker waits for Redis"
            own.valkey.start()
            await _until(lambda: len(inbox.kept) == 10, within=20)
        assert sorted(inbox.message_ids) == sorted(message_ids)
    told = [record.getMessage() for record in caplog.records if record.name == "jobs.worker"]
    assert sum("Redis is away" in line for line in told) == 1
    assert sum("Redis is back" in line for line in told) == 1


async def test_an_emptied_queue_loses_nothing(
    mairie: Settings, inbox: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.relay.FORGET_SECONDS", 0.5)
    assert mairie.redis_url
    message_ids = await add_confirmations(40)
    inbox.seconds_before_taking = lambda: 0.05
    redis = make_redis(mairie.redis_url)
    async with working(mairie):
        await _until(lambda: len(inbox.kept) >= 5)
        await redis.flushall()
        await _until(lambda: len(inbox.kept) >= 40, within=20)
        await asyncio.sleep(0.2)
    await redis.aclose()
    assert sorted(inbox.message_ids) == sorted(message_ids)


async def test_told_to_stop_it_lets_the_mails_on_their_way_arrive(
    mairie: Settings, inbox: MailServer
) -> None:
    await add_confirmations(8)
    inbox.seconds_before_saying_so = lambda: 0.5
    async with working(mairie):
        await _until(lambda: len(inbox.kept) >= 1)
    assert len(inbox.kept) == len(set(inbox.message_ids)) <= 8
    assert await count_mails("SENT") == len(inbox.kept)


async def test_told_to_stop_it_does_not_wait_for_ever(mairie: Settings, inbox: MailServer) -> None:
    await add_confirmations(1)
    inbox.seconds_before_taking = lambda: 30.0
    settings = mairie.model_copy(update={"shutdown_timeout_seconds": 1})
    async with working(settings):
        await asyncio.sleep(1)
        began = time.monotonic()
    assert time.monotonic() - began < 5


async def test_it_stops_at_once_while_redis_is_away(mairie: Settings) -> None:
    async with working(mairie.model_copy(update={"redis_url": "unix:///nowhere/at/all.sock"})):
        await asyncio.sleep(0.5)
        began = time.monotonic()
    assert time.monotonic() - began < 2


async def test_results_are_not_kept_and_the_queue_ends_empty(mairie: Settings, inbox: MailServer) -> None:
    assert mairie.redis_url
    await add_confirmations(5)
    redis = make_redis(mairie.redis_url)

    async def is_empty() -> bool:
        return len(inbox.kept) == 5 and await redis.zcard(MAIL.queue) == 0

    async with working(mairie):
        await _until(is_empty)
        await asyncio.sleep(0.2)
        keys = set(await redis.keys("*"))
    queues = [SWEEPS, CAPTCHA_STOCK, *(source.queue for source in SOURCES)]
    assert keys <= {f"{queue}:health-check".encode() for queue in queues}
    await redis.aclose()


async def test_a_job_that_raises_is_tried_again_later_and_later() -> None:
    calls: list[str] = []

    async def fails(argument: str) -> None:
        calls.append(argument)
        raise ValueError("not yet")

    pauses = []
    for attempt in (1, 2, 3, 10):
        with pytest.raises(Retry) as caught:
            await retried(fails)({"job_try": attempt}, "id")
        pauses.append(caught.value.defer_score)
    assert calls == ["id"] * 4
    assert pauses == [1_000, 2_000, 4_000, 30_000]
