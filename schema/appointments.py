"""Agendas, créneaux, rendez-vous."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

import strawberry

import resolvers.appointments
import resolvers.slot_changes
import resolvers.slots
from core.limits.declared import APPOINTMENT
from schema.callers import ADMINISTRATORS, AGENTS, APPLICANTS, EVERYONE, PARTIES
from schema.connections import Node
from schema.contact import Address, AddressInput, address_of
from schema.counting import Counted
from schema.declare import enumeration, input_object, output
from schema.errors import NotAllowedError, NotFoundError, SlotUnavailableError, ValidationError
from schema.fields import Info, kept, mutation, selection_of, subscription
from schema.references import ServiceRequestReference
from schema.rows import Row
from schema.scalars import URL
from schema.selection import narrow

AppointmentReference = Annotated["Appointment", strawberry.lazy("schema.appointments")]
FromArgument = Annotated[date, strawberry.argument(name="from")]


@output
class Slot(Node):
    """A span of time that can be booked (un créneau)."""

    schedule: Annotated["Schedule", strawberry.lazy("schema.appointments")]
    start: datetime
    end: datetime
    capacity: int
    """How many appointments it takes."""
    remaining: int
    """How many more it takes now."""
    closed: bool
    """The mairie has closed it: it takes nobody any more."""
    appointments: list[AppointmentReference]
    """Who comes, for agents; empty for everybody else."""


@output
class Schedule(Node):
    """A calendar of slots at one place (un agenda)."""

    title: str
    place: str
    address: Address | None

    @kept(list[Slot])
    def slots(self, from_: FromArgument, to: date, full: bool | None = False) -> None:
        """Free slots only, unless an agent asks with `full: true`. At most 62 days apart."""

    @kept(Slot | None)
    def first_available_slot(self, after: datetime | None = None) -> None:
        """1er dispo: the first slot from now on, or from `after` on, that has room."""


@enumeration
class AppointmentState(StrEnum):
    """Where an appointment stands."""

    HELD = "HELD"
    """Kept for a draft, until `heldUntil`."""
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


@output
class AppointmentReminder:
    """Me notifier la veille."""

    email: str
    sends_at: datetime
    """The day before, by the municipality's calendar."""
    sent_at: datetime | None


@output
class Appointment(Node):
    """A place in a slot, for one request (un rendez-vous)."""

    request: ServiceRequestReference
    slot: Slot
    state: AppointmentState
    held_until: datetime | None
    """Until when a draft keeps its slot. Null once confirmed."""
    reminder: AppointmentReminder | None
    """Me notifier la veille. Null where nobody asked."""
    suggested_reminder_email: str | None
    """What to fill Me notifier la veille in with: the address of Mes informations."""
    calendar_url: URL
    """iCalendar file (RFC 5545), signed address."""


@input_object()
class BookAppointmentInput:
    request: strawberry.ID
    slot: strawberry.ID
    reminder_email: str | None = strawberry.UNSET
    """Me notifier la veille, at this address."""


@input_object()
class MoveAppointmentInput:
    appointment: strawberry.ID
    slot: strawberry.ID


@input_object()
class SetAppointmentReminderInput:
    appointment: strawberry.ID
    email: str | None = strawberry.UNSET
    """Null takes the reminder back."""


@enumeration
class Weekday(StrEnum):
    """A day of the week."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


@input_object()
class OpeningInput:
    """Local time of the municipality, HH:MM."""

    weekdays: list[Weekday]
    start: str
    end: str


@input_object()
class PublishSlotsInput:
    schedule: strawberry.ID
    from_: date = strawberry.field(name="from")
    to: date
    """The last day, included."""
    openings: list[OpeningInput]
    minutes: int
    """How long each slot is."""
    capacity: int = 1
    skip_public_holidays: bool = False
    """Leaves out the public holidays of France, with those of Alsace, Moselle and overseas if it is there."""
    reopen_closed: bool = False
    """Slots that were closed stay closed where slots are published again; true opens new ones in their place."""


@input_object()
class CloseSlotsInput:
    slots: list[strawberry.ID]
    """500 at most."""
    reason: str | None = strawberry.UNSET
    """For those who had an appointment, who read it in the history."""


@input_object()
class SaveScheduleInput:
    """A whole schedule: absent id, a new one."""

    id: strawberry.ID | None = strawberry.UNSET
    title: str
    place: str
    address: AddressInput | None = strawberry.UNSET


@output
class BookAppointmentSuccess:
    appointment: Appointment


@output
class CancelAppointmentSuccess:
    request: ServiceRequestReference


@output
class CloseSlotsSuccess:
    slots: list[Slot]
    cancelled: int
    """How many appointments were cancelled by it."""


@output
class SaveScheduleSuccess:
    schedule: Schedule


@output
class PublishSlotsSuccess:
    schedule: Schedule
    published: int
    """How many slots are new."""


BOOKING_LIMITS = (Counted(APPOINTMENT, of=APPLICANTS),)
BOOKING_REFUSALS = (SlotUnavailableError, ValidationError, NotAllowedError, NotFoundError)


@mutation(BookAppointmentSuccess, refusals=BOOKING_REFUSALS, callers=PARTIES, limits=BOOKING_LIMITS)
async def book_appointment(info: Info, input: BookAppointmentInput) -> Row:
    """In a draft it holds the slot for some minutes, in the place of the one held before; submitting confirms it. On a
    submitted request it books at once.
    """
    given = narrow(input)
    appointment = await resolvers.appointments.book_appointment(
        info.context.actor,
        request=given["request"],
        slot=given["slot"],
        reminder_email=given.get("reminder_email"),
        selection=selection_of(info, "appointment"),
        next_selection=selection_of(info, "next_available"),
    )
    return {"appointment": appointment}


@mutation(BookAppointmentSuccess, refusals=BOOKING_REFUSALS, callers=PARTIES, limits=BOOKING_LIMITS)
async def move_appointment(info: Info, input: MoveAppointmentInput) -> Row:
    """All or nothing: the old slot is free again only if the new one is taken."""
    given = narrow(input)
    appointment = await resolvers.appointments.move_appointment(
        info.context.actor,
        appointment=given["appointment"],
        slot=given["slot"],
        selection=selection_of(info, "appointment"),
        next_selection=selection_of(info, "next_available"),
    )
    return {"appointment": appointment}


@mutation(CancelAppointmentSuccess, refusals=(NotAllowedError, NotFoundError), callers=PARTIES)
async def cancel_appointment(info: Info, appointment: strawberry.ID) -> Row:
    """Gives the place back."""
    request = await resolvers.appointments.cancel_appointment(
        info.context.actor, appointment=appointment, selection=selection_of(info, "request")
    )
    return {"request": request}


@mutation(BookAppointmentSuccess, refusals=BOOKING_REFUSALS, callers=PARTIES)
async def set_appointment_reminder(info: Info, input: SetAppointmentReminderInput) -> Row:
    """Me notifier la veille; null takes it back."""
    given = narrow(input)
    appointment = await resolvers.appointments.set_reminder(
        info.context.actor,
        appointment=given["appointment"],
        email=given.get("email"),
        selection=selection_of(info, "appointment"),
    )
    return {"appointment": appointment}


@mutation(SaveScheduleSuccess, refusals=(ValidationError, NotFoundError), callers=ADMINISTRATORS)
async def save_schedule(info: Info, input: SaveScheduleInput) -> Row:
    """Writes a schedule: a new one, or what becomes of a known one, whose address goes where none is given."""
    given = narrow(input)
    schedule = await resolvers.slots.save_schedule(
        info.context.actor,
        id=given.get("id"),
        title=given["title"],
        place=given["place"],
        address=address_of(input.address) if input.address else None,
        selection=selection_of(info, "schedule"),
    )
    return {"schedule": schedule}


@mutation(PublishSlotsSuccess, refusals=(ValidationError, NotFoundError), callers=ADMINISTRATORS)
async def publish_slots(info: Info, input: PublishSlotsInput) -> Row:
    """Opens slots of a rule (say, weekdays 9:00-12:00 every 20 minutes) over a span of days; skips those that stand,
    closed ones too.
    """
    given = narrow(input)
    schedule, published = await resolvers.slots.publish_slots(
        info.context.actor,
        schedule=given["schedule"],
        first=given["from"],
        last=given["to"],
        openings=[resolvers.slots.OpeningRule(**opening) for opening in given["openings"]],
        minutes=given["minutes"],
        capacity=given["capacity"],
        skip_public_holidays=given["skip_public_holidays"],
        reopen_closed=given["reopen_closed"],
        selection=selection_of(info, "schedule"),
    )
    return {"schedule": schedule, "published": published}


@mutation(CloseSlotsSuccess, refusals=(ValidationError, NotFoundError), callers=AGENTS)
async def close_slots(info: Info, input: CloseSlotsInput) -> Row:
    """Closes slots of the caller's procedures that have not begun. Who has an appointment there is told by e-mail and
    offered another.
    """
    given = narrow(input)
    slots, cancelled = await resolvers.slots.close_slots(
        info.context.actor,
        slots=given["slots"],
        reason=given.get("reason"),
        selection=selection_of(info, "slots"),
    )
    return {"slots": slots, "cancelled": cancelled}


@subscription(Slot, callers=EVERYONE)
async def slot_changes(
    info: Info, schedule: strawberry.ID, from_: FromArgument, to: date
) -> AsyncIterator[Row]:
    """Free places of a schedule, as they are taken and freed: each slot whenever `remaining` or `closed` changes."""
    return resolvers.slot_changes.slot_changes(
        info.context.actor, schedule=schedule, first=from_, last=to, selection=selection_of(info)
    )
