"""Appointments as their calendar addresses serve them."""

from __future__ import annotations

from dataclasses import dataclass

from core.clock import now
from core.settings import get_settings
from models.database import fetch_one
from models.invitations import COLUMNS, Invitation, invitation_of, to_icalendar
from resolvers.calendar_links import GOOD_AFTERWARDS, read_calendar_token


@dataclass(frozen=True, slots=True)
class CalendarFile:
    """`digest` changes with what the file tells."""

    invitation: Invitation

    @property
    def digest(self) -> str:
        return self.invitation.digest()

    def content(self) -> bytes:
        """The iCalendar object, with METHOD:PUBLISH: for whoever looks, and addressed to nobody."""
        settings = get_settings()
        return to_icalendar(
            self.invitation,
            "PUBLISH",
            sender=settings.mail_from,
            public_url=settings.public_url,
            made_at=now(),
        )


async def read_calendar_file(token: str) -> CalendarFile | None:
    """What the signed address tells now; None where it is none of ours, no longer good, or the appointment is gone or
    only held. One statement. Raises UnavailableError.
    """
    id = read_calendar_token(token)
    if id is None:
        return None
    row = await fetch_one(
        f"SELECT {COLUMNS}, r.language, t.name AS municipality_name FROM appointment a "
        "JOIN slot s ON s.id = a.slot_id JOIN schedule h ON h.id = s.schedule_id "
        "JOIN service_request r ON r.id = a.request_id LEFT JOIN municipality t ON true "
        "WHERE a.id = $1 AND a.state <> 'HELD' AND s.\"end\" > $2",
        id,
        now() - GOOD_AFTERWARDS,
    )
    return CalendarFile(invitation_of(row)) if row else None
