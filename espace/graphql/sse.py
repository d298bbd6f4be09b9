"""Answers as server-sent events: graphql-sse's "distinct connections" mode, one operation a connection.

https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md. Events have no id: a client resumes with
the `after` argument of the subscription, which also holds across servers.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from starlette.types import Receive, Scope, Send

from espace.graphql.envelope import EVENT_STREAM
from espace.graphql.responses import PROTECTION, encode

HEARTBEAT_SECONDS = 12.0
HEARTBEAT = b":\n\n"
COMPLETE = b"event: complete\ndata:\n\n"


class EventStreamResponse:
    """An ASGI response that sends each payload as a `next` event, then `complete`.

    Payloads are drawn by one task, one ahead of what was sent at most. When the client goes away, or the
    server stops, that task is cancelled and the generator closed before this returns.
    """

    def __init__(
        self,
        payloads: AsyncGenerator[object, None],
        headers: Mapping[str, str] | None = None,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
    ) -> None:
        self._payloads = payloads
        self._heartbeat_seconds = heartbeat_seconds
        self.headers = {
            **PROTECTION,
            "Content-Type": f"{EVENT_STREAM}; charset=utf-8",
            "X-Accel-Buffering": "no",
            **(headers or {}),
        }

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        # Bounded, so that a client that reads slowly holds the subscription back rather than our memory.
        ready: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)
        drawing = asyncio.create_task(self._draw(ready))
        leaving = asyncio.create_task(_wait_for_departure(receive))
        sending = asyncio.create_task(self._send(send, ready))
        try:
            await asyncio.wait((leaving, sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving, drawing):
                task.cancel()
            outcomes = await asyncio.gather(sending, leaving, drawing, return_exceptions=True)
        for outcome in outcomes:
            # OSError: the connection broke while we wrote, which is another way of leaving.
            if isinstance(outcome, Exception) and not isinstance(outcome, OSError):
                raise outcome

    async def _draw(self, ready: asyncio.Queue[bytes]) -> None:
        try:
            async with aclosing(self._payloads):
                async for payload in self._payloads:
                    await ready.put(b"event: next\ndata: " + encode(payload) + b"\n\n")
        except Exception:
            await ready.put(COMPLETE)
            raise
        await ready.put(COMPLETE)

    async def _send(self, send: Send, ready: asyncio.Queue[bytes]) -> None:
        headers = [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        event = HEARTBEAT  # Some browsers report an open stream only at its first bytes.
        while True:
            await send({"type": "http.response.body", "body": event, "more_body": event is not COMPLETE})
            if event is COMPLETE:
                return
            try:
                async with asyncio.timeout(self._heartbeat_seconds):
                    event = await ready.get()
            except TimeoutError:
                event = HEARTBEAT


async def _wait_for_departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
