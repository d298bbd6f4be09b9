"""Signed addresses of appointments as iCalendar files: whoever has one reads one appointment, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from core.keys import sign, verify
from core.settings import get_settings

PURPOSE = "calendar"
GOOD_AFTERWARDS = timedelta(days=30)


def calendar_url(appointment_id: UUID, ends_at: datetime) -> str:
    """The address of the file, good until some days after the appointment: calendar programs come back to it."""
    token = sign(PURPOSE, {"appointment": str(appointment_id)}, ends_at + GOOD_AFTERWARDS)
    return f"{get_settings().public_url}/calendar/{token}.ics"


def read_calendar_token(token: str) -> UUID | None:
    """The appointment that an address names; None where it is none of ours, or no longer good."""
    payload = verify(PURPOSE, token)
    return UUID(payload["appointment"]) if payload else None
