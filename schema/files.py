"""Bytes that were sent to us, as clients see them."""

from enum import StrEnum

import strawberry

from schema.declare import enumeration, input_object, output
from schema.scalars import URL, Upload


@enumeration
class ScanState(StrEnum):
    """What the virus scanner said of a file."""

    PENDING = "PENDING"
    CLEAN = "CLEAN"
    INFECTED = "INFECTED"
    FAILED = "FAILED"


@output
class File:
    """A file: its bytes never change."""

    name: str
    """As it was sent, made safe to show and to save under."""
    media_type: str
    """From the content, not from what the sender said."""
    size: int
    """In bytes."""
    sha256: str
    """In hexadecimal."""
    scan: ScanState
    url: URL | None
    """A signed address, good for some minutes and for this caller. Null until the scan says CLEAN."""


@input_object(one_of=True)
class FileSource:
    """Exactly one: a file sent along (GraphQL multipart request), or a document of the storage space."""

    upload: Upload | None = strawberry.UNSET
    stored_document: strawberry.ID | None = strawberry.UNSET
