"""Standard Webhooks, symmetric signatures: how whoever is told of something knows that it was us, and how we know that
what comes is really from whom it says, unchanged, and of now.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime

from core.clock import now

PREFIX = "whsec_"
SECRET_BYTES = 32
TOLERANCE_SECONDS = 300
MOST_SIGNATURES = 10
"""While a secret is changed there are two."""


def new_signing_secret() -> str:
    """`whsec_` and 256 random bits in base64, as libraries for Standard Webhooks read it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(signing_secrets: Sequence[str], id: str, at: datetime, body: bytes) -> dict[str, str]:
    """`id` is the same at each attempt; `at` is that of the attempt. One signature for each secret: whoever has either
    of two recognises it.
    """
    timestamp = str(int(at.timestamp()))
    signatures = (_sign(secret, id, timestamp, body) for secret in signing_secrets)
    return {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode()}" for one in signatures),
    }


def is_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the body was signed with this secret (`whsec_…`), within TOLERANCE_SECONDS of now.

    `headers`: by names in lower case.
    """
    id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not id or not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    if abs(now().timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    expected = _sign(secret, id, timestamp, body)
    given = headers.get("webhook-signature", "").split(" ")[:MOST_SIGNATURES]
    return any(hmac.compare_digest(expected, _read(one)) for one in given)


def _sign(secret: str, id: str, timestamp: str, body: bytes) -> bytes:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return hmac.digest(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256)


def _read(signature: str) -> bytes:
    version, _, encoded = signature.partition(",")
    try:
        return base64.b64decode(encoded, validate=True) if version == "v1" else b""
    except (binascii.Error, ValueError):
        return b""
