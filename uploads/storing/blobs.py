"""Encrypted blobs at addresses that say nothing of what they hold."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import IO


class MissingBlobError(Exception):
    """There is nothing at the address."""


class Blobs:
    """The store of this process's settings. Every method raises UnavailableError where the store is away."""

    async def write(self, content: IO[bytes], sha256: bytes) -> str:
        """Keeps all of `content`, read from its start; the address, which is new at every call.

        Once it returns, the bytes survive a power cut; before, nothing is at the address.
        """
        raise NotImplementedError

    def read(self, address: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes `start` to `end` (exclusive; None: to the last), in chunks. MissingBlobError comes before the first."""
        raise NotImplementedError

    async def delete(self, address: str) -> None:
        """Throws a blob away; one that is gone already is no error."""
        raise NotImplementedError

    def older_than(self, instant: datetime) -> AsyncIterator[str]:
        """Addresses of blobs written before that instant; what broken-off writes have left behind is thrown away."""
        raise NotImplementedError

    async def encrypt_again(self, address: str) -> bool:
        """Encrypts a blob with the first key, in place, all or nothing; False where it already is."""
        raise NotImplementedError


def blobs() -> Blobs:
    """The store of this process."""
    raise NotImplementedError
