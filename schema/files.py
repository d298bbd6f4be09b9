"""Bytes that were sent to us, as clients see them."""

from enum import StrEnum

import strawberry

import resolvers.file_sources
from schema.declare import enumeration, input_object, output
from schema.scalars import URL, Upload


@enumeration
class ScanState(StrEnum):
    """What the virus scanner said of a file."""

    PENDING = "PENDING"
    """Not looked at yet, mostly for a second: show that it is being checked, and ask again. It counts as joined."""
    CLEAN = "CLEAN"
    """It can be opened at `url`."""
    INFECTED = "INFECTED"
    """It holds a virus and was thrown away: it has to be replaced or removed."""
    FAILED = "FAILED"
    """It could not be scanned, and cannot be opened: it has to be replaced or removed."""


@output
class File:
    """A file: its bytes never change. What people send is written anew first, without metadata, scripts or other files
    inside.
    """

    name: str
    """As it was sent, made safe to show and to save under."""
    media_type: str
    """From the content, not from what the sender said."""
    size: int
    """In bytes, as it is kept."""
    sha256: str
    """Of what is kept, in hexadecimal."""
    scan: ScanState
    url: URL | None
    """A signed address, good for some minutes and for this caller. Null until the scan says CLEAN. With `?download`
    browsers save it instead of showing it."""
    preview: URL | None
    """A signed address of the first page or of the picture as a WebP thumbnail, 480 × 640 pixels at most. Null until
    it is drawn, some seconds after the scan, and where it cannot be."""


@input_object(one_of=True)
class FileSource:
    """Exactly one: a file sent along (GraphQL multipart request), a document of the storage space, or a file sent
    before by a resumable upload.
    """

    upload: Upload | None = strawberry.UNSET
    stored_document: strawberry.ID | None = strawberry.UNSET
    resumable_upload: strawberry.ID | None = strawberry.UNSET
    """The last part of the address at which a finished tus upload stands (`Location`). It serves once: the same
    call made again answers the same thing."""


def file_source_of(source: FileSource) -> resolvers.file_sources.FileSource:
    given = {name: value for name, value in vars(source).items() if value not in (None, strawberry.UNSET)}
    return resolvers.file_sources.FileSource(**given)
