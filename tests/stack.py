"""The whole product as real processes, for journeys and faults: servers, API processes, a worker, a mail server.

Each part can be stopped, killed and started again on its own:

    async def test_something(stack: Stack) -> None:
        other = await stack.start_api()
        stack.worker.kill()
        await stack.worker.start()
        mail = await stack.inbox.wait_for(to="marie@example.fr")
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import httpx
from aiosmtpd.smtp import SMTP, Envelope, Session

from espace.embedded import EmbeddedServers
from espace.processes import start_child, stop_child
from tests.partner import Partner

ROOT = Path(__file__).parent.parent
READY_SECONDS = 30.0
STOP_SECONDS = 10.0

Answer = Callable[[Envelope], str | None]


class Inbox:
    """An SMTP server in a thread of this process, which keeps what it accepts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: list[EmailMessage] = []
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="inbox", daemon=True)
        self.port = 0
        self.answer: Answer | None = None
        """Asked for each mail before it is kept: a reply such as "451 Later" refuses it, None accepts it."""

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def messages(self) -> list[EmailMessage]:
        """Everything accepted so far, in order, duplicates included."""
        with self._lock:
            return list(self._messages)

    def sent_to(self, address: str) -> list[EmailMessage]:
        return [message for message in self.messages if address in str(message["X-Envelope-To"])]

    def clear(self) -> None:
        with self._lock:
            self._messages.clear()

    async def wait_for(
        self, to: str | None = None, *, subject: str = "", count: int = 1, within: float = 10.0
    ) -> EmailMessage:
        """The `count`th mail to that address whose subject holds `subject`. Fails after `within` seconds."""
        deadline = time.monotonic() + within
        while True:
            found = [
                message
                for message in (self.messages if to is None else self.sent_to(to))
                if subject in str(message["Subject"])
            ]
            if len(found) >= count:
                return found[count - 1]
            if time.monotonic() > deadline:
                seen = [(str(message["X-Envelope-To"]), str(message["Subject"])) for message in self.messages]
                raise AssertionError(
                    f"{len(found)} of {count} mails to {to} about {subject!r}; there are {seen}"
                )
            await asyncio.sleep(0.02)

    def start(self) -> None:
        """Listen, on the same port as before where there was one."""
        if not self._thread.is_alive():
            self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def stop(self) -> None:
        """Refuse connections, as a mail server that is away does. What was accepted stays."""
        asyncio.run_coroutine_threadsafe(self._stop_listening(), self._loop).result(10)

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await self._loop.create_server(
            lambda: SMTP(self, hostname="localhost", enable_SMTPUTF8=True, loop=self._loop),
            host="127.0.0.1",
            port=self.port,
            reuse_address=True,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        reply = self.answer(envelope) if self.answer is not None else None
        if reply is not None:
            return reply
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        message["X-Envelope-To"] = ", ".join(envelope.rcpt_tos)
        with self._lock:
            self._messages.append(message)
        return "250 OK"


class Command:
    """`python -m espace ...` as a process that can be stopped, killed and started again. Its output is in `log`."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.arguments = arguments
        self.environment = dict(environment)
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it; returns at once."""
        assert not self.running, "it runs already"
        with self.log.open("ab") as log:
            self.process = start_child(
                [sys.executable, "-m", "espace", *self.arguments],
                environment=self.environment,
                folder=ROOT,
                output=log,
            )

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> int:
        """SIGTERM, and wait; returns the exit status. Fails when it does not stop within `STOP_SECONDS`."""
        assert self.process is not None
        in_time = stop_child(self.process, signal.SIGTERM, STOP_SECONDS)
        assert in_time, f"{self.arguments} did not stop within {STOP_SECONDS} s:\n{self.output()}"
        return int(self.process.returncode)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    async def restart(self) -> None:
        self.stop()
        await self.start()


class Api(Command):
    """One API process on a port of its own."""

    def __init__(self, environment: Mapping[str, str], log: Path, workers: int = 1) -> None:
        self.port = free_port()
        super().__init__(
            ["serve", "--workers", str(workers)], {**environment, "ESPACE_PORT": str(self.port)}, log
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def graphql_url(self) -> str:
        return f"{self.url}/graphql"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    async def start(self) -> None:
        """Return once it is ready."""
        await super().start()
        await self.wait_until_ready()

    async def wait_until_ready(self, within: float = READY_SECONDS) -> None:
        """Wait for `/readyz` to answer 200. Fails with the process's output when it ends before, or is too slow."""
        deadline = time.monotonic() + within
        async with httpx.AsyncClient(base_url=self.url) as client:
            while True:
                try:
                    response = await client.get("/readyz")
                    state = response.text
                    if response.status_code == 200:
                        return
                except httpx.HTTPError as error:
                    state = repr(error)
                if not self.running or time.monotonic() > deadline:
                    raise AssertionError(f"The API is not ready: {state}\n{self.output()}")
                await asyncio.sleep(0.05)


class Stack:
    """Everything, on servers of its own: stopping and killing them harms no other test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inbox = Inbox()
        self.servers = EmbeddedServers(folder / "servers")
        self.environment: dict[str, str] = {}
        self.apis: list[Api] = []
        self.partner = Partner(folder / "partner", free_port())
        self.worker = Command(["worker"], {}, folder / "worker.log")
        self._logs = 0

    @property
    def api(self) -> Api:
        """The first API process."""
        return self.apis[0]

    async def start(self, municipality: Path) -> None:
        """Start all parts and load a municipality's data files and the demo users."""
        self.inbox.start()
        self.servers.start()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ESPACE_")},
            "ESPACE_DATA": str(self.folder),
            "ESPACE_DATABASE_URL": self.servers.postgres.url(),
            "ESPACE_REDIS_URL": self.servers.valkey.url(),
            "ESPACE_SMTP_URL": self.inbox.url,
            "ESPACE_SECRET_KEY": "the secret key of the stack, which is long enough",
            "ESPACE_CAPTCHA_FIXED_CODE": "AZERTY",
            # Whatever test needs one read aloud beforehand finds one, and the others their processors.
            "ESPACE_CAPTCHA_AUDIO_STOCK": "1",
            "ESPACE_RATE_LIMITS": "1000",
            **self.partner.settings,
        }
        await self.run("migrate")
        await self.run("load", str(municipality))
        await self.run("seed")
        self.worker.environment = self.environment
        await self.worker.start()
        await self.start_api()
        # Tokens are the first API's: the others have addresses of their own.
        self.partner.mairie = f"http://localhost:{self.api.port}"
        await self.partner.start()

    async def start_api(self, workers: int = 1, **settings: str) -> Api:
        """One more API process, with `workers` and settings of its own, ready. `stop` ends it, if the test does not."""
        api = Api({**self.environment, **settings}, self._next_log("api"), workers)
        self.apis.append(api)
        await api.start()
        return api

    async def run(self, *arguments: str) -> str:
        """Run one command to its end; returns its output. Fails when its status is not 0."""
        command = Command(list(arguments), self.environment, self._next_log(arguments[0]))
        await command.start()
        assert command.process is not None
        status = await asyncio.to_thread(command.process.wait, 60)
        assert status == 0, f"{arguments} ended with {status}:\n{command.output()}"
        return command.output()

    async def recover(self, *, worker: bool = True) -> None:
        """Bring back whatever a test left stopped: servers, mail, worker, first API; ends additional API processes.

        Without `worker`, that is stopped instead.
        """
        self.inbox.answer = None
        if self.inbox._server is None:
            self.inbox.start()
        for server in (self.servers.postgres, self.servers.valkey):
            if server.process is None or server.process.poll() is not None:
                server.start()
        while len(self.apis) > 1:
            api = self.apis.pop()
            if api.running:
                api.stop()
        if not worker and self.worker.running:
            self.worker.stop()
        parts: list[Command | Partner] = [*([self.worker] if worker else []), self.api, self.partner]
        for part in parts:
            if not part.running:
                await part.start()
        await self.api.wait_until_ready()

    def stop(self) -> None:
        parts: list[Command | Partner] = [*self.apis, self.worker, self.partner]
        for part in parts:
            if part.running:
                part.stop()
        self.servers.stop()
        self.inbox.close()

    def _next_log(self, name: str) -> Path:
        self._logs += 1
        return self.folder / f"{self._logs:02}-{name}.log"


def free_port() -> int:
    """A TCP port of this machine that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
