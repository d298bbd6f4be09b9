"""One-time codes of a telephone (TOTP, RFC 6238), and the recovery codes for when it is lost.

SHA-1, six digits, thirty seconds: what every authenticator program knows. The secret has 160 random bits, as RFC 4226
recommends (4, R6); so has SHA-1 as an HMAC no weakness that matters here (RFC 6238, B; NIST SP 800-107).
"""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from datetime import datetime

import pyotp
import segno

from core.tickets import ALPHABET

STEP_SECONDS = 30
TOLERATED_STEPS = 1
"""Clocks of telephones go wrong, and people type slowly: the code before and the code after will do (RFC 6238, 5.2)."""

RECOVERY_CODES = 10
GROUPS, GROUP_LENGTH = 3, 4
"""Of a recovery code: 60 random bits, in groups that can be read out."""

LONGEST_TYPED = 60


def new_secret() -> str:
    """160 random bits in base32, as authenticator programs take them."""
    return pyotp.random_base32(32)


def provisioning_uri(secret: str, *, username: str, issuer: str) -> str:
    """The `otpauth://` address that holds the secret: for the picture, or for a program on the same device."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=issuer)


def picture(uri: str) -> str:
    """The address as a QR code: an SVG picture as a `data:` URI."""
    return str(segno.make(uri, error="m", micro=False).svg_data_uri(scale=4, border=4, omitsize=False))


def step_of(secret: str, typed: str, at: datetime) -> int | None:
    """The step, counted since 1970, whose code was typed; None where it is the code of none that is near `at`.

    The present one first: where two steps happen to have one code, it is spent on the one that people mean.
    """
    code = _squeezed(typed)
    if len(code) != 6 or not code.isascii() or not code.isdigit():
        return None
    totp = pyotp.TOTP(secret)
    present = int(at.timestamp()) // STEP_SECONDS
    found = None
    # All of them are compared, so that the time taken tells nothing.
    for distance in sorted(range(-TOLERATED_STEPS, TOLERATED_STEPS + 1), key=abs, reverse=True):
        if hmac.compare_digest(totp.generate_otp(present + distance), code):
            found = present + distance
    return found


def new_recovery_codes() -> list[str]:
    """Ten codes that nobody can guess, as they are shown: `K7QM-2XRD-9F4T`."""
    return [
        "-".join("".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH)) for _ in range(GROUPS))
        for _ in range(RECOVERY_CODES)
    ]


def parse_recovery_code(typed: str) -> str | None:
    """The recovery code that somebody typed, without its dashes; None where it is none.

    Any case; spaces and dashes anywhere; O is read as 0, I and L as 1.
    """
    code = _squeezed(typed).upper().translate(str.maketrans("OIL", "011"))
    return code if len(code) == GROUPS * GROUP_LENGTH and set(code) <= set(ALPHABET) else None


def _squeezed(typed: str) -> str:
    return "".join(c for c in typed[:LONGEST_TYPED] if not c.isspace() and unicodedata.category(c) != "Pd")
