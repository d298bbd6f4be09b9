"""Reading tokens of partner systems. Nothing that could be called with is ever read."""

from __future__ import annotations

from uuid import UUID

from core.selection import Selection
from models.ids import encode
from resolvers import procedures
from resolvers.reading.pages import list_of
from resolvers.reading.shape import Finish, Part, Raw, Reading, Shape

PLAIN = {"name", "scopes", "created_at", "expires_at", "last_used_at"}


def token_part(reading: Reading, selection: Selection, t: str) -> Part:
    """The token at alias `t`."""
    shape = Shape(reading, "PartnerToken")
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{t}.id"})
                shape.output("id", lambda raw: encode("PartnerToken", UUID(raw["id"])))
            case "procedures":
                shape.need({"procedure_ids": f"{t}.procedure_ids"})
                shape.output("procedures", _procedures(reading, field.selection))
            case name if name in PLAIN:
                shape.plain(name, f"{t}.{name}")
    return shape.part()


def token_list(reading: Reading, selection: Selection) -> Part:
    """Every token, the latest first; those that have expired stay until they are swept."""
    t = reading.alias("t")
    return list_of(f"partner_token {t}", f"{t}.id DESC", token_part(reading, selection, t))


def _procedures(reading: Reading, selection: Selection) -> Finish:
    def compute(raw: Raw) -> list[object]:
        known = reading.catalogue.procedures
        ids = [UUID(id) for id in raw["procedure_ids"]]
        return [procedures.procedure_row(reading, known[id], selection) for id in ids if id in known]

    return compute
