"""Signatures that others' libraries for Standard Webhooks verify."""

from __future__ import annotations

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from core.clock import now
from core.webhook_signatures import new_signing_secret, signed_headers

BODY = '{"sujet":"Pièce n° 1"}'.encode()


def test_the_library_verifies_what_we_sign() -> None:
    secret, other = new_signing_secret(), new_signing_secret()
    headers = signed_headers([secret], "event-1", now(), BODY)
    assert Webhook(secret).verify(BODY, headers) == {"sujet": "Pièce n° 1"}
    for changed in (
        (other, BODY, headers),
        (secret, BODY + b" ", headers),
        (secret, BODY, {**headers, "webhook-id": "event-2"}),
        (secret, BODY, {**headers, "webhook-timestamp": str(int(headers["webhook-timestamp"]) + 1)}),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(changed[0]).verify(changed[1], changed[2])


def test_either_of_two_secrets_verifies() -> None:
    old, new = new_signing_secret(), new_signing_secret()
    headers = signed_headers([new, old], "event-1", now(), BODY)
    assert Webhook(old).verify(BODY, headers) == Webhook(new).verify(BODY, headers)


def test_secrets_are_written_as_the_specification_says() -> None:
    secrets = {new_signing_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(secret.startswith("whsec_") and len(secret) == 50 for secret in secrets)
