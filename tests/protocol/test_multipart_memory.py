"""What bodies with files cost a server process: next to no memory, however slow, many or large they are."""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from tests.protocol.multipart_bodies import CONTENT_TYPE, encode, file, mapping, operations
from tests.stack import ROOT

MEGABYTE = 1024 * 1024
ALLOWED_GROWTH = 32 * MEGABYTE
CLIENTS = 50
CONTENT = bytes(range(256)) * (5 * MEGABYTE // 256)
BODY = encode(operations(), mapping(), file(CONTENT))
SHA256 = hashlib.sha256(CONTENT).hexdigest().encode()
PIECE = 32 * 1024
PAUSE_SECONDS = 0.02


@dataclass(slots=True)
class Server:
    port: int
    process: psutil.Process
    highest: int = field(default=0)

    @property
    def memory(self) -> int:
        """Bytes of its resident set."""
        return int(self.process.memory_info().rss)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Sees to it that memory stays where it is during the block, at each twentieth of a second."""
        before = self.memory

        async def watch() -> None:
            while True:
                self.highest = max(self.highest, self.memory)
                await asyncio.sleep(0.05)

        self.highest = before
        watching = asyncio.create_task(watch())
        try:
            yield
        finally:
            watching.cancel()
        assert max(self.highest, self.memory) - before < ALLOWED_GROWTH


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A process that has served a few files already: what it loads once is no cost of a body."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.protocol.upload_server",
        str(tmp_path),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout
        port = int(await asyncio.wait_for(process.stdout.readline(), 30))
        server = Server(port, psutil.Process(process.pid))
        for number in range(3):
            assert SHA256 in await Client(server, number).send_all()
        yield server
    finally:
        process.terminate()
        await process.wait()


class Client:
    """One that sends what it likes, when it likes. Ten share an account."""

    def __init__(self, server: Server, number: int) -> None:
        self.server = server
        self.account = UUID(int=number // 10)

    async def open(self, framing: str) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        self.writer.write(
            f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: {CONTENT_TYPE}\r\nConnection: close\r\n"
            f"Authorization: Bearer citizen {self.account}\r\n{framing}\r\n\r\n".encode()
        )

    async def send_all(self, half_way: asyncio.Barrier | None = None) -> bytes:
        """The answer to `BODY`, sent in pieces; where all have sent all but the last, they wait for each other."""
        await self.open(f"Content-Length: {len(BODY)}")
        for start in range(0, len(BODY) - PIECE, PIECE):
            self.writer.write(BODY[start : start + PIECE])
            await self.writer.drain()
            if half_way:
                await asyncio.sleep(PAUSE_SECONDS)
        rest = BODY[start + PIECE :]
        if half_way:
            await half_way.wait()
        self.writer.write(rest)
        answer = await asyncio.wait_for(self.reader.read(), 60)
        self.writer.close()
        return answer


async def test_fifty_slow_clients_cost_next_to_no_memory(server: Server) -> None:
    together = asyncio.Barrier(CLIENTS)
    with server.watched():
        answers = await asyncio.gather(
            *(Client(server, number).send_all(together) for number in range(CLIENTS))
        )
    assert all(SHA256 in answer for answer in answers)


async def test_a_body_of_two_gigabytes_without_length_is_cut_off(server: Server) -> None:
    client = Client(server, 0)
    await client.open("Transfer-Encoding: chunked")
    start = BODY[: len(BODY) // 2]
    answer = bytearray()
    sent = 0

    async def listen() -> None:
        with suppress(ConnectionError):  # Who writes on and on, after the answer, is reset in the end.
            while received := await client.reader.read(PIECE):
                answer.extend(received)

    with server.watched():
        listening = asyncio.create_task(listen())
        with suppress(ConnectionError):
            client.writer.write(b"%x\r\n%s\r\n" % (len(start), start))
            while sent < 2048 * MEGABYTE and not listening.done():
                client.writer.write(b"%x\r\n%s\r\n" % (PIECE, bytes(PIECE)))
                await client.writer.drain()
                sent += PIECE
        await asyncio.wait_for(listening, 30)
    client.writer.close()
    assert sent < 300 * MEGABYTE
    assert answer.startswith(b"HTTP/1.1 413")
