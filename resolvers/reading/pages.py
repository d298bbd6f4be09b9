"""Relay connections over keyset cursors: a page costs the same wherever it lies."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import orjson

from core.errors import MalformedError
from core.i18n import Text
from core.selection import SelectedField, Selection
from models.database import Row
from resolvers.reading.shape import Part, Reading, json_object

PAGE_LIMIT = 100


@dataclass(frozen=True, slots=True)
class OrderBy:
    """One expression of an order; the last ones must make it total."""

    sql: str
    type: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Which page of an order: `first` after a cursor, or `last` before one, whatever `first` is then."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None

    @property
    def backward(self) -> bool:
        return self.last is not None

    def limit(self, default: int) -> int:
        asked = self.last if self.backward else self.first
        return max(0, min(default if asked is None else asked, PAGE_LIMIT))

    @classmethod
    def of(cls, field: SelectedField) -> Window:
        return cls(**{name: field.arguments.get(name) for name in ("first", "after", "last", "before")})


def encode_cursor(values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(list(values))).rstrip(b"=").decode()


def decode_cursor(cursor: str, *types: str) -> list[Any]:
    """The values that `encode_cursor` was given, each of its PostgreSQL type. Raises MalformedError for any other."""
    try:
        raw = cursor[:1000].encode("ascii")
        values = orjson.loads(base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True))
        if not isinstance(values, list):
            raise TypeError
        return [_PARSERS[type](str(value)) for type, value in zip(types, values, strict=True)]
    except (UnicodeEncodeError, binascii.Error, ValueError, TypeError, OverflowError) as error:
        raise MalformedError(
            Text(
                fr="Ce curseur de page ne vient pas de ce service. Reprenez depuis le début.",
                en="This page cursor was not given out by this service. Start again from the beginning.",
            )
        ) from error


def _integer(bits: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = int(text)
        if value.bit_length() >= bits:
            raise OverflowError
        return value

    return parse


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError
    return instant.astimezone(UTC)


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "int": _integer(32),
    "bigint": _integer(64),
    "text": str,
    "timestamptz": _instant,
    "uuid": UUID,
}


def page(
    reading: Reading,
    selection: Selection,
    window: Window,
    *,
    source: str,
    order: Sequence[OrderBy],
    node: Callable[[Selection], Part],
    default: int,
) -> Part:
    """A connection as one JSON expression.

    `source` is a FROM list with its WHERE, so that ` AND ...` can follow it; `node` makes the part of one of its rows.
    """
    wanted = Selection.merged([*selection.get("nodes").fields, *selection.get("edges").get("node").fields])
    limit = window.limit(default)
    columns: dict[str, str] = {}
    types = [o.type for o in order]
    bounds = [
        (decode_cursor(cursor, *types), upward)
        for cursor, upward in ((window.after, False), (window.before, True))
        if cursor is not None
    ]
    # `source` has bound its values, and a part that is made binds its own: what a statement then lacked, PostgreSQL
    # would refuse. So rows are read unless a count alone is asked, and a part is made only where rows are read.
    reads_rows = selection.names != {"total_count"}
    node_part = node(wanted) if reads_rows else Part("NULL", lambda raw: raw)
    if reads_rows:
        places = json_object(reading, {str(i): o.sql for i, o in enumerate(order)})
        directions = ", ".join(
            f"{o.sql} {'DESC' if o.descending is not window.backward else 'ASC'}" for o in order
        )
        beyond = "".join(f" AND {_beyond(reading, order, values, upward)}" for values, upward in bounds)
        columns["rows"] = (
            "(SELECT coalesce(json_agg(s.item), '[]'::json) FROM ("
            f"SELECT json_build_array({places}, {node_part.sql}) AS item FROM {source}{beyond} "
            f"ORDER BY {directions} LIMIT {limit + 1}) AS s)"
        )
    if "total_count" in selection:
        columns["total_count"] = f"(SELECT count(*) FROM {source})"

    def finish(raw: dict[str, Any]) -> Row:
        found = raw.get("rows", [])
        more = len(found) > limit
        found = found[:limit]
        if window.backward:
            found.reverse()
        edges = [
            {
                "cursor": encode_cursor([place[str(i)] for i in range(len(order))]),
                "node": node_part.finish(item),
            }
            for place, item in found
        ]
        return _connection(
            edges,
            raw.get("total_count"),
            window.before is not None if window.backward else more,
            more if window.backward else window.after is not None,
        )

    return Part(json_object(reading, columns), finish)


def _beyond(reading: Reading, order: Sequence[OrderBy], values: Sequence[Any], upward: bool) -> str:
    """Rows strictly after the cursor, or before it where `upward`. The expressions of an order share a direction."""
    left = ", ".join(o.sql for o in order)
    right = ", ".join(reading.bind(value, o.type) for o, value in zip(order, values, strict=True))
    operator = "<" if order[0].descending is not upward else ">"
    return f"({left}) {operator} ({right})"


def list_of(source: str, order_by: str, part: Part) -> Part:
    """A whole list as one JSON expression; for lists that cannot grow large."""
    sql = (
        f"(SELECT coalesce(json_agg(s.item), '[]'::json) FROM "
        f"(SELECT {part.sql} AS item FROM {source} ORDER BY {order_by}) AS s)"
    )
    return Part(sql, lambda raw: [part.finish(item) for item in raw])


Entry = TypeVar("Entry")


def page_of_list(
    entries: Sequence[Entry],
    window: Window,
    *,
    key: Callable[[Entry], str],
    row: Callable[[Entry], Row],
    default: int,
) -> Row:
    """A connection over a list that the process holds. A cursor names its entry by `key`."""
    start = 0
    if window.after is not None:
        (named,) = decode_cursor(window.after, "text")
        start = next((i + 1 for i, entry in enumerate(entries) if key(entry) == named), len(entries))
    found = entries[start : start + window.limit(default)]
    edges = [{"cursor": encode_cursor([key(entry)]), "node": row(entry)} for entry in found]
    return _connection(edges, len(entries), start + len(found) < len(entries), start > 0)


def _connection(edges: list[Row], total_count: int | None, has_next: bool, has_previous: bool) -> Row:
    return {
        "edges": edges,
        "nodes": [edge["node"] for edge in edges],
        "total_count": total_count,
        "page_info": {
            "has_next_page": has_next,
            "has_previous_page": has_previous,
            "start_cursor": edges[0]["cursor"] if edges else None,
            "end_cursor": edges[-1]["cursor"] if edges else None,
        },
    }
