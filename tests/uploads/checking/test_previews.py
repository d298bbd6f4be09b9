"""Thumbnails: WebP, small, on white; drawn in the sandbox, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from io import BytesIO

import pytest
from PIL import Image

from tests.uploads import hostile
from tests.uploads.hostile import JPEG, PDF, PNG, WEBP, encoded, picture
from tests.uploads.looks import look_at_picture
from uploads.previews import HEIGHT, WIDTH, PreviewError, draw_preview
from uploads.received import scratch_file


async def draw(content: bytes, media_type: str) -> Image.Image:
    with scratch_file() as file:
        file.write(content)
        preview = await draw_preview(file, media_type)
    look_at_picture(preview, "image/webp")
    drawn = Image.open(BytesIO(preview))
    assert drawn.mode == "RGB"
    return drawn


@pytest.mark.parametrize(
    ("media_type", "content", "size"),
    [
        (PDF, partial(hostile.pdf, 2), (452, 640)),
        (JPEG, lambda: encoded(picture((3000, 2000)), "JPEG"), (480, 320)),
        (JPEG, lambda: encoded(picture((200, 4000)), "JPEG"), (32, 640)),
        (PNG, hostile.png, (64, 48)),
        (WEBP, lambda: encoded(picture((1000, 1000)), "WEBP"), (480, 480)),
    ],
)
async def test_it_fits_in(media_type: str, content: Callable[[], bytes], size: tuple[int, int]) -> None:
    drawn = await draw(content(), media_type)
    assert all(abs(one - other) <= 1 for one, other in zip(drawn.size, size, strict=True))
    assert drawn.width <= WIDTH
    assert drawn.height <= HEIGHT


async def test_it_shows_the_first_page() -> None:
    drawn = (await draw(hostile.pdf(2), PDF)).convert("L")
    assert drawn.getextrema()[0] < 60, "there is text"  # type: ignore[operator]
    assert drawn.getpixel((2, 2)) > 250, "on white"  # type: ignore[operator]


async def test_it_shows_the_picture_on_white() -> None:
    transparent = picture((100, 80)).convert("RGBA")
    transparent.putalpha(0)
    assert (await draw(encoded(transparent, "PNG"), PNG)).getextrema() == ((255, 255),) * 3
    seen = (await draw(encoded(picture((100, 80)), "PNG"), PNG)).getpixel((10, 10))
    assert isinstance(seen, tuple)
    assert all(abs(one - other) < 12 for one, other in zip(seen, (200, 30, 30), strict=True))


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "I;16"])
async def test_it_shows_pictures_of_any_mode(mode: str) -> None:
    grey = picture((100, 80)).convert("L")
    drawn = grey.convert("I").point(lambda value: value * 257) if mode == "I;16" else grey
    seen = await draw(encoded(drawn.convert(mode), "PNG"), PNG)
    if mode != "1":
        assert abs(seen.convert("L").getpixel((10, 10)) - grey.getpixel((10, 10))) < 8  # type: ignore[operator]
    assert seen.convert("L").getpixel((90, 70)) > 225  # type: ignore[operator]


async def test_a_page_of_any_size_is_drawn_small() -> None:
    for box in (b"[0 0 14400 14400]", b"[0 0 1 1]", b"[0 0 14400 3]"):
        page = hostile.PAGE.replace(b"[0 0 595 842]", box)
        drawn = await draw(hostile.raw_pdf(hostile.CATALOG, hostile.PAGES, page), PDF)
        assert drawn.width <= WIDTH
        assert drawn.height <= HEIGHT


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        (PDF, b"%PDF-1.7 nothing"),
        (PDF, b""),
        (JPEG, b"\xff\xd8\xff nothing"),
        (PNG, hostile.png_of_size(50000, 50000)),
        (PNG, hostile.png_bomb(10000)),
        ("text/html", hostile.HTML),
        ("application/zip", hostile.archive({"a": b"a"})),
    ],
)
async def test_what_cannot_be_drawn_has_no_preview(media_type: str, content: bytes) -> None:
    with pytest.raises(PreviewError):
        await draw(content, media_type)
