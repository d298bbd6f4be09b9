"""Partner systems to talk to: the example of client-examples as a real process, and others that lost their mind."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.settings import get_settings
from espace.processes import start_child, stop_child

EXAMPLE = Path(__file__).parent.parent / "client-examples" / "partner-espace-famille"
SLUG = "espace-famille"
CODE, PASSWORD, LABEL = "204817", "Famille-2026", "Famille DELACOURT"
"""A family of the example."""

OTHER_CODE, OTHER_LABEL = "118350", "Famille BERTHIER"
READY_SECONDS = 30.0


def new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


class Partner:
    """The example, on a port of its own, with a store of its own."""

    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port
        self.site = f"http://localhost:{self.port}"
        self.address = f"{self.site}/espace-citoyens"
        self.secret = new_secret()
        self.webhook_secret = new_secret()
        self.mairie = "http://localhost:1"
        self.log = folder / "partner.log"
        self._store = folder / "famille.sqlite"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What the mairie's side has to be told of it."""
        return settings_for(self.address, self.secret)

    def is_there(self, patch: pytest.MonkeyPatch) -> None:
        """From now on the settings of this process say where it is."""
        point_to(patch, self.address, self.secret)

    def is_away(self, patch: pytest.MonkeyPatch) -> None:
        """From now on they lead to where nobody listens."""
        point_to(patch, "http://127.0.0.1:1/espace-citoyens", self.secret)

    async def start(self) -> None:
        """Returns once it answers."""
        with self.log.open("ab") as log:
            self.process = start_child(
                [sys.executable, "-m", "espace_famille", "--port", str(self.port)],
                environment=self._environment,
                folder=EXAMPLE,
                output=log,
            )
        deadline = time.monotonic() + READY_SECONDS
        async with httpx.AsyncClient() as client:
            while True:
                try:
                    if (await client.get(self.site)).status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                assert self.process.poll() is None, self.output()
                assert time.monotonic() < deadline, f"the partner is not ready:\n{self.output()}"
                await asyncio.sleep(0.05)

    @property
    def _environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("ESPACE_")},
            "FAMILLE_ADDRESS": self.address,
            "FAMILLE_MAIRIE": self.mairie,
            "FAMILLE_SECRET": self.secret,
            "FAMILLE_STORE": str(self._store),
        }

    async def run(self, *arguments: str, **environment: str) -> str:
        """One command of it, to its end; what it says. Fails where its status is not 0."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "espace_famille",
            *arguments,
            cwd=EXAMPLE,
            env={**self._environment, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()
        return said.decode()

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        assert self.process is not None
        assert stop_child(self.process, signal.SIGTERM, 10), self.output()

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def rows(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """What its store holds."""
        connection = sqlite3.connect(self._store, timeout=5)
        try:
            connection.row_factory = sqlite3.Row
            found = [dict(row) for row in connection.execute(statement, values)]
            connection.commit()
            return found
        finally:
            connection.close()

    def live_links(self) -> list[str]:
        """References of the links that have not ended there."""
        return [row["reference"] for row in self.rows("SELECT reference FROM link WHERE ended_at IS NULL")]

    def bytes_kept(self) -> bytes:
        """All that its files hold, journals included."""
        return b"".join(path.read_bytes() for path in self._store.parent.glob(f"{self._store.name}*"))

    def forget(self) -> None:
        """As it was at first, families aside, but that it is told of requests: whoever has `webhook_secret` may."""
        for table in ("link", "wrong_try", "sign_on", "session", "event", "kept"):
            self.rows(f"DELETE FROM {table}")
        self.rows("INSERT INTO kept (name, value) VALUES ('webhook secret', ?)", self.webhook_secret)


def point_to(patch: pytest.MonkeyPatch, address: str, secret: str, **more: str) -> None:
    """From now on the settings of this process say that the partner is there."""
    for name, value in settings_for(address, secret, **more).items():
        patch.setenv(name, value)
    get_settings.cache_clear()


def settings_for(address: str, secret: str, allowed: str = "localhost,127.0.0.1") -> dict[str, str]:
    """What the mairie's side has to be told of a partner at this address."""
    return {
        "ESPACE_PARTNER_ADDRESSES": f"{SLUG}={address}",
        "ESPACE_PARTNER_SECRETS": f"{SLUG}={secret}",
        "ESPACE_OUTGOING_ALLOWED_HOSTS": allowed,
    }


Misbehaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def misbehaving(behave: Misbehaviour) -> AsyncIterator[str]:
    """The address of a server that does this with each connection, once the head of a request has come in."""

    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            await behave(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            serving.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in (left := list(serving)):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def answers(text: str) -> Misbehaviour:
    """Says this and hangs up; line ends as HTTP has them."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text.replace("\n", "\r\n").encode())
        await writer.drain()

    return behave


def says(status: str, body: str, *headers: str) -> Misbehaviour:
    """A whole answer."""
    head = "\n".join([f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body.encode())}", "", ""])
    return answers(head + body)


def endlessly(first: str, chunk: str, pause: float = 0.0) -> Misbehaviour:
    """`first`, then `chunk` again and again."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first.replace("\n", "\r\n").encode())
        while True:
            writer.write(chunk.replace("\n", "\r\n").encode())
            await writer.drain()
            await asyncio.sleep(pause)

    return behave


async def hangs(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes the question and says nothing, for as long as somebody waits."""
    await reader.read()


async def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()
