"""Names of rows: UUIDs that grow with time inside, opaque global ids outside."""

from __future__ import annotations

import base64
import binascii
import secrets
from datetime import datetime
from uuid import UUID

from core.clock import now


def new_id(at: datetime | None = None) -> UUID:
    """A version 7 UUID (RFC 9562, 5.7): 48 bits of milliseconds, 12 of a fraction of one, 62 random bits.

    The fraction (6.2, method 3) keeps rows that a process writes within a millisecond in their order: lists are
    ordered by id. Made here and not by the database, so that a row knows its name before it is written.
    """
    instant = at or now()
    milliseconds = int(instant.timestamp()) * 1000 + instant.microsecond // 1000
    fraction = instant.microsecond % 1000 * 4096 // 1000
    return UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | secrets.randbits(62))


def encode(kind: str, id: UUID) -> str:
    """The global id (Relay) of the row `id` of the GraphQL type `kind`."""
    return base64.urlsafe_b64encode(f"{kind}:".encode() + id.bytes).rstrip(b"=").decode()


def decode(text: str) -> tuple[str, UUID] | None:
    """Type and row of a global id; None for whatever `encode` did not make."""
    try:
        raw = base64.b64decode(
            text[:200].encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
        )
    except (UnicodeEncodeError, binascii.Error, ValueError):
        return None
    kind, separator, id = raw.partition(b":")
    if not separator or len(id) != 16 or not kind.isalpha():
        return None
    known = kind.decode("ascii"), UUID(bytes=id)
    # One row has one id: other spellings of the same bits (padding, spare bits) are not it.
    return known if encode(*known) == text else None


def decode_as(kind: str, text: str) -> UUID | None:
    """The row of a global id of that very type; None for any other, so that a wrong type answers as absent does."""
    known = decode(text)
    return known[1] if known is not None and known[0] == kind else None
