"""The parts of a transaction that concern appointments, for those that book one and those that submit or cancel a
request.

Whether there is room, the database decides (models/migrations): nothing here counts places. The slot's row is locked
first, so that whoever wants the same place waits in a row, and two who swap slots do not wait for each other.
"""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from tortoise.exceptions import IntegrityError

from core.clock import now
from core.errors import SlotUnavailableError
from core.limits import count
from core.limits.declared import HOLD
from core.selection import Selection
from core.settings import get_settings
from models.actors import Actor, CitizenActor
from models.appointments import Appointment
from models.database import Row, execute, fetch, fetch_one, violated_constraint
from models.reminders import first_reminder, is_another_day
from models.requests import ServiceRequest
from resolvers import catalogue
from resolvers.mail_limits import count_mail
from resolvers.reading.shape import read_value, reading_for
from resolvers.reading.slots import first_free
from resolvers.work import Work, mail_the_citizen

FULL = ("slot_capacity", "slot_open")
"""The constraints that a booking runs into where the slot has no room, or was closed."""

Slots = dict[UUID, Row]
Result = TypeVar("Result")


class SlotHasBegunError(Exception):
    """Nobody can book it any more."""


async def or_next(
    actor: Actor, booking: Awaitable[Result], wanted: UUID | None, next_selection: Selection
) -> Result:
    """What the booking returns. Raises SlotUnavailableError where the slot has no room, was closed or has begun.

    `wanted` is that slot, or the request that holds it; the error tells the next free one of its schedule.
    """
    try:
        return await booking
    except IntegrityError as error:
        if violated_constraint(error) not in FULL:
            raise
        raise SlotUnavailableError(await _next_free(actor, wanted, next_selection)) from error
    except SlotHasBegunError as error:
        raise SlotUnavailableError(await _next_free(actor, wanted, next_selection)) from error


async def lock(
    request: ServiceRequest, slot_id: UUID | None = None
) -> tuple[Appointment | None, dict[UUID, Row]]:
    """The appointment that the request has, or had last, and its slot and the one named, locked. The request is locked
    already.

    Slots before appointments, and in the order of their ids: so does everybody, and nobody waits in a circle.
    """
    named = await fetch_one(
        "SELECT slot_id FROM appointment WHERE request_id = $1 AND state <> 'CANCELLED' AND NOT past",
        request.id,
    )
    ids = {slot_id, named["slot_id"] if named else None} - {None}
    if not ids:
        return None, {}
    slots = await fetch(
        "SELECT id, schedule_id, start FROM slot WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE",
        list(ids),
    )
    found = await fetch_one(
        "SELECT * FROM appointment WHERE request_id = $1 AND state <> 'CANCELLED' AND NOT past", request.id
    )
    return Appointment._init_from_db(**found) if found else None, {slot["id"]: slot for slot in slots}


async def confirm(work: Work, actor: Actor, request: ServiceRequest, held: Appointment, slot: Row) -> None:
    """What a draft holds becomes an appointment, in the transaction that submits it.

    A hold that has run out is as good as any as long as nobody else took the place. Otherwise raises what `or_next`
    turns into SlotUnavailableError.
    """
    require_future(slot)
    if not held.counts:
        await release_expired(held.slot_id)
    held.state, held.counts, held.held_until = "CONFIRMED", True, None
    held.reminder_at = await _reminder_at(held.reminder_email, slot["start"])
    await held.save(update_fields=["state", "counts", "held_until", "reminder_at"])
    await count_reminder_elsewhere(actor, request, held.reminder_email)
    tell(work, actor, request, held, "AppointmentBooked", "appointment_booked", {"start": iso(slot)})


async def put(active: Appointment, slot: Row, previous: Row) -> None:
    """The appointment from the slot before into this one: the old place is free with the same statement, or not."""
    changed = ["slot_id", "counts", "held_until", "sequence"]
    if active.slot_id != slot["id"]:
        active.sequence += 1
    if active.slot_id != slot["id"] or not active.counts:
        await release_expired(slot["id"], but=active.id)
    active.slot_id, active.counts = slot["id"], True
    active.held_until = hold_until(slot) if active.state == "HELD" else None
    changed += await _remind_again(active, slot["start"], previous["start"])
    await active.save(update_fields=changed)


async def give_back(
    work: Work, actor: Actor, request: ServiceRequest, active: Appointment, slot: Row
) -> None:
    """Cancels an appointment, in the transaction under way."""
    was_confirmed = active.state == "CONFIRMED"
    active.state, active.counts, active.held_until = "CANCELLED", False, None
    active.sequence += 1
    await active.save(update_fields=["state", "counts", "held_until", "sequence"])
    if was_confirmed:
        template = "appointment_cancelled"
        tell(work, actor, request, active, "AppointmentCancelled", template, {"start": iso(slot)})
    work.wake("slots")


async def release_expired(slot_id: UUID, *, but: UUID | None = None) -> None:
    """Holds in this slot that have run out take no place any more."""
    await execute(
        "UPDATE appointment SET counts = false "
        "WHERE slot_id = $1 AND state = 'HELD' AND counts AND held_until <= now() AND id IS DISTINCT FROM $2",
        slot_id,
        but,
    )


async def set_reminder_of(appointment: Appointment, email: str | None, slot: Row) -> None:
    appointment.reminder_email = email
    appointment.reminder_at = await _reminder_at(email, slot["start"])


async def _remind_again(active: Appointment, start: datetime, previous: datetime) -> list[str]:
    """Sets the reminder of an appointment that moves; the columns that change.

    On another day, whoever was told of the old one is told of the new one. On the same day the reminder stays as it is:
    it is sent or not, perhaps at this moment, and its row is not touched.
    """
    if not is_another_day(start, previous, await _timezone()):
        return []
    active.reminder_at = await _reminder_at(active.reminder_email, start)
    active.reminder_sent_at = None
    return ["reminder_at", "reminder_sent_at"]


async def _reminder_at(email: str | None, start: datetime) -> datetime | None:
    if email is None:
        return None
    return first_reminder(start, await _timezone(), get_settings().reminder_hour, now())


async def _timezone() -> str:
    return (await catalogue.current()).municipality.timezone


async def _next_free(actor: Actor, wanted: UUID | None, selection: Selection) -> Row | None:
    slot = await fetch_one(
        "SELECT s.schedule_id, s.start FROM slot s WHERE s.id = $1 OR s.id = "
        "(SELECT a.slot_id FROM appointment a WHERE a.request_id = $1 AND a.state <> 'CANCELLED' AND NOT a.past)",
        wanted,
    )
    if slot is None:
        return None
    # After it, or else the first of all.
    for earliest in (slot["start"], None):
        reading = await reading_for(actor)
        row: Row | None = await read_value(
            reading, first_free(reading, selection, [slot["schedule_id"]], earliest)
        )
        if row is not None:
            return row
    return None


def tell(
    work: Work,
    actor: Actor,
    request: ServiceRequest,
    appointment: Appointment,
    kind: str,
    template: str,
    data: dict[str, str],
) -> None:
    event = work.happened(kind, request, actor, data={"appointment": str(appointment.id), **data})
    mail_the_citizen(work, request, template, event, appointment=appointment)
    work.wake("reminders")


async def count_hold(actor: Actor) -> None:
    """Counts a slot that a draft has taken. Raises RateLimitedError."""
    if isinstance(actor, CitizenActor):
        await count(HOLD, caller=str(actor.account_id))


async def count_reminder_elsewhere(actor: Actor, request: ServiceRequest, email: str | None) -> None:
    """Counts what booking or moving mails to whoever else is reminded, at once perhaps. Raises RateLimitedError.

    What it mails to the citizen counts by itself (resolvers/work.py).
    """
    if email and email != _address_of(request):
        await count_mail(actor, email)


def _address_of(request: ServiceRequest) -> str | None:
    email: str | None = (request.contact or {}).get("email")
    return email


def hold_until(slot: Row) -> datetime:
    """Not longer than until it begins: nobody can submit it then."""
    start: datetime = slot["start"]
    return min(now() + timedelta(seconds=get_settings().appointment_hold_seconds), start)


def is_to_come(active: Appointment | None, slots: Slots) -> bool:
    """Whether there is one that may still change: a hold, or an appointment that has not begun."""
    return active is not None and (active.state == "HELD" or not has_begun(slots[active.slot_id]))


def has_begun(slot: Row) -> bool:
    start: datetime = slot["start"]
    return start <= now()


def require_future(slot: Row) -> None:
    if has_begun(slot):
        raise SlotHasBegunError


def iso(slot: Row) -> str:
    start: datetime = slot["start"]
    return start.isoformat()
