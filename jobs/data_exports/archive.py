"""A ZIP that leaves while it is made (APPNOTE.TXT 6.3.10, with data descriptors): nothing of it waits on a disk."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import IO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

PRIVATE = 0o600 << 16
AT_ONCE = 64 * 1024
"""Bytes that are gathered before they leave."""


class Archive:
    """Each method yields the bytes that come of it."""

    def __init__(self) -> None:
        self._out = _Out()
        self._zip = ZipFile(cast("IO[bytes]", self._out), "w")

    async def add(
        self,
        path: str,
        content: AsyncGenerator[bytes, None],
        *,
        dated: datetime,
        compressed: bool,
        size: int = 0,
    ) -> AsyncIterator[bytes]:
        """One file, dated by the clock of whoever will look at it. Where it is over 2 GiB, `size` has to be given."""
        # What ZIP can say: from 1980 on, in the seconds of a minute that are even.
        info = ZipInfo(path, max(dated.timetuple()[:6], (1980, 1, 1, 0, 0, 0)))
        info.external_attr = PRIVATE
        info.compress_type = ZIP_DEFLATED if compressed else ZIP_STORED
        info.file_size = size
        async with aclosing(content):
            with self._zip.open(info, "w") as file:
                async for chunk in content:
                    file.write(chunk)
                    if len(self._out) >= AT_ONCE:
                        yield self._out.take()
        yield self._out.take()

    def end(self) -> bytes:
        """The directory, without which the rest is no ZIP."""
        self._zip.close()
        return self._out.take()


class _Out:
    """What ZipFile writes, until it is taken. It has no position, so that nothing in it is ever written again."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def __len__(self) -> int:
        return len(self._bytes)

    def write(self, content: bytes) -> int:
        self._bytes += content
        return len(content)

    def flush(self) -> None:
        return None

    def take(self) -> bytes:
        taken, self._bytes = bytes(self._bytes), bytearray()
        return taken
