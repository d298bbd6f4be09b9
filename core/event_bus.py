"""Waking up whoever waits for something new, in this process and in the others, by Redis publish and
subscribe.

A wake-up carries nothing: who is woken reads the database, which alone knows what is new. So a wake-up may be
lost (Redis away, emptied, restarted) or be one too many, and listeners look for themselves every now and
then: all it can cost is time.

However many listeners a process has, it holds one connection to hear and one to tell.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cache
from typing import Literal, get_args

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from core.redis import make_redis
from core.settings import get_settings
from core.tasks import end_tasks

Kind = Literal["events", "mail", "files", "slots", "reminders", "captchas", "sessions", "partners", "exports"]
KINDS: tuple[Kind, ...] = get_args(Kind)

FIRST_DELAY_SECONDS = 0.05
LONGEST_DELAY_SECONDS = 2.0
ANSWER_SECONDS = 2.0
"""How long Redis may take to answer before it counts as away."""
SILENCE_SECONDS = 5.0
"""After that long without a message, the connection is asked whether it is still one."""
LAST_WORDS_SECONDS = 0.2

_AWAY = (RedisError, OSError, TimeoutError)

logger = logging.getLogger(__name__)


class Listener:
    """Waits for wake-ups. What comes between two waits is kept, as one, for the next."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()

    async def wait(self, timeout: float | None) -> bool:  # noqa: ASYNC109 -- a wake-up or not: no error
        """True on a wake-up, False after `timeout` seconds without one."""
        try:
            async with asyncio.timeout(timeout):
                await self._woken.wait()
        except TimeoutError:
            return False
        self._woken.clear()
        return True

    def wake(self) -> None:
        self._woken.set()


class EventBus:
    """One process's end of the bus. `start` and `stop` it with the process; without Redis it works within it.

    `url`: where Redis is; None for the settings' one when it starts.
    """

    def __init__(self, url: str | None = None) -> None:
        self._url = url
        self._name = secrets.token_bytes(8)
        self._listeners: dict[Kind, set[Listener]] = {kind: set() for kind in KINDS}
        self._untold: set[Kind] = set()
        self._something_to_tell = asyncio.Event()
        self._all_told = asyncio.Event()
        self._all_told.set()
        self._hearing = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._is_away = False

    async def start(self) -> None:
        """Begins to hear and to tell. Does not wait for Redis, and never gives it up."""
        url = self._url or get_settings().redis_url
        if url is None or self._tasks:
            return
        self._tasks = [
            asyncio.create_task(self._hear_for_ever(url), name="event bus: hear"),
            asyncio.create_task(self._tell_for_ever(url), name="event bus: tell"),
        ]

    async def stop(self) -> None:
        """Tells what was still to tell if Redis takes it at once, then ends."""
        tasks, self._tasks = self._tasks, []
        if tasks and not self._is_away:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS_SECONDS):
                    await self._all_told.wait()
        await end_tasks(tasks)
        self._hearing.clear()

    async def wake(self, kind: Kind) -> None:
        """Wakes every listener of `kind`, here at once, elsewhere soon. Does not wait and does not fail."""
        self._wake_here(kind)
        if self._tasks:
            self._untold.add(kind)
            self._all_told.clear()
            self._something_to_tell.set()

    @asynccontextmanager
    async def listen(self, kind: Kind) -> AsyncIterator[Listener]:
        """Hears the wake-ups of `kind` while the block lasts."""
        listener = Listener()
        self._listeners[kind].add(listener)
        try:
            yield listener
        finally:
            self._listeners[kind].discard(listener)

    async def hearing(self) -> None:
        """Returns once the other processes can be heard."""
        await self._hearing.wait()

    def _wake_here(self, *kinds: Kind) -> None:
        for kind in kinds:
            for listener in self._listeners[kind]:
                listener.wake()

    async def _hear_for_ever(self, url: str) -> None:
        delay = FIRST_DELAY_SECONDS
        while True:
            redis = make_redis(url, read_timeout=None)
            try:
                async with redis.pubsub() as subscription:
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await subscription.subscribe(*map(_channel, KINDS))
                        await subscription.get_message(timeout=ANSWER_SECONDS)
                    delay = FIRST_DELAY_SECONDS
                    self._note_back()
                    self._hearing.set()
                    # Nobody knows what was said while we did not hear.
                    self._wake_here(*KINDS)
                    await self._hear(subscription)
            except _AWAY as error:
                self._note_away(error)
            finally:
                self._hearing.clear()
                with suppress(*_AWAY):
                    await redis.aclose()
            await _pause(delay)
            delay = min(2 * delay, LONGEST_DELAY_SECONDS)

    async def _hear(self, subscription: PubSub) -> None:
        is_asked = False
        while True:
            message = await subscription.get_message(timeout=SILENCE_SECONDS)
            if message is not None:
                is_asked = False
                kind = _KIND_OF_CHANNEL.get(message["channel"])
                # What this process said itself, its listeners have heard already.
                if message["type"] == "message" and kind is not None and message["data"] != self._name:
                    self._wake_here(kind)
            elif is_asked:
                raise TimeoutError("Redis does not answer")
            else:
                is_asked = True
                await subscription.ping()

    async def _tell_for_ever(self, url: str) -> None:
        delay = FIRST_DELAY_SECONDS
        redis = make_redis(url)
        try:
            while True:
                await self._something_to_tell.wait()
                self._something_to_tell.clear()
                try:
                    await self._tell(redis)
                except _AWAY as error:
                    self._note_away(error)
                    self._something_to_tell.set()
                    await _pause(delay)
                    delay = min(2 * delay, LONGEST_DELAY_SECONDS)
                else:
                    delay = FIRST_DELAY_SECONDS
                    if not self._untold:
                        self._all_told.set()
        finally:
            with suppress(*_AWAY):
                await redis.aclose()

    async def _tell(self, redis: Redis) -> None:
        for kind in KINDS:
            if kind in self._untold:
                # Taken out first: a wake-up that comes while this one is on its way is another one.
                self._untold.discard(kind)
                try:
                    async with asyncio.timeout(ANSWER_SECONDS):
                        await redis.publish(_channel(kind), self._name)
                except _AWAY:
                    self._untold.add(kind)
                    raise

    def _note_away(self, error: Exception) -> None:
        if not self._is_away:
            self._is_away = True
            logger.warning("Redis is away (%s): wake-ups come late until it is back", type(error).__name__)

    def _note_back(self) -> None:
        if self._is_away:
            self._is_away = False
            logger.info("Redis is back")


def _channel(kind: Kind) -> str:
    return f"espace:wake:{kind}"


_KIND_OF_CHANNEL: dict[bytes, Kind] = {_channel(kind).encode(): kind for kind in KINDS}


async def _pause(seconds: float) -> None:
    # Spread, so that processes that lost Redis together do not come back all at once.
    await asyncio.sleep(seconds * random.uniform(0.75, 1.25))  # noqa: S311


@cache
def event_bus() -> EventBus:
    """The bus of this process, made when it is first asked for. Lifespans start and stop it."""
    return EventBus()
