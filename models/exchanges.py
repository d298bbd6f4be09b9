"""Messages between citizen and mairie."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.accounts import Agent
from models.ids import new_id
from models.requests import ServiceRequest

BODY_LIMIT = 10_000


class Exchange(Model):
    """`number` counts within the request, without gaps: the order in which they are read, and marked read."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    request: fields.ForeignKeyRelation[ServiceRequest] = fields.ForeignKeyField(
        "models.ServiceRequest", on_delete=fields.CASCADE, related_name="exchanges"
    )
    request_id: UUID
    number = fields.IntField()
    author = fields.CharField(max_length=20)
    author_name = fields.CharField(max_length=200)
    agent: fields.ForeignKeyNullableRelation[Agent] = fields.ForeignKeyField(
        "models.Agent", null=True, on_delete=fields.SET_NULL, related_name="exchanges"
    )
    agent_id: UUID | None
    body = fields.TextField()
    idempotency_digest = fields.BinaryField(null=True)
    posted_at: datetime = fields.DatetimeField(default=now)
    read_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "exchange"
