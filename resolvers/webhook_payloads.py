"""What webhooks tell of an event: the JSON that `partner { changes { nodes { … } } }` gives for the same fields, read
by the same code, for the same token.

It says what happened, to which request, and what to ask next. Messages, files and contact data, the name of whoever
has written among it, it leaves to whoever calls with the token: a payload goes where nobody can be asked who they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson

from core.clock import write_instant
from core.selection import Selection
from models.actors import PartnerActor
from models.database import Row
from models.statement import Statement
from models.visibility import visible_events
from resolvers.reading.events import event_part
from resolvers.reading.shape import read_all, reading_for

SHARED = Selection.of(
    "id",
    "cursor",
    "occurred_at",
    "actor",
    "description",
    request=Selection.of(
        "id", "status", "version", "submitted_at", "updated_at", procedure=Selection.of("id", "slug", "title")
    ),
)
OF_KIND: Mapping[str, Selection] = {
    "RequestStatusChanged": Selection.of("previous", "status", "reason"),
    "RequestCancelled": Selection.of("reason"),
    "ExchangePosted": Selection.of(exchange=Selection.of("id", "author", "posted_at")),
    "ExchangesRead": Selection.of(up_to=Selection.of("id")),
    "AttachmentAdded": Selection.of(attachment=Selection.of("id", "title", "field", "added_by")),
    "AttachmentReplaced": Selection.of(attachment=Selection.of("id", "title", "field", "added_by")),
    "AttachmentRemoved": Selection.of("title"),
    "AttachmentRejected": Selection.of("title", attachment=Selection.of("id", "title", "field", "added_by")),
    "AppointmentBooked": Selection.of(
        appointment=Selection.of("id", "state", slot=Selection.of("start", "end"))
    ),
    "AppointmentMoved": Selection.of(
        "previous_start", appointment=Selection.of("id", "state", slot=Selection.of("start", "end"))
    ),
    "AppointmentCancelled": Selection.of("start", "reason"),
}
"""What each kind of event has besides."""

WITHOUT_READING = frozenset({"previous", "status", "previous_start", "start"})
"""What of that a token without READ_REQUESTS is told (resolvers/reading/partner_scope.py)."""

INSTANTS = frozenset(
    {"occurred_at", "submitted_at", "updated_at", "posted_at", "previous_start", "start", "end"}
)


async def read_payloads(actor: PartnerActor, condition: str, statement: Statement, limit: int) -> list[Row]:
    """Events for which `condition` holds, a condition on `e` (the event) that has bound its values in `statement`, and
    that are in the actor's scope; the oldest first. Rows as `payload` takes them.
    """
    reading = await reading_for(actor)
    reading.values.extend(statement.values)
    part = event_part(reading, _wanted(actor), "e")
    source = (
        "request_event e JOIN service_request r ON r.id = e.request_id "
        f"WHERE ({condition}) AND {visible_events(reading, actor, 'r')} "
        f"ORDER BY e.position LIMIT {limit}"
    )
    return await read_all(reading, part, source)


def payload(actor: PartnerActor, row: Row) -> bytes:
    """The event as JSON, under the contract's names."""
    own = _own(actor, row["__typename"])
    asked = Selection.merged([*SHARED.fields, *own.fields])
    return orjson.dumps({"__typename": row["__typename"], **_told(row, asked)})


def _wanted(actor: PartnerActor) -> Selection:
    return Selection.merged([*SHARED.fields, *(field for kind in OF_KIND for field in _own(actor, kind))])


def _own(actor: PartnerActor, kind: str) -> Selection:
    selection = OF_KIND.get(kind, Selection())
    if "READ_REQUESTS" in actor.scopes:
        return selection
    return Selection(tuple(field for field in selection if field.name in WITHOUT_READING))


def _told(row: Row, selection: Selection) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for field in selection:
        value = row[field.key]
        if field.selection and value is not None:
            value = _told(value, field.selection)
        elif field.name in INSTANTS and value is not None:
            value = write_instant(value)
        told[_camel_case(field.name)] = value
    return told


@cache
def _camel_case(name: str) -> str:
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
