"""Addresses that partner systems are told of events at: a cursor into the event log, and a row for each request that is
stuck (docs/decisions/0017).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from core.clock import now
from models.ids import new_id
from models.partner_tokens import PartnerToken
from models.requests import ServiceRequest

MOST_WEBHOOKS = 10
"""Of one token."""

URL_SEAL = "webhook-url"
SECRET_SEAL = "webhook-secret"  # noqa: S105 -- a purpose


class Webhook(Model):
    """All events up to `position` were taken, or are of a request that has a block. The row is the job.

    `url_sealed`, `secret_sealed` and `previous_secret_sealed` are sealed (core/keys.py): addresses hold secrets, too.
    `host` is for operators and administrators. `next_attempt_at`: nobody calls before; whoever calls puts it off
    (`runs` tells one call of the job from another); of one that is paused, when it was. `failures`: attempts since the
    last one that was taken, the first at `failing_since`.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    token: fields.ForeignKeyRelation[PartnerToken] = fields.ForeignKeyField(
        "models.PartnerToken", on_delete=fields.CASCADE, related_name="webhooks"
    )
    token_id: UUID
    number = fields.SmallIntField()
    url_sealed: bytes = fields.BinaryField()
    host = fields.CharField(max_length=300)
    events: list[str] = ArrayField(element_type="text", default=list)
    state = fields.CharField(max_length=10, default="ACTIVE")
    secret_sealed: bytes = fields.BinaryField()
    previous_secret_sealed: bytes | None = fields.BinaryField(null=True)
    previous_secret_until: datetime | None = fields.DatetimeField(null=True)
    position = fields.BigIntField()
    runs = fields.BigIntField(default=0)
    next_attempt_at: datetime = fields.DatetimeField(default=now)
    failures = fields.IntField(default=0)
    failing_since: datetime | None = fields.DatetimeField(null=True)
    last_delivery_at: datetime | None = fields.DatetimeField(null=True)
    last_error: dict[str, Any] | None = fields.JSONField(null=True)
    created_at: datetime = fields.DatetimeField(default=now)

    class Meta:
        table = "webhook"
        table_description = "`last_error`: a sentence in each language, by `fr` and `en`."


class WebhookBlock(Model):
    """A request whose event at `position` was not taken: it and the later ones, up to the webhook's cursor, wait."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    webhook: fields.ForeignKeyRelation[Webhook] = fields.ForeignKeyField(
        "models.Webhook", on_delete=fields.CASCADE, related_name="blocks"
    )
    webhook_id: UUID
    request: fields.ForeignKeyRelation[ServiceRequest] = fields.ForeignKeyField(
        "models.ServiceRequest", on_delete=fields.CASCADE, related_name="webhook_blocks"
    )
    request_id: UUID
    position = fields.BigIntField()
    attempts = fields.IntField(default=0)
    failing_since: datetime = fields.DatetimeField(default=now)
    next_attempt_at: datetime = fields.DatetimeField(default=now)

    class Meta:
        table = "webhook_block"
