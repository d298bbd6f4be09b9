"""Resumable uploads: tus 1.0.0 (https://tus.io/protocols/resumable-upload) at `/uploads`.

Extensions: creation, creation-with-upload, termination, checksum, expiration. A finished upload's id, the last part of
its Location, is what GraphQL takes as `FileSource.resumableUpload`.
"""

from espace.tus.routes import routes

__all__ = ["routes"]
