"""Mon espace de stockage: pieces that citizens keep for later requests."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.accounts import Account
from models.files import TITLE_LIMIT, File
from models.ids import new_id

DOCUMENT_LIMIT = 1_000
"""Pieces that one account may keep, however small. Kept by a constraint (models/migrations)."""


class StoredDocument(Model):
    """A trigger adds its size to `account.stored_bytes`, which a constraint keeps within the account's quota."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", on_delete=fields.CASCADE, related_name="stored_documents"
    )
    account_id: UUID
    file: fields.ForeignKeyRelation[File] = fields.ForeignKeyField(
        "models.File", on_delete=fields.RESTRICT, related_name="stored_documents"
    )
    file_id: UUID
    title = fields.CharField(max_length=TITLE_LIMIT)
    name = fields.CharField(max_length=200)
    kind = fields.CharField(max_length=20, default="OTHER")
    valid_until: date | None = fields.DateField(null=True)
    stored_at: datetime = fields.DatetimeField(default=now)
    updated_at: datetime = fields.DatetimeField(default=now)

    class Meta:
        table = "stored_document"
