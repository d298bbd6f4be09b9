"""Keys that others verify with: told before they sign, and for a day afterwards; the same in every process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from core import signing_keys
from core.settings import get_settings
from core.signing_keys import PERIOD, STAYS_FOR, public_keys, sign_jwt

START = datetime(2020, 1, 1, tzinfo=UTC) + 30 * PERIOD
"""A key signs from here on."""

At = Callable[[datetime], None]


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> At:
    """Sets the clock."""
    return lambda instant: monkeypatch.setattr(signing_keys, "now", lambda: instant)


def names() -> list[str]:
    return [key["kid"] for key in public_keys()["keys"]]


def header(token: str, keys: dict[str, Any]) -> dict[str, Any]:
    return dict(jwt.decode(token, KeySet.import_key_set({"keys": keys["keys"]}), algorithms=["ES256"]).header)


def test_only_what_is_public_is_told() -> None:
    for key in public_keys()["keys"]:
        assert key.keys() == {"kty", "crv", "x", "y", "alg", "use", "kid"}
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("EC", "P-256", "ES256", "sig")


def test_what_is_signed_is_verified_by_the_key_that_it_names() -> None:
    token = sign_jwt("sign-on+jwt", {"sub": "x"})
    known = header(token, public_keys())
    assert (known["typ"], known["alg"]) == ("sign-on+jwt", "ES256")
    assert known["kid"] in names()
    body, _, signature = token.rpartition(".")
    with pytest.raises(JoseError):
        header(f"{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}", public_keys())


def test_a_key_is_told_before_it_signs_and_for_a_day_afterwards(at: At) -> None:
    at(START + STAYS_FOR)
    this, following = names()
    long_known = public_keys()

    at(START + PERIOD - timedelta(seconds=1))
    assert names() == [this, following]
    late = sign_jwt("x", {})
    assert header(late, long_known)["kid"] == this

    at(START + PERIOD)
    # Whoever has not asked since the quarter began knows the key, and whoever asks now knows the one before.
    assert header(sign_jwt("x", {}), long_known)["kid"] == following
    assert names()[:2] == [this, following]
    assert header(late, public_keys())["kid"] == this

    at(START + PERIOD + STAYS_FOR)
    assert names()[0] == following
    assert len(set(names()) - {this, following}) == 1


def test_another_secret_makes_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    before = names()
    monkeypatch.setenv("ESPACE_SECRET_KEY", "another secret key, which is long enough as well")
    get_settings.cache_clear()
    try:
        assert not set(names()) & set(before)
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
    assert names() == before
