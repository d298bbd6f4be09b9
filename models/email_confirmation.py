"""The token that shows whose an address is: mailed to it, bound to account and address, kept nowhere."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from core.keys import sign, verify

LIFETIME = timedelta(hours=48)

_PURPOSE = "email-confirmation"


def confirmation_token(account_id: UUID, email: str, expires_at: datetime) -> str:
    """Good until then, for as long as the account has this address."""
    return sign(_PURPOSE, {"account": str(account_id), "email": email}, expires_at)


def read_confirmation_token(token: str) -> tuple[UUID, str] | None:
    """The account and the address that it confirms; None where it is none of ours, or has expired."""
    payload = verify(_PURPOSE, token)
    return None if payload is None else (UUID(payload["account"]), payload["email"])
