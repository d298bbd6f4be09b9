"""HEIC, the pictures that iPhones take, as JPEG. Runs in the sandbox; a module of its own, since it loads slowly."""

from __future__ import annotations

from typing import IO

import pillow_heif

from uploads.sandbox.pictures import encode_within, make_plain

pillow_heif.options.THUMBNAILS = False
pillow_heif.options.DEPTH_IMAGES = False
pillow_heif.options.AUX_IMAGES = False
pillow_heif.options.DECODE_THREADS = 1


def clean(source: IO[bytes], target: IO[bytes], *, media_type: str, limit: int) -> None:
    """Writes the main picture as `uploads.sandbox.pictures.clean` does: a JPEG of at most `limit` bytes."""
    picture = pillow_heif.HeifImageFile(source)  # type: ignore[no-untyped-call]
    target.write(encode_within(make_plain(picture), media_type, limit))
