"""The event log: one row for each thing that happened to a request, written in the transaction in which it happened.

`position` is given by a trigger that first takes a lock which the transaction holds until it has committed
(models/migrations). So positions become visible in their own order: a reader that has seen position n will never
meet a smaller one later, and `position > n` is a cursor that skips nothing and repeats nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.accounts import Agent
from models.exchanges import Exchange
from models.ids import new_id
from models.requests import ServiceRequest


class RequestEvent(Model):
    """`kind` is the name of the GraphQL type; `data` what only that kind has."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    position = fields.BigIntField(null=True)
    kind = fields.CharField(max_length=40)
    request: fields.ForeignKeyRelation[ServiceRequest] = fields.ForeignKeyField(
        "models.ServiceRequest", on_delete=fields.CASCADE, related_name="events"
    )
    request_id: UUID
    actor = fields.CharField(max_length=20)
    agent: fields.ForeignKeyNullableRelation[Agent] = fields.ForeignKeyField(
        "models.Agent", null=True, on_delete=fields.RESTRICT, related_name="events"
    )
    agent_id: UUID | None
    exchange: fields.ForeignKeyNullableRelation[Exchange] = fields.ForeignKeyField(
        "models.Exchange", null=True, on_delete=fields.CASCADE, related_name="events"
    )
    exchange_id: UUID | None
    data: dict[str, Any] = fields.JSONField(default=dict)
    occurred_at: datetime = fields.DatetimeField(default=now)

    class Meta:
        table = "request_event"
