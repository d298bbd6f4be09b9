"""Partner systems that citizens may link to their account, the links, and those that are to be ended at the partner."""

from __future__ import annotations

import base64
from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from core.keys import hmac_digest, seal, unseal
from models.accounts import Account
from models.ids import new_id

SEAL = "partner token"

LONGEST_TOKEN = 2_000
LONGEST_LABEL = 200


class PartnerSystem(Model):
    """One of the municipality's data. `offered` is false once it is there no more: its links are still to be ended."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    slug = fields.CharField(max_length=100)
    name = fields.CharField(max_length=200)
    address = fields.CharField(max_length=500)
    code_label = fields.CharField(max_length=200)
    password_label = fields.CharField(max_length=200)
    position = fields.IntField()
    offered = fields.BooleanField(default=True)

    class Meta:
        table = "partner_system"


class PartnerLink(Model):
    """The partner knows it by `reference`. The database itself has a reference that goes ended at the partner."""

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    system: fields.ForeignKeyRelation[PartnerSystem] = fields.ForeignKeyField(
        "models.PartnerSystem", on_delete=fields.RESTRICT, related_name="links"
    )
    system_id: UUID
    account: fields.ForeignKeyRelation[Account] = fields.ForeignKeyField(
        "models.Account", on_delete=fields.CASCADE, related_name="partner_links"
    )
    account_id: UUID
    reference: UUID = fields.UUIDField()
    token_sealed: bytes | None = fields.BinaryField(null=True)
    label = fields.CharField(max_length=LONGEST_LABEL)
    state = fields.CharField(max_length=10, default="ACTIVE")
    linked_at: datetime = fields.DatetimeField(default=now)
    expires_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "partner_link"


class PartnerRevocation(Model):
    """A link to be ended at the partner; its id is the link's reference. The row is the job, and outlives the account.

    One is written before a partner is asked for a link, and taken away with the transaction that keeps the link: what
    was asked for and not kept, for whatever reason, is ended.
    """

    id: UUID = fields.UUIDField(primary_key=True)
    system: fields.ForeignKeyRelation[PartnerSystem] = fields.ForeignKeyField(
        "models.PartnerSystem", on_delete=fields.RESTRICT, related_name="revocations"
    )
    system_id: UUID
    attempts = fields.IntField(default=0, db_default=0)
    next_attempt_at: datetime | None = fields.DatetimeField(null=True)
    created_at: datetime = fields.DatetimeField(default=now)

    class Meta:
        table = "partner_revocation"


def pairwise_subject(system: str, account_id: UUID) -> str:
    """The name under which one partner knows an account: another one at each, and of no meaning to any."""
    digest = hmac_digest("partner subject", f"{system}\0{account_id}".encode())
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def seal_token(reference: UUID, token: str) -> bytes:
    """A partner's token as it is kept: sealed, and of no use with another link than its own."""
    return seal(SEAL, reference.bytes + token.encode())


def unseal_token(reference: UUID, sealed: bytes) -> str:
    """Raises ValueError where it was not sealed for this link with this secret key."""
    opened = unseal(SEAL, sealed)
    if opened[:16] != reference.bytes:
        raise ValueError("sealed for another link")
    return opened[16:].decode()
