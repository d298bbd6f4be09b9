"""What is left of requests whose data were erased: how many there were, of what, from when to when."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from models.ids import new_id
from models.procedures import Procedure


class ErasedRequestFigure(Model):
    """So many requests of one procedure that came on one day and ended so on another. It names nobody, and no request.

    The desk's figures add them to the requests that are still there (resolvers/figures.py); so does the view
    `request_figures` (models/migrations), for whoever counts by hand.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    procedure: fields.ForeignKeyRelation[Procedure] = fields.ForeignKeyField(
        "models.Procedure", on_delete=fields.RESTRICT, related_name="erased_request_figures"
    )
    procedure_id: UUID
    status = fields.CharField(max_length=20)
    submitted_on: date = fields.DateField()
    closed_on: date = fields.DateField()
    requests = fields.IntField()

    class Meta:
        table = "erased_request_figure"
