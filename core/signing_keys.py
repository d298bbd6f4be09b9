"""Keys that others verify with: what this installation signs is known by its public keys.

    GET /.well-known/jwks.json      the keys of now and of next, and for a day those of before

ECDSA on P-256 (ES256), derived from `ESPACE_SECRET_KEY`, one for each period: every process knows them without asking
anybody, nothing is kept, and they change by the clock alone. The next one is told a period ahead, so that whoever
keeps the list for weeks knows it in time. docs/decisions/0018 says why.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from core.clock import now
from core.keys import derived_bytes

ALGORITHM = "ES256"
PERIOD = timedelta(days=90)
STAYS_FOR = timedelta(days=1)
"""How long a key can still be verified with after the last signature: clocks differ, and so do caches."""

_FIRST = datetime(2020, 1, 1, tzinfo=UTC)
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the group of P-256 (SEC 2, 2.4.2)."""
_SEED_BYTES = 48
"""128 bits more than the order has, so that the remainder is as good as drawn (FIPS 186-5, A.2.1)."""


def sign_jwt(kind: str, claims: dict[str, Any]) -> str:
    """A JSON Web Token of this kind (`typ`, RFC 8725, 3.11), signed with the key of now."""
    key = _key_at(now())
    return jwt.encode({"alg": ALGORITHM, "typ": kind, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])


def public_keys() -> dict[str, Any]:
    """The JSON Web Key Set (RFC 7517, 5)."""
    at = now()
    periods = dict.fromkeys([_period(at - STAYS_FOR), _period(at), _period(at) + 1])
    return {"keys": [_key(period).as_dict(private=False) for period in periods]}


def _key_at(at: datetime) -> ECKey:
    return _key(_period(at))


def _period(at: datetime) -> int:
    return (at - _FIRST) // PERIOD


def _key(period: int) -> ECKey:
    return _make_key(derived_bytes(f"signing key {period}", _SEED_BYTES))


@lru_cache(maxsize=8)
def _make_key(seed: bytes) -> ECKey:
    number = int.from_bytes(seed) % (_ORDER - 1) + 1
    key = ECKey.import_key(ec.derive_private_key(number, ec.SECP256R1()), {"alg": ALGORITHM, "use": "sig"})
    key.ensure_kid()
    return key
