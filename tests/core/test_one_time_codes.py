from __future__ import annotations

from base64 import b32encode
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest

from core.one_time_codes import (
    STEP_SECONDS,
    new_recovery_codes,
    new_secret,
    parse_recovery_code,
    picture,
    provisioning_uri,
    step_of,
)

RFC_SECRET = b32encode(b"12345678901234567890").decode()
# RFC 6238, appendix B, for SHA-1: the last six of its eight digits.
RFC_CODES = {
    59: "287082",
    1111111109: "081804",
    1111111111: "050471",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(("seconds", "code"), RFC_CODES.items())
def test_the_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    step = seconds // STEP_SECONDS
    assert step_of(RFC_SECRET, code, at(seconds)) == step
    for late, found in ((1, step), (2, None)):
        assert step_of(RFC_SECRET, code, at((step + late) * STEP_SECONDS)) == found
    if step > 3:
        for early, found in ((1, step), (2, None)):
            assert step_of(RFC_SECRET, code, at((step - early) * STEP_SECONDS)) == found


@pytest.mark.parametrize("typed", ["287082", " 287 082 ", "287-082", "287\u2011082", "287\u00a0082"])
def test_a_code_however_it_is_typed(typed: str) -> None:
    assert step_of(RFC_SECRET, typed, at(59)) == 1


@pytest.mark.parametrize(
    "typed", ["", "287083", "87082", "2870820", "28708a", "²87082", "٢٨٧٠٨٢", "0" * 10_000]
)
def test_what_is_no_code(typed: str) -> None:
    assert step_of(RFC_SECRET, typed, at(59)) is None


def test_a_secret_is_new_and_long_each_time() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(pyotp.TOTP(secret).byte_secret()) for secret in secrets} == {20}


def test_the_address_is_what_authenticator_programs_read() -> None:
    uri = provisioning_uri(RFC_SECRET, username="agent.martin", issuer="Mairie de Saint-Aubin & Co")
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/Mairie de Saint-Aubin & Co:agent.martin"
    assert parse_qs(parts.query) == {"secret": [RFC_SECRET], "issuer": ["Mairie de Saint-Aubin & Co"]}
    understood = pyotp.parse_uri(uri)
    assert isinstance(understood, pyotp.TOTP)
    assert understood.at(59) == "287082"
    assert picture(uri).startswith("data:image/svg+xml;")
    assert picture(uri) != picture(uri + "x")


def test_recovery_codes_are_ten_and_read_however_they_are_typed() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == 10
    for code in codes:
        assert len(code) == 14
        bare = code.replace("-", "")
        assert parse_recovery_code(code) == bare
        assert parse_recovery_code(f" {code.lower().replace('-', ' ')} ") == bare
        assert parse_recovery_code(code.replace("0", "o").replace("1", "l")) == bare


@pytest.mark.parametrize(
    "typed", ["", "123456", "K7QM-2XRD-9F4", "K7QM-2XRD-9F4TX", "K7QM-2XRD-9F4U", "é" * 12, "0" * 99]
)
def test_what_is_no_recovery_code(typed: str) -> None:
    assert parse_recovery_code(typed) is None
