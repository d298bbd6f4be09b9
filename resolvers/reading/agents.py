"""Reading agents."""

from __future__ import annotations

from uuid import UUID

from core.selection import Selection
from models.ids import encode
from resolvers.reading.shape import Part, Reading, Shape


def agent_part(reading: Reading, selection: Selection, g: str) -> Part:
    """The agent at alias `g`."""
    shape = Shape(reading, "Agent")
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{g}.id"})
                shape.output("id", lambda raw: encode("Agent", UUID(raw["id"])))
            case "display_name" | "role":
                shape.plain(field.name, f"{g}.{field.name}")
    return shape.part()


def agent_by_id(reading: Reading, selection: Selection, id: str) -> Part:
    """The agent that an SQL expression names; null where it names none."""
    g = reading.alias("g")
    part = agent_part(reading, selection, g)
    return Part(f"(SELECT {part.sql} FROM agent {g} WHERE {g}.id = {id})", part.finish)
