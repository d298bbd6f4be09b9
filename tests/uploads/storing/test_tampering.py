"""Whatever is done to the stored bytes, no wrong byte is ever read: CorruptBlobError comes instead."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.uploads.storing.contents import make_content, read, store
from tests.uploads.storing.places import FolderPlace, Place
from uploads.storing import CorruptBlobError, blobs
from uploads.storing.cipher import CHUNK_BYTES, FORMAT, HEADER_BYTES, STORED_CHUNK_BYTES, TAG_BYTES
from uploads.storing.keys import KEY_ID_BYTES

CONTENT = make_content(5 * CHUNK_BYTES + 1_000, seed=1)
OTHER = make_content(5 * CHUNK_BYTES + 1_000, seed=2)


def chunk(number: int) -> slice:
    return slice(HEADER_BYTES + number * STORED_CHUNK_BYTES, HEADER_BYTES + (number + 1) * STORED_CHUNK_BYTES)


def flipped(place: int) -> Callable[[bytes, bytes], bytes]:
    def flip(stored: bytes, _other: bytes) -> bytes:
        changed = bytearray(stored)
        changed[place] ^= 1
        return bytes(changed)

    return flip


def swapped(stored: bytes, _other: bytes) -> bytes:
    return stored[: chunk(1).start] + stored[chunk(2)] + stored[chunk(1)] + stored[chunk(3).start :]


def of_another(number: int) -> Callable[[bytes, bytes], bytes]:
    return lambda stored, other: (
        stored[: chunk(number).start] + other[chunk(number)] + stored[chunk(number).stop :]
    )


TAMPERINGS: dict[str, Callable[[bytes, bytes], bytes]] = {
    "the format": flipped(0),
    "the version": flipped(len(FORMAT) - 1),
    "the name of the key": flipped(len(FORMAT)),
    "the salt": flipped(len(FORMAT) + KEY_ID_BYTES),
    "the first byte": flipped(HEADER_BYTES),
    "a byte in the middle": flipped(chunk(3).start + 1_000),
    "the tag of a chunk": flipped(chunk(3).stop - 1),
    "the last byte": flipped(-1),
    "nothing left": lambda stored, _: b"",
    "half a header": lambda stored, _: stored[: HEADER_BYTES // 2],
    "a header alone": lambda stored, _: stored[:HEADER_BYTES],
    "one chunk left": lambda stored, _: stored[: chunk(1).start],
    "the last chunk cut off": lambda stored, _: stored[: chunk(5).start],
    "the last byte cut off": lambda stored, _: stored[:-1],
    "the last tag cut off": lambda stored, _: stored[:-TAG_BYTES],
    "a chunk left out": lambda stored, _: stored[: chunk(2).start] + stored[chunk(3).start :],
    "a chunk twice": lambda stored, _: stored[: chunk(3).start] + stored[chunk(2).start :],
    "two chunks swapped": swapped,
    "a byte appended": lambda stored, _: stored + b"\0",
    "its last chunk appended": lambda stored, _: stored + stored[chunk(5)],
    "itself appended": lambda stored, _: stored + stored,
    "another one's chunk": of_another(2),
    "another one's last chunk": of_another(5),
    "another one's header": lambda stored, other: other[:HEADER_BYTES] + stored[HEADER_BYTES:],
    "another one's body": lambda stored, other: stored[:HEADER_BYTES] + other[HEADER_BYTES:],
    "another one altogether": lambda stored, other: other,
    "zeros, as a failed disk gives them": lambda stored, _: bytes(len(stored)),
}


@pytest.mark.parametrize("tampering", TAMPERINGS.values(), ids=TAMPERINGS)
async def test_it_is_noticed(place: Place, tampering: Callable[[bytes, bytes], bytes]) -> None:
    address, other = await store(CONTENT), await store(OTHER)
    changed = tampering(place.get(address), place.get(other))
    assert changed != place.get(address)
    place.put(address, changed)
    so_far = b""
    with pytest.raises(CorruptBlobError):  # noqa: PT012 -- what came before it counts
        async for piece in blobs().read(address):
            so_far += piece
    assert CONTENT.startswith(so_far)
    assert len(so_far) < len(CONTENT)
    assert await read(other) == OTHER


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_a_range_is_right_or_refused(folder: FolderPlace, data: st.DataObject) -> None:
    """Only the chunks that a range needs are looked at: what is not asked for may be damaged."""
    address, other = await store(CONTENT), await store(OTHER)
    folder.put(
        address, data.draw(st.sampled_from(list(TAMPERINGS.values())))(folder.get(address), folder.get(other))
    )
    start = data.draw(st.integers(0, len(CONTENT) + 10))
    end = data.draw(st.none() | st.integers(start, len(CONTENT) + 10))
    try:
        found = await read(address, start, end)
    except CorruptBlobError:
        return
    assert found == CONTENT[start:end]


@pytest.mark.parametrize("start", [5 * CHUNK_BYTES, len(CONTENT)])
async def test_the_end_of_a_blob_that_was_cut_short_is_not_taken_for_its_end(
    place: Place, start: int
) -> None:
    address = await store(CONTENT)
    place.put(address, place.get(address)[: chunk(5).start])
    with pytest.raises(CorruptBlobError):
        await read(address, start)


async def test_a_range_needs_only_its_own_chunks(folder: FolderPlace) -> None:
    """Seen by damaging all the others."""
    address = await store(CONTENT)
    stored = bytearray(folder.get(address))
    for number in (0, 1, 4, 5):
        stored[chunk(number).start] ^= 1
    folder.put(address, bytes(stored))
    within = slice(2 * CHUNK_BYTES, 4 * CHUNK_BYTES)
    assert await read(address, within.start, within.stop) == CONTENT[within]
    with pytest.raises(CorruptBlobError):
        await read(address, within.start, within.stop + 1)


async def test_a_blob_at_the_address_of_another_is_refused_though_it_is_whole(place: Place) -> None:
    address, other = await store(b"Mme Martin"), await store(b"M. Dupont")
    place.put(address, place.get(other))
    with pytest.raises(CorruptBlobError) as refusal:
        await read(address)
    assert address in "".join(refusal.value.__notes__)
