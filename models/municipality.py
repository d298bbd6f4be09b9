"""The commune that this installation serves, and its catalogue's revision."""

from __future__ import annotations

from typing import Any

from tortoise import fields
from tortoise.models import Model


class Municipality(Model):
    """One row, ever. `revision` grows with each change of the catalogue: processes keep a copy and compare."""

    id = fields.SmallIntField(primary_key=True, default=1)
    name = fields.CharField(max_length=200)
    timezone = fields.CharField(max_length=64)
    contact_email = fields.CharField(max_length=254)
    phone = fields.CharField(max_length=20, null=True)
    address: dict[str, Any] | None = fields.JSONField(null=True)
    links: list[dict[str, str]] | None = fields.JSONField(null=True)
    revision = fields.BigIntField(default=0)

    class Meta:
        table = "municipality"
