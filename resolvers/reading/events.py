"""Reading the event log."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from core.selection import SelectedField, Selection
from models.actors import AgentActor
from models.event_texts import describe
from models.ids import encode
from resolvers.reading import appointments, attachments, exchanges, requests
from resolvers.reading.agents import agent_by_id
from resolvers.reading.pages import OrderBy, Window, encode_cursor, page
from resolvers.reading.partner_scope import check_event, knows_titles
from resolvers.reading.shape import Finish, Part, Reading, Shape

HISTORY_DEFAULT = 50

IN_DATA = {"previous", "status", "reason", "title", "previous_start", "start"}


def event_part(reading: Reading, selection: Selection, e: str) -> Part:
    """The event at alias `e`, of whatever kind."""
    check_event(reading.actor, selection)
    shape = Shape(reading, "RequestEvent")
    shape.need({"kind": f"{e}.kind"})
    shape.output("__typename", lambda raw: raw["kind"])
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{e}.id"})
                shape.output("id", lambda raw: encode("RequestEvent", UUID(raw["id"])))
            case "cursor":
                shape.need({"position": f"{e}.position"})
                shape.output("cursor", lambda raw: encode_cursor([raw["position"]]))
            case "occurred_at" | "actor":
                shape.plain(field.name, f"{e}.{field.name}")
            case "agent":
                if isinstance(reading.actor, AgentActor):
                    shape.child("agent", agent_by_id(reading, field.selection, f"{e}.agent_id"))
                else:
                    shape.output("agent", lambda raw: None)
            case "description":
                shape.need({"actor": f"{e}.actor", "data": f"{e}.data"})
                shape.output(
                    "description",
                    lambda raw: describe(
                        raw["kind"], raw["actor"], _told(reading, raw["data"]), reading.side
                    ).in_(reading.language),
                )
            case name if name in IN_DATA:
                shape.need({"data": f"{e}.data"})
                shape.output(name, _from_data(name))
            case "exchange" | "up_to":
                by_id = exchanges.exchange_by_id(reading, field.selection, f"{e}.exchange_id")
                shape.child(field.name, by_id)
            case "attachment":
                named = f"({e}.data->>'attachment')::uuid"
                shape.child("attachment", attachments.attachment_by_id(reading, field.selection, named))
            case "appointment":
                named = f"({e}.data->>'appointment')::uuid"
                shape.child("appointment", appointments.appointment_by_id(reading, field.selection, named))
            case "request":
                shape.child("request", requests.request_by_id(reading, field.selection, f"{e}.request_id"))
    return shape.part()


def _told(reading: Reading, data: dict[str, Any]) -> dict[str, Any]:
    return data if knows_titles(reading.actor) else {**data, "title": "…"}


def _from_data(name: str) -> Finish:
    return lambda raw: raw["data"].get(name)


def history_page(reading: Reading, field: SelectedField, r: str) -> Part:
    """Historique of the request at alias `r`, oldest first."""
    e = reading.alias("e")
    return page(
        reading,
        field.selection,
        Window.of(field),
        source=f"request_event {e} WHERE {e}.request_id = {r}.id",
        order=[OrderBy(f"{e}.position", "bigint")],
        node=lambda wanted: event_part(reading, wanted, e),
        default=HISTORY_DEFAULT,
    )
