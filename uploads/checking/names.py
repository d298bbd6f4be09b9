"""Names of files, made safe to show, to send in a header and to save under on any system."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 200
"""Characters of a name, its extension included."""

NAMELESS = "document"

_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Characters that show nothing though Unicode does not count them among the invisible."""

_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
"""Categories: controls, formats (bidi marks, zero width), half surrogate pairs, private use, not assigned."""

_SPACES = frozenset({"Zs", "Zl", "Zp"})

# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_WINDOWS_CHARACTERS = re.compile(r'[<>:"|?*]')
_WINDOWS_DEVICES = re.compile(
    r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(?:\.|\Z)", re.IGNORECASE
)

_EXTENSION = re.compile(r"(?s:(.+))\.([A-Za-z0-9]{1,10})")


def normalise_name(name: str) -> str:
    """A name of 1 to LONGEST characters in NFC: one path part, nothing invisible, nothing that a system reserves.

    Accents and letters of any script stay; so does the extension when the name is cut. Where nothing is left it is
    NAMELESS. Normalising twice changes nothing more.
    """
    shown = "".join(map(_visible, name))
    parts = [_trim(part) for part in re.split(r"[/\\]", unicodedata.normalize("NFC", shown))]
    name = _WINDOWS_CHARACTERS.sub("_", next(filter(None, reversed(parts)), ""))
    if _WINDOWS_DEVICES.match(name):
        name = f"_{name}"
    return _cut(name) or NAMELESS


def split_extension(name: str) -> tuple[str, str]:
    """The name before its last dot, and what comes after it: at most ten ASCII letters and digits, otherwise ""."""
    match = _EXTENSION.fullmatch(name)
    return (match[1], match[2]) if match else (name, "")


def with_extension(name: str, extension: str) -> str:
    """The name, normalised, with that extension instead of the one it has, if any."""
    return normalise_name(f"{split_extension(name)[0]}.{extension}")


def _visible(character: str) -> str:
    category = unicodedata.category(character)
    if category in _SPACES or character in "\t\n\r":
        return " "
    return "" if category in _DROPPED or character in _BLANK_LETTERS else character


def _trim(part: str) -> str:
    """Without spaces around it, more than one space in a row, leading dots (hidden files), trailing dots."""
    return re.sub(" {2,}", " ", part).lstrip(". ").rstrip(". ")


def _cut(name: str) -> str:
    if len(name) <= LONGEST:
        return name
    stem, extension = split_extension(name)
    if not extension:
        return _trim(name[:LONGEST])
    return f"{_trim(stem[: LONGEST - len(extension) - 1])}.{extension}"
