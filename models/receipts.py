"""Receipts: the acknowledgement of a request as a PDF, made by a worker. The row is the job until it has its file."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from core.i18n import Language
from models.files import File
from models.ids import new_id
from models.requests import ServiceRequest


def receipt_name(language: Language) -> str:
    """The name to save a receipt under: it says nothing of the request."""
    return "receipt.pdf" if language == "en" else "recepisse.pdf"


class Receipt(Model):
    """Written when the request is submitted. `next_attempt_at` is null once it has its file, or was given up."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    request: fields.ForeignKeyRelation[ServiceRequest] = fields.ForeignKeyField(
        "models.ServiceRequest", on_delete=fields.CASCADE, related_name="receipts"
    )
    request_id: UUID
    file: fields.ForeignKeyNullableRelation[File] = fields.ForeignKeyField(
        "models.File", null=True, on_delete=fields.RESTRICT, related_name="receipts"
    )
    file_id: UUID | None
    attempts = fields.IntField(default=0)
    next_attempt_at: datetime | None = fields.DatetimeField(null=True, default=now)
    created_at: datetime = fields.DatetimeField(default=now)

    class Meta:
        table = "receipt"
