"""From what was received to what may be kept.

    name, declared type, first bytes        here: they have to agree on one of the accepted kinds
        │
    decoding, and writing anew              in a sandbox process: pictures from their pixels, PDFs from the
        │                                   objects that are known to be harmless
    a new scratch file, its SHA-256         here

Nothing of the bytes received is kept as it came. So a file that is also another one (PDF and ZIP, JPEG and HTML)
loses what it was besides, metadata and everything after the end go, and a digital signature of a PDF is no longer
one: its appearance stays on the page.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from dataclasses import dataclass
from typing import IO

import filetype  # type: ignore[import-untyped]

from core.settings import get_settings
from uploads.checking import rejections
from uploads.checking.kinds import EXTENSIONS, KEPT_AS, kind_of_declared, kind_of_extension
from uploads.checking.names import normalise_name, split_extension, with_extension
from uploads.received import ReceivedFile, scratch_file
from uploads.sandbox.running import run

HEAD_BYTES = 8192
"""What `filetype` looks at."""

CHUNK_BYTES = 1024 * 1024

DECODERS = {"application/pdf": "pdfs", "image/heic": "heic"}
"""Modules of the sandbox; `pictures` for the rest."""

START_THREADS = frozenset({"image/heic", "image/webp"})
"""Kinds whose decoders fail where they cannot start a thread."""


@dataclass(slots=True)
class CheckedFile:
    """What may be kept: `name` is safe to show and to save under; `sha256` (32 bytes) is that of `content`.

    `content` is a scratch file, which whoever asked for the check closes.
    """

    name: str
    media_type: str
    size: int
    sha256: bytes
    content: IO[bytes]

    def close(self) -> None:
        self.content.close()


async def check(received: ReceivedFile) -> CheckedFile:
    """The file, found to be what it says, and made harmless. `received` stays open.

    Extension, declared type and first bytes have to say the same. Where nothing is declared (as phones do) the
    extension decides; where the name has no extension the declared type decides, and the name is given its usual one.
    A HEIC picture becomes a JPEG. `upload_file_bytes` bounds what is received and what is kept.
    Raises FileRejectedError with its reason; UnavailableError where too many files are being checked.
    """
    limit = get_settings().upload_file_bytes
    size, head = await asyncio.to_thread(_look, received.content)
    if not size:
        raise rejections.empty()
    if size > limit:
        raise rejections.too_large(limit)
    name = normalise_name(received.name)
    kind = _kind(name, received.media_type)
    if filetype.guess_mime(head) != kind:
        raise rejections.content_does_not_match()

    content = scratch_file()
    try:
        outcome = await run(
            f"uploads.sandbox.{DECODERS.get(kind, 'pictures')}:clean",
            received.content,
            content,
            parameters={"media_type": kind, "limit": limit},
            threads=kind in START_THREADS,
        )
        if outcome != "DONE":
            raise rejections.of_outcome(outcome, limit)
        size, sha256 = await asyncio.to_thread(_measure, content)
        if not 0 < size <= limit:
            raise rejections.too_large(limit) if size else rejections.of_outcome("UNREADABLE", limit)
    except BaseException:
        content.close()
        raise
    media_type = KEPT_AS[kind]
    if kind_of_extension(split_extension(name)[1]) != media_type:
        name = with_extension(name, EXTENSIONS[media_type][0])
    return CheckedFile(name, media_type, size, sha256, content)


def _kind(name: str, media_type: str) -> str:
    extension = split_extension(name)[1]
    declared = kind_of_declared(media_type)
    by_extension = kind_of_extension(extension) if extension else declared
    if not by_extension or declared is None:
        raise rejections.type_not_accepted()
    if declared not in {"", by_extension}:
        raise rejections.content_does_not_match()
    return by_extension


def _look(content: IO[bytes]) -> tuple[int, bytes]:
    size = content.seek(0, os.SEEK_END)
    content.seek(0)
    return size, content.read(HEAD_BYTES)


def _measure(content: IO[bytes]) -> tuple[int, bytes]:
    sha256 = hashlib.sha256()
    content.seek(0)
    while chunk := content.read(CHUNK_BYTES):
        sha256.update(chunk)
    size = content.tell()
    content.seek(0)
    return size, sha256.digest()
