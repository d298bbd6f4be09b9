"""Colours of a look, and whether people can read what is written in them."""

from __future__ import annotations

import re

LEAST_CONTRAST = 4.5
"""Between a text and its ground: WCAG 2.2, success criterion 1.4.3."""
TINT_SHARE = 0.09

_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


def is_color(text: str) -> bool:
    """Whether it is written as `#1f4e79`."""
    return _COLOR.fullmatch(text) is not None


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white), as WCAG 2.2 defines it, of two colours like `#1f4e79`."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def tint(color: str) -> str:
    """The colour that little of `color` makes of white, for grounds."""
    shares = (int(color[place : place + 2], 16) * TINT_SHARE + 255 * (1 - TINT_SHARE) for place in (1, 3, 5))
    return "#" + "".join(f"{round(channel):02x}" for channel in shares)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(int(color[place : place + 2], 16) / 255) for place in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
