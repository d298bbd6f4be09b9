"""What partner systems call this API with. The token itself is nowhere: its SHA-256 is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal, get_args
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from core.clock import now
from models.ids import new_id

Scope = Literal["READ_REQUESTS", "WRITE_REQUESTS", "READ_CHANGES", "MANAGE_WEBHOOKS"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

NEEDED: dict[Scope, Scope] = {"WRITE_REQUESTS": "READ_REQUESTS", "MANAGE_WEBHOOKS": "READ_CHANGES"}
"""A scope that is worth nothing without another one."""

NAME_LIMIT = 100
PROCEDURE_LIMIT = 200
LONGEST_LIFETIME = timedelta(days=366)


class PartnerToken(Model):
    """`procedure_ids`: whose requests it sees; empty, all. One whose procedure is gone sees nothing of it."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    name = fields.CharField(max_length=NAME_LIMIT)
    token_digest: bytes = fields.BinaryField()
    scopes: list[str] = ArrayField(element_type="text")
    procedure_ids: list[UUID] = ArrayField(element_type="uuid", default=list)
    created_at: datetime = fields.DatetimeField(default=now)
    expires_at: datetime = fields.DatetimeField()
    last_used_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "partner_token"
