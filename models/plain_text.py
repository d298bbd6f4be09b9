"""Text that people type, made fit to store, compare and show."""

from __future__ import annotations

import re
import unicodedata

_SPACES = re.compile(r"\s+")


def one_line(text: str) -> str:
    """NFC, runs of white space as one space, none at the ends."""
    return _SPACES.sub(" ", unicodedata.normalize("NFC", text)).strip()


def several_lines(text: str) -> str:
    """NFC, line ends as `\\n`, no white space at the end of a line nor around the whole."""
    unified = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(line.rstrip() for line in unified.split("\n")).strip()


def has_unprintable(text: str) -> bool:
    """Whether it holds what no keyboard types: control characters (PostgreSQL refuses NUL), lone surrogates
    (they cannot be encoded), and the marks that turn the direction of writing, which can make a text read as
    another.

    Line ends and tabs are not counted: `one_line` and `several_lines` deal with them.
    """
    return any(
        (unicodedata.category(character) in {"Cc", "Cs"} and character not in "\t\r\n")
        or character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
        for character in text
    )
