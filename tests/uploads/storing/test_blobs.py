"""Writing, reading, listing and deleting, in a folder and in an S3-compatible store."""

from __future__ import annotations

import asyncio
import io
import os
import stat
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.clock import now
from core.settings import get_settings
from tests.uploads.storing.conftest import Use
from tests.uploads.storing.contents import make_content, read, store
from tests.uploads.storing.places import FolderPlace, Place
from uploads.storing import MissingBlobError, blobs
from uploads.storing.blobs import make_blobs
from uploads.storing.cipher import CHUNK_BYTES, stored_size

PIECE = 4 * CHUNK_BYTES
BORDERS = [0, 1, CHUNK_BYTES, 2 * CHUNK_BYTES, PIECE, PIECE + CHUNK_BYTES, 2 * PIECE]
NEAR = st.builds(lambda border, offset: max(0, border + offset), st.sampled_from(BORDERS), st.integers(-2, 2))
TRIES = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NOBODY = f"ab/{'0' * 30}-{'0' * 32}"


@TRIES
@given(size=NEAR)
@example(size=0)
@example(size=PIECE)
async def test_what_is_written_is_read(place: Place, size: int) -> None:
    content = make_content(size, seed=size)
    address = await store(content)
    assert await read(address) == content
    assert len(place.get(address)) == stored_size(size)


@TRIES
@given(size=NEAR, start=NEAR, length=st.none() | NEAR)
@example(size=PIECE, start=PIECE, length=None)
@example(size=PIECE, start=PIECE - 1, length=1)
@example(size=3 * PIECE, start=CHUNK_BYTES, length=PIECE)
async def test_a_range_is_read_as_a_slice_is(place: Place, size: int, start: int, length: int | None) -> None:
    content = make_content(size)
    address = await store(content)
    end = None if length is None else start + length
    assert await read(address, start, end) == content[start:end]


async def test_a_blob_in_several_parts_is_read_whole(place: Place) -> None:
    """More than 5 MiB: S3 gets it in parts."""
    content = make_content(11 * 1024 * 1024 + 3)
    address = await store(content)
    assert await read(address) == content
    assert await read(address, 7_000_000, 7_000_100) == content[7_000_000:7_000_100]


async def test_it_is_read_from_its_start_wherever_it_stands(place: Place) -> None:
    content = io.BytesIO(b"what the check has read")
    content.read(10)
    address = await blobs().write(content, sha256(content.getvalue()).digest())
    assert await read(address) == b"what the check has read"


async def test_nothing_stored_says_what_it_is(place: Place) -> None:
    content = b"Avis d'imposition de Mme Martin" * 100
    address = await store(content)
    stored = place.get(address)
    assert b"Martin" not in stored
    assert sha256(content).hexdigest()[:8] not in address
    assert sha256(content).digest()[:4] not in stored


async def test_equal_contents_written_together_have_addresses_of_their_own(place: Place) -> None:
    content = make_content(100_000)
    addresses = await asyncio.gather(*(store(content) for _ in range(20)))
    assert len(set(addresses)) == 20
    assert len({address.partition("-")[0] for address in addresses}) == 1
    assert sorted(addresses) == place.addresses()
    await asyncio.gather(*(blobs().delete(address) for address in addresses[1:]))
    assert await read(addresses[0]) == content


async def test_what_is_deleted_is_missing_and_may_be_deleted_again(place: Place) -> None:
    address = await store(b"x")
    await blobs().delete(address)
    with pytest.raises(MissingBlobError):
        await read(address)
    await blobs().delete(address)
    assert place.addresses() == []


@pytest.mark.parametrize(
    "address", [NOBODY, "", "../secret-key", f"/{NOBODY}", f"{NOBODY}/..", NOBODY.upper()]
)
async def test_where_nothing_is_nothing_is_read_or_deleted(place: Place, address: str) -> None:
    with pytest.raises(MissingBlobError):
        await read(address)
    with pytest.raises(MissingBlobError):
        await blobs().encrypt_again(address)
    await blobs().delete(address)


async def test_a_range_that_is_none_is_a_mistake_of_the_caller(place: Place) -> None:
    address = await store(b"0123456789")
    for start, end in ((-1, None), (5, 4)):
        with pytest.raises(ValueError, match="no range"):
            await read(address, start, end)


async def test_older_than_tells_those_written_before(place: Place) -> None:
    old = {await store(b"old") for _ in range(3)}
    place.settle(datetime(2026, 1, 1, tzinfo=UTC))
    new = await store(b"new")
    place.put("ab/README", b"not ours")
    assert {address async for address in blobs().older_than(datetime(2026, 1, 2, tzinfo=UTC))} == old
    assert {address async for address in blobs().older_than(datetime(2025, 12, 31, tzinfo=UTC))} == set()
    assert {address async for address in blobs().older_than(now() + timedelta(minutes=1))} == old | {new}
    assert {address async for address in blobs().addresses()} == old | {new}


async def test_there_is_nothing_before_the_first_write(place: Place) -> None:
    assert [address async for address in blobs().older_than(now())] == []


async def test_blobs_are_deleted_while_they_are_listed(place: Place) -> None:
    for number in range(10):
        await store(bytes([number]))
    async for address in blobs().addresses():
        await blobs().delete(address)
    assert place.addresses() == []


@pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="what a descriptor is of is told by proc_pid_fd(5)"
)
async def test_it_is_durable_before_it_has_its_address_and_its_name_before_it_is_acknowledged(
    folder: FolderPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a power cut would leave, by the order of fsync(2): the bytes first, then the name, then the sub folder's."""
    await store(b"the folders are made")
    (before,) = folder.addresses()
    flushed: list[tuple[Path, int, bool]] = []
    fsync = os.fsync

    def spy(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        flushed.append((path, path.stat().st_size, folder.addresses() != [before]))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    address = await store(bytes(100_000))
    (draft, size, named), *folders = flushed
    assert (draft.parent, size, named) == (folder.root / "unfinished", stored_size(100_000), False)
    assert [(path, named) for path, _, named in folders] == [
        ((folder.root / address).parent, True),
        (folder.root, True),
    ]


async def test_a_folder_is_private(folder: FolderPlace) -> None:
    address = await store(b"x")
    folders = [folder.root, *(path for path in folder.root.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    assert stat.S_IMODE((folder.root / address).stat().st_mode) == 0o600


async def test_what_broken_off_writes_leave_is_thrown_away_once_it_is_old(folder: FolderPlace) -> None:
    """And only then: a younger one may be somebody's who is still writing."""
    address = await store(b"x")
    unfinished = folder.root / "unfinished"
    assert list(unfinished.iterdir()) == []
    (unfinished / "old").write_bytes(b"broken off")
    folder.settle(datetime(2026, 1, 1, tzinfo=UTC))
    (unfinished / "new").write_bytes(b"under way")
    assert [found async for found in blobs().older_than(datetime(2026, 1, 2, tzinfo=UTC))] == [address]
    assert [path.name for path in unfinished.iterdir()] == ["new"]


async def test_a_write_that_fails_leaves_nothing(folder: FolderPlace) -> None:
    content = io.BytesIO(b"x")
    content.close()
    with pytest.raises(ValueError, match="closed file"):
        await blobs().write(content, bytes(32))
    assert [path for path in folder.root.rglob("*") if path.is_file()] == []


async def test_without_an_address_files_are_in_the_data_folder(use: Use) -> None:
    use(storage_url=None)
    address = await store(b"x")
    assert (get_settings().data / "files" / address).is_file()
    assert blobs() is blobs()


async def test_other_settings_are_another_store(folder: FolderPlace, use: Use) -> None:
    before = blobs()
    address = await store(b"x")
    use(storage_url=f"{folder.url}-of-others")
    assert blobs() is not before
    with pytest.raises(MissingBlobError):
        await read(address)
    assert await read(address, store=before) == b"x"


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("file://folder/files", "three slashes"),
        ("s3://?region=eu-west-3", "no bucket"),
        ("s3://files?secret=hush", "no option 'secret'"),
    ],
)
def test_an_address_that_is_none_is_refused_without_telling_secrets(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as refusal:
        make_blobs(get_settings().model_copy(update={"storage_url": url}))
    assert "hush" not in str(refusal.value)
