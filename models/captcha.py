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
    network: bytes | None = fields.BinaryField(null=True)
    used_from: bytes | None = fields.BinaryField(null=True)
    caller: bytes | None = fields.BinaryField(null=True)

    class Meta:
        table = "captcha"
        table_description = (
            "`network` and `used_from` are HMACs of the networks it was made for and used from, "
            "`caller` one of whoever asked for it with a session or a ticket."
        )


class CaptchaAudio(Model):
    """A code read aloud, in one language. The row is the job while `next_attempt_at` is set.

    One of the stock (`taken_at` is null) is for a challenge that is still to be made, under this very id.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    captcha_id: UUID = fields.UUIDField()
    language = fields.CharField(max_length=2)
    content: bytes | None = fields.BinaryField(null=True)
    made_with: bytes | None = fields.BinaryField(null=True)
    attempts = fields.IntField(default=0)
    next_attempt_at: datetime | None = fields.DatetimeField(null=True)
    taken_at: datetime | None = fields.DatetimeField(null=True)
    expires_at: datetime = fields.DatetimeField()
    created_at: datetime = fields.DatetimeField(default=now)

    class Meta:
        table = "captcha_audio"
        table_description = "`content` is sealed; `made_with` tells which secret its code was derived with."
