"""Challenges handed out: what each is for, until when, and whether it was used. The code itself is nowhere at rest."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.ids import new_id


class Captcha(Model):
    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    purpose = fields.CharField(max_length=30)
    created_at: datetime = fields.DatetimeField(default=now)
    expires_at: datetime = fields.DatetimeField()
    tries_left = fields.SmallIntField(default=3)
    used_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "captcha"
