"""Appointments as iCalendar objects (RFC 5545), for mails (RFC 5546, RFC 6047) and for whoever has their address.

What makes calendar programs update an entry rather than add one: the UID is the appointment's for ever, and SEQUENCE
grows with every change (`Appointment.sequence`). An object is made of one row as it stands when the object is made, so
an older SEQUENCE never comes with newer dates; whichever object arrives last, the one with the greatest SEQUENCE holds.

Instants are in UTC (3.3.5, form 2): slots are instants, each program shows them by its own clock, and there is no
VTIMEZONE to be misread. The number of the ticket is in none of them: calendars are shared, mails are not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr
from typing import Any, Literal, cast
from uuid import UUID

import orjson
from icalendar import Calendar, Event, vCalAddress

from core.i18n import Language, Text
from models.address import Address

Method = Literal["REQUEST", "CANCEL", "PUBLISH"]

FILE_NAME = "rendez-vous.ics"
PRODID = "-//Espace Citoyens//Rendez-vous//FR"

COLUMNS = (
    "a.id AS appointment_id, a.state AS appointment_state, a.sequence AS appointment_sequence, "
    's.start AS appointment_start, s."end" AS appointment_end, '
    "h.title AS schedule_title, h.place AS schedule_place, h.address AS schedule_address"
)
"""What `invitation_of` reads of an appointment `a`, its slot `s` and that one's schedule `h`, besides the request's
`language` and `municipality_name`."""

_SUMMARY = Text(fr="Rendez-vous à la mairie : {schedule}", en="Appointment at the mairie: {schedule}")
_HOW_TO_CHANGE = Text(
    fr="Pour déplacer ou annuler ce rendez-vous, ouvrez votre demande : le lien est dans nos messages, ou "
    "retrouvez-la avec votre compte ou son numéro de ticket sur {public_url}",
    en="To move or cancel this appointment, open your request: the link is in our mails, or find it with your account "
    "or its ticket number at {public_url}",
)
_IS_CANCELLED = Text(fr="Ce rendez-vous est annulé.", en="This appointment is cancelled.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An appointment that is, or was, confirmed: as its row has it."""

    appointment_id: UUID
    sequence: int
    is_cancelled: bool
    start: datetime
    end: datetime
    language: Language
    schedule: str
    place: str
    address: Address | None
    municipality_name: str

    @property
    def location(self) -> str:
        """`Mairie, guichet 1, 1 place de la Mairie, 49985 Saint-Aubin`."""
        return ", ".join([self.place, *(self.address.to_lines() if self.address else [])])

    @property
    def method(self) -> Method:
        """Of the object that goes by mail."""
        return "CANCEL" if self.is_cancelled else "REQUEST"

    @property
    def uid(self) -> str:
        """A UUID and no host (RFC 7986, 5.3): it outlives a change of domain or sender."""
        return str(self.appointment_id)

    def digest(self) -> str:
        """Changes with whatever the object tells; not with when it was made."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def invitation_of(row: Mapping[str, Any]) -> Invitation:
    """Of a row with COLUMNS."""
    address = row["schedule_address"]
    address = orjson.loads(address) if isinstance(address, str | bytes) else address
    return Invitation(
        appointment_id=row["appointment_id"],
        sequence=row["appointment_sequence"],
        is_cancelled=row["appointment_state"] == "CANCELLED",
        start=row["appointment_start"],
        end=row["appointment_end"],
        language=cast("Language", row["language"]),
        schedule=row["schedule_title"],
        place=row["schedule_place"],
        address=Address.from_json(address) if address else None,
        municipality_name=row["municipality_name"] or "Mairie",
    )


def to_icalendar(
    invitation: Invitation,
    method: Method,
    *,
    sender: str,
    public_url: str,
    made_at: datetime,
    recipient: str | None = None,
) -> bytes:
    """The object, in UTF-8 with lines of 75 octets at most. `recipient` is whom a REQUEST or CANCEL goes to; PUBLISH
    names nobody (RFC 5546, 3.2.1).

    DTSTAMP is when the object was made: between two with the same SEQUENCE it decides (RFC 5546, 2.1.5).
    """
    event = Event()
    event.add("uid", invitation.uid)
    event.add("sequence", invitation.sequence)
    event.add("dtstamp", made_at.replace(microsecond=0))
    event.add("dtstart", invitation.start)
    event.add("dtend", invitation.end)
    language = invitation.language
    event.add("summary", _printable(_SUMMARY.in_(language).format(schedule=invitation.schedule)))
    event.add("location", _printable(invitation.location))
    about = _IS_CANCELLED if invitation.is_cancelled else _HOW_TO_CHANGE.format(public_url=public_url)
    event.add("description", about.in_(language))
    event.add("status", "CANCELLED" if invitation.is_cancelled else "CONFIRMED")
    event.add("class", "PRIVATE")
    event.add("transp", "OPAQUE")
    event.add(
        "organizer",
        vCalAddress.new(parseaddr(sender)[1], cn=_printable(invitation.municipality_name)),
    )
    if recipient is not None and method != "PUBLISH":
        # Whoever booked it has said that they come: no program need ask them.
        event.add(
            "attendee",
            vCalAddress.new(
                recipient, cutype="INDIVIDUAL", role="REQ-PARTICIPANT", partstat="ACCEPTED", rsvp=False
            ),
        )
    calendar = Calendar()
    calendar.add("prodid", PRODID)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _printable(text: str) -> str:
    """Without the control characters that RFC 5545 (3.1) allows nowhere."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c if c == "\n" or not (ord(c) < 32 or 127 <= ord(c) < 160) else " " for c in lines)
