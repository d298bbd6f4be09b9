"""Both servers of a data folder, as one thing that starts and stops."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from espace.embedded.folders import choose_socket_folder, lock_folder
from espace.embedded.postgres import EmbeddedPostgres
from espace.embedded.valkey import EmbeddedValkey


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
        self._lock = lock_folder(self.folder)
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


@contextlib.contextmanager
def temporary_servers(within: Path | None = None) -> Iterator[EmbeddedServers]:
    """Both servers in a folder that disappears with them, without durability: for tests."""
    folder = Path(tempfile.mkdtemp(prefix="espace-test-", dir=within))
    try:
        with EmbeddedServers(folder, durable=False) as servers:
            yield servers
    finally:
        shutil.rmtree(folder, ignore_errors=True)
