"""Real files as people send them, each with a content of its own, and what a store holds of them.

sent = as_received(a_pdf(), "passeport.pdf")
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pikepdf
from PIL import Image

from core.settings import Settings
from uploads.checking.kinds import kind_of_extension
from uploads.received import ReceivedFile, scratch_file

_numbers = itertools.count(1)


def a_pdf(number: int | None = None) -> bytes:
    """A PDF of one page; the same bytes for the same number."""
    number = next(_numbers) if number is None else number
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(200, 200))
    page.obj["/Contents"] = pdf.make_stream(f"10 10 {number % 180 + 1} {number + 1} re f".encode())
    content = io.BytesIO()
    pdf.save(content, deterministic_id=True)
    return content.getvalue()


def a_jpeg(number: int | None = None) -> bytes:
    return _picture("JPEG", number)


def a_large_jpeg() -> bytes:
    """Of noise: 30 kB or so, which no encoder makes much smaller."""
    content = io.BytesIO()
    Image.effect_noise((200, 200), 90).save(content, "JPEG", quality=95)
    return content.getvalue()


def a_png(number: int | None = None) -> bytes:
    return _picture("PNG", number)


def _picture(encoder: str, number: int | None) -> bytes:
    number = next(_numbers) if number is None else number
    # A row of plain blocks says the number in base 3, however it is encoded.
    picture = Image.new("RGB", (128, 16), "white")
    for place in range(16):
        digit = number // 3**place % 3
        picture.paste((digit * 120, 40, 200 - digit * 80), (place * 8, 0, place * 8 + 8, 16))
    content = io.BytesIO()
    picture.save(content, encoder)
    return content.getvalue()


@contextmanager
def as_received(content: bytes, name: str = "piece.pdf") -> Iterator[ReceivedFile]:
    """Those bytes, as the door hands them on. Closed with the block, as the door does."""
    with scratch_file() as file:
        file.write(content)
        media_type = kind_of_extension(name.rpartition(".")[2]) or "application/octet-stream"
        yield ReceivedFile(name, media_type, len(content), file)


def stored_blobs(settings: Settings) -> list[Path]:
    """The files of the folder that is the store."""
    return [path for path in (settings.data / "files").rglob("*") if path.is_file() and path.stat().st_size]
