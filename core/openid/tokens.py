"""Signed tokens of a provider: by one algorithm, with one of its keys, from it, for us, and for now."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jwt import JWTClaimsRegistry

from core.clock import now
from core.openid.errors import OpenIdError

LEEWAY_SECONDS = 30
"""How far clocks may be apart."""

LONGEST_TOKEN = 16 * 1024
MOST_KEYS = 50
SMALLEST_RSA_BITS = 2048

Claims = dict[str, Any]


class UnknownKeyError(Exception):
    """Signed with a key that we do not know: it may be a new one."""


def read_keys(document: Any, algorithm: str) -> KeySet:
    """The keys of a JWK set that may sign by this algorithm; all others are as if they were not there.

    Raises OpenIdError.
    """
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise OpenIdError("NOT_TRUSTED", "the JWK set is none")
    return KeySet([key for entry in listed[:MOST_KEYS] if (key := _read_key(entry, algorithm)) is not None])


def verify(token: str, keys: KeySet, algorithm: str, *, issuer: str, audience: str) -> Claims:
    """The claims of a token that is what it should be. Raises UnknownKeyError, OpenIdError."""
    if len(token) > LONGEST_TOKEN:
        raise OpenIdError("NOT_TRUSTED", "the token is too long")
    try:
        # The one algorithm that was agreed on: what the token says of itself chooses nothing (RFC 8725, 3.1).
        claims = jwt.decode(token, keys, algorithms=[algorithm]).claims
        JWTClaimsRegistry(
            now=int(now().timestamp()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
        ).validate(claims)
    except (InvalidKeyIdError, BadSignatureError) as error:
        raise UnknownKeyError from error
    except (JoseError, ValueError, TypeError) as error:
        raise OpenIdError("NOT_TRUSTED", f"the token is refused: {type(error).__name__}") from error
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != audience:
        raise OpenIdError("NOT_TRUSTED", "the token is for others, too")
    return claims


def check_identity(claims: Claims, *, nonce: str, acr_values: Sequence[str]) -> str:
    """The subject of an identity token that is of this log-in, and as sure as was asked for. Raises OpenIdError."""
    for required in ("exp", "iat"):
        if not isinstance(claims.get(required), (int, float)):
            raise OpenIdError("NOT_TRUSTED", f"the identity token lacks {required}")
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise OpenIdError("NOT_TRUSTED", "the identity token is of another log-in")
    if acr_values and not _is_sure_enough(claims.get("acr"), acr_values):
        raise OpenIdError("NOT_TRUSTED", "the level of assurance is not the one that was asked for")
    return subject_of(claims)


def subject_of(claims: Claims) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise OpenIdError("NOT_TRUSTED", "the token names nobody")
    return subject


def _is_sure_enough(acr: object, acr_values: Sequence[str]) -> bool:
    """One of those asked for, or a higher level of eIDAS than one of them."""
    if not isinstance(acr, str):
        return False
    return acr in acr_values or any(_level(acr) >= _level(asked) > 0 for asked in acr_values)


def _level(acr: str) -> int:
    return {"eidas1": 1, "eidas2": 2, "eidas3": 3}.get(acr, 0)


def _read_key(entry: Any, algorithm: str) -> ECKey | RSAKey | None:
    if not isinstance(entry, dict):
        return None
    if entry.get("use", "sig") != "sig" or entry.get("alg", algorithm) != algorithm:
        return None
    try:
        if algorithm == "ES256" and entry.get("kty") == "EC" and entry.get("crv") == "P-256":
            return ECKey.import_key(entry)
        if algorithm == "RS256" and entry.get("kty") == "RSA":
            key = RSAKey.import_key(entry)
            return key if key.public_key.key_size >= SMALLEST_RSA_BITS else None
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None
