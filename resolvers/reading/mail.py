"""Reading mail that could not be sent."""

from __future__ import annotations

from uuid import UUID

from core.selection import Selection
from models.ids import encode
from resolvers.reading.requests import request_by_id
from resolvers.reading.shape import Part, Reading, Shape


def parked_mail_part(reading: Reading, selection: Selection, m: str) -> Part:
    """The mail at alias `m`."""
    shape = Shape(reading, "ParkedMail")
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{m}.id"})
                shape.output("id", lambda raw: encode("ParkedMail", UUID(raw["id"])))
            case "template" | "recipient" | "attempts" | "last_error" | "created_at":
                shape.plain(field.name, f"{m}.{field.name}")
            case "request":
                shape.child("request", request_by_id(reading, field.selection, f"{m}.request_id"))
    return shape.part()
