"""Whoever is told of events: a server that verifies what comes, keeps it, and answers as a test wants it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook

from tests.factories import WEBHOOK_SECRET

Decide = Callable[["Delivery"], int | None]


@dataclass(frozen=True)
class Delivery:
    """One that was signed. `status`: what it was answered, None where the connection was dropped instead."""

    headers: Mapping[str, str]
    body: bytes
    event: dict[str, Any]
    status: int | None = 204

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def request(self) -> str:
        id: str = self.event["request"]["id"]
        return id


@dataclass
class Receiver:
    """`decide`: the status that a delivery is answered; None drops the connection."""

    decide: Decide = lambda _: 204
    secret: str = WEBHOOK_SECRET
    deliveries: list[Delivery] = field(default_factory=list)
    port: int = 0
    under_way: int = 0
    most_under_way: int = 0
    seconds: float = 0.0
    """How long it thinks."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events?key=secret-of-the-address"

    @property
    def taken(self) -> list[Delivery]:
        return [delivery for delivery in self.deliveries if delivery.status == 204]

    def ids(self) -> list[str]:
        """Of what was taken, in order."""
        return [delivery.id for delivery in self.taken]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            headers = {
                name.lower(): value
                for name, value in (line.split(": ", 1) for line in head.split("\r\n")[1:-2])
            }
            body = await reader.readexactly(int(headers["content-length"]))
            event = Webhook(self.secret).verify(body, headers)
            if self.seconds:
                await asyncio.sleep(self.seconds)
            heard = Delivery(headers, body, event)
            status = self.decide(heard)
            self.deliveries.append(Delivery(headers, body, event, status))
            if status is not None:
                writer.write(f"HTTP/1.1 {status} Answer\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # Whoever called has gone.
        finally:
            self.under_way -= 1
            writer.close()


@asynccontextmanager
async def receiving(**options: Any) -> AsyncIterator[Receiver]:
    receiver = Receiver(**options)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        await server.wait_closed()
