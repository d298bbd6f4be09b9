"""Signed addresses of appointments as iCalendar files: whoever has one reads one appointment, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.keys import sign, verify
from core.settings import get_settings

PURPOSE = "calendar"
GOOD_AFTERWARDS = timedelta(days=30)
"""How long after the appointment its address is good: whoever reads its row says so (resolvers/invitations.py)."""

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def calendar_url(appointment_id: UUID) -> str:
    """The address of the file. It stays the same when the appointment moves: calendar programs come back to it."""
    token = sign(PURPOSE, {"appointment": str(appointment_id)}, _NEVER)
    return f"{get_settings().public_url}/calendar/{token}.ics"


def read_calendar_token(token: str) -> UUID | None:
    """The appointment that an address names; None where it is none of ours."""
    payload = verify(PURPOSE, token)
    return UUID(payload["appointment"]) if payload else None
