from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from arq.connections import ArqRedis

from core.clock import now
from core.event_bus import EventBus
from core.settings import Settings
from core.tasks import end_tasks
from jobs import relay as relaying
from jobs.relay import Relay
from jobs.worker import make_queue
from models.database import execute
from tests.jobs.mails import add_account, add_confirmations, add_mail


@pytest_asyncio.fixture
async def queue(mairie: Settings) -> AsyncIterator[ArqRedis]:
    queue = make_queue(mairie)
    yield queue
    await queue.aclose()


async def _queued(queue: ArqRedis) -> list[str]:
    return sorted(job.args[0] for job in await queue.queued_jobs(queue_name=queue.default_queue_name))


async def test_what_is_due_is_handed_out_once_and_nothing_else(queue: ArqRedis) -> None:
    account_id = await add_account()
    due = await add_mail(account_id=account_id)
    await add_mail(account_id=account_id, next_attempt_at=now() + timedelta(minutes=1))
    await add_mail(account_id=account_id, state="PARKED")
    relay = Relay(queue)
    assert await relay.hand_out() == 1
    assert await relay.hand_out() == 0
    assert await _queued(queue) == [str(due)]


async def test_the_next_attempt_is_handed_out_at_once(queue: ArqRedis) -> None:
    mail = await add_mail(account_id=await add_account())
    relay = Relay(queue)
    await relay.hand_out()
    await execute("UPDATE mail SET attempts = 1 WHERE id = $1", mail)
    assert await relay.hand_out() == 1


async def test_a_job_that_was_lost_is_handed_out_again(
    queue: ArqRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_confirmations(3)
    relay = Relay(queue)
    assert await relay.hand_out() == 3
    await queue.flushall()
    assert await relay.hand_out() == 0
    monkeypatch.setattr(relaying, "FORGET_SECONDS", 0.0)
    assert await relay.hand_out() == 3


async def test_after_a_kill_another_process_hands_out_everything(queue: ArqRedis) -> None:
    await add_confirmations(3)
    await Relay(queue).hand_out()
    assert await Relay(queue).hand_out() == 3


async def test_the_queue_does_not_grow_without_end(queue: ArqRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "MOST_QUEUED", 5)
    monkeypatch.setattr(relaying, "FORGET_SECONDS", 0.0)
    await add_confirmations(8)
    relay = Relay(queue)
    assert [await relay.hand_out() for _ in range(3)] == [5, 0, 0]
    assert len(await _queued(queue)) == 5


async def test_a_wake_up_has_it_look_at_once(
    queue: ArqRedis, mairie: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "PERIOD_SECONDS", 60.0)
    bus = EventBus(mairie.redis_url)
    running = asyncio.create_task(Relay(queue).run(bus))
    await asyncio.sleep(0.1)
    mail = await add_mail(account_id=await add_account())
    await bus.wake("mail")
    for _ in range(100):
        if await _queued(queue):
            break
        await asyncio.sleep(0.05)
    assert await _queued(queue) == [str(mail)]
    await end_tasks([running])


async def test_a_job_says_nothing_but_an_id(queue: ArqRedis) -> None:
    mail = await add_mail(recipient=f"{uuid4()}@example.fr", account_id=await add_account())
    await Relay(queue).hand_out()
    (job,) = await queue.queued_jobs(queue_name=queue.default_queue_name)
    assert (job.function, list(job.args), job.kwargs) == ("send_mail", [str(mail)], {})
