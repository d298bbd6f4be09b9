"""How a blob is encrypted: AES-256-GCM in chunks, each of which can be read alone.

    header   4 bytes of format and version, 8 that name the secret, 32 of salt
    chunks   65,536 bytes each and a tag of 16; the last may be shorter, and is empty only where the whole is

The STREAM construction (Hoang, Reyhanitabar, Rogaway and Vizár, "Online Authenticated-Encryption and its
Nonce-Reuse Misuse-Resistance", 2015), as age and Tink use it: each blob has a key of its own, derived from the
secret, the header and the address; the nonce is the number of the chunk and whether it is the last. So a chunk
that is changed, left out, moved, repeated or taken from elsewhere does not decrypt, nor a blob that is cut
short, continued, or put in another's place.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from uploads.storing.errors import CorruptBlobError, UnknownKeyError
from uploads.storing.keys import KEY_ID_BYTES, StorageKey

FORMAT = b"ESB\x01"
SALT_BYTES = 32
HEADER_BYTES = len(FORMAT) + KEY_ID_BYTES + SALT_BYTES
CHUNK_BYTES = 64 * 1024
TAG_BYTES = 16
STORED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES


def stored_size(size: int) -> int:
    """Bytes that `size` bytes take once they are encrypted."""
    return HEADER_BYTES + size + max(1, -(-size // CHUNK_BYTES)) * TAG_BYTES


def plain_size(stored: int) -> int:
    """The other way round. CorruptBlobError where nothing that was encrypted has that size."""
    chunks = -(-(stored - HEADER_BYTES) // STORED_CHUNK_BYTES)
    size = stored - HEADER_BYTES - chunks * TAG_BYTES
    if size < 0 or stored_size(size) != stored:
        raise CorruptBlobError(f"{stored} bytes are no whole number of chunks")
    return size


def in_chunks(content: IO[bytes]) -> Iterator[bytes]:
    """All of it from its start, as `encrypt` wants it."""
    content.seek(0)
    chunk = b""
    while more := content.read(CHUNK_BYTES - len(chunk)):
        chunk += more
        if len(chunk) == CHUNK_BYTES:
            yield chunk
            chunk = b""
    if chunk:
        yield chunk


def encrypt(chunks: Iterator[bytes], key: StorageKey, address: str) -> Iterator[bytes]:
    """The header, then each chunk encrypted. Chunks have CHUNK_BYTES, the last one at most; none at all is fine."""
    header = FORMAT + key.id + secrets.token_bytes(SALT_BYTES)
    aead = _aead(key, header, address)
    yield header
    number, chunk = 0, next(chunks, b"")
    for following in chunks:
        yield aead.encrypt(_nonce(number, last=False), chunk, None)
        number, chunk = number + 1, following
    yield aead.encrypt(_nonce(number, last=True), chunk, None)


def key_id(header: bytes) -> bytes:
    """Which secret a blob is encrypted with. CorruptBlobError where this is no header."""
    if len(header) < HEADER_BYTES or not header.startswith(FORMAT):
        raise CorruptBlobError("no header of a stored file")
    return header[len(FORMAT) : len(FORMAT) + KEY_ID_BYTES]


class Decryption:
    """Decrypts the chunks of one blob, in any order. `size`: of the blob, decrypted; true once the last chunk was."""

    def __init__(self, header: bytes, stored: int, keys: Sequence[StorageKey], address: str) -> None:
        by_id: Mapping[bytes, StorageKey] = {key.id: key for key in keys}
        id = key_id(header)
        if id not in by_id:
            raise UnknownKeyError(f"encrypted with a key that is not in the settings ({id.hex()})")
        self.size = plain_size(stored)
        self.chunks = max(1, -(-self.size // CHUNK_BYTES))
        self._aead = _aead(by_id[id], header[:HEADER_BYTES], address)

    def decrypt(self, first: int, stored: bytes) -> bytes:
        """The chunks from number `first` on, as many as `stored` has; CorruptBlobError where one is not as written."""
        view = memoryview(stored)
        try:
            return b"".join(
                self._aead.decrypt(
                    _nonce(number, last=number == self.chunks - 1),
                    view[start : start + STORED_CHUNK_BYTES],
                    None,
                )
                for number, start in enumerate(range(0, len(stored), STORED_CHUNK_BYTES), first)
            )
        except InvalidTag as error:
            raise CorruptBlobError(f"changed since it was written, at chunk {first} or soon after") from error


def _aead(key: StorageKey, header: bytes, address: str) -> AESGCM:
    purpose = b"a stored file" + header[: len(FORMAT) + KEY_ID_BYTES] + address.encode()
    return AESGCM(key.derive(header[-SALT_BYTES:], purpose))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
