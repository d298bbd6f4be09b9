"""What was counted against the limits while Redis was away (core/limits/postgres.py)."""

from __future__ import annotations

from datetime import datetime

from tortoise import fields
from tortoise.models import Model


class LimitCount(Model):
    """A window of one limit. Its id is the limit and an HMAC of whoever is counted; the table is not logged."""

    id = fields.CharField(max_length=150, primary_key=True)
    counted = fields.BigIntField()
    counted_before = fields.BigIntField()
    """In the window before this one."""
    started_at: datetime = fields.DatetimeField()
    expires_at: datetime = fields.DatetimeField()

    class Meta:
        table = "limit_count"
