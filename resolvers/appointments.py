"""Appointments: holding a place for a draft, booking, moving, cancelling, Me notifier la veille.

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
from core.errors import FieldProblem, NotAllowedError, NotFoundError, SlotUnavailableError, ValidationError
from core.i18n import Text
from core.selection import Selection
from core.settings import get_settings
from models.actors import Actor
from models.appointments import Appointment
from models.database import Row, execute, fetch, fetch_one, violated_constraint
from models.email_address import EMAIL_ADVICE, normalised_email
from models.forms import AppointmentPolicy
from models.ids import decode_as
from models.reminders import reminder_time
from models.requests import ServiceRequest
from models.visibility import visible_requests
from resolvers import catalogue
from resolvers.policies import RequestState, require
from resolvers.reading.appointments import appointment_part
from resolvers.reading.shape import read_one, read_value, reading_for
from resolvers.reading.slots import first_free
from resolvers.requests import read_again
from resolvers.work import Work, mail_the_citizen, unit_of_work

FULL = ("slot_capacity", "slot_open")
"""The constraints that a booking runs into where the slot has no room, or was closed."""

Result = TypeVar("Result")


async def book_appointment(
    actor: Actor,
    *,
    request: str,
    slot: str,
    reminder_email: str | None,
    selection: Selection,
    next_selection: Selection,
) -> Row:
    """Holds a place for a draft, or another one instead; books at once for a request that is open.

    Raises SlotUnavailableError with the next free slot of the schedule, read by `next_selection`; ValidationError,
    NotAllowedError, NotFoundError.
    """
    email = _checked_email(reminder_email)
    slot_id = decode_as("Slot", slot)
    booking = _book(actor, decode_as("ServiceRequest", request), slot_id, email)
    return await _read_again(actor, await or_next(actor, booking, slot_id, next_selection), selection)


async def move_appointment(
    actor: Actor, *, appointment: str, slot: str, selection: Selection, next_selection: Selection
) -> Row:
    """Takes a place in another slot, and only then gives the old one back. Raises what `book_appointment` does."""
    slot_id = decode_as("Slot", slot)
    moving = _move(actor, decode_as("Appointment", appointment), slot_id)
    return await _read_again(actor, await or_next(actor, moving, slot_id, next_selection), selection)


async def cancel_appointment(actor: Actor, *, appointment: str, selection: Selection) -> Row:
    """Gives the place back; the request. Raises NotAllowedError, NotFoundError."""
    return await read_again(actor, await _cancel(actor, decode_as("Appointment", appointment)), selection)


async def set_reminder(actor: Actor, *, appointment: str, email: str | None, selection: Selection) -> Row:
    """Me notifier la veille at this address; None takes it back. Raises ValidationError, NotAllowedError,
    NotFoundError."""
    id = await _remind(actor, decode_as("Appointment", appointment), _checked_email(email, path="email"))
    return await _read_again(actor, id, selection)


async def read_appointment(actor: Actor, id: UUID | None, selection: Selection) -> Row | None:
    """An appointment of a request that the caller may see."""
    if id is None:
        return None
    reading = await reading_for(actor)
    p, r = reading.alias("p"), reading.alias("r")
    part = appointment_part(reading, selection, p)
    source = (
        f"appointment {p} JOIN service_request {r} ON {r}.id = {p}.request_id "
        f"WHERE {p}.id = {reading.bind(id, 'uuid')} AND {visible_requests(reading, actor, r)}"
    )
    return await read_one(reading, part, source)


async def confirm_held(work: Work, actor: Actor, request: ServiceRequest) -> None:
    """What a draft holds becomes an appointment, in the transaction that submits it.

    A hold that has run out is as good as any as long as nobody else took the place. Otherwise raises what `or_next` turns
    into SlotUnavailableError.
    """
    held, slots = await _lock(request)
    if held is None:
        return
    slot = slots[held.slot_id]
    _require_future(slot)
    if not held.counts:
        await _release_expired(held.slot_id)
    held.state, held.counts, held.held_until = "CONFIRMED", True, None
    held.reminder_at = await _reminder_at(held.reminder_email, slot["start"])
    await held.save(update_fields=["state", "counts", "held_until", "reminder_at"])
    _tell(work, actor, request, held, "AppointmentBooked", "appointment_booked", {"start": _iso(slot)})


async def give_back(work: Work, actor: Actor, request: ServiceRequest) -> None:
    """Cancels the appointment of a request that is cancelled, in its transaction."""
    active, slots = await _lock(request)
    if active is not None:
        await _give_back(work, actor, request, active, slots[active.slot_id])


async def held_slot(request_id: UUID | None) -> UUID | None:
    """The slot of the appointment that a request has."""
    row = await fetch_one(
        "SELECT slot_id FROM appointment WHERE request_id = $1 AND state <> 'CANCELLED'", request_id
    )
    return row["slot_id"] if row else None


class SlotHasBegunError(Exception):
    """Nobody can book it any more."""


async def or_next(
    actor: Actor, booking: Awaitable[Result], slot_id: UUID | None, next_selection: Selection
) -> Result:
    """What the booking returns. Raises SlotUnavailableError where the slot has no room, was closed or has begun."""
    try:
        return await booking
    except IntegrityError as error:
        if violated_constraint(error) not in FULL:
            raise
        raise SlotUnavailableError(await _next_free(actor, slot_id, next_selection)) from error
    except SlotHasBegunError as error:
        raise SlotUnavailableError(await _next_free(actor, slot_id, next_selection)) from error


@unit_of_work
async def _book(
    work: Work, actor: Actor, request_id: UUID | None, slot_id: UUID | None, email: str | None
) -> UUID:
    request = await ServiceRequest.lock_visible(actor, request_id)
    active, slots = await _lock(request, slot_id)
    is_draft = request.status == "DRAFT"
    state = await _state_of(request, active)
    require("MOVE_APPOINTMENT" if is_draft and active else "BOOK_APPOINTMENT", actor, state)
    slot = await _require_slot(request, slots, slot_id)
    if active is None:
        active = Appointment(request_id=request.id, slot_id=slot["id"], state="CONFIRMED")
        if is_draft:
            active.state, active.held_until = "HELD", _hold()
        await _set_reminder_of(active, email, slot)
        await _release_expired(slot["id"])
        await active.save(force_create=True)
    else:
        await _put(active, slot)
        if email is not None:
            await _set_reminder_of(active, email, slot)
            await active.save(update_fields=["reminder_email", "reminder_at"])
    if not is_draft:
        _tell(work, actor, request, active, "AppointmentBooked", "appointment_booked", {"start": _iso(slot)})
    work.wake("slots")
    return active.id


@unit_of_work
async def _move(work: Work, actor: Actor, id: UUID | None, slot_id: UUID | None) -> UUID:
    request = await _lock_request_of(actor, id)
    active, slots = await _lock(request, slot_id)
    if active is None or active.id != id:
        raise NotAllowedError(_IS_CANCELLED)
    require("MOVE_APPOINTMENT", actor, await _state_of(request, active))
    slot, previous = await _require_slot(request, slots, slot_id), slots[active.slot_id]
    if slot["id"] == previous["id"] and active.state == "CONFIRMED":
        return active.id
    if active.state == "CONFIRMED":
        _require_not_over(previous)
    await _put(active, slot)
    if active.state == "CONFIRMED":
        data = {"start": _iso(slot), "previous_start": _iso(previous)}
        _tell(work, actor, request, active, "AppointmentMoved", "appointment_moved", data)
    work.wake("slots")
    return active.id


@unit_of_work
async def _cancel(work: Work, actor: Actor, id: UUID | None) -> UUID:
    request = await _lock_request_of(actor, id)
    active, slots = await _lock(request)
    if active is None or active.id != id:
        return request.id  # It is cancelled already.
    require("MOVE_APPOINTMENT", actor, await _state_of(request, active))
    if active.state == "CONFIRMED":
        _require_not_over(slots[active.slot_id])
    await _give_back(work, actor, request, active, slots[active.slot_id])
    return request.id


@unit_of_work
async def _remind(work: Work, actor: Actor, id: UUID | None, email: str | None) -> UUID:
    request = await _lock_request_of(actor, id)
    active, slots = await _lock(request)
    if active is None or active.id != id:
        raise NotAllowedError(_IS_CANCELLED)
    require("MOVE_APPOINTMENT", actor, await _state_of(request, active))
    if email != active.reminder_email:
        await _set_reminder_of(active, email, slots[active.slot_id])
        active.reminder_sent_at = None
        await active.save(update_fields=["reminder_email", "reminder_at", "reminder_sent_at"])
    work.wake("reminders")
    return active.id


async def _lock_request_of(actor: Actor, id: UUID | None) -> ServiceRequest:
    row = await fetch_one("SELECT request_id FROM appointment WHERE id = $1", id)
    return await ServiceRequest.lock_visible(actor, row["request_id"] if row else None)


async def _lock(
    request: ServiceRequest, slot_id: UUID | None = None
) -> tuple[Appointment | None, dict[UUID, Row]]:
    """The appointment that the request has, and its slot and the one named, locked. The request is locked already.

    Slots before appointments, and in the order of their ids: so does everybody, and nobody waits in a circle.
    """
    named = await fetch_one(
        "SELECT slot_id FROM appointment WHERE request_id = $1 AND state <> 'CANCELLED'", request.id
    )
    ids = {slot_id, named["slot_id"] if named else None} - {None}
    slots = await fetch(
        "SELECT id, schedule_id, start FROM slot WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE", list(ids)
    )
    found = await fetch_one(
        "SELECT * FROM appointment WHERE request_id = $1 AND state <> 'CANCELLED'", request.id
    )
    return Appointment._init_from_db(**found) if found else None, {slot["id"]: slot for slot in slots}


async def _require_slot(request: ServiceRequest, slots: dict[UUID, Row], slot_id: UUID | None) -> Row:
    """The slot that was named, if the request's procedure takes appointments in its schedule and it has not begun."""
    slot = slots.get(slot_id) if slot_id else None
    procedure = (await catalogue.current()).procedures.get(request.procedure_id)
    if slot is None or procedure is None or slot["schedule_id"] not in procedure.schedule_ids:
        raise NotFoundError
    _require_future(slot)
    return slot


async def _state_of(request: ServiceRequest, active: Appointment | None) -> RequestState:
    form = await catalogue.version(request.procedure_version_id)
    return RequestState(
        request.status,
        request.account_id,
        takes_appointments=form.appointment is not AppointmentPolicy.NONE,
        booked=active is not None,
    )


async def _put(active: Appointment, slot: Row) -> None:
    """The appointment into this slot; its old place is free with the same statement, or with none."""
    changed = ["slot_id", "counts", "held_until", "reminder_at", "sequence"]
    if active.slot_id != slot["id"]:
        active.sequence += 1
    if active.slot_id != slot["id"] or not active.counts:
        await _release_expired(slot["id"], but=active.id)
    active.slot_id, active.counts = slot["id"], True
    active.held_until = _hold() if active.state == "HELD" else None
    before, active.reminder_at = active.reminder_at, await _reminder_at(active.reminder_email, slot["start"])
    if before != active.reminder_at:
        # Another day: whoever was told of the old one is told of the new one.
        active.reminder_sent_at = None
        changed.append("reminder_sent_at")
    await active.save(update_fields=changed)


async def _give_back(work: Work, actor: Actor, request: ServiceRequest, active: Appointment, slot: Row) -> None:
    was_confirmed = active.state == "CONFIRMED"
    active.state, active.counts, active.held_until = "CANCELLED", False, None
    active.sequence += 1
    await active.save(update_fields=["state", "counts", "held_until", "sequence"])
    if was_confirmed:
        template = "appointment_cancelled"
        _tell(work, actor, request, active, "AppointmentCancelled", template, {"start": _iso(slot)})
    work.wake("slots")


async def _release_expired(slot_id: UUID, *, but: UUID | None = None) -> None:
    """Holds in this slot that have run out take no place any more."""
    await execute(
        "UPDATE appointment SET counts = false "
        "WHERE slot_id = $1 AND state = 'HELD' AND counts AND held_until <= now() AND id IS DISTINCT FROM $2",
        slot_id,
        but,
    )


async def _set_reminder_of(appointment: Appointment, email: str | None, slot: Row) -> None:
    appointment.reminder_email = email
    appointment.reminder_at = await _reminder_at(email, slot["start"])


async def _reminder_at(email: str | None, start: datetime) -> datetime | None:
    if email is None:
        return None
    timezone = (await catalogue.current()).municipality.timezone
    return reminder_time(start, timezone, get_settings().reminder_hour)


async def _next_free(actor: Actor, slot_id: UUID | None, selection: Selection) -> Row | None:
    """The next free slot of the schedule, from the start of the one that was wanted."""
    wanted = await fetch_one("SELECT schedule_id, start FROM slot WHERE id = $1", slot_id)
    if wanted is None:
        return None
    reading = await reading_for(actor)
    part = first_free(reading, selection, [wanted["schedule_id"]], wanted["start"])
    row: Row | None = await read_value(reading, part)
    return row


async def _read_again(actor: Actor, id: UUID, selection: Selection) -> Row:
    row = await read_appointment(actor, id, selection)
    if row is None:
        raise NotFoundError
    return row


def _tell(
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


def _hold() -> datetime:
    return now() + timedelta(seconds=get_settings().appointment_hold_seconds)


def _require_future(slot: Row) -> None:
    if slot["start"] <= now():
        raise SlotHasBegunError


def _require_not_over(slot: Row) -> None:
    if slot["start"] <= now():
        raise NotAllowedError(_IS_OVER)


def _iso(slot: Row) -> str:
    start: datetime = slot["start"]
    return start.isoformat()


def _checked_email(email: str | None, *, path: str = "reminderEmail") -> str | None:
    if email is None:
        return None
    address = normalised_email(email)
    if address is None:
        raise ValidationError([FieldProblem(path, EMAIL_ADVICE)])
    return address


_IS_CANCELLED = Text(
    fr="Ce rendez-vous est annulé : prenez-en un autre.",
    en="This appointment is cancelled: book another one.",
)
_IS_OVER = Text(
    fr="Ce rendez-vous a commencé ou est passé : il ne peut plus être changé.",
    en="This appointment has begun or is over: it can no longer be changed.",
)
