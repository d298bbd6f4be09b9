"""Small pictures of PDFs and pictures, as WebP on white. Runs in the sandbox."""

from __future__ import annotations

from io import BytesIO
from typing import IO

import pypdfium2  # type: ignore[import-untyped]
from PIL import Image

from uploads.sandbox.pictures import on_white, open_picture

QUALITY = 80


def draw(source: IO[bytes], target: IO[bytes], *, media_type: str, width: int, height: int) -> None:
    """Writes the picture, or the first page of the PDF, scaled into `width` by `height` pixels.

    Pictures are never enlarged. Raises what the decoders raise.
    """
    if media_type == "application/pdf":
        drawn = _draw_first_page(source.read(), width, height)
    else:
        drawn = open_picture(source, media_type, near=max(width, height))
        drawn.thumbnail((width, height))
    encoded = BytesIO()
    on_white(drawn).save(encoded, "WEBP", quality=QUALITY)
    target.write(encoded.getvalue())


def _draw_first_page(content: bytes, width: int, height: int) -> Image.Image:
    page = pypdfium2.PdfDocument(content)[0]
    page_width, page_height = page.get_size()
    scale = min(width / page_width, height / page_height)
    picture: Image.Image = page.render(scale=scale, fill_color=(255, 255, 255, 255)).to_pil()
    picture.thumbnail((width, height))
    return picture
