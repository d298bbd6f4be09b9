"""The one place that asks what time it is, so that tests can answer; and how an instant is written."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """This instant, aware, in UTC."""
    return datetime.now(UTC)


def write_instant(value: datetime | str) -> str:
    """RFC 3339 in UTC, from an aware datetime or from the text that PostgreSQL's JSON holds.

    Raises ValueError where it is naive.
    """
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    if instant.tzinfo is None:
        raise ValueError("an instant without its offset from UTC")
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
