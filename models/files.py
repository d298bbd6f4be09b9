"""Files: contents that were checked, stored and are scanned. Each content has one row, however often it was sent.

A row names no person and has no title: what links to it does (models/attachments.py, models/storage.py,
models/receipts.py). It is written after its bytes are safely stored, and goes once nothing links to it.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.ids import new_id

TITLE_LIMIT = 200
"""Characters of a title that a link gives it."""


class File(Model):
    """`address` and `preview_address` are where uploads/storing keeps the bytes; infected bytes are thrown away.

    `next_scan_at` and `next_preview_at` are when a worker is to look: the row is the job.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    sha256 = fields.BinaryField()
    size = fields.BigIntField()
    media_type = fields.CharField(max_length=100)
    address = fields.CharField(max_length=200, null=True)
    scan = fields.CharField(max_length=10, default="PENDING")
    scan_attempts = fields.IntField(default=0)
    next_scan_at: datetime | None = fields.DatetimeField(null=True)
    scanned_at: datetime | None = fields.DatetimeField(null=True)
    preview_address = fields.CharField(max_length=200, null=True)
    preview_attempts = fields.IntField(default=0)
    next_preview_at: datetime | None = fields.DatetimeField(null=True)
    created_at: datetime = fields.DatetimeField(default=now)
    linked_at: datetime = fields.DatetimeField(default=now)

    class Meta:
        table = "file"
