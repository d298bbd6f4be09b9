"""Pièces jointes: which files a request holds, under which titles, and which of them a message refers to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from core.errors import FieldProblem
from core.i18n import Text, same
from models.exchanges import Exchange
from models.files import TITLE_LIMIT, File
from models.ids import new_id
from models.requests import ServiceRequest
from models.storage import StoredDocument

ATTACHMENT_LIMIT = 50
"""Pieces that one request may hold, both sides together."""

EXCHANGE_ATTACHMENT_LIMIT = 10
"""Pieces that one message may refer to."""

TOTAL_LIMIT_BYTES = 200 * 1024 * 1024
"""What they may come to, together."""


class Attachment(Model):
    """`field` is the key of the form field that it answers. Replacing it changes `file`, never the file's row."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    request: fields.ForeignKeyRelation[ServiceRequest] = fields.ForeignKeyField(
        "models.ServiceRequest", on_delete=fields.CASCADE, related_name="attachments"
    )
    request_id: UUID
    file: fields.ForeignKeyRelation[File] = fields.ForeignKeyField(
        "models.File", on_delete=fields.RESTRICT, related_name="attachments"
    )
    file_id: UUID
    field = fields.CharField(max_length=100, null=True)
    title = fields.CharField(max_length=TITLE_LIMIT)
    name = fields.CharField(max_length=200)
    added_by = fields.CharField(max_length=20)
    copied_from: fields.ForeignKeyNullableRelation[StoredDocument] = fields.ForeignKeyField(
        "models.StoredDocument", null=True, on_delete=fields.SET_NULL, related_name="copies"
    )
    copied_from_id: UUID | None
    added_at: datetime = fields.DatetimeField(default=now)

    class Meta:
        table = "attachment"


class ExchangeAttachment(Model):
    """An attachment of the request that a message refers to."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    exchange: fields.ForeignKeyRelation[Exchange] = fields.ForeignKeyField(
        "models.Exchange", on_delete=fields.CASCADE, related_name="attachment_links"
    )
    exchange_id: UUID
    attachment: fields.ForeignKeyRelation[Attachment] = fields.ForeignKeyField(
        "models.Attachment", on_delete=fields.CASCADE, related_name="exchange_links"
    )
    attachment_id: UUID

    class Meta:
        table = "exchange_attachment"


@dataclass(frozen=True, slots=True)
class Piece:
    """What a form wants to know of an attachment."""

    field: str | None
    title: str
    scan: str

    @property
    def counts(self) -> bool:
        """One that the scanner has put aside is as good as none."""
        return self.scan in ("PENDING", "CLEAN")


def attached(pieces: Iterable[Piece]) -> dict[str, int]:
    """How many pieces answer each file field."""
    return dict(Counter(piece.field for piece in pieces if piece.field and piece.counts))


def titles(pieces: Iterable[Piece]) -> dict[str | None, list[str]]:
    """Under each field's key, and under None those joined freely."""
    found: dict[str | None, list[str]] = {}
    for piece in pieces:
        if piece.counts:
            found.setdefault(piece.field, []).append(piece.title)
    return found


def rejected(pieces: Iterable[Piece]) -> list[FieldProblem]:
    """One problem for each piece that the scanner has put aside, under its field's key, or `attachments`."""
    return [
        FieldProblem(piece.field or "attachments", _PUT_ASIDE.format(title=same(piece.title)))
        for piece in pieces
        if not piece.counts
    ]


_PUT_ASIDE = Text(
    fr="L’antivirus a écarté la pièce « {title} » : retirez-la ou remplacez-la.",
    en="The virus scanner has put “{title}” aside: remove or replace it.",
)
