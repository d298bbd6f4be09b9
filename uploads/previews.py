"""Thumbnails of checked files."""

from __future__ import annotations

import asyncio
from typing import IO

from uploads.received import scratch_file
from uploads.sandbox.running import run

WIDTH = 480
HEIGHT = 640
"""Pixels that a preview has at most: a page of A4 fits in."""

LARGEST = 1024 * 1024
"""Bytes; a preview takes some 10 to 60 kB."""


class PreviewError(Exception):
    """There is nothing to draw of the file: it is damaged, or too much."""


async def draw_preview(content: IO[bytes], media_type: str) -> bytes:
    """WebP of the picture, or of the PDF's first page, on white, at most WIDTH by HEIGHT pixels.

    `content` is a real file (a scratch file); `media_type` is the one that `check` found. It is drawn in the sandbox.
    Raises PreviewError where that cannot be done, UnavailableError where too many files are being decoded.
    """
    with scratch_file() as target:
        outcome = await run(
            "uploads.sandbox.thumbnails:draw",
            content,
            target,
            parameters={"media_type": media_type, "width": WIDTH, "height": HEIGHT},
            threads=media_type == "image/webp",
        )
        if outcome != "DONE":
            raise PreviewError(outcome)
        preview = await asyncio.to_thread(_read, target)
    if not preview.startswith(b"RIFF") or len(preview) > LARGEST:
        raise PreviewError("UNREADABLE")
    return preview


def _read(target: IO[bytes]) -> bytes:
    target.seek(0)
    return target.read(LARGEST + 1)
