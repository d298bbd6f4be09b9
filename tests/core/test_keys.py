"""Secrets at rest: what is made for one purpose is worth nothing for another, nor with another secret key."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from core.clock import now
from core.keys import hmac_digest, new_token, seal, sign, token_digest, unseal, verify
from core.settings import get_settings

LATER = timedelta(minutes=5)


@pytest.fixture
def another_secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """From the second half of the test on, call it by `get_settings.cache_clear()`."""
    monkeypatch.setenv("ESPACE_SECRET_KEY", "another secret key, which is long enough as well")
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


def test_what_is_sealed_is_unsealed_for_its_purpose_alone() -> None:
    sealed = seal("ticket", b"K7QM")
    assert unseal("ticket", sealed) == b"K7QM"
    assert b"K7QM" not in sealed
    with pytest.raises(ValueError, match="not sealed for mail"):
        unseal("mail", sealed)


def test_the_same_is_sealed_differently_each_time() -> None:
    assert seal("ticket", b"K7QM") != seal("ticket", b"K7QM")


@pytest.mark.parametrize("place", [0, 11, 12, -1])
def test_a_changed_byte_is_noticed(place: int) -> None:
    sealed = bytearray(seal("ticket", b"K7QM"))
    sealed[place] ^= 1
    with pytest.raises(ValueError, match="not sealed"):
        unseal("ticket", bytes(sealed))


@pytest.mark.parametrize("sealed", [b"", b"short", b"x" * 12])
def test_what_was_never_sealed_is_refused(sealed: bytes) -> None:
    with pytest.raises(ValueError, match="not sealed"):
        unseal("ticket", sealed)


@pytest.mark.usefixtures("another_secret")
def test_another_secret_key_opens_and_finds_nothing() -> None:
    sealed, digest = seal("ticket", b"K7QM"), hmac_digest("ticket", b"K7QM")
    token = sign("email", {"account": "1"}, now() + LATER)
    get_settings.cache_clear()
    with pytest.raises(ValueError, match="not sealed"):
        unseal("ticket", sealed)
    assert hmac_digest("ticket", b"K7QM") != digest
    assert verify("email", token) is None


def test_digests_depend_on_purpose_and_value() -> None:
    assert hmac_digest("ticket", b"a") == hmac_digest("ticket", b"a")
    assert (
        len({hmac_digest(purpose, value) for purpose in ("ticket", "captcha") for value in (b"a", b"b")}) == 4
    )


def test_a_signed_token_carries_its_payload_until_it_expires() -> None:
    payload = {"account": "é", "email": "a@b.example"}
    assert verify("email", sign("email", payload, now() + LATER)) == payload
    assert verify("email", sign("email", payload, now() - LATER)) is None
    assert verify("other", sign("email", payload, now() + LATER)) is None


@pytest.mark.parametrize("token", ["", ".", "a.b", "é.é", "!!.!!", "e30.e30", "x" * 10_000])
def test_what_we_never_signed_is_not_verified(token: str) -> None:
    assert verify("email", token) is None


def test_a_changed_payload_is_not_verified() -> None:
    body, _, signature = sign("email", {"account": "1"}, now() + LATER).partition(".")
    other, _, _ = sign("email", {"account": "2"}, now() + LATER).partition(".")
    assert verify("email", f"{other}.{signature}") is None
    assert verify("email", f"{body}.{signature[:-2]}") is None


def test_tokens_never_repeat_and_are_kept_as_digests() -> None:
    tokens = {new_token() for _ in range(1_000)}
    assert len(tokens) == 1_000
    assert min(map(len, tokens)) >= 43
    assert len(token_digest(new_token())) == 32
