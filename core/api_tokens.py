"""Tokens that programs of others call us with: `ecp_`, 43 random characters, 6 of a checksum.

They are recognised wherever they are found, by the expression `ecp_[0-9A-Za-z]{49}` and then by the checksum: so
scanners that look for leaked secrets find ours and report nothing else, and what was mistyped costs no look-up.
"""

from __future__ import annotations

import re
import secrets
import string
from zlib import crc32

PREFIX = "ecp_"
RANDOM_CHARACTERS = 43
"""256 bits."""

CHECKSUM_CHARACTERS = 6
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase

_TOKEN = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{RANDOM_CHARACTERS + CHECKSUM_CHARACTERS}}}")


def new_api_token() -> str:
    body = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return f"{PREFIX}{body}{_checksum(body)}"


def looks_like_api_token(text: str) -> bool:
    """Whether it is meant as one: whatever starts as they do."""
    return text.startswith(PREFIX)


def is_api_token(text: str) -> bool:
    """Whether `new_api_token` may have made it."""
    if not _TOKEN.fullmatch(text):
        return False
    body = text[len(PREFIX) :]
    return body[RANDOM_CHARACTERS:] == _checksum(body[:RANDOM_CHARACTERS])


def _checksum(body: str) -> str:
    """CRC-32 of the random characters, in base 62, as wide as the largest."""
    left = crc32(body.encode("ascii"))
    digits = []
    for _ in range(CHECKSUM_CHARACTERS):
        left, digit = divmod(left, len(ALPHABET))
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
