"""Identities: that a provider's person is the owner of an account. Whom the provider means is kept as an HMAC only."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.accounts import Account
from models.ids import new_id


class Identity(Model):
    """One for each account and provider. `subject` is an HMAC of whom the provider means.

    `acr` and `amr` are how sure the provider was, and by which methods, the last time.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", on_delete=fields.CASCADE, related_name="identities"
    )
    account_id: UUID
    issuer = fields.CharField(max_length=300)
    provider = fields.CharField(max_length=100)
    subject: bytes = fields.BinaryField()
    acr = fields.CharField(max_length=300, null=True)
    amr: list[str] = fields.JSONField(default=list)
    linked_at: datetime = fields.DatetimeField(default=now)
    last_used_at: datetime = fields.DatetimeField(default=now)

    class Meta:
        table = "identity"


class PendingIdentity(Model):
    """Somebody who has logged in there and has no account here yet: single use, bound to a browser by its token.

    `person` (what the provider says of them) and `id_token` are sealed.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    token_digest: bytes = fields.BinaryField()
    issuer = fields.CharField(max_length=300)
    provider = fields.CharField(max_length=100)
    subject: bytes = fields.BinaryField()
    acr = fields.CharField(max_length=300, null=True)
    amr: list[str] = fields.JSONField(default=list)
    person: bytes = fields.BinaryField()
    id_token: bytes = fields.BinaryField()
    expires_at: datetime = fields.DatetimeField()

    class Meta:
        table = "pending_identity"


class SpentLogin(Model):
    """An answer of a provider that was taken: its `state`, as a SHA-256, until it has expired anyway."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    state: bytes = fields.BinaryField()
    expires_at: datetime = fields.DatetimeField()

    class Meta:
        table = "spent_login"
