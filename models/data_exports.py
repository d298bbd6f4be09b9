"""Exports of one's data: all that an account may see of itself, as a ZIP made by a worker. The row is the job."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from core.i18n import Language
from models.accounts import Account
from models.ids import new_id

MEDIA_TYPE = "application/zip"
LIFETIME = timedelta(days=7)
"""How long one can be fetched."""

ONE_IN = timedelta(days=1)
"""Another one may be asked for that long after the last, unless that one failed."""


def export_name(language: Language) -> str:
    """The name to save an export under: it says nothing of whose it is."""
    return "my-data.zip" if language == "en" else "mes-donnees.zip"


class DataExport(Model):
    """The last one that an account has asked for. PENDING until it is READY, or FAILED after its last attempt.

    `address` is where the bytes are, until `expires_at` has passed and they are swept.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", on_delete=fields.CASCADE, related_name="data_exports"
    )
    account_id: UUID
    language = fields.CharField(max_length=2)
    state = fields.CharField(max_length=10, default="PENDING")
    attempts = fields.IntField(default=0)
    next_attempt_at: datetime | None = fields.DatetimeField(null=True, default=now)
    address = fields.CharField(max_length=200, null=True)
    size = fields.BigIntField(null=True)
    sha256 = fields.BinaryField(null=True)
    requested_at: datetime = fields.DatetimeField(default=now)
    ready_at: datetime | None = fields.DatetimeField(null=True)
    expires_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "data_export"
