"""Figures of the desk: what waits, what was answered, and how long it took, by procedure and week."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from core.errors import MalformedError
from core.i18n import Text
from core.selection import SelectedField
from models.actors import AgentActor
from models.visibility import visible_requests
from resolvers.procedures import procedure_row
from resolvers.reading.shape import Part, Raw, Reading

MOST_DAYS = 366

_SPAN = Text(
    fr="Demandez les chiffres d’un jour à un autre, à 366 jours l’un de l’autre au plus.",
    en="Ask for figures from one day to a later one, at most 366 days apart.",
)


def figures(reading: Reading, actor: AgentActor, field: SelectedField) -> Part:
    """Every procedure of which the agent sees a request that waits, or came or was answered in the span, in weeks
    that begin on Monday, by the municipality's calendar.

    Raises MalformedError where the span is turned round or too long.
    """
    first: date = field.arguments["from"]
    last: date = field.arguments["to"]
    if not 0 <= (last - first).days <= MOST_DAYS:
        raise MalformedError(_SPAN)
    r = reading.alias("r")
    zone = reading.bind(reading.catalogue.municipality.timezone, "text")
    begin, end = reading.bind(first, "date"), reading.bind(last, "date")
    visible = visible_requests(reading, actor, r)

    def week(column: str) -> str:
        return f"date_trunc('week', {column} AT TIME ZONE {zone})::date"

    def within(column: str) -> str:
        return f"({column} AT TIME ZONE {zone})::date BETWEEN {begin} AND {end}"

    sql = f"""(
        WITH seen AS (
            SELECT {r}.procedure_id, {r}.status, {r}.submitted_at, {r}.closed_at
            FROM service_request {r} WHERE {visible}
        ), counted AS (
            SELECT procedure_id, {week("submitted_at")} AS week, 1 AS received, NULL::float AS hours
            FROM seen WHERE {within("submitted_at")}
            UNION ALL
            SELECT procedure_id, {week("closed_at")}, 0, extract(epoch FROM closed_at - submitted_at) / 3600
            FROM seen WHERE status IN ('ACCEPTED', 'REFUSED') AND {within("closed_at")}
        ), weeks AS (
            SELECT procedure_id, week, sum(received) AS received, count(hours) AS answered,
                percentile_cont(0.5) WITHIN GROUP (ORDER BY hours) AS median_hours
            FROM counted GROUP BY procedure_id, week
        ), waiting AS (
            SELECT procedure_id, count(*) AS waiting FROM seen
            WHERE status IN ('SUBMITTED', 'IN_PROGRESS', 'AWAITING_CITIZEN') GROUP BY procedure_id
        )
        SELECT coalesce(json_agg(json_build_object(
            'procedure_id', procedure_id, 'waiting', coalesce(waiting, 0), 'weeks', coalesce(listed.weeks, '[]')
        )), '[]')
        FROM waiting FULL JOIN (
            SELECT procedure_id, json_agg(json_build_object(
                'start', week, 'received', received, 'answered', answered, 'median_hours', median_hours
            ) ORDER BY week) AS weeks
            FROM weeks GROUP BY procedure_id
        ) listed USING (procedure_id)
    )"""

    def finish(raws: list[Raw]) -> list[Raw]:
        order = list(reading.catalogue.procedures)
        found = sorted(raws, key=lambda raw: order.index(UUID(raw["procedure_id"])))
        return [
            {
                "procedure": procedure_row(
                    reading,
                    reading.catalogue.procedure(UUID(raw["procedure_id"])),
                    field.selection.get("procedure"),
                ),
                "waiting": raw["waiting"],
                "weeks": [entry | {"start": date.fromisoformat(entry["start"])} for entry in raw["weeks"]],
            }
            for raw in found
        ]

    return Part(sql, finish)
