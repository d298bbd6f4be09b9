"""Changing the secret that files are encrypted with, while they are read, written and deleted."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator

import pytest

from core.settings import get_settings
from tests.conftest import SECRET_KEY
from tests.uploads.storing.conftest import Use
from tests.uploads.storing.contents import make_content, read, store
from tests.uploads.storing.places import FolderPlace, Place
from uploads.storing import CorruptBlobError, MissingBlobError, UnknownKeyError, blobs
from uploads.storing.backend import Backend, Listed, Piece
from uploads.storing.blobs import Blobs
from uploads.storing.cipher import CHUNK_BYTES
from uploads.storing.folder import Folder
from uploads.storing.keys import storage_keys
from uploads.storing.rotation import encrypt_all_again
from uploads.storing.s3 import S3

OLD = "the old secret of the storage: long enough"
NEW = "the new secret of the storage: long enough"
CONTENT = make_content(6 * 1024 * 1024)


async def test_the_secret_is_changed_without_a_moment_without_files(place: Place, use: Use) -> None:
    use(storage_keys=OLD)
    contents = {
        await store(content): content for content in (b"", b"x", make_content(5 * CHUNK_BYTES), CONTENT)
    }
    use(storage_keys=f"{NEW},{OLD}")
    address = await store(b"written meanwhile")
    assert {address: await read(address) for address in contents} == contents
    assert await encrypt_all_again() == (4, 0)
    assert await encrypt_all_again() == (0, 0)
    use(storage_keys=NEW)
    contents[address] = b"written meanwhile"
    assert {address: await read(address) for address in contents} == contents
    assert place.addresses() == sorted(contents)
    use(storage_keys=OLD)
    for address in contents:
        with pytest.raises(UnknownKeyError):
            await read(address)


async def test_from_the_secret_key_to_a_key_of_the_storage(place: Place, use: Use) -> None:
    address = await store(b"x")
    use(storage_keys=NEW)
    assert await read(address) == b"x"
    assert await blobs().encrypt_again(address)
    assert not await blobs().encrypt_again(address)
    use(secret_key="another secret key: it has changed as well")
    assert await read(address) == b"x"
    use(secret_key=SECRET_KEY)


async def test_one_that_cannot_be_read_is_named_left_alone_and_stops_nothing(
    place: Place, use: Use, caplog: pytest.LogCaptureFixture
) -> None:
    addresses = [await store(bytes([number])) for number in range(5)]
    damaged = place.get(addresses[2])[:-1]
    place.put(addresses[2], damaged)
    use(storage_keys=NEW)
    with caplog.at_level(logging.ERROR, "uploads.storing.rotation"):
        assert await encrypt_all_again() == (4, 1)
    logged = [record.getMessage() for record in caplog.records if record.name == "uploads.storing.rotation"]
    assert len(logged) == 1
    assert addresses[2] in logged[0]
    assert place.get(addresses[2]) == damaged


async def test_damage_past_the_header_leaves_the_blob_as_it_was(place: Place, use: Use) -> None:
    """Its bytes that are still right are not lost."""
    address = await store(CONTENT)
    damaged = bytearray(place.get(address))
    damaged[-1] ^= 1
    place.put(address, bytes(damaged))
    use(storage_keys=NEW)
    with pytest.raises(CorruptBlobError):
        await blobs().encrypt_again(address)
    assert place.get(address) == damaged
    assert await read(address, 0, 1_000_000) == CONTENT[:1_000_000]


async def test_whoever_reads_meanwhile_reads_on(place: Place, use: Use) -> None:
    address = await store(CONTENT)
    use(storage_keys=NEW)
    found = b""
    async for piece in blobs().read(address, 10):
        if not found:
            assert await blobs().encrypt_again(address)
        found += piece
    assert found == CONTENT[10:]


async def test_two_at_once_do_it_once(place: Place, use: Use) -> None:
    for number in range(10):
        await store(make_content(1_000, number))
    use(storage_keys=NEW)
    both = await asyncio.gather(encrypt_all_again(), encrypt_all_again())
    assert sum(done for done, _ in both) == 10
    assert sum(failed for _, failed in both) == 0
    for number, found in enumerate(sorted([await read(address) for address in place.addresses()])):
        assert found == sorted(make_content(1_000, number) for number in range(10))[number]


class Pausing:
    """A backend that says when a blob was read whole to be written again, and waits before it is put back."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.about_to_replace, self.go_on = threading.Event(), threading.Event()

    def read(self, address: str, start: int, length: int, version: str | None = None) -> Piece:
        return self._backend.read(address, start, length, version)

    def write(self, address: str, pieces: Iterator[bytes]) -> None:
        self._backend.write(address, pieces)

    def replace(self, address: str, pieces: Iterator[bytes], version: str) -> None:
        content = list(pieces)
        self.about_to_replace.set()
        assert self.go_on.wait(20)
        self._put_back(address, iter(content), version)

    def _put_back(self, address: str, pieces: Iterator[bytes], version: str) -> None:
        self._backend.replace(address, pieces, version)

    def delete(self, address: str) -> None:
        self._backend.delete(address)

    def listed(self) -> Iterator[list[Listed]]:
        return self._backend.listed()

    def throw_away_leftovers(self, instant: object) -> None:
        raise NotImplementedError


class Careless(Pausing):
    def _put_back(self, address: str, pieces: Iterator[bytes], version: str) -> None:  # noqa: ARG002
        self._backend.write(address, pieces)


async def _delete_just_before_it_is_put_back(backend: Pausing, address: str) -> None:
    store = Blobs(backend, storage_keys(get_settings()))
    task = asyncio.create_task(store.encrypt_again(address))
    await asyncio.to_thread(backend.about_to_replace.wait, 20)
    await store.delete(address)
    backend.go_on.set()
    await task


def _backend(place: Place) -> Backend:
    return Folder(place.root) if isinstance(place, FolderPlace) else S3(place.url)


async def test_what_is_deleted_meanwhile_does_not_come_back(place: Place, use: Use) -> None:
    address = await store(b"infected")
    use(storage_keys=NEW)
    with pytest.raises(MissingBlobError):
        await _delete_just_before_it_is_put_back(Pausing(_backend(place)), address)
    assert place.addresses() == []


async def test_put_back_without_a_look_it_would(place: Place, use: Use) -> None:
    """The negative control of the test before."""
    address = await store(b"infected")
    use(storage_keys=NEW)
    await _delete_just_before_it_is_put_back(Careless(_backend(place)), address)
    assert place.addresses() == [address]
