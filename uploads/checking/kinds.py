"""The kinds of file that are taken: PDFs and pictures. No archives, nor anything that is one inside (Office, EPUB)."""

from __future__ import annotations

from collections.abc import Mapping

EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "application/pdf": ("pdf",),
    "image/jpeg": ("jpg", "jpeg"),
    "image/png": ("png",),
    "image/webp": ("webp",),
    "image/heic": ("heic", "heif"),
}
"""Media type → the extensions that names of such files may have, the usual one first."""

ACCEPTED_MEDIA_TYPES: tuple[str, ...] = tuple(EXTENSIONS)
