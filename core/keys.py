"""Secrets at rest: digests to look up by, sealed values, signed tokens. One key for each purpose, all from one secret.

Keys are derived by HKDF (RFC 5869) from `ESPACE_SECRET_KEY`, so that what is made for one purpose is worth nothing
for another.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from datetime import datetime
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.clock import now
from core.settings import get_settings

NONCE_BYTES = 12
SESSION_TOKEN_BYTES = 32


@lru_cache(maxsize=64)
def _derive(secret: str, purpose: str, length: int = 32) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=b"espace-citoyens", info=purpose.encode()).derive(
        secret.encode()
    )


def _key(purpose: str) -> bytes:
    return _derive(get_settings().secret_key.get_secret_value(), purpose)


def derived_bytes(purpose: str, length: int) -> bytes:
    """What a key of another kind is made of: always the same for this secret and this purpose."""
    return _derive(get_settings().secret_key.get_secret_value(), purpose, length)


def hmac_digest(purpose: str, data: bytes) -> bytes:
    """32 bytes that only the holder of the secret can compute: to look a secret up without keeping it."""
    return hmac.digest(_key(purpose), data, hashlib.sha256)


def seal(purpose: str, data: bytes) -> bytes:
    """`data` encrypted and authenticated (AES-256-GCM), the nonce first."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(_key(purpose)).encrypt(nonce, data, purpose.encode())


def unseal(purpose: str, sealed: bytes) -> bytes:
    """What `seal` was given. Raises ValueError where it was not made by `seal` for this purpose with this secret."""
    try:
        return AESGCM(_key(purpose)).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose.encode())
    except (InvalidTag, ValueError) as error:
        raise ValueError(f"not sealed for {purpose} with this secret key") from error


def new_token() -> str:
    """A bearer token with 256 random bits, URL-safe."""
    return secrets.token_urlsafe(SESSION_TOKEN_BYTES)


def token_digest(token: str) -> bytes:
    """How a token is kept: its SHA-256. It has too much entropy for a guess to be worth a slow hash."""
    return hashlib.sha256(token.encode()).digest()


def sign(purpose: str, payload: dict[str, Any], expires_at: datetime) -> str:
    """A URL-safe token that carries `payload` until `expires_at`. Readable by whoever holds it, made only by us."""
    body = json.dumps(
        {**payload, "exp": int(expires_at.timestamp())}, separators=(",", ":"), sort_keys=True
    ).encode()
    return f"{_encode(body)}.{_encode(hmac_digest(purpose, body))}"


def verify(purpose: str, token: str) -> dict[str, Any] | None:
    """The payload of a token that `sign` made for this purpose and that still holds; None for any other."""
    token = token[:4096]
    body_text, _, digest_text = token.partition(".")
    try:
        body, digest = _decode(body_text), _decode(digest_text)
    except (binascii.Error, ValueError):
        return None
    # Base64 writes the same bytes in several ways (spare bits, padding): only one of them was given out.
    if token != f"{_encode(body)}.{_encode(digest)}" or not hmac.compare_digest(
        digest, hmac_digest(purpose, body)
    ):
        return None
    payload: dict[str, Any] = json.loads(body)
    return payload if payload.pop("exp") > now().timestamp() else None


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
