"""Appointments: holding a place for a draft, booking, moving, cancelling, Me notifier la veille."""

from __future__ import annotations

from uuid import UUID

from core.errors import FieldProblem, NotAllowedError, NotFoundError, ValidationError
from core.i18n import Text
from core.selection import Selection
from models.actors import Actor
from models.appointments import Appointment
from models.database import Row, fetch_one
from models.email_address import EMAIL_ADVICE, normalised_email
from models.forms import AppointmentPolicy
from models.ids import decode_as
from models.requests import ServiceRequest
from models.visibility import visible_requests
from resolvers import catalogue
from resolvers.booking import (
    Slots,
    count_hold,
    count_reminder_elsewhere,
    give_back,
    hold_until,
    is_to_come,
    iso,
    lock,
    or_next,
    put,
    release_expired,
    require_future,
    set_reminder_of,
    tell,
)
from resolvers.mail_limits import count_mail
from resolvers.policies import RequestState, require
from resolvers.reading.appointments import appointment_part
from resolvers.reading.shape import read_one, reading_for
from resolvers.requests import read_again
from resolvers.work import Work, unit_of_work


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


@unit_of_work
async def _book(
    work: Work, actor: Actor, request_id: UUID | None, slot_id: UUID | None, email: str | None
) -> UUID:
    request = await ServiceRequest.lock_visible(actor, request_id)
    active, slots = await lock(request, slot_id)
    is_draft = request.status == "DRAFT"
    if active is not None and active.state == "CONFIRMED" and active.slot_id == slot_id:
        # Asked again, as by somebody whose answer was lost.
        if email is not None and is_to_come(active, slots):
            await _remind_at(work, actor, active, email, slots[active.slot_id])
        return active.id
    state = await _state_of(request, active, slots)
    require("MOVE_APPOINTMENT" if is_draft and active else "BOOK_APPOINTMENT", actor, state)
    slot = await _require_slot(request, slots, slot_id)
    if active is not None and not is_to_come(active, slots):
        active.past = True
        await active.save(update_fields=["past"])
        active = None
    if active is None:
        active = Appointment(request_id=request.id, slot_id=slot["id"], state="CONFIRMED")
        if is_draft:
            active.state, active.held_until = "HELD", hold_until(slot)
        await set_reminder_of(active, email, slot)
        await release_expired(slot["id"])
        await active.save(force_create=True)
    else:
        await put(active, slot, slots[active.slot_id])
        if email is not None:
            await set_reminder_of(active, email, slot)
            await active.save(update_fields=["reminder_email", "reminder_at"])
    if is_draft:
        await count_hold(actor)
    else:
        await count_reminder_elsewhere(actor, request, active.reminder_email)
        tell(work, actor, request, active, "AppointmentBooked", "appointment_booked", {"start": iso(slot)})
    work.wake("slots")
    return active.id


@unit_of_work
async def _move(work: Work, actor: Actor, id: UUID | None, slot_id: UUID | None) -> UUID:
    request = await _lock_request_of(actor, id)
    active, slots = await lock(request, slot_id)
    if active is None or active.id != id:
        raise NotAllowedError(await _why_not(id))
    _require_not_over(active, slots)
    require("MOVE_APPOINTMENT", actor, await _state_of(request, active, slots))
    slot, previous = await _require_slot(request, slots, slot_id), slots[active.slot_id]
    if slot["id"] == previous["id"] and active.state == "CONFIRMED":
        return active.id
    await put(active, slot, previous)
    if active.state == "HELD":
        await count_hold(actor)
    else:
        await count_reminder_elsewhere(actor, request, active.reminder_email)
        data = {"start": iso(slot), "previous_start": iso(previous)}
        tell(work, actor, request, active, "AppointmentMoved", "appointment_moved", data)
    work.wake("slots")
    return active.id


@unit_of_work
async def _cancel(work: Work, actor: Actor, id: UUID | None) -> UUID:
    request = await _lock_request_of(actor, id)
    active, slots = await lock(request)
    if active is None or active.id != id:
        if (why := await _why_not(id)) is _IS_OVER:
            raise NotAllowedError(why)
        return request.id  # It is cancelled already.
    _require_not_over(active, slots)
    require("MOVE_APPOINTMENT", actor, await _state_of(request, active, slots))
    await give_back(work, actor, request, active, slots[active.slot_id])
    return request.id


@unit_of_work
async def _remind(work: Work, actor: Actor, id: UUID | None, email: str | None) -> UUID:
    request = await _lock_request_of(actor, id)
    active, slots = await lock(request)
    if active is None or active.id != id:
        raise NotAllowedError(await _why_not(id))
    _require_not_over(active, slots)
    require("MOVE_APPOINTMENT", actor, await _state_of(request, active, slots))
    await _remind_at(work, actor, active, email, slots[active.slot_id])
    return active.id


async def _remind_at(work: Work, actor: Actor, active: Appointment, email: str | None, slot: Row) -> None:
    if (email or "").casefold() != (active.reminder_email or "").casefold():
        if email is not None and active.state == "CONFIRMED":
            await count_mail(actor, email)  # It may leave at once.
        await set_reminder_of(active, email, slot)
        active.reminder_sent_at = None
        await active.save(update_fields=["reminder_email", "reminder_at", "reminder_sent_at"])
    work.wake("reminders")


async def _lock_request_of(actor: Actor, id: UUID | None) -> ServiceRequest:
    row = await fetch_one("SELECT request_id FROM appointment WHERE id = $1", id)
    return await ServiceRequest.lock_visible(actor, row["request_id"] if row else None)


async def _require_slot(request: ServiceRequest, slots: dict[UUID, Row], slot_id: UUID | None) -> Row:
    """The slot that was named, if the request's procedure takes appointments in its schedule and it has not begun."""
    slot = slots.get(slot_id) if slot_id else None
    procedure = (await catalogue.current()).procedures.get(request.procedure_id)
    if slot is None or procedure is None or slot["schedule_id"] not in procedure.schedule_ids:
        raise NotFoundError
    require_future(slot)
    return slot


async def _why_not(id: UUID | None) -> Text:
    """Why an appointment is not the one that its request has: only that one may change."""
    row = await fetch_one("SELECT past FROM appointment WHERE id = $1", id)
    return _IS_OVER if row is not None and row["past"] else _IS_CANCELLED


async def _state_of(request: ServiceRequest, active: Appointment | None, slots: Slots) -> RequestState:
    form = await catalogue.version(request.procedure_version_id)
    return RequestState(
        request.status,
        request.account_id,
        takes_appointments=form.appointment is not AppointmentPolicy.NONE,
        booked=is_to_come(active, slots),
    )


async def _read_again(actor: Actor, id: UUID, selection: Selection) -> Row:
    row = await read_appointment(actor, id, selection)
    if row is None:
        raise NotFoundError
    return row


def _require_not_over(active: Appointment, slots: Slots) -> None:
    if not is_to_come(active, slots):
        raise NotAllowedError(_IS_OVER)


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
    fr="Ce rendez-vous a commencé ou est passé : il ne peut plus être changé. "
    "Tant que la demande est ouverte, vous pouvez en prendre un autre.",
    en="This appointment has begun or is over: it can no longer be changed. "
    "As long as the request is open, you can book another one.",
)
