"""One version of a blob, open for reading."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from uploads.storing.backend import Backend
from uploads.storing.cipher import CHUNK_BYTES, HEADER_BYTES, STORED_CHUNK_BYTES, Decryption, key_id
from uploads.storing.errors import CorruptBlobError
from uploads.storing.keys import StorageKey

CHUNKS_AT_ONCE = 4
"""What one request to the backend asks for, and what is in memory of one reader: 256 KiB, stored and decrypted."""


class BlobReader:
    """Blocks. MissingBlobError when it is made; ReplacedError once there is another version at the address."""

    def __init__(
        self,
        backend: Backend,
        keys: Sequence[StorageKey],
        address: str,
        start: int = 0,
        end: int | None = None,
    ) -> None:
        """`start` and `end`: what is going to be read first. Where that begins the blob, it comes with the header."""
        self._backend, self._address = backend, address
        wanted = _chunks(start, end)
        self._begin = backend.read(
            address, 0, HEADER_BYTES + (len(wanted) * STORED_CHUNK_BYTES if wanted.start == 0 else 0)
        )
        try:
            self._decryption = Decryption(self._begin.content, self._begin.stored_size, keys, address)
        except CorruptBlobError as error:
            error.add_note(f"at {address}")
            raise
        self.size = self._decryption.size

    def read(self, start: int, end: int | None = None) -> bytes:
        """Bytes from `start` on, up to `end` (exclusive) or some before, where that is more than CHUNKS_AT_ONCE.

        None at or after the end of the blob, and then its size is sure: the last chunk was decrypted.
        """
        end = self.size if end is None else min(end, self.size)
        if start >= end:
            last = self._decryption.chunks - 1
            self._decrypted(range(last, last + 1))
            return b""
        wanted = _chunks(start, end)
        skipped = wanted.start * CHUNK_BYTES
        return self._decrypted(wanted)[start - skipped : end - skipped]

    def chunks(self) -> Iterator[bytes]:
        """All of it, CHUNK_BYTES at a time."""
        for start in range(0, max(1, self.size), CHUNK_BYTES * CHUNKS_AT_ONCE):
            piece = self.read(start)
            yield from (piece[at : at + CHUNK_BYTES] for at in range(0, len(piece), CHUNK_BYTES))

    @property
    def version(self) -> str:
        return self._begin.version

    @property
    def key_id(self) -> bytes:
        """Which secret it is encrypted with."""
        return key_id(self._begin.content)

    def _decrypted(self, wanted: range) -> bytes:
        start, length = HEADER_BYTES + wanted.start * STORED_CHUNK_BYTES, len(wanted) * STORED_CHUNK_BYTES
        length = min(length, self._begin.stored_size - start)
        stored = self._begin.content[start : start + length]
        if len(stored) == length:
            self._begin = replace(self._begin, content=self._begin.content[:HEADER_BYTES])
        else:
            stored = self._backend.read(self._address, start, length, self.version).content
        try:
            if len(stored) != length:
                raise CorruptBlobError(f"{len(stored)} bytes instead of {length} from {start} on")
            return self._decryption.decrypt(wanted.start, stored)
        except CorruptBlobError as error:
            error.add_note(f"at {self._address}")
            raise


def _chunks(start: int, end: int | None) -> range:
    """The numbers of the chunks that hold the bytes, CHUNKS_AT_ONCE at most."""
    first = start // CHUNK_BYTES
    past = first + CHUNKS_AT_ONCE if end is None else -(-end // CHUNK_BYTES)
    return range(first, min(max(past, first), first + CHUNKS_AT_ONCE))
