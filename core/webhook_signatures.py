"""Standard Webhooks: what comes is really from whom it says, unchanged, and of now.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from core.clock import now

TOLERANCE_SECONDS = 300
PREFIX = "whsec_"
MOST_SIGNATURES = 10
"""While a secret is changed there are two."""


def is_signed(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the body was signed with this secret (`whsec_…`), within TOLERANCE_SECONDS of now.

    `headers`: by names in lower case.
    """
    id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not id or not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    if abs(now().timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix(PREFIX))
    expected = hmac.digest(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256)
    given = headers.get("webhook-signature", "").split(" ")[:MOST_SIGNATURES]
    return any(hmac.compare_digest(expected, _signature(one)) for one in given)


def _signature(text: str) -> bytes:
    version, _, encoded = text.partition(",")
    try:
        return base64.b64decode(encoded, validate=True) if version == "v1" else b""
    except (binascii.Error, ValueError):
        return b""
