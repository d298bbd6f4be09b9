"""Bytes that are made while they are stored: an asynchronous generator, as the file that a thread reads."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncGenerator
from concurrent.futures import CancelledError


class StreamBrokenError(Exception):
    """There are no more bytes to come: they could not be made, or nobody wants them any more."""


class Streamed(io.RawIOBase):
    """Read once, from its start, by one thread; each chunk is made on the loop when it is asked for.

    `size` and `sha256` are of what was read.
    """

    def __init__(self, chunks: AsyncGenerator[bytes, None]) -> None:
        self._chunks = chunks
        self._loop = asyncio.get_running_loop()
        self._advancing = asyncio.Lock()
        self._task: asyncio.Task[bytes | None] | None = None
        self._rest = b""
        self._is_broken_off = False
        self._digest = hashlib.sha256()
        self.size = 0
        self.error: Exception | None = None
        """What making them ended with. It is not raised in the thread, where it could be taken for the store's own."""

    @property
    def sha256(self) -> bytes:
        return self._digest.digest()

    def seek(self, offset: int, whence: int = 0, /) -> int:
        if (offset, whence, self.size) != (0, 0, 0):
            raise io.UnsupportedOperation("what is made while it is read is read once")
        return 0

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, in the thread. Raises StreamBrokenError."""
        while not self._rest:
            chunk = self._next()
            if chunk is None:
                return b""
            self._rest = chunk
        size = len(self._rest) if size < 0 else size
        piece, self._rest = self._rest[:size], self._rest[size:]
        self._digest.update(piece)
        self.size += len(piece)
        return piece

    async def end(self) -> None:
        """Nothing more is made, on the loop: the thread is told so at its next read."""
        self._is_broken_off = True
        if self._task is not None:
            self._task.cancel()
        # A chunk that is being made has ended once the lock is ours.
        async with self._advancing:
            await self._chunks.aclose()

    def _next(self) -> bytes | None:
        try:
            return asyncio.run_coroutine_threadsafe(self._advance(), self._loop).result()
        except (Exception, CancelledError) as error:
            raise StreamBrokenError from error

    async def _advance(self) -> bytes | None:
        # Whatever the thread asks for once this is ended finds it so, however they cross.
        self._task = asyncio.current_task()
        async with self._advancing:
            if self._is_broken_off:
                raise StreamBrokenError
            try:
                return await anext(self._chunks, None)
            except Exception as error:
                self.error = error
                raise
