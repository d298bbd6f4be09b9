"""What the headers of a download say and ask: protection, names (RFC 6266), ranges and conditions (RFC 9110)."""

from __future__ import annotations

import re
import unicodedata
from typing import Literal
from urllib.parse import quote, urlsplit

from core.settings import Settings

_RANGE = re.compile(r"bytes=[ \t]*(\d*)-(\d*)[ \t]*", re.ASCII | re.IGNORECASE)
_ENTITY_TAG = re.compile(r'(?:W/)?"([^"]*)"')
# Controls, invisible formatting (right-to-left marks among it), halves of surrogate pairs, line and paragraph ends.
_UNSHOWN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# `%` since some programs decode what follows it (RFC 6266, appendix D); what no file system takes; what ends the text.
_UNSAFE = set('%"\\/:*?<>|')
# What RFC 8187 lets stand unencoded besides letters and digits, less what `quote` never encodes.
_ATTRIBUTE_CHARACTERS = "!#$&+^`|"
LARGEST_DIGITS = 18


class UnsatisfiableRangeError(Exception):
    """The range asked for begins behind the last byte. `size` is that of the file, in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size


def protection(settings: Settings) -> dict[str, str]:
    """What every answer says, whatever it holds.

    Style sheets inside are let be, since browsers show pictures and PDFs in pages of their own making, with styles
    inline. `sandbox` without `allow-scripts` or `allow-same-origin`: Chromium shows PDFs all the same (tests/browser),
    as its viewer is a process apart that looks at `frame-ancestors` only; Safari leaves PDFs with scripts blank, and
    there are none among what is kept (uploads/checking).

    Pages of other origins show thumbnails, so embedding is allowed; whoever does not have the address learns nothing.
    """
    public = urlsplit(settings.public_url)
    public_origin = f"{public.scheme}://{public.netloc}"
    ancestors = dict.fromkeys(["'self'", public_origin, *settings.allowed_origins])
    return {
        "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; "
        f"base-uri 'none'; frame-ancestors {' '.join(ancestors)}",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Referrer-Policy": "no-referrer",
        # For browsers that know no frame-ancestors; all others must ignore it (CSP 3, 6.4.2.2).
        "X-Frame-Options": "SAMEORIGIN",
        "X-Content-Type-Options": "nosniff",
        "X-Robots-Tag": "noindex, nofollow",
        # After a logout, what the browser has kept for the one who left is not shown to the next.
        "Vary": "Authorization, Cookie",
    }


def content_disposition(kind: Literal["inline", "attachment"], name: str) -> str:
    """RFC 6266: the name in ASCII for old programs, in UTF-8 (RFC 8187) for all others where it is another."""
    name = "".join("_" if unicodedata.category(c) in _UNSHOWN or c in "/\\" else c for c in name).strip(" ")
    name = name if name.strip(".") else "file"
    decomposed = unicodedata.normalize("NFKD", name.replace("’", "'").replace("œ", "oe").replace("Œ", "OE"))
    bare = "".join(c for c in decomposed if not unicodedata.combining(c))
    ascii_name = "".join(c if " " <= c <= "~" and c not in _UNSAFE else "_" for c in bare)
    header = f'{kind}; filename="{ascii_name}"'
    if ascii_name == name:
        return header
    return f"{header}; filename*=UTF-8''{quote(name, safe=_ATTRIBUTE_CHARACTERS)}"


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The bytes asked for of so many, as start and end (exclusive); None where all are to be sent.

    Those are RFC 9110's own alternatives (14.2): what is malformed, in other units, or asks for several ranges is
    ignored. Raises UnsatisfiableRangeError.
    """
    match = _RANGE.fullmatch(header or "")
    if match is None or match[1] == match[2] == "":
        return None
    first, last = (_number(text) for text in match.groups())
    if first is None:
        assert last is not None
        start, end = max(size - last, 0), size
    else:
        if last is not None and last < first:
            return None
        start, end = first, size if last is None else min(last + 1, size)
    if start >= end:
        raise UnsatisfiableRangeError(size)
    return start, end


def _number(digits: str) -> int | None:
    """What the digits say; beyond any size, some number beyond any size: Python refuses to read very long ones."""
    if not digits:
        return None
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= LARGEST_DIGITS else 10**LARGEST_DIGITS


def is_among(etag: str, header: str | None) -> bool:
    """Whether an If-None-Match names this entity tag, given without its quotes: by weak comparison (13.1.2)."""
    return header is not None and (header.strip() == "*" or etag in _ENTITY_TAG.findall(header))


def allows_range(if_range: str | None, etag: str) -> bool:
    """Whether a Range may be honoured: no If-Range, or exactly our entity tag (13.1.5). We send no dates."""
    return if_range is None or if_range.strip() == f'"{etag}"'
