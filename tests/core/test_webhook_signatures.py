"""What the library of Standard Webhooks signs is known as its signer's, and it verifies what we sign."""

from __future__ import annotations

import base64
import json
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from core.clock import now
from core.webhook_signatures import is_signed, new_signing_secret, signed_headers

SECRET = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
BODY = '{"type": "link.ended", "é": 1}'

RAW = BODY.encode()


def signed(
    body: str = BODY, *, secret: str = SECRET, id: str = "msg_1", at: datetime | None = None
) -> dict[str, str]:
    at = at or now()
    return {
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(id, at, body),
    }


def test_what_the_library_signs() -> None:
    assert is_signed(SECRET, signed(), BODY.encode())


def test_one_of_several_signatures_is_enough() -> None:
    headers = signed()
    headers["webhook-signature"] = f"v1a,xyz v1,AAAA {headers['webhook-signature']}"
    assert is_signed(SECRET, headers, BODY.encode())


@pytest.mark.parametrize("minutes", [-6, 6])
def test_too_old_or_of_the_future(minutes: int) -> None:
    headers = signed(at=datetime.now(UTC) + timedelta(minutes=minutes))
    assert not is_signed(SECRET, headers, BODY.encode())


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "msg_2"},
        {"webhook-id": ""},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "1e9"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": "٣"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,***"},
        {"webhook-signature": "v1,é"},
        {
            "webhook-signature": signed(secret=f"whsec_{base64.b64encode(b'k' * 32).decode()}")[
                "webhook-signature"
            ]
        },
        {"webhook-signature": signed()["webhook-signature"].replace("v1,", "v2,")},
    ],
)
def test_anything_else(changed: dict[str, str]) -> None:
    assert not is_signed(SECRET, signed() | changed, BODY.encode())


def test_another_body() -> None:
    assert not is_signed(SECRET, signed(), BODY.encode() + b" ")
    assert not is_signed(SECRET, {}, BODY.encode())


def test_the_library_verifies_what_we_sign() -> None:
    secret, other = new_signing_secret(), new_signing_secret()
    headers = signed_headers([secret], "event-1", now(), RAW)
    assert Webhook(secret).verify(RAW, headers) == json.loads(BODY)
    assert is_signed(secret, headers, RAW)
    for changed in (
        (other, RAW, headers),
        (secret, RAW + b" ", headers),
        (secret, RAW, {**headers, "webhook-id": "event-2"}),
        (secret, RAW, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(changed[0]).verify(changed[1], changed[2])


def test_either_of_two_secrets_verifies() -> None:
    old, new = new_signing_secret(), new_signing_secret()
    headers = signed_headers([new, old], "event-1", now(), RAW)
    assert Webhook(old).verify(RAW, headers) == Webhook(new).verify(RAW, headers)


def test_secrets_are_written_as_the_specification_says() -> None:
    made = {new_signing_secret() for _ in range(100)}
    assert len(made) == 100
    assert all(secret.startswith("whsec_") and len(secret) == 50 for secret in made)
