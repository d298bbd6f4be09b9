"""The worker process: arq, and the relay that feeds it.

Redis may go and come back: arq would end with it, so it is started again in the same process.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson
from arq import cron
from arq.connections import ArqRedis
from arq.cron import CronJob
from arq.worker import Function, Worker, func
from redis.asyncio.retry import Retry as RedisRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from core.event_bus import EventBus
from core.logging import configure_logging
from core.settings import Settings
from core.tasks import end_tasks
from jobs.captcha_audio import keep_stock, speak_captcha, speaking_by
from jobs.data_exports import EXPORT_SECONDS, make_export
from jobs.delivery import TOTAL_SECONDS
from jobs.erasure import erase
from jobs.file_retention import sweep_files
from jobs.mail import send_mail
from jobs.new_passwords import answer_new_password
from jobs.partner_links import end_partner_link
from jobs.previews import DRAW_SECONDS, draw_preview_of
from jobs.receipts import make_receipt
from jobs.relay import (
    CAPTCHA_AUDIO,
    EXPORTS,
    MAIL,
    NEW_PASSWORDS,
    PARTNER_LINKS,
    PREVIEWS,
    RECEIPTS,
    REMINDERS,
    SCANS,
    WEBHOOKS,
    Relay,
    Source,
)
from jobs.reminders import remind
from jobs.retention import sweep
from jobs.retrying import Job, retried
from jobs.scans import SCAN_SECONDS, scan_file
from jobs.webhooks import CALL_SECONDS, RUN_SECONDS, call_webhook
from models import database
from uploads.scanning import warn_without_a_scanner

MOST_AT_ONCE = 8
"""How many mails are picked up together. One at a time is sent (jobs/mail.py): the others only wait."""

RECEIPT_SECONDS = 120.0
REMINDER_SECONDS = 30.0
NEW_PASSWORD_SECONDS = 30.0
PARTNER_LINK_SECONDS = 15.0
CAPTCHA_STOCK = "espace:captcha-stock"
CAPTCHA_SECONDS = 15.0
SWEEPS = "espace:sweeps"
SWEEP_SECONDS = 1_800
"""A store with many files takes its time. What is broken off goes on an hour later."""

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 5.0

logger = logging.getLogger(__name__)

CRON_JOBS = [
    cron(retried(sweep), name="sweep", minute=17, timeout=30),
    cron(retried(sweep_files), name="sweep_files", minute=37, timeout=SWEEP_SECONDS),
    cron(retried(erase), name="erase", minute=7, timeout=SWEEP_SECONDS),
]
"""Every hour, by one worker, whichever comes first."""

STOCK_JOBS = [
    cron(retried(keep_stock), name="keep_stock", second={5, 25, 45}, run_at_startup=True, timeout=120)
]
"""At most so often: what strangers take of it is made again at that pace, and no faster."""


@dataclass(frozen=True, slots=True)
class Line:
    """Jobs of one kind: they wait for each other, and for no other kind. `poll_seconds`: the longest that an idle
    worker leaves one unseen; each time, arq starts `at_once` at most, and what a killed worker left in the queue, too.
    """

    queue: str
    at_once: int
    poll_seconds: float
    functions: Sequence[Function] = ()
    cron_jobs: Sequence[CronJob] = field(default=())


def _line(source: Source, job: Job, *, at_once: int, poll_seconds: float, timeout: float) -> Line:
    return Line(source.queue, at_once, poll_seconds, [func(retried(job), name=source.job, timeout=timeout)])


LINES = [
    # A mail may wait for the others that were picked up with it: they leave one at a time.
    _line(MAIL, send_mail, at_once=MOST_AT_ONCE, poll_seconds=0.1, timeout=MOST_AT_ONCE * TOTAL_SECONDS + 10),
    _line(SCANS, scan_file, at_once=4, poll_seconds=0.25, timeout=SCAN_SECONDS + 30),
    _line(PREVIEWS, draw_preview_of, at_once=2, poll_seconds=0.1, timeout=DRAW_SECONDS + 10),
    _line(RECEIPTS, make_receipt, at_once=2, poll_seconds=0.1, timeout=RECEIPT_SECONDS),
    _line(REMINDERS, remind, at_once=2, poll_seconds=0.25, timeout=REMINDER_SECONDS),
    _line(CAPTCHA_AUDIO, speak_captcha, at_once=2, poll_seconds=0.1, timeout=CAPTCHA_SECONDS),
    _line(WEBHOOKS, call_webhook, at_once=4, poll_seconds=0.1, timeout=RUN_SECONDS + CALL_SECONDS + 15),
    _line(NEW_PASSWORDS, answer_new_password, at_once=2, poll_seconds=0.25, timeout=NEW_PASSWORD_SECONDS),
    _line(PARTNER_LINKS, end_partner_link, at_once=4, poll_seconds=0.25, timeout=PARTNER_LINK_SECONDS),
    _line(EXPORTS, make_export, at_once=1, poll_seconds=0.25, timeout=EXPORT_SECONDS + 60),
    Line(CAPTCHA_STOCK, at_once=1, poll_seconds=1.0, cron_jobs=STOCK_JOBS),
    Line(SWEEPS, at_once=2, poll_seconds=1.0, cron_jobs=CRON_JOBS),
]
FUNCTIONS = [function for line in LINES for function in line.functions]


def run(settings: Settings) -> None:
    """Works until SIGTERM or SIGINT. Mails on their way get `shutdown_timeout_seconds` to arrive."""
    configure_logging(settings)
    logging.getLogger("arq").setLevel(logging.WARNING)
    asyncio.run(_live(settings))


async def _live(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with database.connected(settings):
        await work(settings, stop)


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Works until `stop` is set, on the database that `models.database` was given."""
    bus = EventBus(settings.redis_url)
    await bus.start()
    try:
        async with speaking_by(bus):
            logger.info("the worker works")
            warn_without_a_scanner(settings)
            await _work_with_redis_or_without(settings, bus, stop)
    finally:
        await bus.stop()
        logger.info("the worker has stopped")


async def _work_with_redis_or_without(settings: Settings, bus: EventBus, stop: asyncio.Event) -> None:
    pause = FIRST_PAUSE_SECONDS
    is_away = False
    while not stop.is_set():
        queue = make_queue(settings)
        try:
            await queue.ping()
            if is_away:
                logger.info("Redis is back: jobs go on")
            is_away, pause = False, FIRST_PAUSE_SECONDS
            await _work_on(queue, settings, bus, stop)
        except (RedisError, OSError, TimeoutError) as error:
            if not is_away:
                logger.warning("Redis is away (%s): jobs wait", type(error).__name__)
            is_away = True
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await stop.wait()
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        finally:
            with suppress(RedisError, OSError, TimeoutError):
                await queue.aclose()


async def _work_on(queue: ArqRedis, settings: Settings, bus: EventBus, stop: asyncio.Event) -> None:
    """Returns when told to stop; raises what ended arq or the relay."""
    workers = [_make_worker(line, queue, settings) for line in LINES]
    running = [
        asyncio.create_task(worker.async_run(), name=f"arq: {worker.queue_name}") for worker in workers
    ]
    running.append(asyncio.create_task(Relay(queue).run(bus), name="relay"))
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait({*running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in running if task.done()]
        await end_tasks(running)
        await _let_arrive(_jobs_of(workers), stopping, settings.shutdown_timeout_seconds)
        for task in ended:
            task.result()
    finally:
        await end_tasks([*running, stopping, *_jobs_of(workers)])


def _make_worker(line: Line, queue: ArqRedis, settings: Settings) -> Worker:
    return Worker(
        line.functions,
        cron_jobs=line.cron_jobs,
        queue_name=line.queue,
        redis_pool=queue,
        handle_signals=False,
        max_jobs=min(line.at_once, max(settings.database_pool_size - 2, 1)),
        poll_delay=line.poll_seconds,
        keep_result=0,
        max_tries=5,
        job_serializer=_to_json,
        job_deserializer=orjson.loads,
        log_results=False,
    )


def _jobs_of(workers: Sequence[Worker]) -> list[asyncio.Task[Any]]:
    """Those under way."""
    return [task for worker in workers for task in worker.tasks.values()]


async def _let_arrive(jobs: Sequence[asyncio.Task[Any]], stopping: asyncio.Task[Any], seconds: float) -> None:
    """Waits for the jobs under way (each has its time limit), but not longer than that once told to stop.

    A mail whose conversation is broken off may have been taken, and would be sent twice.
    """
    if jobs:
        arriving = asyncio.gather(*jobs, return_exceptions=True)
        await asyncio.wait({arriving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({arriving}, timeout=seconds)


def make_queue(settings: Settings) -> ArqRedis:
    """arq's Redis client, speaking JSON. Commands raise within seconds when Redis is away."""
    if settings.redis_url is None:
        raise RuntimeError("ESPACE_REDIS_URL is not set: `python -m espace dev` starts a server and sets it")
    queue: ArqRedis = ArqRedis.from_url(
        settings.redis_url,
        socket_connect_timeout=1.0,
        socket_timeout=5.0,
        retry=RedisRetry(NoBackoff(), 1),
        health_check_interval=15,
    )
    queue.job_serializer = _to_json
    queue.job_deserializer = orjson.loads
    queue.default_queue_name = MAIL.queue
    return queue


def _to_json(value: Any) -> bytes:
    return orjson.dumps(value, default=str)
