"""Agendas, créneaux, rendez-vous."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

import strawberry

from schema.callers import ADMINISTRATORS, EVERYONE, PARTIES
from schema.connections import Node
from schema.contact import Address, AddressInput
from schema.declare import enumeration, input_object, output
from schema.errors import NotAllowedError, NotFoundError, SlotUnavailableError, ValidationError
from schema.fields import kept, mutation, subscription
from schema.references import ServiceRequestReference
from schema.scalars import URL

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
class SaveScheduleSuccess:
    schedule: Schedule


@output
class PublishSlotsSuccess:
    schedule: Schedule
    published: int
    """How many slots are new."""


BOOKING_REFUSALS = (SlotUnavailableError, ValidationError, NotAllowedError, NotFoundError)


@mutation(BookAppointmentSuccess, refusals=BOOKING_REFUSALS, callers=PARTIES, open=False)
async def book_appointment(input: BookAppointmentInput) -> None:
    """In a draft it holds the slot for some minutes; submitting confirms it. On a submitted request it books
    at once.
    """


@mutation(BookAppointmentSuccess, refusals=BOOKING_REFUSALS, callers=PARTIES, open=False)
async def move_appointment(input: MoveAppointmentInput) -> None:
    """All or nothing: the old slot is free again only if the new one is taken."""


@mutation(CancelAppointmentSuccess, refusals=(NotAllowedError, NotFoundError), callers=PARTIES, open=False)
async def cancel_appointment(appointment: strawberry.ID) -> None:
    """Gives the place back."""


@mutation(BookAppointmentSuccess, refusals=BOOKING_REFUSALS, callers=PARTIES, open=False)
async def set_appointment_reminder(input: SetAppointmentReminderInput) -> None:
    """Me notifier la veille; null takes it back."""


@mutation(SaveScheduleSuccess, refusals=(ValidationError, NotFoundError), callers=ADMINISTRATORS, open=False)
async def save_schedule(input: SaveScheduleInput) -> None:
    """Writes a schedule: a new one, or what becomes of a known one."""


@mutation(PublishSlotsSuccess, refusals=(ValidationError, NotFoundError), callers=ADMINISTRATORS, open=False)
async def publish_slots(input: PublishSlotsInput) -> None:
    """Opens slots of a rule (say, weekdays 9:00-12:00 every 20 minutes) over a span of days; skips those that
    stand.
    """


@subscription(Slot, callers=EVERYONE, open=False)
async def slot_changes(schedule: strawberry.ID, from_: FromArgument, to: date) -> None:
    """Free places of a schedule, as they are taken and freed."""
