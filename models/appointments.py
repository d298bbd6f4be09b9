"""Schedules: calendars of one place each, that procedures share."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.ids import new_id
from models.procedures import Procedure


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
