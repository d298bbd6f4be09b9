"""Security codes as pictures: which code a captcha asks for, how it is drawn, when an answer is right.

The code is derived from the captcha's id with our secret: it is written nowhere, neither in the database nor
in a cache, and any process can draw it. The distortions are derived too, so that drawing one captcha a
hundred times gives a hundred times the same picture, and averaging them wins nothing.
"""

from __future__ import annotations

import hmac
import io
import math
import random
import struct
import unicodedata
import zlib
from functools import cache
from uuid import UUID

from PIL import Image, ImageDraw, ImageFont

from core.keys import hmac_digest
from core.settings import get_settings

WIDTH, HEIGHT = 220, 80
LENGTH = 6
ALPHABET = "ACDEFHJKMNPRTXY3479"
"""Nothing that looks like another: 0 O Q, 1 I L, 2 Z, 5 S, 6 G, 8 B, U V, W (VV) are left out."""

_PAPER = (247, 248, 250)
_INKS = ((23, 43, 92), (92, 23, 43), (20, 78, 60), (70, 40, 100), (95, 55, 10))
"""Each at least 7:1 on the paper (WCAG 2.2, 1.4.6)."""
_FONT_SIZES = (42, 45, 48)
_MOST_DEGREES = 16.0

_SIZE_STEP = 8 * 1024
"""Pictures are filled up to a multiple of this, which is the same for all: they compress to 18 to 23 KB."""
_END_BYTES = 12
"""Of the last chunk, IEND, which is empty (PNG, 11.2.4)."""


def code_for(captcha_id: UUID) -> str:
    """The six characters that this captcha asks for; ESPACE_CAPTCHA_FIXED_CODE where it is set."""
    fixed = get_settings().captcha_fixed_code
    if fixed:
        return fixed
    # 128 bits: what 19^6 leaves over favours no code by more than one part in 10^30.
    number = int.from_bytes(hmac_digest("captcha code", captcha_id.bytes)[:16])
    letters = []
    for _ in range(LENGTH):
        number, index = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[index])
    return "".join(letters)


def same_code(given: str, expected: str) -> bool:
    """Whether somebody typed the code, in any case, with any spaces. Takes the same time wherever they
    differ.
    """
    return hmac.compare_digest(_plain(given[:100]), _plain(expected))


def _plain(code: str) -> bytes:
    normal = unicodedata.normalize("NFKC", code)
    return "".join(character for character in normal if not character.isspace()).upper().encode()


def render(code: str) -> bytes:
    """The code as a PNG picture of 220 by 80 pixels, always the same one for the same code, and of one size for all:
    who sees but how much is sent learns nothing.

    Takes some milliseconds of processor time: call it in a thread.
    """
    chance = random.Random(hmac_digest("captcha image", code.encode()))  # noqa: S311 -- distorts, keeps no secret
    picture = Image.new("RGB", (WIDTH, HEIGHT), _PAPER)
    _draw_lines(picture, chance, count=5, widths=(1,), paleness=0.55)
    _draw_glyphs(picture, code, chance)
    picture = _wave(picture, chance)
    _draw_lines(picture, chance, count=2, widths=(2,), paleness=0.15)
    _draw_specks(picture, chance, count=220)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return _filled_up(file.getvalue())


def _filled_up(png: bytes) -> bytes:
    """With a chunk before the last that nobody reads (PNG, 4.8: private, ancillary, not safe to copy)."""
    empty = 12
    spare = -(len(png) + empty) % _SIZE_STEP
    chunk = b"fiLL" + bytes(spare)
    filling = struct.pack(">I", spare) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return png[:-_END_BYTES] + filling + png[-_END_BYTES:]


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType, which draws the security codes")
    return font


def _draw_glyphs(picture: Image.Image, code: str, chance: random.Random) -> None:
    """Each character turned, slanted and sized by chance, side by side and almost touching."""
    step = (WIDTH - 24) / max(len(code), 1)
    for place, character in enumerate(code):
        font = _font(chance.choice(_FONT_SIZES))
        glyph = Image.new("L", (84, 84), 0)
        ImageDraw.Draw(glyph).text((42, 42), character, fill=255, font=font, anchor="mm", stroke_width=1)
        slant = chance.uniform(-0.22, 0.22)
        glyph = glyph.transform(
            glyph.size, Image.Transform.AFFINE, (1, slant, -42 * slant, 0, 1, 0), Image.Resampling.BICUBIC
        )
        glyph = glyph.rotate(chance.uniform(-_MOST_DEGREES, _MOST_DEGREES), Image.Resampling.BICUBIC)
        x = 12 + step * (place + 0.5) - 42 + chance.uniform(-2, 2)
        y = HEIGHT / 2 - 42 + chance.uniform(-6, 6)
        picture.paste(chance.choice(_INKS), (round(x), round(y)), glyph)


def _wave(picture: Image.Image, chance: random.Random) -> Image.Image:
    """The whole picture bent by two slow sine waves, cell by cell."""
    horizontal = (chance.uniform(1.5, 3), chance.uniform(35, 55), chance.uniform(0, math.tau))
    vertical = (chance.uniform(2, 4), chance.uniform(60, 110), chance.uniform(0, math.tau))
    cell = 10

    def bent(x: int, y: int) -> tuple[float, float]:
        across, across_length, across_phase = horizontal
        down, down_length, down_phase = vertical
        return (
            x + across * math.sin(math.tau * y / across_length + across_phase),
            y + down * math.sin(math.tau * x / down_length + down_phase),
        )

    mesh = []
    for left in range(0, WIDTH, cell):
        for top in range(0, HEIGHT, cell):
            corners = [(left, top), (left, top + cell), (left + cell, top + cell), (left + cell, top)]
            quadrilateral = tuple(value for corner in corners for value in bent(*corner))
            mesh.append(((left, top, left + cell, top + cell), quadrilateral))
    return picture.transform(
        picture.size, Image.Transform.MESH, mesh, Image.Resampling.BICUBIC, fillcolor=_PAPER
    )


def _draw_lines(
    picture: Image.Image, chance: random.Random, *, count: int, widths: tuple[int, ...], paleness: float
) -> None:
    """Curves from side to side in the inks of the letters, so that colour does not tell them apart."""
    draw = ImageDraw.Draw(picture)
    for _ in range(count):
        middle, swing = chance.uniform(12, HEIGHT - 12), chance.uniform(6, 22)
        length, phase = chance.uniform(90, 240), chance.uniform(0, math.tau)
        points = [
            (x, middle + swing * math.sin(math.tau * x / length + phase)) for x in range(-4, WIDTH + 5, 4)
        ]
        draw.line(points, fill=_paler(chance.choice(_INKS), paleness), width=chance.choice(widths))


def _draw_specks(picture: Image.Image, chance: random.Random, *, count: int) -> None:
    draw = ImageDraw.Draw(picture)
    for _ in range(count):
        place = (chance.randrange(WIDTH), chance.randrange(HEIGHT))
        draw.point(place, fill=_paler(chance.choice(_INKS), 0.3))


def _paler(ink: tuple[int, int, int], paleness: float) -> tuple[int, int, int]:
    red, green, blue = (round(i + (p - i) * paleness) for i, p in zip(ink, _PAPER, strict=True))
    return red, green, blue
