"""Encrypted blobs at addresses that say nothing of what they hold."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, ParamSpec, TypeVar, cast
from urllib.parse import unquote, urlsplit

from core.errors import UnavailableError
from core.settings import Settings, get_settings
from uploads.storing.addresses import is_address, new_address
from uploads.storing.backend import Backend, Listed, ReplacedError
from uploads.storing.blob_reader import BlobReader
from uploads.storing.cipher import encrypt, in_chunks
from uploads.storing.errors import CorruptBlobError, MissingBlobError, UnknownKeyError
from uploads.storing.folder import Folder
from uploads.storing.keys import StorageKey, storage_keys
from uploads.storing.streamed import Streamed

__all__ = [
    "Blobs",
    "CorruptBlobError",
    "MissingBlobError",
    "UnknownKeyError",
    "Written",
    "blobs",
    "make_blobs",
    "throw_away",
]

FOLDER = "files"
"""Of `settings.data`, where no `storage_url` is set."""

WRITES_AT_ONCE = 4
READS_AT_ONCE = 16
"""Threads of one process, apart from those of everything else: a store that hangs takes up no more than these. What one
write holds in memory: some chunks; on S3, ten megabytes."""

WAITING_LIMIT = 500
"""Calls that wait for a thread, where a store hangs: more are told to come again."""

_logger = logging.getLogger(__name__)

_P = ParamSpec("_P")
_T = TypeVar("_T")

_writers = ThreadPoolExecutor(WRITES_AT_ONCE, thread_name_prefix="storing-writes")
_readers = ThreadPoolExecutor(READS_AT_ONCE, thread_name_prefix="storing-reads")


@dataclass(frozen=True, slots=True)
class Written:
    """Where bytes are kept that were made while they were, and what they came to."""

    address: str
    size: int
    sha256: bytes


class Blobs:
    """The store of this process's settings. Every method raises UnavailableError where the store is away."""

    def __init__(self, backend: Backend, keys: Sequence[StorageKey]) -> None:
        """The first key encrypts, all decrypt."""
        self._backend, self._keys = backend, keys

    async def write(self, content: IO[bytes], sha256: bytes) -> str:
        """Keeps all of `content`, read from its start; the address, which is new at every call.

        Once it returns, the bytes survive a power cut; before, nothing is at the address, or all of it.
        """
        return await _in_thread(_writers, self._write, content, new_address(sha256))

    async def write_streamed(self, chunks: AsyncGenerator[bytes, None]) -> Written:
        """Keeps what is made while it is kept, all of it or nothing, and closes the generator. In memory is a chunk.

        What the generator raises is raised.
        """
        content = Streamed(chunks)
        # Nobody knows its SHA-256 yet: its address is as any other.
        writing = asyncio.ensure_future(self.write(cast("IO[bytes]", content), secrets.token_bytes(32)))
        try:
            address = await asyncio.shield(writing)
        except BaseException as error:
            await content.end()
            await asyncio.wait([writing])
            if writing.exception() is None:
                # Whoever broke it off came too late for the thread, and does not learn of the address.
                with suppress(UnavailableError):
                    await self.delete(writing.result())
            if content.error is not None and not isinstance(error, asyncio.CancelledError):
                raise content.error from None
            raise
        await content.end()
        return Written(address, content.size, content.sha256)

    async def read(self, address: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes `start` to `end` (exclusive; None: to the last), in chunks. MissingBlobError comes before the first.

        What is past the last byte is left out. CorruptBlobError comes instead of the first wrong byte.
        """
        if start < 0 or (end is not None and end < start):
            raise ValueError(f"no range of bytes: {start} to {end}")
        _check(address)
        reader: BlobReader | None = None
        position = start
        while True:
            try:
                if reader is None:
                    reader = await _in_thread(
                        _readers, BlobReader, self._backend, self._keys, address, position, end
                    )
                piece = await _in_thread(_readers, reader.read, position, end)
            except ReplacedError:  # It was encrypted again meanwhile: what it holds is the same.
                reader = None
                continue
            if piece:
                yield piece
            position += len(piece)
            if not piece or position >= min(end or reader.size, reader.size):
                return

    async def delete(self, address: str) -> None:
        """Throws a blob away; one that is gone already is no error."""
        if is_address(address):
            await _in_thread(_writers, self._backend.delete, address)

    async def older_than(self, instant: datetime) -> AsyncIterator[str]:
        """Addresses of blobs written before that instant; what broken-off writes have left behind is thrown away."""
        await _in_thread(_readers, self._backend.throw_away_leftovers, instant)
        async for one in self._listed():
            if one.written_at < instant:
                yield one.address

    async def addresses(self) -> AsyncIterator[str]:
        """Of all blobs; those written or deleted meanwhile may or may not be among them."""
        async for one in self._listed():
            yield one.address

    async def encrypt_again(self, address: str) -> bool:
        """Encrypts a blob with the first key, in place, all or nothing; False where it already is.

        One that is deleted meanwhile stays deleted: MissingBlobError. CorruptBlobError: it is left as it is.
        """
        _check(address)
        return await _in_thread(_writers, self._encrypt_again, address)

    async def _listed(self) -> AsyncIterator[Listed]:
        batches = self._backend.listed()
        while (batch := await _in_thread(_readers, next, batches, None)) is not None:
            for one in batch:
                yield one

    def _write(self, content: IO[bytes], address: str) -> str:
        self._backend.write(address, encrypt(in_chunks(content), self._keys[0], address))
        return address

    def _encrypt_again(self, address: str) -> bool:
        while True:
            reader = BlobReader(self._backend, self._keys, address, 0, 0)
            if reader.key_id == self._keys[0].id:
                return False
            pieces = encrypt(reader.chunks(), self._keys[0], address)
            try:
                self._backend.replace(address, pieces, reader.version)
            except ReplacedError:
                continue
            return True


def blobs() -> Blobs:
    """The store of this process."""
    return make_blobs(get_settings())


async def throw_away(*addresses: str) -> None:
    """Deletes bytes that no row names. Where the store is away they stay, and jobs/file_retention.py sweeps them."""
    try:
        for address in addresses:
            await blobs().delete(address)
    except UnavailableError:
        _logger.warning("bytes that nobody needs are left to the sweep: the store is away")


def make_blobs(settings: Settings) -> Blobs:
    """The store of these settings; ValueError, which names no secret, where `storage_url` is no address of one."""
    return _make(settings.storage_url or (settings.data / FOLDER).as_uri(), storage_keys(settings))


@lru_cache(maxsize=8)
def _make(url: str, keys: tuple[StorageKey, ...]) -> Blobs:
    if url.startswith("s3://"):
        from uploads.storing.s3 import S3

        return Blobs(S3(url), keys)
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ValueError("the address of a folder of files has three slashes: file:///folder")
    return Blobs(Folder(Path(unquote(parts.path))), keys)


def _check(address: str) -> None:
    if not is_address(address):
        raise MissingBlobError(f"no address: {address!r}")


async def _in_thread(
    threads: ThreadPoolExecutor, function: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs
) -> _T:
    if threads._work_queue.qsize() >= WAITING_LIMIT:
        _logger.error("the store does not keep up: %d calls wait for it", WAITING_LIMIT)
        raise UnavailableError
    return await asyncio.get_running_loop().run_in_executor(threads, partial(function, *args, **kwargs))
