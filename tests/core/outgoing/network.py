"""A small Internet for tests: names lead where a test says, and every connection is counted where it arrives."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

PUBLIC = "198.41.0.4"
"""Somebody's on the Internet, whom no test really calls: nobody is there."""


class Names:
    """What `socket.getaddrinfo` answers: each name has a row of answers, the last of which stays."""

    def __init__(self) -> None:
        self._answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []
        self._real = socket.getaddrinfo

    def set(self, name: str, *answers: Sequence[str]) -> None:
        self._answers[name] = list(answers)

    def getaddrinfo(
        self, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        answers = self._answers.get(name.lower())
        if answers is None:
            # Numbers, in whatever spelling the system understands. What is none is asked of nobody.
            return self._real(host, port, family, type, proto, flags | socket.AI_NUMERICHOST)
        self.asked.append(name)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in answer
        ]


class Listener:
    """Takes connections on a port, whatever the address of this machine, and answers each call the same."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.connections = 0
        self.heads: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head = await asyncio.wait_for(reader.read(65_536), 5)
            # A greeting in TLS is left without an answer: being connected to is what counts.
            if head.endswith((b"\r\n\r\n", b"\r\n\r\n{}")):
                self.heads.append(head)
                writer.write(self.answer)
                await writer.drain()
        except (TimeoutError, OSError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def listening(answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n") -> AsyncIterator[Listener]:
    listener = Listener(answer)
    server = await asyncio.start_server(listener.serve, sock=_on_every_address())
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        await server.wait_closed()


def _on_every_address() -> socket.socket:
    if socket.has_dualstack_ipv6():
        return socket.create_server(("", 0), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", 0))


class Router:
    """Where connections of this process go: to `PUBLIC` nowhere; all that is not of this machine to this machine, as
    if it were in the midst of such networks.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.destinations: list[str] = []
        loop = asyncio.get_running_loop()
        self._real = loop.create_connection
        monkeypatch.setattr(loop, "create_connection", self._connect)

    async def _connect(self, protocol: Any, host: Any = None, port: Any = None, **named: Any) -> Any:
        if host is None:
            return await self._real(protocol, host, port, **named)
        self.destinations.append(host)
        if host == PUBLIC:
            raise ConnectionRefusedError("nobody is there")
        address = ipaddress.ip_address(host)
        mapped = getattr(address, "ipv4_mapped", None) or address
        if mapped.is_loopback or mapped.is_unspecified:
            with suppress(OSError):  # Not every machine has IPv6.
                return await self._real(protocol, host, port, **named)
        return await self._real(protocol, "127.0.0.1", port, **named)
