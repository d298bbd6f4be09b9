"""Requests to the mairie."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from core.errors import ConflictError, NotFoundError
from models.accounts import Account, Agent
from models.actors import Actor
from models.database import fetch_one
from models.ids import new_id
from models.procedures import Procedure, ProcedureVersion
from models.statement import Statement
from models.visibility import visible_requests

OPEN_STATUSES = ("SUBMITTED", "IN_PROGRESS", "AWAITING_CITIZEN")
CLOSED_STATUSES = ("ACCEPTED", "REFUSED", "CANCELLED")


class ServiceRequest(Model):
    """A request, from its draft on. The ticket is kept sealed, and found by its digest.

    The table has a column more, `found_by`, which PostgreSQL makes of the contact for whoever seeks (migration 0025).
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    ticket_digest = fields.BinaryField()
    ticket_sealed = fields.BinaryField()
    procedure: fields.ForeignKeyRelation[Procedure] = fields.ForeignKeyField(
        "models.Procedure", on_delete=fields.RESTRICT, related_name="requests"
    )
    procedure_id: UUID
    procedure_version: fields.ForeignKeyRelation[ProcedureVersion] = fields.ForeignKeyField(
        "models.ProcedureVersion", on_delete=fields.RESTRICT, related_name="requests"
    )
    procedure_version_id: UUID
    account: fields.ForeignKeyNullableRelation[Account] = fields.ForeignKeyField(
        "models.Account", null=True, on_delete=fields.RESTRICT, related_name="requests"
    )
    account_id: UUID | None
    assignee: fields.ForeignKeyNullableRelation[Agent] = fields.ForeignKeyField(
        "models.Agent", null=True, on_delete=fields.SET_NULL, related_name="assigned_requests"
    )
    assignee_id: UUID | None
    status = fields.CharField(max_length=20, default="DRAFT")
    version = fields.IntField(default=1)
    contact: dict[str, Any] | None = fields.JSONField(null=True)
    answers: dict[str, Any] = fields.JSONField(default=dict)
    language = fields.CharField(max_length=2, default="fr")
    idempotency_digest = fields.BinaryField(null=True)
    exchange_count = fields.IntField(default=0)
    created_at: datetime = fields.DatetimeField(default=now)
    updated_at: datetime = fields.DatetimeField(default=now)
    submitted_at: datetime | None = fields.DatetimeField(null=True)
    closed_at: datetime | None = fields.DatetimeField(null=True)
    archived_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "service_request"

    @classmethod
    async def lock_visible(cls, actor: Actor, id: UUID | None) -> ServiceRequest:
        """The request, if this actor may see it, locked until the transaction ends.

        Raises NotFoundError where there is none, or none for this actor.
        """
        statement = Statement()
        found = await fetch_one(
            f"SELECT r.* FROM service_request r WHERE r.id = {statement.bind(id, 'uuid')} "
            f"AND {visible_requests(statement, actor, 'r')} FOR NO KEY UPDATE OF r",
            *statement.values,
        )
        if found is None:
            raise NotFoundError
        return cls._init_from_db(**found)

    def require_version(self, version: int) -> None:
        """Raises ConflictError where the caller decided on another version than this."""
        if self.version != version:
            raise ConflictError(self.version)

    def touch(self) -> None:
        """Marks a change: the next version, now."""
        self.version += 1
        self.updated_at = now()
