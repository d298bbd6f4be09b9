"""Resumable uploads (tus 1.0) under way or finished, and not yet made an attachment or a stored document."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.accounts import Account, Agent
from models.ids import new_id
from models.requests import ServiceRequest

UPLOAD_LIFETIME = timedelta(hours=24)
EMPTY_LIFETIME = timedelta(hours=1)
"""Of one that has no bytes: its client may never have learnt of it, and has begun another."""

WAITING_LIMIT = 20
"""Uploads that one owner may have unfinished, or finished and not used yet."""

WAITING_FILES_LIMIT = 5
"""What these may come to: so many files of the largest size."""

PARTS_LIMIT = 1_000
"""Parts that an upload may come in, besides one for each whole MiB: each is a blob, however small."""


class Upload(Model):
    """Whose it is: an account's, an agent's, or that of a request's ticket holder; exactly one of the three.

    `received` bytes of `length` are safely stored. Once it has become something, `became_id` names that for as long as
    the row lasts, so that the same call made again answers the same thing.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    account: fields.ForeignKeyNullableRelation[Account] = fields.ForeignKeyField(
        "models.Account", null=True, on_delete=fields.CASCADE, related_name="uploads"
    )
    account_id: UUID | None
    agent: fields.ForeignKeyNullableRelation[Agent] = fields.ForeignKeyField(
        "models.Agent", null=True, on_delete=fields.CASCADE, related_name="uploads"
    )
    agent_id: UUID | None
    request: fields.ForeignKeyNullableRelation[ServiceRequest] = fields.ForeignKeyField(
        "models.ServiceRequest", null=True, on_delete=fields.CASCADE, related_name="uploads"
    )
    request_id: UUID | None
    name = fields.CharField(max_length=200)
    media_type = fields.CharField(max_length=100)
    length = fields.BigIntField()
    received = fields.BigIntField(default=0)
    became_id: UUID | None = fields.UUIDField(null=True)
    created_at: datetime = fields.DatetimeField(default=now)
    expires_at: datetime = fields.DatetimeField()

    class Meta:
        table = "upload"


class UploadPart(Model):
    """Bytes `start` to `start + size` of an upload, stored at `address`. Parts follow each other without gaps."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    upload: fields.ForeignKeyRelation[Upload] = fields.ForeignKeyField(
        "models.Upload", on_delete=fields.CASCADE, related_name="parts"
    )
    upload_id: UUID
    start = fields.BigIntField()
    size = fields.BigIntField()
    address = fields.CharField(max_length=200)

    class Meta:
        table = "upload_part"
