"""Where bytes are kept, encrypted: a folder, or an S3-compatible store."""

from uploads.storing.blobs import (
    Blobs,
    CorruptBlobError,
    MissingBlobError,
    UnknownKeyError,
    Written,
    blobs,
    throw_away,
)

__all__ = [
    "Blobs",
    "CorruptBlobError",
    "MissingBlobError",
    "UnknownKeyError",
    "Written",
    "blobs",
    "throw_away",
]
