"""A folder of this machine, or one that machines share.

A blob is written under another name, made durable, and only then gets its address: `rename` is atomic (POSIX), and what
a power cut may take back is made durable too, by fsync of the folders. Private: 0700, 0600.
"""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from core.errors import UnavailableError
from uploads.storing.addresses import SHARD, is_address
from uploads.storing.backend import Listed, Piece, ReplacedError
from uploads.storing.errors import MissingBlobError

UNFINISHED = "unfinished"
"""The sub folder of what is being written: in the same file system, so that it can be renamed."""

_logger = logging.getLogger(__name__)


class Folder:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._unfinished = root / UNFINISHED

    def read(self, address: str, start: int, length: int, version: str | None = None) -> Piece:
        with self._in_use():
            try:
                file = (self._root / address).open("rb", buffering=0)
            except FileNotFoundError:
                raise MissingBlobError(address) from None
            with file:
                found = os.fstat(file.fileno())
                if version not in (None, _version(found)):
                    raise ReplacedError(address)
                return Piece(_read(file.fileno(), start, length), found.st_size, _version(found))

    def write(self, address: str, pieces: Iterator[bytes]) -> None:
        with self._in_use(), self._written(pieces) as draft:
            self._move(draft, address)

    def replace(self, address: str, pieces: Iterator[bytes], version: str) -> None:
        with self._in_use(), self._written(pieces) as draft, self._lock():
            try:
                found = (self._root / address).stat()
            except FileNotFoundError:
                raise ReplacedError(address) from None
            if _version(found) != version:
                raise ReplacedError(address)
            self._move(draft, address)

    def delete(self, address: str) -> None:
        with self._in_use(), self._lock():
            (self._root / address).unlink(missing_ok=True)

    def listed(self) -> Iterator[list[Listed]]:
        with self._in_use():
            try:
                shards = sorted(entry.name for entry in os.scandir(self._root) if SHARD.fullmatch(entry.name))
            except FileNotFoundError:
                shards = []
        for shard in shards:
            with self._in_use():
                found = list(self._listed_in(shard))
            yield found

    def throw_away_leftovers(self, instant: datetime) -> None:
        with self._in_use():
            try:
                drafts = list(os.scandir(self._unfinished))
            except FileNotFoundError:
                return
            for draft in drafts:
                with suppress(FileNotFoundError):  # Its writer has come to its end meanwhile.
                    if _written_at(draft.stat(follow_symlinks=False)) < instant:
                        Path(draft.path).unlink()

    def _listed_in(self, shard: str) -> Iterator[Listed]:
        for entry in os.scandir(self._root / shard):
            address = f"{shard}/{entry.name}"
            if is_address(address):
                with suppress(FileNotFoundError):  # Deleted while we look.
                    yield Listed(address, _written_at(entry.stat(follow_symlinks=False)))

    @contextmanager
    def _written(self, pieces: Iterator[bytes]) -> Iterator[Path]:
        """A durable file with all the pieces; it is gone at the end where it was not moved elsewhere."""
        self._make_folders()
        draft = self._unfinished / secrets.token_hex(16)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                for piece in pieces:
                    _write(file.fileno(), piece)
                os.fsync(file.fileno())
            yield draft
        finally:
            draft.unlink(missing_ok=True)

    def _move(self, draft: Path, address: str) -> None:
        path = self._root / address
        path.parent.mkdir(mode=0o700, exist_ok=True)
        draft.rename(path)
        _make_durable(path.parent)
        _make_durable(
            self._root
        )  # Always: another process may have made the sub folder, and not have come to this yet.

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One at a time, over all processes: else `replace` could bring back what `delete` takes away."""
        self._make_folders()
        descriptor = os.open(self._unfinished, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _make_folders(self) -> None:
        if self._unfinished.is_dir():
            return
        missing = [folder for folder in (self._root, *self._root.parents) if not folder.exists()]
        for folder in [*reversed(missing), self._unfinished]:
            folder.mkdir(mode=0o700, exist_ok=True)
            _make_durable(folder.parent)

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            _logger.error(
                "the folder of stored files (%s) cannot be used: %s", self._root, error.strerror or error
            )
            raise UnavailableError from error


def _version(found: os.stat_result) -> str:
    return f"{found.st_ino}-{found.st_ctime_ns}"


def _written_at(found: os.stat_result) -> datetime:
    return datetime.fromtimestamp(found.st_mtime, UTC)


def _read(descriptor: int, start: int, length: int) -> bytes:
    content = os.pread(descriptor, length, start)
    while len(content) < length and (
        more := os.pread(descriptor, length - len(content), start + len(content))
    ):
        content += more
    return content


def _write(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _make_durable(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
