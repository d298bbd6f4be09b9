# /// script
# dependencies = ["fonttools>=4.60"]
# ///
"""Makes MissingCharacter.ttf, a font that shows every character of Unicode as an empty frame:

    uv run jobs/receipt_document/fonts/make_missing_character.py

The last in the receipt's list of fonts. PDF/A and PDF/UA forbid a text that its font has no glyph for; with this one
there is none, and the character itself stays what is read aloud, searched and copied.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fontTools.fontBuilder import FontBuilder  # type: ignore[import-not-found,unused-ignore]
from fontTools.pens.ttGlyphPen import TTGlyphPen  # type: ignore[import-not-found,unused-ignore]
from fontTools.ttLib.tables._c_m_a_p import (  # type: ignore[import-not-found,unused-ignore]
    CmapSubtable,
)

UNITS = 1000
FRAME = "frame"


def frame() -> Any:
    pen = TTGlyphPen(None)
    for corners in (
        ((80, -50), (80, 650), (520, 650), (520, -50)),
        ((130, 0), (470, 0), (470, 600), (130, 600)),
    ):
        pen.moveTo(corners[0])
        for corner in corners[1:]:
            pen.lineTo(corner)
        pen.closePath()
    return pen.glyph()


def every_character() -> Any:
    """Format 13: many characters, one glyph."""
    table = CmapSubtable.newSubtable(13)
    table.platformID, table.platEncID, table.language = 3, 10, 0
    table.cmap = {
        code: FRAME
        for code in range(0x21, 0x110000)
        if not 0xD800 <= code <= 0xDFFF and code & 0xFFFE != 0xFFFE
    }
    return table


def main() -> None:
    builder = FontBuilder(UNITS, isTTF=True)
    builder.setupGlyphOrder([".notdef", FRAME])
    builder.setupCharacterMap({})
    builder.setupGlyf({".notdef": frame(), FRAME: frame()})
    builder.setupHorizontalMetrics(dict.fromkeys((".notdef", FRAME), (600, 80)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable(
        {
            "familyName": "Missing Character",
            "styleName": "Regular",
            "fullName": "Missing Character",
            "psName": "MissingCharacter",
        }
    )
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200, fsType=0)
    builder.setupPost()
    builder.font["cmap"].tables = [every_character()]
    builder.font["head"].created = builder.font["head"].modified = 0
    builder.font.recalcTimestamp = False
    builder.save(Path(__file__).with_name("MissingCharacter.ttf"))


if __name__ == "__main__":
    main()
