"""The real tus-js-client against real processes: networks that break, clients and servers that are killed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest_asyncio

from core.keys import new_token
from core.settings import Settings
from models.actors import CitizenActor
from models.database import fetch, fetch_one
from resolvers.uploads import open_upload
from tests.factories import make_citizen, make_session
from tests.protocol.test_audit import FOLDER, node
from tests.stack import Api

__all__ = ["node"]

MEBIBYTE = 1024 * 1024
SIZE = 5 * MEBIBYTE + 12_345
MOST_MEMORY = 32 * MEBIBYTE


@dataclass
class Proxy:
    """A network between client and servers: each connection goes to the next server, and may break or stop."""

    servers: list[int] = field(default_factory=list)
    budget: Callable[[], int | None] = lambda: None
    """After so many bytes towards the server a connection is reset. None: never."""
    lost_answers: Callable[[], bool] = lambda: False
    """Whether a connection that has carried bytes of a file is reset instead of bringing the answer to them."""
    holds_after: int | None = None
    """From so many bytes on, all connections together, nothing goes through towards the servers."""

    port: int = 0
    connections: dict[int, int] = field(default_factory=dict)
    broken: int = 0
    carried: int = 0
    holding: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server = self.servers[sum(self.connections.values()) % len(self.servers)]
        self.connections[server] = self.connections.get(server, 0) + 1
        try:
            to_client, to_server = await asyncio.open_connection("127.0.0.1", server)
        except OSError:
            writer.transport.abort()
            return
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._towards_server(reader, to_server))
                tasks.create_task(self._towards_client(to_client, writer))
        except* (OSError, _BreakError):
            pass
        finally:
            for each in (writer, to_server):
                each.transport.abort()

    async def _towards_server(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        budget = self.budget()
        carried = 0
        while data := await reader.read(16 * 1024):
            if self.holds_after is not None and self.carried + len(data) > self.holds_after:
                self.holding.set()
                await self.released.wait()
            if budget is not None and carried + len(data) > budget:
                writer.write(data[: budget - carried])
                await writer.drain()
                self._break()
            carried += len(data)
            self.carried += len(data)
            writer.write(data)
            await writer.drain()
        raise _BreakError

    async def _towards_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        before = self.carried
        while data := await reader.read(16 * 1024):
            if self.carried - before > 100_000 and self.lost_answers():
                self._break()
            writer.write(data)
            await writer.drain()
        raise _BreakError

    def _break(self) -> None:
        self.broken += 1
        raise _BreakError


class _BreakError(Exception):
    """The connection ends here."""


async def eventually(happened: Callable[[], Awaitable[bool]], within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not await happened():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@pytest_asyncio.fixture
async def proxy() -> AsyncIterator[Proxy]:
    proxy = Proxy()
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = listener.sockets[0].getsockname()[1]
    yield proxy
    proxy.released.set()
    listener.close()


@pytest_asyncio.fixture
async def api(proxy: Proxy, database: Settings, tmp_path: Path) -> AsyncIterator[Api]:
    """A process behind the proxy."""
    async with _behind(proxy, tmp_path / "api.log") as api:
        yield api


@pytest_asyncio.fixture
async def other_api(proxy: Proxy, database: Settings, tmp_path: Path) -> AsyncIterator[Api]:
    """One more."""
    async with _behind(proxy, tmp_path / "other-api.log") as api:
        yield api


@asynccontextmanager
async def _behind(proxy: Proxy, log: Path) -> AsyncIterator[Api]:
    api = Api({**os.environ, "ESPACE_PUBLIC_URL": proxy.url}, log)
    proxy.servers.append(api.port)
    try:
        await api.start()
        yield api
    finally:
        if api.running:
            api.kill()


@dataclass
class Sender:
    """A citizen with a file, who runs one client process after the other."""

    node: str
    citizen: CitizenActor
    options: dict[str, Any]
    digest: bytes
    events: list[dict[str, Any]] = field(default_factory=list)

    async def start(self, **options: Any) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            self.node,
            "tus.mjs",
            json.dumps({**self.options, **options}),
            cwd=FOLDER,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    async def finish(self, client: asyncio.subprocess.Process) -> list[dict[str, Any]]:
        """What a client tells until it ends."""
        output, complaints = await asyncio.wait_for(client.communicate(), 100)
        told: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
        assert client.returncode == 0, (told[-5:], complaints.decode())
        assert told[-1] == {"event": "done"}
        return told

    async def check_what_arrived(self, told: list[dict[str, Any]]) -> None:
        url = next(event["url"] for event in reversed(told) if event["event"] == "url")
        opened = await open_upload(self.citizen, url.rpartition("/")[2])
        assert opened is not None
        assert opened.received is not None
        assert (opened.received.name, opened.received.size) == ("acte.pdf", SIZE)
        assert hashlib.file_digest(opened.received.content, "sha256").digest() == self.digest  # type: ignore[arg-type]
        opened.received.close()
        parts = await fetch(
            "SELECT start, sum(size) OVER (PARTITION BY upload_id ORDER BY start) - size AS expected "
            "FROM upload_part JOIN upload ON upload.id = upload_id WHERE received = length"
        )
        assert parts
        assert all(part["start"] == part["expected"] for part in parts)


@pytest_asyncio.fixture
async def sender(node: str, proxy: Proxy, database: Settings, tmp_path: Path) -> Sender:
    citizen = await make_citizen()
    data = random.Random(1).randbytes(SIZE)
    (tmp_path / "acte.pdf").write_bytes(data)
    options = {
        "endpoint": f"{proxy.url}/uploads",
        "file": str(tmp_path / "acte.pdf"),
        "type": "application/pdf",
        "authorization": f"Bearer {await token_of(citizen)}",
        "storage": str(tmp_path / "storage.json"),
        "retries": 600,
        "delay": 100,
    }
    return Sender(node, citizen, options, hashlib.sha256(data).digest())


async def token_of(citizen: CitizenActor) -> str:
    row = await fetch_one("SELECT id FROM credential WHERE account_id = $1", citizen.account_id)
    assert row is not None
    token = new_token()
    await make_session(row["id"], token=token)
    return token


async def test_a_network_that_breaks_all_the_time_and_processes_that_take_turns(
    sender: Sender, proxy: Proxy, api: Api, other_api: Api
) -> None:
    chance = random.Random(1)
    proxy.budget = lambda: chance.randrange(200_000, 1_200_000)
    proxy.lost_answers = lambda: chance.random() < 0.3
    for number, chunk_size in enumerate((MEBIBYTE // 2, None), start=1):
        proxy.broken = 0
        storage = f"{sender.options['storage']}.{number}"
        client = await sender.start(delay=10, chunkSize=chunk_size, storage=storage)
        told = await sender.finish(client)
        await sender.check_what_arrived(told)
        assert proxy.broken >= SIZE // 1_200_000, "no connection carried more"
        assert len(await fetch("SELECT id FROM upload")) == number
    assert set(proxy.connections) == {api.port, other_api.port}


async def test_a_client_may_send_bytes_at_once_and_learns_why_a_file_is_not_taken(
    sender: Sender, api: Api, tmp_path: Path
) -> None:
    told = await sender.finish(await sender.start(chunkSize=MEBIBYTE, uploadDataDuringCreation=True))
    await sender.check_what_arrived(told)
    answers = [event for event in told if event["event"] == "answer"]
    assert [(each["method"], each["status"]) for each in answers] == [("POST", 201)] + 5 * [("PATCH", 204)]
    assert answers[0]["offset"] == str(MEBIBYTE)

    (tmp_path / "tout.zip").write_bytes(b"PK")
    client = await sender.start(file=str(tmp_path / "tout.zip"), type="application/zip")
    output, _ = await asyncio.wait_for(client.communicate(), 60)
    failed = json.loads(output.splitlines()[-1])
    assert (failed["event"], failed["status"]) == ("failed", 415)
    assert "Envoyez un PDF ou une image" in failed["text"]


async def test_a_client_that_is_killed_is_followed_by_another(sender: Sender, proxy: Proxy, api: Api) -> None:
    proxy.holds_after = 5 * MEBIBYTE // 2
    first = await sender.start(chunkSize=MEBIBYTE)
    await asyncio.wait_for(proxy.holding.wait(), 60)
    first.kill()
    output, _ = await first.communicate()
    accepted = [
        event["bytes"] for event in map(json.loads, output.splitlines()) if event["event"] == "accepted"
    ]
    assert accepted == [MEBIBYTE, 2 * MEBIBYTE]
    proxy.holds_after = None
    proxy.released.set()

    told = await sender.finish(await sender.start(chunkSize=MEBIBYTE))
    assert told[0] == {"event": "previous", "found": True}
    answers = [event for event in told if event["event"] == "answer"]
    assert {each["method"] for each in answers} == {"HEAD", "PATCH"}
    assert int(answers[0]["offset"]) >= 2 * MEBIBYTE
    await sender.check_what_arrived(told)
    assert len(await fetch("SELECT id FROM upload")) == 1


async def test_a_server_that_is_killed_loses_nothing_that_it_acknowledged(
    sender: Sender, proxy: Proxy, api: Api
) -> None:
    proxy.holds_after = 5 * MEBIBYTE // 2
    client = await sender.start()

    async def two_parts_are_stored() -> bool:
        return [row["received"] for row in await fetch("SELECT received FROM upload")] == [2 * MEBIBYTE]

    await eventually(two_parts_are_stored)
    api.kill()
    assert await two_parts_are_stored(), "what it had begun to receive is lost, and nothing else"
    proxy.holds_after = None
    proxy.released.set()
    await api.start()
    told = await sender.finish(client)
    await sender.check_what_arrived(told)
    resumed = [event["offset"] for event in told if event["event"] == "answer" and event["method"] == "HEAD"]
    assert resumed[-1] == str(2 * MEBIBYTE)


async def test_fifty_slow_bodies_cost_little_memory(proxy: Proxy, api: Api, database: Settings) -> None:
    assert api.process is not None
    process = psutil.Process(api.process.pid)
    tokens = [await token_of(await make_citizen()) for _ in range(5)] * 10
    held = 1_000_000
    urls = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{api.port}") as client:
        for token in tokens:
            headers = {
                "Authorization": f"Bearer {token}",
                "Tus-Resumable": "1.0.0",
                "Upload-Length": str(2 * held),
                "Upload-Metadata": "filename YS5wZGY=",
            }
            response = await client.post("/uploads", headers=headers)
            assert response.status_code == 201
            urls.append(response.headers["Location"].removeprefix(proxy.url))
    before = process.memory_info().rss
    writers = []
    for token, url in zip(tokens, urls, strict=True):
        _, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(
            f"PATCH {url} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nTus-Resumable: 1.0.0\r\n"
            "Content-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\n"
            f"Content-Length: {2 * held}\r\n\r\n".encode()
        )
        writers.append(writer)
    for writer in writers:
        writer.write(bytes(held))
        await writer.drain()

    async def all_is_read() -> bool:
        for writer in writers:
            writer.write(b"slowly" * 100)
        return _scratch_bytes(process.pid) >= 50 * (held - 2 * 8192)

    await eventually(all_is_read)
    grown = process.memory_info().rss - before
    for writer in writers:
        writer.transport.abort()
    assert grown < MOST_MEMORY, f"{grown / MEBIBYTE:.1f} MiB for {50 * held / MEBIBYTE:.1f} MiB under way"


def _scratch_bytes(process_id: int) -> int:
    """What a process holds in files without a name."""
    total = 0
    for link in Path(f"/proc/{process_id}/fd").iterdir():
        with suppress(FileNotFoundError):
            total += link.stat().st_size if str(link.readlink()).endswith("(deleted)") else 0
    return total
