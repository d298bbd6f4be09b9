"""The catalogue: categories, procedures, and each published version of a procedure."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from core.clock import now
from models.ids import new_id


class ProcedureCategory(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    slug = fields.CharField(max_length=100)
    title = fields.CharField(max_length=200)
    position = fields.IntField()

    class Meta:
        table = "procedure_category"


class Procedure(Model):
    """What does not change with a version: its address, its place, whether it is open. `version` is the current one.

    `retention_months`: how long its requests are kept once they are closed; None: as the settings say.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    slug = fields.CharField(max_length=100)
    category: fields.ForeignKeyRelation[ProcedureCategory] = fields.ForeignKeyField(
        "models.ProcedureCategory", on_delete=fields.RESTRICT, related_name="procedures"
    )
    category_id: UUID
    state = fields.CharField(max_length=20)
    version = fields.IntField(default=1)
    retention_months: int | None = fields.SmallIntField(null=True)
    written_at_desk = fields.BooleanField(default=False, db_default=False)
    """Loading the municipality's files leaves it as the desk wrote it."""

    class Meta:
        table = "procedure"


class ProcedureVersion(Model):
    """Never changed once written: a request keeps the one it was started with."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    procedure: fields.ForeignKeyRelation[Procedure] = fields.ForeignKeyField(
        "models.Procedure", on_delete=fields.RESTRICT, related_name="versions"
    )
    procedure_id: UUID
    version = fields.IntField()
    title = fields.CharField(max_length=200)
    summary = fields.TextField()
    keywords: list[str] = ArrayField(element_type="text", default=list)
    requires_account = fields.BooleanField(default=False)
    appointment = fields.CharField(max_length=20, default="NONE")
    estimated_days = fields.IntField(null=True)
    definition: dict[str, Any] = fields.JSONField()
    published_at: datetime = fields.DatetimeField(default=now)

    class Meta:
        table = "procedure_version"
