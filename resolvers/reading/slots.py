"""Reading slots: a month's calendar, the first that is free."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from core.clock import now
from core.errors import MalformedError
from core.i18n import Text
from core.selection import SelectedField, Selection
from models.actors import AgentActor
from models.ids import encode
from resolvers import procedures
from resolvers.reading.pages import list_of
from resolvers.reading.shape import Part, Raw, Reading, Shape

LONGEST_CALENDAR_DAYS = 62

_LONG_CALENDAR = Text(
    fr="Demandez un calendrier de {days} jours au plus.",
    en="Ask for a calendar of {days} days at most.",
).format(days=str(LONGEST_CALENDAR_DAYS))

Make = Callable[[Reading], Part]


def remaining(s: str) -> str:
    """How many more appointments the slot at alias `s` takes: holds that have run out take nothing."""
    return (
        f"CASE WHEN {s}.closed_at IS NOT NULL THEN 0 "
        f"WHEN {s}.held = 0 THEN {s}.capacity - {s}.taken ELSE {s}.capacity - {s}.taken + "
        f"(SELECT count(*) FROM appointment x WHERE x.slot_id = {s}.id "
        "AND x.state = 'HELD' AND x.counts AND x.held_until <= now()) END"
    )


def slot_part(reading: Reading, selection: Selection, s: str) -> Part:
    """The slot at alias `s`."""
    shape = Shape(reading, "Slot")
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{s}.id"})
                shape.output("id", lambda raw: encode("Slot", UUID(raw["id"])))
            case "start" | "capacity":
                shape.plain(field.name, f"{s}.{field.name}")
            case "end":
                shape.plain("end", f'{s}."end"')
            case "remaining":
                shape.plain("remaining", remaining(s))
            case "closed":
                shape.plain("closed", f"{s}.closed_at IS NOT NULL")
            case "schedule":
                shape.need({"schedule_id": f"{s}.schedule_id"})
                shape.output("schedule", _schedule(reading, field.selection))
            case "appointments":
                # Appointments have requests, which have procedures, which have slots.
                from resolvers.reading import appointments

                shape.child("appointments", appointments.appointments_in(reading, field.selection, s))
    return shape.part()


def slots_between(field: SelectedField, schedule_id: UUID) -> Make:
    """The slots of a schedule on the days `from` to `to`, for `Reading.leave`. MalformedError: too many days."""
    first, last = field.arguments["from"], field.arguments["to"]
    if last - first > timedelta(days=LONGEST_CALENDAR_DAYS):
        raise MalformedError(_LONG_CALENDAR)

    def make(reading: Reading) -> Part:
        s = reading.alias("s")
        start, end = span_of_days(reading.catalogue.municipality.timezone, first, last)
        condition = (
            f"{s}.schedule_id = {reading.bind(schedule_id, 'uuid')} "
            f"AND {s}.start >= {reading.bind(start, 'timestamptz')} AND {s}.start < {reading.bind(end, 'timestamptz')}"
        )
        if not (isinstance(reading.actor, AgentActor) and field.arguments.get("full")):
            condition += f" AND {s}.start > {reading.bind(now(), 'timestamptz')} AND {remaining(s)} > 0"
        return list_of(f"slot {s} WHERE {condition}", f"{s}.start", slot_part(reading, field.selection, s))

    return make


def first_available_slot(field: SelectedField, schedule_ids: Sequence[UUID]) -> Make:
    """The first slot of the schedules with room, from now or from `after` on, for `Reading.leave`."""
    after: datetime | None = field.arguments.get("after")
    return lambda reading: first_free(reading, field.selection, schedule_ids, after)


def first_free(
    reading: Reading, selection: Selection, schedule_ids: Sequence[UUID], after: datetime | None
) -> Part:
    """The first slot of the schedules with room; null where there is none.

    For each schedule, one look into the index of free slots, and one into that of slots with holds: past those that
    still run, which are few, to the first that has run out.
    """
    s = reading.alias("s")
    ids = reading.bind(list(schedule_ids), "uuid[]")
    earliest = reading.bind(max(after, now()) if after else now(), "timestamptz")
    candidates = (
        f"SELECT f.id, f.start FROM unnest({ids}) AS k (id) CROSS JOIN LATERAL ((SELECT id, start FROM slot "
        f"WHERE schedule_id = k.id AND start >= {earliest} AND taken < capacity AND closed_at IS NULL "
        "ORDER BY start LIMIT 1) UNION ALL (SELECT id, start FROM slot h "
        f"WHERE schedule_id = k.id AND start >= {earliest} AND held > 0 AND closed_at IS NULL AND EXISTS (SELECT 1 "
        "FROM appointment x WHERE x.slot_id = h.id AND x.state = 'HELD' AND x.counts AND x.held_until <= now()) "
        "ORDER BY start LIMIT 1)) AS f"
    )
    part = slot_part(reading, selection, s)
    return Part(
        f"(SELECT {part.sql} FROM slot {s} WHERE {s}.id = "
        f"(SELECT c.id FROM ({candidates}) AS c ORDER BY c.start, c.id LIMIT 1))",
        part.finish,
    )


def span_of_days(timezone: str, first: date, last: date) -> tuple[datetime, datetime]:
    """From the first moment of the first day to that of the day after the last. MalformedError: there is none."""
    zone = ZoneInfo(timezone)
    try:
        return (
            datetime.combine(first, time(), zone).astimezone(UTC),
            datetime.combine(last + timedelta(days=1), time(), zone).astimezone(UTC),
        )
    except OverflowError:
        raise MalformedError(_LONG_CALENDAR) from None


def _schedule(reading: Reading, selection: Selection) -> Callable[[Raw], object]:
    return lambda raw: procedures.schedule_row(
        reading, reading.catalogue.schedule(UUID(raw["schedule_id"])), selection
    )
