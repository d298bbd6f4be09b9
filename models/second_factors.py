"""Agents' second factor: the secret of their authenticator program, their recovery codes, and what became of either."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.accounts import Agent
from models.ids import new_id


class SecondFactor(Model):
    """`secret` is sealed. Until `confirmed_at` is set it is an offer, and no log-in asks for it.

    A code is good for its step only if the step comes after `last_step`: so each is good once.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    agent: fields.ForeignKeyRelation[Agent] = fields.ForeignKeyField(
        "models.Agent", on_delete=fields.CASCADE, related_name="second_factors"
    )
    agent_id: UUID
    secret: bytes = fields.BinaryField()
    last_step = fields.BigIntField(default=0)
    offered_at: datetime = fields.DatetimeField(default=now)
    confirmed_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "second_factor"


class RecoveryCode(Model):
    """A recovery code that is still good: one that is used loses its row. `digest` is an HMAC."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    second_factor: fields.ForeignKeyRelation[SecondFactor] = fields.ForeignKeyField(
        "models.SecondFactor", on_delete=fields.CASCADE, related_name="recovery_codes"
    )
    second_factor_id: UUID
    digest: bytes = fields.BinaryField()

    class Meta:
        table = "recovery_code"


class SecurityEvent(Model):
    """What happened to the access of an agent, and who did it; nobody where the operator did, from a terminal."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    kind = fields.CharField(max_length=40)
    agent: fields.ForeignKeyRelation[Agent] = fields.ForeignKeyField(
        "models.Agent", on_delete=fields.CASCADE, related_name="security_events"
    )
    agent_id: UUID
    by: fields.ForeignKeyNullableRelation[Agent] = fields.ForeignKeyField(
        "models.Agent", null=True, on_delete=fields.SET_NULL, related_name="security_events_caused"
    )
    by_id: UUID | None
    created_at: datetime = fields.DatetimeField(default=now)

    class Meta:
        table = "security_event"
