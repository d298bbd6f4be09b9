"""Files as if somebody had just sent them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from uploads.checking import CheckedFile, check
from uploads.received import ReceivedFile, scratch_file


def received(content: bytes, name: str = "piece.pdf", media_type: str = "") -> ReceivedFile:
    file = scratch_file()
    file.write(content)
    return ReceivedFile(name, media_type, len(content), file)


@asynccontextmanager
async def checked(
    content: bytes, name: str = "piece.pdf", media_type: str = ""
) -> AsyncIterator[tuple[CheckedFile, bytes]]:
    """The checked file, and its bytes. Raises what `check` raises."""
    sent = received(content, name, media_type)
    try:
        file = await check(sent)
    finally:
        sent.close()
    try:
        yield file, file.content.read()
    finally:
        file.close()
