"""Reading agents."""

from __future__ import annotations

from uuid import UUID

from core.selection import SelectedField, Selection
from core.settings import get_settings
from models.actors import Actor, AgentActor
from models.database import Row
from models.ids import encode
from models.visibility import visible_security_events
from resolvers import procedures
from resolvers.reading.pages import OrderBy, Window, list_of, page
from resolvers.reading.shape import Finish, Part, Raw, Reading, Shape, read_one, reading_for

EVENTS_DEFAULT = 50


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
                shape.plain("active", _active(g))
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


async def read_agent(actor: Actor, id: UUID, selection: Selection) -> Row | None:
    """An agent by their id, for a caller who is known to see agents."""
    reading = await reading_for(actor)
    g = reading.alias("g")
    part = agent_part(reading, selection, g)
    return await read_one(reading, part, f"agent {g} WHERE {g}.id = {reading.bind(id, 'uuid')}")


def may_be_in_charge(g: str, procedure: str) -> str:
    """Whether the agent at alias `g` may be put in charge of requests of the procedure that an SQL expression names."""
    return (
        f"{_active(g)} AND ({g}.role = 'ADMINISTRATOR' OR EXISTS (SELECT 1 FROM agent_procedure given "
        f"WHERE given.agent_id = {g}.id AND given.procedure_id = {procedure}))"
    )


def agent_list(reading: Reading, selection: Selection, g: str, condition: str) -> Part:
    """The agents at alias `g` for whom the condition holds, by name."""
    part = agent_part(reading, selection, g)
    return list_of(f"agent {g} WHERE {condition}", f"{g}.display_name, {g}.id", part)


def second_factor_part(reading: Reading, agent_id: str) -> Part:
    """The second factor of the agent that an SQL expression names."""
    f, r = reading.alias("f"), reading.alias("r")
    shape = Shape(reading, "SecondFactor")
    shape.plain(
        "enabled",
        f"EXISTS (SELECT 1 FROM second_factor {f} WHERE {f}.agent_id = {agent_id} AND {f}.confirmed_at IS NOT NULL)",
    )
    shape.plain(
        "recovery_codes_left",
        f"(SELECT count(*) FROM recovery_code {r} JOIN second_factor {f} ON {f}.id = {r}.second_factor_id "
        f"WHERE {f}.agent_id = {agent_id})",
    )
    shape.output("required", lambda raw: get_settings().agents_second_factor == "required")
    return shape.part()


def security_event_part(reading: Reading, selection: Selection, e: str) -> Part:
    """The security event at alias `e`."""
    shape = Shape(reading, "SecurityEvent")
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{e}.id"})
                shape.output("id", lambda raw: encode("SecurityEvent", UUID(raw["id"])))
            case "kind" | "created_at":
                shape.plain(field.name, f"{e}.{field.name}")
            case "agent":
                shape.child("agent", agent_by_id(reading, field.selection, f"{e}.agent_id"))
            case "by":
                shape.child("by", agent_by_id(reading, field.selection, f"{e}.by_id"))
    return shape.part()


def security_events(reading: Reading, actor: Actor, field: SelectedField) -> Part:
    """The latest first."""
    e = reading.alias("e")
    return page(
        reading,
        field.selection,
        Window.of(field),
        source=f"security_event {e} WHERE {visible_security_events(reading, actor, e)}",
        order=[OrderBy(f"{e}.id", "uuid", descending=True)],
        node=lambda wanted: security_event_part(reading, wanted, e),
        default=EVENTS_DEFAULT,
    )


def _active(g: str) -> str:
    return f"EXISTS (SELECT 1 FROM credential WHERE agent_id = {g}.id)"


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
