"""Schedules: calendars of one place each, that procedures share; their slots, and who has taken a place in them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.ids import new_id
from models.procedures import Procedure
from models.requests import ServiceRequest


class Schedule(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    slug = fields.CharField(max_length=100)
    title = fields.CharField(max_length=200)
    place = fields.CharField(max_length=200)
    address: dict[str, Any] | None = fields.JSONField(null=True)

    class Meta:
        table = "schedule"


class ProcedureSchedule(Model):
    """Which schedules a procedure's appointments may be taken in."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    procedure: fields.ForeignKeyRelation[Procedure] = fields.ForeignKeyField(
        "models.Procedure", on_delete=fields.CASCADE, related_name="schedule_links"
    )
    procedure_id: UUID
    schedule: fields.ForeignKeyRelation[Schedule] = fields.ForeignKeyField(
        "models.Schedule", on_delete=fields.RESTRICT, related_name="procedure_links"
    )
    schedule_id: UUID
    position = fields.IntField(default=0)

    class Meta:
        table = "procedure_schedule"


class Slot(Model):
    """A span of time in a schedule. `taken` is how many appointments count in it: a trigger keeps it, and a constraint
    keeps it within `capacity`; `held` is how many of those are holds of drafts, which run out. Slots that are open do
    not overlap in a schedule.

    `changed_in` is the transaction that changed it last: followers of a calendar read what changed since they looked.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    schedule: fields.ForeignKeyRelation[Schedule] = fields.ForeignKeyField(
        "models.Schedule", on_delete=fields.RESTRICT, related_name="slots"
    )
    schedule_id: UUID
    start: datetime = fields.DatetimeField()
    end: datetime = fields.DatetimeField()
    capacity = fields.IntField(default=1)
    taken = fields.IntField(default=0)
    held = fields.IntField(default=0)
    closed_at: datetime | None = fields.DatetimeField(null=True)
    changed_in = fields.BigIntField(default=0)

    class Meta:
        table = "slot"


class Appointment(Model):
    """A place in a slot, for one request. A request has one that is not cancelled, at most.

    Beside those that are `past`, which had begun when another was booked.

    `counts` says whether it takes a place. A draft's hold that has run out goes on counting until somebody else wants
    the place: then its `counts` is false, and confirming it has to find a place again.

    `sequence` is that of its iCalendar invitations (RFC 5545, 3.8.7.4).
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    request: fields.ForeignKeyRelation[ServiceRequest] = fields.ForeignKeyField(
        "models.ServiceRequest", on_delete=fields.CASCADE, related_name="appointments"
    )
    request_id: UUID
    slot: fields.ForeignKeyRelation[Slot] = fields.ForeignKeyField(
        "models.Slot", on_delete=fields.RESTRICT, related_name="appointments"
    )
    slot_id: UUID
    state = fields.CharField(max_length=10)
    counts = fields.BooleanField(default=True)
    past = fields.BooleanField(default=False, db_default=False)
    held_until: datetime | None = fields.DatetimeField(null=True)
    sequence = fields.IntField(default=0)
    reminder_email = fields.CharField(max_length=254, null=True)
    reminder_at: datetime | None = fields.DatetimeField(null=True)
    reminder_sent_at: datetime | None = fields.DatetimeField(null=True)
    created_at: datetime = fields.DatetimeField(default=now)

    class Meta:
        table = "appointment"
