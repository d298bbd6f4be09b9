"""Appointments of requests whose tickets are known, and what mails say of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

from icalendar import Calendar

from core.clock import now
from models.appointments import Appointment, Schedule, Slot
from models.database import Row, fetch, fetch_one
from tests.factories import make_appointment, make_slot
from tests.jobs.mails import add_request


async def add_due(slot: Slot, *, email: str = "marie@example.fr") -> Appointment:
    """An appointment whose reminder is due now."""
    request, _ = await add_request()
    return await add_reminder(
        await make_appointment(request, slot), at=now() - timedelta(minutes=1), email=email
    )


async def add_reminder(
    appointment: Appointment, *, at: datetime, email: str = "marie@example.fr"
) -> Appointment:
    appointment.reminder_email, appointment.reminder_at = email, at
    await appointment.save(update_fields=["reminder_email", "reminder_at"])
    return appointment


async def reminders_of(appointment: Appointment | UUID) -> list[Row]:
    """Rows of its mails, in the order in which they were written."""
    id = appointment.id if isinstance(appointment, Appointment) else appointment
    return await fetch(
        "SELECT * FROM mail WHERE appointment_id = $1 AND template = 'appointment_reminder' ORDER BY id", id
    )


async def appointment_row(id: UUID) -> Row:
    row = await fetch_one("SELECT * FROM appointment WHERE id = $1", id)
    assert row is not None
    return row


def invitation_in(message: EmailMessage) -> tuple[str, Any]:
    """The METHOD that the mail's part says, and the event. Both copies are the same."""
    (part,) = [part for part in message.walk() if part.get_content_type() == "text/calendar"]
    (file,) = [part for part in message.walk() if part.get_filename() == "rendez-vous.ics"]
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    assert content == file.get_payload(decode=True)
    calendar = Calendar.from_ical(content)
    assert isinstance(calendar, Calendar)
    method = part["Content-Type"].params["method"]
    assert calendar["METHOD"] == method
    (event,) = calendar.events
    return method, event


async def slots_in(schedule: Schedule, *hours: float, capacity: int = 1) -> list[Slot]:
    return [await make_slot(schedule, hours=after, capacity=capacity) for after in hours]
