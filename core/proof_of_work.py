"""Proof of work by the protocol of ALTCHA, version 2 (altcha.org): a computer works for about a second, nobody has to
see or hear anything.

A challenge is signed and carries what it is for; nothing is kept of it. Whoever takes a solution sees to it that
what it is for happens once.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from datetime import datetime
from typing import Any

import altcha

from core.keys import hmac_digest

ALGORITHM = "PBKDF2/SHA-256"
ROUNDS = 1_000
"""Of PBKDF2 for one attempt: 0.3 ms of a processor."""
FEWEST_ATTEMPTS, MOST_ATTEMPTS = 2_000, 6_000
"""How many attempts it takes is drawn: a browser with two workers needs about a second."""
LONGEST_PAYLOAD = 4_096

_SIGNING = "proof of work"
_KEY_SIGNING = "proof of work: solution"


def make_challenge(subject: str, expires_at: datetime) -> dict[str, Any]:
    """What a client of ALTCHA is given, another one each time. Takes half a millisecond."""
    challenge = altcha.create_challenge(
        ALGORITHM,
        ROUNDS,
        counter=FEWEST_ATTEMPTS + secrets.randbelow(MOST_ATTEMPTS - FEWEST_ATTEMPTS),
        expires_at=int(expires_at.timestamp()),
        data={"for": subject},
        hmac_secret=hmac_digest(_SIGNING, b""),
        hmac_key_secret=hmac_digest(_KEY_SIGNING, b""),
    )
    answer: dict[str, Any] = challenge.to_dict()
    return answer


def is_solved(payload: str, subject: str) -> bool:
    """Whether it solves, in time, a challenge that `make_challenge` made for this subject.

    `payload` is the Base64 of JSON that ALTCHA's clients send. It is judged without doing the work again.
    """
    if len(payload) > LONGEST_PAYLOAD:
        return False
    try:
        parsed = altcha.Payload.from_dict(json.loads(base64.b64decode(payload, validate=True)))
    except (binascii.Error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    parameters = parsed.challenge.parameters
    # Only ours have this: without it, the work would be done again here.
    if not isinstance(parameters.key_signature, str) or parameters.data != {"for": subject}:
        return False
    result = altcha.verify_solution(
        parsed, hmac_digest(_SIGNING, b""), hmac_key_secret=hmac_digest(_KEY_SIGNING, b"")
    )
    return result.verified
