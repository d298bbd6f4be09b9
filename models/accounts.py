"""Citizens' accounts, agents, and the credential by which either logs in."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.ids import new_id
from models.procedures import Procedure

if TYPE_CHECKING:
    from models.identities import Identity

TYPED_LIMIT = 200
"""Characters of a username that are looked at: sorting the accents of a very long one takes seconds."""


STORAGE_QUOTA_BYTES = 100 * 1024 * 1024


class Account(Model):
    """A citizen's account. `profile` is a Contact (models/contact.py) as JSON.

    `former_email` is the address that was confirmed last, for as long as the one of today is not.

    `stored_bytes` and `stored_count` are what its storage space holds: a trigger keeps them (models/migrations).
    Closed by its citizen, it is kept until `erasure_at`, with its username; until then it can be restored.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    profile: dict[str, Any] = fields.JSONField()
    email = fields.CharField(max_length=254)
    email_confirmed_at: datetime | None = fields.DatetimeField(null=True)
    former_email = fields.CharField(max_length=254, null=True)
    language = fields.CharField(max_length=2, default="fr")
    stored_bytes = fields.BigIntField(default=0, db_default=0)
    stored_count = fields.IntField(default=0, db_default=0)
    storage_quota_bytes = fields.BigIntField(default=STORAGE_QUOTA_BYTES, db_default=STORAGE_QUOTA_BYTES)
    created_at: datetime = fields.DatetimeField(default=now)
    closed_at: datetime | None = fields.DatetimeField(null=True)
    erasure_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "account"


class Agent(Model):
    """Somebody who works at the mairie."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    display_name = fields.CharField(max_length=200)
    role = fields.CharField(max_length=20)
    created_at: datetime = fields.DatetimeField(default=now)

    class Meta:
        table = "agent"


class AgentProcedure(Model):
    """A procedure given to a handler."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    agent: fields.ForeignKeyRelation[Agent] = fields.ForeignKeyField(
        "models.Agent", on_delete=fields.CASCADE, related_name="procedure_links"
    )
    agent_id: UUID
    procedure: fields.ForeignKeyRelation[Procedure] = fields.ForeignKeyField(
        "models.Procedure", on_delete=fields.CASCADE, related_name="agent_links"
    )
    procedure_id: UUID

    class Meta:
        table = "agent_procedure"


def normalised_username(typed: str) -> str:
    """One form for what looks the same: keyboards differ in how they send é. What is far too long is cut."""
    return unicodedata.normalize("NFKC", typed[:TYPED_LIMIT]).strip()


class Credential(Model):
    """Username and password of one account or one agent: one table, so that a username names one person only.

    `password_hash` is null where the account was opened with an identity (models/identities.py) and has no password.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    username = fields.CharField(max_length=60)
    password_hash = fields.CharField(max_length=255, null=True)
    account: fields.ForeignKeyNullableRelation[Account] = fields.ForeignKeyField(
        "models.Account", null=True, on_delete=fields.CASCADE, related_name="credentials"
    )
    account_id: UUID | None
    agent: fields.ForeignKeyNullableRelation[Agent] = fields.ForeignKeyField(
        "models.Agent", null=True, on_delete=fields.CASCADE, related_name="credentials"
    )
    agent_id: UUID | None

    class Meta:
        table = "credential"


class TemporaryPassword(Model):
    """A mailed password that can still be used. Its id is the mail's, of which the password derives: it is nowhere."""

    id: UUID = fields.UUIDField(primary_key=True)
    credential: fields.ForeignKeyRelation[Credential] = fields.ForeignKeyField(
        "models.Credential", on_delete=fields.CASCADE, related_name="temporary_passwords"
    )
    credential_id: UUID
    expires_at: datetime = fields.DatetimeField()

    class Meta:
        table = "temporary_password"


class NewPasswordRequest(Model):
    """Mot de passe oublié ? `typed` is the username or address that somebody typed, sealed. The row is the job."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    typed = fields.BinaryField()
    language = fields.CharField(max_length=2)
    due_at: datetime = fields.DatetimeField(default=now)
    created_at: datetime = fields.DatetimeField(default=now)

    class Meta:
        table = "new_password_request"


class Session(Model):
    """A login that holds. The token is kept as its SHA-256 only; revoking deletes the row.

    `identity` is the one that it was opened with, if it was, and `id_token` the provider's token for logging out
    there, sealed.

    With `temporary_password_id`, it was opened with a mailed password, and is for changing it only.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    credential: fields.ForeignKeyRelation[Credential] = fields.ForeignKeyField(
        "models.Credential", on_delete=fields.CASCADE, related_name="sessions"
    )
    credential_id: UUID
    token_digest = fields.BinaryField()
    user_agent = fields.CharField(max_length=300, null=True)
    identity: fields.ForeignKeyNullableRelation[Identity] = fields.ForeignKeyField(
        "models.Identity", null=True, on_delete=fields.SET_NULL, related_name="sessions"
    )
    identity_id: UUID | None
    id_token: bytes | None = fields.BinaryField(null=True)
    temporary_password_id: UUID | None = fields.UUIDField(null=True)
    created_at: datetime = fields.DatetimeField(default=now)
    last_seen_at: datetime = fields.DatetimeField(default=now)
    expires_at: datetime = fields.DatetimeField()

    class Meta:
        table = "session"
