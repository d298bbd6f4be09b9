"""Schedules and their slots: writing them, publishing, closing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import orjson

from core.clock import now
from core.errors import FieldProblem, NotFoundError, ValidationError
from core.event_bus import event_bus
from core.i18n import Text
from core.selection import Selection
from models.actors import Actor, AgentActor
from models.address import Address, check_address
from models.appointments import Appointment
from models.database import Row, execute, fetch, transaction
from models.ids import decode_as, new_id
from models.openings import WEEKDAYS, Opening, public_holidays, spans
from models.plain_text import has_unprintable, one_line
from models.requests import ServiceRequest
from resolvers import catalogue
from resolvers.booking import has_begun, tell
from resolvers.procedures import schedule_row
from resolvers.publishing import lock_catalogue, revise
from resolvers.reading.shape import read_all, read_one, reading_for, settle
from resolvers.reading.slots import slot_part
from resolvers.requests import checked_reason
from resolvers.work import Work, unit_of_work

MOST_DAYS = 366
MOST_SLOTS = 20_000
MOST_CLOSED = 500
AT_ONCE = 2_000
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class OpeningRule:
    """As it was typed: names of weekdays, HH:MM."""

    weekdays: Sequence[str]
    start: str
    end: str


async def read_slot(actor: Actor, id: UUID | None, selection: Selection) -> Row | None:
    """A slot: everybody may know of it."""
    if id is None:
        return None
    reading = await reading_for(actor)
    s = reading.alias("s")
    part = slot_part(reading, selection, s)
    return await read_one(reading, part, f"slot {s} WHERE {s}.id = {reading.bind(id, 'uuid')}")


async def publish_slots(
    actor: Actor,
    *,
    schedule: str,
    first: date,
    last: date,
    openings: Sequence[OpeningRule],
    minutes: int,
    capacity: int,
    skip_public_holidays: bool,
    selection: Selection,
    reopen_closed: bool = False,
) -> tuple[Row, int]:
    """Opens slots by a rule, those that have begun left out; what would overlap one that stands is skipped, and one
    that was closed stands unless `reopen_closed`. The schedule, and how many slots are new.

    Raises ValidationError, NotFoundError.
    """
    known = await catalogue.current()
    id = decode_as("Schedule", schedule)
    if id is None or id not in known.schedules:
        raise NotFoundError
    rules = _checked_rule(first, last, openings, minutes, capacity)
    municipality = known.municipality
    postal_code = (municipality.address or {}).get("postal_code")
    left_out = (
        await asyncio.to_thread(public_holidays, first, last, postal_code)
        if skip_public_holidays
        else frozenset()
    )
    at = now()
    # A rule may make millions: none is made of days that are past, and no more than can be refused.
    first = max(first, await catalogue.today())
    every = spans(rules, minutes, first, last, timezone=municipality.timezone, left_out=left_out)
    new = list(islice(((start, end) for start, end in every if start > at), MOST_SLOTS + 1))
    if len(new) > MOST_SLOTS:
        raise ValidationError([FieldProblem("to", _TOO_MANY_SLOTS)])
    published = await _publish(id, new, capacity, reopen_closed=reopen_closed)
    return await _schedule(actor, id, selection), published


async def close_slots(
    actor: Actor, *, slots: Sequence[str], reason: str | None, selection: Selection
) -> tuple[list[Row], int]:
    """Closes slots, those that have begun left as they are. Who has an appointment in one is told by mail, and offered
    the next that is free; how many those are.

    Raises ValidationError (too many at once, the reason), NotFoundError where there is none of them.
    """
    assert isinstance(actor, AgentActor)
    reason = checked_reason(reason)
    if len(slots) > MOST_CLOSED:
        raise ValidationError([FieldProblem("slots", _TOO_MANY_AT_ONCE)])
    ids = [id for id in (decode_as("Slot", slot) for slot in slots) if id]
    told = await _close(actor, ids, reason)
    reading = await reading_for(actor)
    s = reading.alias("s")
    part = slot_part(reading, selection, s)
    condition = f"{s}.id = ANY({reading.bind(ids, 'uuid[]')})"
    return await read_all(reading, part, f"slot {s} WHERE {condition} ORDER BY {s}.start, {s}.id"), told


async def save_schedule(
    actor: Actor,
    *,
    id: str | None,
    title: str,
    place: str,
    address: Address | None,
    selection: Selection,
) -> Row:
    """Writes a schedule: a new one, or what becomes of a known one, whose address goes where none is given.

    Raises ValidationError, NotFoundError.
    """
    title, place = one_line(title), one_line(place)
    checked, problems = check_address(address, "address") if address else (None, [])
    ValidationError.raise_for(
        [
            *(
                FieldProblem(path, _LINE)
                for path, text in (("title", title), ("place", place))
                if not 1 <= len(text) <= 200 or has_unprintable(text)
            ),
            *problems,
        ]
    )
    written = orjson.dumps(checked.to_json()).decode() if checked else None
    known = decode_as("Schedule", id) if id is not None else new_id()
    async with transaction():
        await lock_catalogue()
        if id is None:
            await fetch(
                "INSERT INTO schedule (id, slug, title, place, address) VALUES ($1, $2, $3, $4, $5::jsonb)",
                known, f"agenda-{known}", title, place, written,
            )  # fmt: skip
        elif not await execute(
            "UPDATE schedule SET title = $2, place = $3, address = $4::jsonb WHERE id = $1",
            known, title, place, written,
        ):  # fmt: skip
            raise NotFoundError
        await revise()
    await catalogue.refresh()
    assert known is not None
    return await _schedule(actor, known, selection)


async def _schedule(actor: Actor, id: UUID, selection: Selection) -> Row:
    reading = await reading_for(actor)
    row = schedule_row(reading, reading.catalogue.schedule(id), selection)
    await settle(reading)
    return row


async def _publish(
    schedule_id: UUID, new: Sequence[tuple[Any, Any]], capacity: int, *, reopen_closed: bool
) -> int:
    """How many of them are new. Two who publish in one schedule follow each other."""
    published = 0
    but = (
        ""
        if reopen_closed
        else "WHERE NOT EXISTS (SELECT 1 FROM slot c WHERE c.schedule_id = $1 AND c.closed_at IS NOT NULL "
        'AND tstzrange(c.start, c."end") && tstzrange(n.start, n."end")) '
    )
    async with transaction():
        await fetch("SELECT id FROM schedule WHERE id = $1 FOR UPDATE", schedule_id)
        for i in range(0, len(new), AT_ONCE):
            some = new[i : i + AT_ONCE]
            rows = await fetch(
                'INSERT INTO slot (id, schedule_id, start, "end", capacity, taken, held, changed_in) '
                'SELECT n.id, $1, n.start, n."end", $2, 0, 0, 0 '
                'FROM unnest($3::uuid[], $4::timestamptz[], $5::timestamptz[]) AS n (id, start, "end") '
                f"{but}ON CONFLICT DO NOTHING RETURNING 1",
                schedule_id,
                capacity,
                [new_id() for _ in some],
                [start for start, _ in some],
                [end for _, end in some],
            )
            published += len(rows)
    if published:
        await event_bus().wake("slots")
    return published


@unit_of_work
async def _close(work: Work, actor: AgentActor, ids: Sequence[UUID], reason: str | None) -> int:
    given = (
        ""
        if actor.role == "ADMINISTRATOR"
        else "AND schedule_id IN (SELECT l.schedule_id FROM procedure_schedule l JOIN agent_procedure g "
        "ON g.procedure_id = l.procedure_id WHERE g.agent_id = $2)"
    )
    slots = await fetch(
        f"SELECT id, start FROM slot WHERE id = ANY($1::uuid[]) {given} ORDER BY id FOR NO KEY UPDATE",
        ids,
        *([actor.agent_id] if given else []),
    )
    if not slots:
        raise NotFoundError
    mine = [slot["id"] for slot in slots if not has_begun(slot)]
    await execute(
        "UPDATE appointment SET counts = false, held_until = least(held_until, now()) "
        "WHERE slot_id = ANY($1::uuid[]) AND state = 'HELD'",
        mine,
    )
    rows = await fetch(
        "UPDATE appointment SET state = 'CANCELLED', counts = false, sequence = sequence + 1 "
        "WHERE slot_id = ANY($1::uuid[]) AND state = 'CONFIRMED' RETURNING *",
        mine,
    )
    await execute("UPDATE slot SET closed_at = now() WHERE id = ANY($1::uuid[]) AND closed_at IS NULL", mine)
    found = await fetch(
        "SELECT * FROM service_request WHERE id = ANY($1::uuid[])", [row["request_id"] for row in rows]
    )
    requests = {row["id"]: ServiceRequest._init_from_db(**row) for row in found}
    starts = {slot["id"]: slot["start"] for slot in slots}
    for row in rows:
        data = {"start": starts[row["slot_id"]].isoformat(), **({"reason": reason} if reason else {})}
        appointment = Appointment._init_from_db(**row)
        tell(
            work,
            actor,
            requests[row["request_id"]],
            appointment,
            "AppointmentCancelled",
            "appointment_closed",
            data,
        )
    work.wake("slots")
    return len(rows)


def _checked_rule(
    first: date, last: date, openings: Sequence[OpeningRule], minutes: int, capacity: int
) -> list[Opening]:
    """Raises ValidationError, which names every problem at once."""
    problems = []
    if last < first or last - first > timedelta(days=MOST_DAYS) or not 2000 <= first.year <= 2200:
        problems.append(FieldProblem("to", _SPAN))
    if not 1 <= minutes <= 24 * 60:
        problems.append(FieldProblem("minutes", _MINUTES))
    if not 1 <= capacity <= 1000:
        problems.append(FieldProblem("capacity", _CAPACITY))
    if not 1 <= len(openings) <= 50:
        problems.append(FieldProblem("openings", _OPENINGS))
    rules = []
    for i, opening in enumerate(openings[:50]):
        start, end = _time_of(opening.start), _time_of(opening.end)
        if start is None:
            problems.append(FieldProblem(f"openings.{i}.start", _HOUR))
        if end is None:
            problems.append(FieldProblem(f"openings.{i}.end", _HOUR))
        if start is not None and end is not None and end <= start:
            problems.append(FieldProblem(f"openings.{i}.end", _ORDER))
        if not opening.weekdays:
            problems.append(FieldProblem(f"openings.{i}.weekdays", _WEEKDAYS))
        if start is not None and end is not None:
            days = frozenset(WEEKDAYS.index(day) for day in opening.weekdays)
            rules.append(Opening(days, start, end))
    ValidationError.raise_for(problems)
    return rules


def _time_of(text: str) -> time | None:
    found = _TIME.fullmatch(text)
    return time(int(found[1]), int(found[2])) if found else None


_LINE = Text(
    fr="Indiquez de 1 à 200 caractères.",
    en="Give 1 to 200 characters.",
)
_SPAN = Text(
    fr="Indiquez un premier jour entre 2000 et 2200, et un dernier de 0 à {days} jours plus tard.",
    en="Give a first day between 2000 and 2200, and a last one 0 to {days} days later.",
).format(days=str(MOST_DAYS))
_MINUTES = Text(
    fr="Un créneau dure de 1 minute à 24 heures.",
    en="A slot lasts from 1 minute to 24 hours.",
)
_CAPACITY = Text(
    fr="Un créneau prend de 1 à 1000 rendez-vous.",
    en="A slot takes 1 to 1000 appointments.",
)
_OPENINGS = Text(
    fr="Indiquez de 1 à 50 plages d’ouverture.",
    en="Give 1 to 50 openings.",
)
_HOUR = Text(
    fr="Écrivez l’heure ainsi : 09:00.",
    en="Write the time like this: 09:00.",
)
_ORDER = Text(
    fr="L’heure de fin suit celle de début.",
    en="The end is later than the start.",
)
_WEEKDAYS = Text(
    fr="Choisissez au moins un jour de la semaine.",
    en="Choose at least one day of the week.",
)
_TOO_MANY_SLOTS = Text(
    fr="Cela ferait plus de {most} créneaux : publiez une période plus courte.",
    en="That would be more than {most} slots: publish a shorter span.",
).format(most=str(MOST_SLOTS))
_TOO_MANY_AT_ONCE = Text(
    fr="Fermez {most} créneaux au plus à la fois.",
    en="Close {most} slots at most at a time.",
).format(most=str(MOST_CLOSED))
