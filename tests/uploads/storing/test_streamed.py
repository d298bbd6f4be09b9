"""What is made while it is stored is stored whole, or not at all, and whoever makes it is never left behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from hashlib import sha256

import pytest

from core.errors import UnavailableError
from tests.uploads.storing.contents import make_content, read
from tests.uploads.storing.places import FolderPlace, Place
from uploads.storing import blobs
from uploads.storing.cipher import CHUNK_BYTES

LARGE = 6 * 1024 * 1024
"""More than a part of S3."""


class Maker:
    """Makes a content in uneven pieces; `ended` once nobody asks for more."""

    def __init__(
        self, content: bytes, *, fails_at: int | None = None, error: Exception | None = None
    ) -> None:
        self.content, self.fails_at, self.error = content, fails_at, error or LookupError("gone")
        self.made = 0
        self.ended = False
        self.hangs = False
        self.hanging = asyncio.Event()

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b""
            for number, start in enumerate(range(0, len(self.content), 100_000)):
                if self.fails_at is not None and start >= self.fails_at:
                    if not self.hangs:
                        raise self.error
                    self.hanging.set()
                    await asyncio.sleep(60)
                await asyncio.sleep(0)
                self.made = start
                piece = self.content[start : start + 100_000]
                yield piece[:number]
                yield piece[number:]
        finally:
            await asyncio.sleep(0)
            self.ended = True


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 400_000, LARGE])
async def test_what_is_made_is_read(place: Place, size: int) -> None:
    maker = Maker(make_content(size))
    written = await blobs().write_streamed(maker.pieces())
    assert await read(written.address) == maker.content
    assert (written.size, written.sha256) == (size, sha256(maker.content).digest())
    assert maker.ended
    assert place.addresses() == [written.address]


@pytest.mark.parametrize(
    "error", [LookupError("gone"), TimeoutError("late"), UnavailableError(), OSError("disk")]
)
@pytest.mark.parametrize("fails_at", [0, 300_000, LARGE - 100_000])
async def test_what_cannot_be_made_to_its_end_leaves_nothing(
    place: Place, fails_at: int, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    maker = Maker(make_content(LARGE), fails_at=fails_at, error=error)
    with pytest.raises(type(error)) as raised:
        await blobs().write_streamed(maker.pieces())
    assert raised.value is error, "its own, whatever the store makes of it"
    assert maker.ended
    assert place.addresses() == []
    assert "cannot be used" not in caplog.text, "the store is not to blame"


async def test_whoever_is_broken_off_leaves_nothing_and_nobody(place: Place) -> None:
    maker = Maker(make_content(LARGE), fails_at=5_900_000)
    maker.hangs = True
    writing = asyncio.create_task(blobs().write_streamed(maker.pieces()))
    await maker.hanging.wait()
    writing.cancel()
    async with asyncio.timeout(10):
        with pytest.raises(asyncio.CancelledError):
            await writing
    assert maker.ended
    assert place.addresses() == []


async def test_broken_off_at_whatever_moment_nothing_is_left(folder: FolderPlace) -> None:
    chance = random.Random(3)
    for _ in range(60):
        maker = Maker(make_content(1_000_000))
        writing = asyncio.create_task(blobs().write_streamed(maker.pieces()))
        await asyncio.sleep(chance.uniform(0, 0.02))
        writing.cancel()
        (ended,) = await asyncio.gather(writing, return_exceptions=True)
        if isinstance(ended, asyncio.CancelledError):
            assert folder.addresses() == []
        else:
            assert not isinstance(ended, BaseException)
            assert await read(ended.address) == maker.content
            await blobs().delete(ended.address)
        assert maker.ended or not maker.made
    assert list((folder.root / "unfinished").iterdir()) == []


async def test_no_more_is_made_than_the_store_takes(folder: FolderPlace) -> None:
    """A store that fails at once has not had all of it made."""
    folder.root.write_bytes(b"no folder")
    maker = Maker(make_content(LARGE))
    with pytest.raises(UnavailableError):
        await blobs().write_streamed(maker.pieces())
    assert maker.made < LARGE / 2
