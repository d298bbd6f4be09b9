"""From the body of a request to the bytes of an upload, a part at a time."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import ClientDisconnect

from core.errors import RateLimitedError, UnavailableError
from espace.tus import refusals
from espace.tus.headers import Checksum
from espace.tus.refusals import RefusedUploadError
from models.actors import Actor
from resolvers.uploads import UploadState, append_part, find_upload
from uploads.received import close_scratch_file, scratch_file
from uploads.receiving import BodyTooSlowError

PART_BYTES = 1024 * 1024
"""What is not stored yet, and lost where this process dies, is never more than this."""


class Continuation:
    """The bytes that one request adds to an upload. Close it in the end.

    `offset` is how far the upload is stored. Everything raises RefusedUploadError where the upload does not, or no
    longer, stand where this request goes on; UnavailableError; and whatever the chunks raise. The chunks bring no more
    than the upload still lacks.
    """

    def __init__(self, actor: Actor, upload: UploadState) -> None:
        self.offset = upload.received
        self.actor = actor
        self._upload = upload
        self._held = scratch_file()
        self._restart()

    async def take(self, chunks: AsyncIterator[bytes]) -> None:
        """Stores a part as soon as it is whole, and what is left when the body ends, stalls, is cut off or
        meets a limit.
        """
        try:
            async for chunk in chunks:
                rest = memoryview(chunk)
                while rest:
                    piece, rest = rest[: PART_BYTES - self._size], rest[PART_BYTES - self._size :]
                    await self._hold(piece)
                    if self._size == PART_BYTES:
                        await self._store()
        except (ClientDisconnect, BodyTooSlowError, RateLimitedError):
            await self._store()
            raise
        await self._store()

    async def take_checked(self, chunks: AsyncIterator[bytes], checksum: Checksum) -> None:
        """Stores all of the body as one part, or nothing of it where it does not come to its checksum (460)."""
        actual = hashlib.new(checksum.algorithm, usedforsecurity=False)
        async for chunk in chunks:
            actual.update(chunk)
            await self._hold(chunk)
        if actual.digest() != checksum.digest:
            raise refusals.checksum_mismatch()
        await self._store()

    def close(self) -> None:
        close_scratch_file(self._held)

    async def _hold(self, piece: bytes | memoryview) -> None:
        try:
            await asyncio.to_thread(self._held.write, piece)
        except OSError as error:  # The disk is full.
            raise UnavailableError from error
        self._sha256.update(piece)
        self._size += len(piece)

    async def _store(self) -> None:
        if not self._size:
            return
        stored = await append_part(
            self.actor,
            self._upload.id,
            start=self.offset,
            size=self._size,
            content=self._held,
            sha256=self._sha256.digest(),
        )
        if not stored:
            raise await self._why_not()
        self.offset += self._size
        self._restart()

    def _restart(self) -> None:
        self._held.seek(0)
        self._held.truncate()
        self._size = 0
        self._sha256: Any = hashlib.sha256()

    async def _why_not(self) -> RefusedUploadError:
        upload = await find_upload(self.actor, self._upload.id)
        if upload is None:
            return refusals.absent()
        return refusals.expired() if upload.expired else refusals.wrong_offset()
