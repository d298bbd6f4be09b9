"""Reading agents."""

from __future__ import annotations

from uuid import UUID

from core.selection import SelectedField, Selection
from models.actors import AgentActor
from models.ids import encode
from resolvers import procedures
from resolvers.reading.shape import Finish, Part, Raw, Reading, Shape


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
            case "active":
                shape.plain("active", f"EXISTS (SELECT 1 FROM credential WHERE agent_id = {g}.id)")
            case "username":
                # Half of what logging in takes: for those only who give it out.
                known = isinstance(reading.actor, AgentActor) and reading.actor.role == "ADMINISTRATOR"
                shape.plain(
                    "username",
                    f"(SELECT username FROM credential WHERE agent_id = {g}.id)" if known else "NULL",
                )
            case "procedures":
                given = f"SELECT json_agg(procedure_id) FROM agent_procedure WHERE agent_id = {g}.id"
                shape.need({"procedure_ids": f"(SELECT coalesce(({given}), '[]'))"})
                shape.output("procedures", _procedures(reading, field))
    return shape.part()


def agent_by_id(reading: Reading, selection: Selection, id: str) -> Part:
    """The agent that an SQL expression names; null where it names none."""
    g = reading.alias("g")
    part = agent_part(reading, selection, g)
    return Part(f"(SELECT {part.sql} FROM agent {g} WHERE {g}.id = {id})", part.finish)


def _procedures(reading: Reading, field: SelectedField) -> Finish:
    """In the catalogue's order."""

    def finish(raw: Raw) -> list[Raw]:
        given = {UUID(id) for id in raw["procedure_ids"]}
        return [
            procedures.procedure_row(reading, entry, field.selection)
            for entry in reading.catalogue.procedures.values()
            if entry.id in given
        ]

    return finish
