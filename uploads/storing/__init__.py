"""Where bytes are kept, encrypted: a folder, or an S3-compatible store."""

from uploads.storing.blobs import Blobs, MissingBlobError, blobs

__all__ = ["Blobs", "MissingBlobError", "blobs"]
