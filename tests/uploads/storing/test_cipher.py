"""The format of a stored file, without any place to store it in."""

from __future__ import annotations

import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.uploads.storing.contents import make_content
from uploads.storing import CorruptBlobError, UnknownKeyError
from uploads.storing.cipher import (
    CHUNK_BYTES,
    FORMAT,
    HEADER_BYTES,
    STORED_CHUNK_BYTES,
    TAG_BYTES,
    Decryption,
    encrypt,
    in_chunks,
    plain_size,
    stored_size,
)
from uploads.storing.keys import storage_key

KEY = storage_key("the secret of the tests of the cipher")
ADDRESS = "ab/somewhere"
SIZES = st.integers(0, 1 << 40)
AROUND_BORDERS = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, 3 * CHUNK_BYTES + 7]


def encrypted(content: bytes, address: str = ADDRESS) -> bytes:
    return b"".join(encrypt(in_chunks(io.BytesIO(content)), KEY, address))


def decrypted(stored: bytes, address: str = ADDRESS) -> bytes:
    decryption = Decryption(stored[:HEADER_BYTES], len(stored), [KEY], address)
    return decryption.decrypt(0, stored[HEADER_BYTES:])


@pytest.mark.parametrize("size", AROUND_BORDERS)
def test_what_is_encrypted_is_decrypted_and_has_the_size_that_was_said(size: int) -> None:
    content = make_content(size)
    stored = encrypted(content)
    assert decrypted(stored) == content
    assert len(stored) == stored_size(size)


@given(SIZES)
@example(0)
@example(CHUNK_BYTES)
def test_the_size_is_known_from_the_stored_size(size: int) -> None:
    assert plain_size(stored_size(size)) == size


@pytest.mark.parametrize(
    "stored",
    [0, HEADER_BYTES, HEADER_BYTES + TAG_BYTES - 1]
    + [HEADER_BYTES + STORED_CHUNK_BYTES + more for more in range(1, TAG_BYTES + 1)],
)
def test_no_file_has_a_size_in_between(stored: int) -> None:
    """A tag that is not whole, and an empty chunk after a full one."""
    with pytest.raises(CorruptBlobError):
        plain_size(stored)


def test_chunks_are_decrypted_alone_and_in_any_order() -> None:
    content = make_content(4 * CHUNK_BYTES + 100)
    stored = encrypted(content)
    decryption = Decryption(stored[:HEADER_BYTES], len(stored), [KEY], ADDRESS)
    for number in (4, 1, 0, 3, 2):
        start = HEADER_BYTES + number * STORED_CHUNK_BYTES
        chunk = decryption.decrypt(number, stored[start : start + STORED_CHUNK_BYTES])
        assert chunk == content[number * CHUNK_BYTES : (number + 1) * CHUNK_BYTES]


def test_the_same_content_is_encrypted_differently_each_time() -> None:
    first, second = encrypted(bytes(100)), encrypted(bytes(100))
    assert first[HEADER_BYTES:] != second[HEADER_BYTES:]
    assert first[: len(FORMAT)] == second[: len(FORMAT)]


def test_short_reads_make_the_same_chunks() -> None:
    """A raw file may return less than was asked for before it has come to its end."""

    class Dripping(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 10_000))

    content = make_content(2 * CHUNK_BYTES + 5)
    assert list(in_chunks(Dripping(content))) == list(in_chunks(io.BytesIO(content)))


def test_a_file_put_in_another_ones_place_does_not_decrypt() -> None:
    with pytest.raises(CorruptBlobError):
        decrypted(encrypted(b"Mme Martin", "ab/of-mme-martin"), "ab/of-m-dupont")


def test_an_unknown_key_is_told_from_damage() -> None:
    stored = encrypted(b"secret")
    with pytest.raises(UnknownKeyError, match=KEY.id.hex()):
        Decryption(stored[:HEADER_BYTES], len(stored), [storage_key("another secret")], ADDRESS)


@given(st.data())
def test_a_flipped_bit_anywhere_is_noticed(data: st.DataObject) -> None:
    stored = bytearray(encrypted(b"0123456789" * 10))
    bit = data.draw(st.integers(0, len(stored) * 8 - 1))
    stored[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CorruptBlobError):
        decrypted(bytes(stored))
