"""Reading appointments."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from core.selection import Selection
from models.actors import AgentActor
from models.forms import AppointmentLine
from models.ids import encode
from models.visibility import visible_requests
from resolvers.calendar_links import calendar_url
from resolvers.catalogue import Catalogue
from resolvers.reading import requests, slots
from resolvers.reading.pages import list_of
from resolvers.reading.shape import Part, Reading, Shape


def appointment_part(reading: Reading, selection: Selection, p: str) -> Part:
    """The appointment at alias `p`. The visibility of its request is the caller's concern."""
    shape = Shape(reading, "Appointment")
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{p}.id"})
                shape.output("id", lambda raw: encode("Appointment", UUID(raw["id"])))
            case "state" | "held_until":
                shape.plain(field.name, f"{p}.{field.name}")
            case "slot":
                s = reading.alias("s")
                part = slots.slot_part(reading, field.selection, s)
                shape.child(
                    "slot", Part(f"(SELECT {part.sql} FROM slot {s} WHERE {s}.id = {p}.slot_id)", part.finish)
                )
            case "request":
                shape.child("request", requests.request_by_id(reading, field.selection, f"{p}.request_id"))
            case "reminder":
                shape.plain(
                    "reminder",
                    f"CASE WHEN {p}.reminder_email IS NULL THEN NULL ELSE json_build_object("
                    f"'email', {p}.reminder_email, 'sends_at', {p}.reminder_at, 'sent_at', {p}.reminder_sent_at) END",
                )
            case "suggested_reminder_email":
                shape.plain(
                    "suggested_reminder_email",
                    f"(SELECT contact ->> 'email' FROM service_request WHERE id = {p}.request_id)",
                )
            case "calendar_url":
                shape.need({"id": f"{p}.id"})
                shape.output("calendar_url", lambda raw: calendar_url(UUID(raw["id"])))
    return shape.part()


def appointment_line(known: Catalogue, booked: Mapping[str, Any] | None) -> AppointmentLine | None:
    """What a summary says of an appointment: `booked` has its slot's `start` (RFC 3339) and `schedule_id`."""
    if booked is None:
        return None
    start = datetime.fromisoformat(booked["start"]).astimezone(ZoneInfo(known.municipality.timezone))
    return AppointmentLine(start, known.schedule(UUID(booked["schedule_id"])).place)


def appointment_list(reading: Reading, selection: Selection, condition: str, p: str) -> Part:
    """The appointments at alias `p` for which `condition` holds, by the start of their slot."""
    return list_of(
        f"appointment {p} JOIN slot {p}s ON {p}s.id = {p}.slot_id WHERE {condition}",
        f"{p}s.start, {p}.id",
        appointment_part(reading, selection, p),
    )


def appointments_in(reading: Reading, selection: Selection, s: str) -> Part:
    """Who comes to the slot at alias `s`: for agents, those whose requests they see; for others, nobody."""
    p, r = reading.alias("p"), reading.alias("r")
    if not isinstance(reading.actor, AgentActor):
        return Part("'[]'::json", lambda raw: raw)
    condition = (
        f"{p}.slot_id = {s}.id AND {p}.state = 'CONFIRMED' AND EXISTS (SELECT 1 FROM service_request {r} "
        f"WHERE {r}.id = {p}.request_id AND {visible_requests(reading, reading.actor, r)})"
    )
    return appointment_list(reading, selection, condition, p)


def appointment_by_id(reading: Reading, selection: Selection, id: str) -> Part:
    """The appointment that an SQL expression names."""
    p = reading.alias("p")
    part = appointment_part(reading, selection, p)
    return Part(f"(SELECT {part.sql} FROM appointment {p} WHERE {p}.id = {id})", part.finish)
