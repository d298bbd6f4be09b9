"""Reading exchanges."""

from __future__ import annotations

from uuid import UUID

from core.selection import SelectedField, Selection
from models.actors import other_side
from models.ids import encode
from resolvers.reading import attachments, requests
from resolvers.reading.pages import OrderBy, Window, page
from resolvers.reading.shape import Part, Raw, Reading, Shape

EXCHANGES_DEFAULT = 50

PLAIN = {"author", "author_name", "body", "posted_at", "read_at"}


def exchange_part(reading: Reading, selection: Selection, x: str) -> Part:
    """The exchange at alias `x`."""
    shape = Shape(reading, "Exchange")
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{x}.id"})
                shape.output("id", lambda raw: encode("Exchange", UUID(raw["id"])))
            case name if name in PLAIN:
                shape.plain(name, f"{x}.{name}")
            case "read_state":
                shape.need({"author": f"{x}.author", "read_at": f"{x}.read_at"})
                shape.output("read_state", lambda raw: _read_state(reading, raw))
            case "attachments":
                shape.child("attachments", _attachments(reading, field.selection, x))
            case "request":
                shape.child("request", requests.request_by_id(reading, field.selection, f"{x}.request_id"))
    return shape.part()


def _attachments(reading: Reading, selection: Selection, x: str) -> Part:
    a = reading.alias("a")
    link = reading.alias("l")
    named = f"{a}.id IN (SELECT {link}.attachment_id FROM exchange_attachment {link} WHERE {link}.exchange_id = {x}.id)"
    return attachments.attachment_list(reading, selection, named, a)


def exchange_by_id(reading: Reading, selection: Selection, id: str) -> Part:
    """The exchange that an SQL expression names; null where it names none."""
    x = reading.alias("x")
    part = exchange_part(reading, selection, x)
    return Part(f"(SELECT {part.sql} FROM exchange {x} WHERE {x}.id = {id})", part.finish)


def exchange_page(reading: Reading, field: SelectedField, r: str) -> Part:
    """Échanges of the request at alias `r`, oldest first."""
    x = reading.alias("x")
    return page(
        reading,
        field.selection,
        Window.of(field),
        source=f"exchange {x} WHERE {x}.request_id = {r}.id",
        order=[OrderBy(f"{x}.number", "int")],
        node=lambda wanted: exchange_part(reading, wanted, x),
        default=EXCHANGES_DEFAULT,
    )


def unread_count(reading: Reading, request_id: str) -> str:
    """How many exchanges of a request the caller has not read: those that the other side wrote."""
    x = reading.alias("x")
    others = ", ".join(f"'{party}'" for party in other_side(reading.actor))
    return (
        f"(SELECT count(*) FROM exchange {x} WHERE {x}.request_id = {request_id} "
        f"AND {x}.author IN ({others}) AND {x}.read_at IS NULL)"
    )


def _read_state(reading: Reading, raw: Raw) -> str:
    direction = "RECEIVED" if raw["author"] in other_side(reading.actor) else "SENT"
    return f"{direction}_{'UNREAD' if raw['read_at'] is None else 'READ'}"
