"""The bytes of an answer: drawn from the store at the pace of the reader, and exactly as many as were announced."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from resolvers.file_links import ServedFile
from uploads.storing import blobs

LARGEST_PREVIEW_BYTES = 1024 * 1024


class BrokenBlobError(Exception):
    """The store gave fewer bytes than the file has: the connection is to break, not to end well."""


class Content:
    """What is served: a stream of the store, or a preview, which is small and read at once."""

    def __init__(self, served: ServedFile) -> None:
        self._served = served
        self._preview: bytes | None = None

    async def size(self) -> int:
        """In bytes. Raises UnavailableError, MissingBlobError."""
        if self._served.size is not None:
            return self._served.size
        preview = bytearray()
        async with aclosing(_stream(self._served.address, 0, None)) as chunks:
            async for chunk in chunks:
                preview += chunk
                if len(preview) > LARGEST_PREVIEW_BYTES:
                    raise BrokenBlobError("a preview is not small")
        self._preview = bytes(preview)
        return len(preview)

    async def read(self, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """Bytes `start` to `end`, the first of them fetched already: what is amiss at once can still be said.

        Raises UnavailableError, MissingBlobError; so does the stream later on, and BrokenBlobError.
        """
        if self._preview is not None:
            return _of(self._preview[start:end])
        chunks = _stream(self._served.address, start, end)
        try:
            first = await anext(chunks, b"")
        except BaseException:
            await chunks.aclose()
            raise
        return _exactly(end - start, first, chunks)


class ContentResponse(StreamingResponse):
    """Holds one chunk: the next is read once the client has taken the last. Reading stops when the client leaves."""

    def __init__(self, chunks: AsyncGenerator[bytes, None], status: int, headers: dict[str, str]) -> None:
        super().__init__(chunks, status, headers)
        self._chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._chunks):
            await super().__call__(scope, receive, send)


async def _exactly(
    size: int, first: bytes, others: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    """The chunks; raises BrokenBlobError where they are fewer bytes together."""
    async with aclosing(others):
        sent = len(first)
        yield first
        async for chunk in others:
            sent += len(chunk)
            yield chunk
        if sent != size:
            raise BrokenBlobError(f"{sent} bytes of {size}")


async def _of(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


def _stream(address: str, start: int, end: int | None) -> AsyncGenerator[bytes, None]:
    return cast("AsyncGenerator[bytes, None]", blobs().read(address, start, end))
