"""A real clamd with one signature, that of EICAR, for the whole session; and what only pretends to be a scanner.

from tests.scanner import running_scanner, scanner  # noqa: F401 -- fixtures
"""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from espace.processes import start_child, stop_child
from tests.programs import find_program
from tests.stack import free_port

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
"""What every scanner finds by agreement, and what harms nobody (eicar.org)."""

SIGNATURE = "Eicar-Test-Signature"
STREAM_MEGABYTES = 24
START_SECONDS = 20.0


class Scanner:
    """clamd as a child process, on a unix socket and on TCP. It can be stopped and started again."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program = program
        self._configuration = folder / "clamd.conf"
        self._log = folder / "clamd.log"
        self.socket = folder / "clamd.sock"
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        signatures = folder / "signatures"
        signatures.mkdir()
        # Any kind of file, anywhere in it: https://docs.clamav.net/manual/Signatures/ExtendedSignatures.html
        (signatures / "eicar.ndb").write_text(f"{SIGNATURE}:0:*:{EICAR.hex()}\n")
        self._configuration.write_text(
            f"Foreground yes\nDatabaseDirectory {signatures}\nLocalSocket {self.socket}\n"
            f"TCPSocket {self.port}\nTCPAddr 127.0.0.1\nStreamMaxLength {STREAM_MEGABYTES}M\n"
        )

    @property
    def unix_url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def tcp_url(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns once it answers on both."""
        with self._log.open("ab") as log:
            self.process = start_child([self._program, "-c", self._configuration], output=log)
        deadline = time.monotonic() + START_SECONDS
        while not (self._answers(socket.AF_UNIX) and self._answers(socket.AF_INET)):
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            stop_child(self.process, signal.SIGTERM, 10)
            self.process = None

    def recover(self) -> None:
        if self.process is None or self.process.poll() is not None:
            self.start()

    def _answers(self, family: socket.AddressFamily) -> bool:
        address = str(self.socket) if family == socket.AF_UNIX else ("127.0.0.1", self.port)
        with socket.socket(family) as connection:
            connection.settimeout(1)
            try:
                connection.connect(address)
                connection.sendall(b"zPING\0")
                return connection.recv(10) == b"PONG\0"
            except OSError:
                return False


@pytest.fixture(scope="session")
def running_scanner() -> Iterator[Scanner]:
    """What `scanner` hands out. Started once a session, in a folder whose name is short enough for a socket's."""
    program = find_program("clamd", "clamav-daemon")
    with TemporaryDirectory(prefix="clamd-") as folder:
        scanner = Scanner(program, Path(folder))
        try:
            scanner.start()
            yield scanner
        finally:
            scanner.stop()


@pytest.fixture
def scanner(running_scanner: Scanner) -> Scanner:
    """A scanner that runs when the test starts, whatever the one before has done to it."""
    running_scanner.recover()
    return running_scanner


Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def pretender(converse: Conversation) -> AsyncIterator[str]:
    """Something on TCP that answers as `converse` does; its URL. Conversations still under way are broken off."""
    under_way: set[asyncio.Task[None]] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        try:
            await converse(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # Whoever asked has gone, or the test has ended.
        finally:
            under_way.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in list(under_way):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await server.wait_closed()
