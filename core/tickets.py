"""Ticket numbers: what opens one request to whoever holds it, made to be read out, copied by hand and typed.

A ticket is 19 random characters of Crockford's base32 (95 bits) and one check character, in five groups of
four: `K7QM-2XRD-9F4T-W8ZB-3HNC`. 95 bits cannot be guessed, however many requests there are, and nothing in a
ticket tells when or after which other one it was made.

The check character is not Crockford's own: his is a remainder modulo 37, which needs five more symbols
(`*~$=U`) that are awkward to read out, to type on a telephone and to put in an address. Ours is a linear code
over GF(32), the field whose elements are the 32 letters themselves: every position has its own weight, a
power of a primitive element, and the weighted sum of a ticket is nought. Weights differ and are never nought,
so every wrong character and every swap of two characters, neighbours or not, is seen before anything is
looked up.
"""

from __future__ import annotations

import secrets
import unicodedata

from core.keys import hmac_digest, seal, unseal

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 20
GROUP_LENGTH = 4
LONGEST_TYPED = 100

_VALUES = {character: value for value, character in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}

# x^5 + x^2 + 1 is primitive over GF(2): the powers of x (2) run through all 31 elements that are not nought.
_REDUCTION = 0b100101
_ORDER = 31


def _powers() -> list[int]:
    powers = [1]
    for _ in range(_ORDER - 1):
        doubled = powers[-1] << 1
        powers.append(doubled ^ _REDUCTION if doubled & 0b100000 else doubled)
    return powers


_POWERS = _powers()
_LOGARITHMS = {power: exponent for exponent, power in enumerate(_POWERS)}


def _weighted_sum(values: list[int]) -> int:
    """The sum of value × 2^place in GF(32), where the last character is place 0."""
    total = 0
    for place, value in enumerate(reversed(values)):
        if value:
            total ^= _POWERS[(_LOGARITHMS[value] + place) % _ORDER]
    return total


def _grouped(values: list[int]) -> str:
    characters = "".join(ALPHABET[value] for value in values)
    return "-".join(characters[start : start + GROUP_LENGTH] for start in range(0, LENGTH, GROUP_LENGTH))


def new_ticket() -> str:
    """A ticket that nobody can guess, as it is shown to people."""
    values = [secrets.randbelow(len(ALPHABET)) for _ in range(LENGTH - 1)]
    return _grouped([*values, _weighted_sum([*values, 0])])


def parse_ticket(text: str) -> str | None:
    """The ticket that somebody typed, as it is shown; None where it is none.

    Any case; spaces and dashes of any kind anywhere; O is read as 0, I and L as 1.
    """
    if len(text) > LONGEST_TYPED:
        return None
    typed = "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Pd")
    if len(typed) != LENGTH or not typed.isascii():
        return None
    values = [_VALUES.get(character) for character in typed.upper()]
    known = [value for value in values if value is not None]
    if len(known) != LENGTH or _weighted_sum(known) != 0:
        return None
    return _grouped(known)


def ticket_digest(ticket: str) -> bytes:
    """The 32 bytes that a ticket is looked up by: a copied database opens no request.

    Raises ValueError where `ticket` is none.
    """
    canonical = parse_ticket(ticket)
    if canonical is None:
        raise ValueError("not a ticket")
    return hmac_digest("ticket", canonical.replace("-", "").encode("ascii"))


def seal_ticket(ticket: str) -> bytes:
    """The ticket as it is kept, to be shown and mailed again: encrypted, so that a copied database opens no request."""
    return seal("ticket", ticket.encode("ascii"))


def unseal_ticket(sealed: bytes) -> str:
    """The ticket that `seal_ticket` was given. Raises ValueError where it was sealed with another secret key."""
    return unseal("ticket", sealed).decode("ascii")
