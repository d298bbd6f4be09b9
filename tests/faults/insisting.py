"""A front end that does not give up: it sends again what was not answered, and follows on from its last cursor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import httpx
from gql.transport.exceptions import TransportError

from tests.journeys.client import Client, Data, RefusedError
from tests.stack import Api

Answer = TypeVar("Answer")

PAUSE_SECONDS = 0.1
NO_ANSWER = (httpx.HTTPError, TransportError, OSError, TimeoutError, StopAsyncIteration)


async def insist(ask: Callable[[], Awaitable[Answer]], within: float = 30.0) -> Answer:
    """The first answer that is not UNAVAILABLE. Fails with the last error after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        try:
            return await ask()
        except NO_ANSWER:
            if time.monotonic() > deadline:
                raise
        except RefusedError as error:
            if error.code != "UNAVAILABLE" or time.monotonic() > deadline:
                raise
        await asyncio.sleep(PAUSE_SECONDS)


async def resumed(
    client: Client, apis: Callable[[], list[Api]], name: str, after: str, **variables: Any
) -> AsyncIterator[Data]:
    """Events of a subscription, across connections and processes: each time it ends, on from the last cursor."""
    attempt = 0
    while True:
        reachable = apis()
        attempt += 1
        try:
            async with client.at(reachable[attempt % len(reachable)]).follow(
                name, after=after, **variables
            ) as events:
                while True:
                    event = await events.next(within=60)
                    after = event["cursor"]
                    yield event
        except (*NO_ANSWER, RefusedError) as error:
            if isinstance(error, RefusedError) and error.code != "UNAVAILABLE":
                raise
            await asyncio.sleep(PAUSE_SECONDS)
