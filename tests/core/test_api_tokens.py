"""Tokens that scanners recognise, and that nobody guesses or mistypes into being."""

from __future__ import annotations

import re
import zlib

import pytest

from core.api_tokens import is_api_token, looks_like_api_token, new_api_token


def test_tokens_never_repeat_and_are_recognised() -> None:
    tokens = {new_api_token() for _ in range(2_000)}
    assert len(tokens) == 2_000
    for token in tokens:
        assert re.fullmatch("ecp_[0-9A-Za-z]{49}", token)
        assert looks_like_api_token(token)
        assert is_api_token(token)


def test_the_checksum_is_the_one_that_is_documented() -> None:
    """CRC-32 of the random part, in base 62 (digits, capitals, small letters), six wide."""
    assert is_api_token("ecp_" + "0" * 43 + _checksum("0" * 43))


def _checksum(body: str) -> str:
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    left, written = zlib.crc32(body.encode()), ""
    for _ in range(6):
        written = alphabet[left % 62] + written
        left //= 62
    return written


@pytest.mark.parametrize("place", range(4, 53, 6))
def test_whatever_is_mistyped_is_none(place: int) -> None:
    token = new_api_token()
    other = "A" if token[place] != "A" else "B"
    assert not is_api_token(token[:place] + other + token[place + 1 :])


@pytest.mark.parametrize(
    "text", ["", "ecp_", "ecp_" + "a" * 48, "ecp_" + "é" * 49, "ECP_" + "a" * 49, "x" * 10_000]
)
def test_what_never_was_one(text: str) -> None:
    assert not is_api_token(text)
