"""The scalars of the contract: how each is written in answers and read from callers.

What cannot be read raises ValueError, which the caller sees as a malformed operation; so what a person may
mistype is read leniently here and answered by resolvers.
"""

from datetime import UTC, date, datetime
from typing import Any, NewType
from urllib.parse import urlsplit

import strawberry
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from core.clock import write_instant
from core.tickets import parse_ticket
from uploads.received import ReceivedFile

__all__ = ["JSON", "SCALARS", "URL", "TicketNumber", "Upload"]

TicketNumber = NewType("TicketNumber", str)
URL = NewType("URL", str)
Upload = NewType("Upload", ReceivedFile)

_LONGEST_URL = 2048


def read_instant(value: Any) -> datetime:
    try:
        return _aware(datetime.fromisoformat(_text(value))).astimezone(UTC)
    except OverflowError:
        raise ValueError("Outside the years 1 to 9999 in UTC.") from None


def write_date(value: date | str) -> str:
    return (date.fromisoformat(value) if isinstance(value, str) else value).isoformat()


def read_date(value: Any) -> date:
    text = _text(value)
    day = date.fromisoformat(text)
    if day.isoformat() != text:
        raise ValueError("A date is written YYYY-MM-DD.")
    return day


def read_ticket(value: Any) -> str:
    """As it is shown to people; what is no ticket stays as it was typed, and opens nothing."""
    text = _text(value)
    return parse_ticket(text) or text


def read_url(value: Any) -> str:
    text = _text(value)
    parts = urlsplit(text)
    written_whole = text.isprintable() and " " not in text and len(text) <= _LONGEST_URL
    if not (written_whole and parts.scheme in ("http", "https") and parts.hostname):
        raise ValueError(
            f"An absolute http or https address of at most {_LONGEST_URL} characters is expected."
        )
    return text


def read_upload(value: Any) -> ReceivedFile:
    if not isinstance(value, ReceivedFile):
        raise ValueError("A file of a GraphQL multipart request is expected.")
    return value


def _aware(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(
            "An instant needs an offset from UTC: 2026-01-31T09:30:00Z or 2026-01-31T10:30:00+01:00."
        )
    return instant


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("A string is expected.")
    return value


SCALARS: dict[object, ScalarDefinition] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="An instant with its offset, RFC 3339: `2026-01-31T09:30:00Z`. Answers are in UTC.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=write_instant,
        parse_value=read_instant,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A day of the calendar: `2026-01-31`.",
        serialize=write_date,
        parse_value=read_date,
    ),
    TicketNumber: strawberry.scalar(
        name="TicketNumber",
        description=(
            "What opens one request to whoever holds it: `K7QM-2XRD-9F4T-W8ZB-3HNC`. Read in any case, with "
            "or without dashes and spaces, O as 0, I and L as 1. What is mistyped answers as unknown."
        ),
        serialize=str,
        parse_value=read_ticket,
    ),
    URL: strawberry.scalar(
        name="URL",
        description="An absolute address, http or https.",
        specified_by_url="https://url.spec.whatwg.org/",
        serialize=str,
        parse_value=read_url,
    ),
    Upload: strawberry.scalar(
        name="Upload",
        description="A file sent along with the operation (GraphQL multipart request).",
        parse_value=read_upload,
    ),
}
