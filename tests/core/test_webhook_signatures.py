"""What partners sign by the library of Standard Webhooks is known as theirs, and nothing else is."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from core.clock import now
from core.webhook_signatures import is_signed

SECRET = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
BODY = '{"type": "link.ended", "é": 1}'


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
