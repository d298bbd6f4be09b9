"""Answering before the body of a request has come to its end, so that the client gets to read the answer."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER_SECONDS = 2.0
LINGER_BYTES = 16 * 1024 * 1024


class WatchedBody:
    """The `receive` of a request, which remembers whether the body has ended, or the client has left."""

    __slots__ = ("_receive", "ended")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.ended = False

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self.ended = True
        return message


class EarlyAnswer:
    """An answer, after which the connection is closed.

    A connection that is closed while the client still writes is reset, and most clients then lose the answer
    that was on its way. So what still comes is read and forgotten for a short while (RFC 9112, section 9.6).
    The answer must state its Content-Length: the client knows its end by it.
    """

    def __init__(self, answer: ASGIApp, body: WatchedBody) -> None:
        self._answer = answer
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_linger(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [(name, value) for name, value in message["headers"] if name != b"connection"]
                await send({**message, "headers": [*others, (b"connection", b"close")]})
            elif message.get("more_body", False):
                await send(message)
            else:
                await send({**message, "more_body": True})
                await self._linger()
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        await self._answer(scope, receive, send_and_linger)

    async def _linger(self) -> None:
        forgotten = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while not self._body.ended and forgotten < LINGER_BYTES:
                    forgotten += len((await self._body()).get("body", b""))
