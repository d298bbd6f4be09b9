"""Figures of the desk: what waits, what was answered, and how long it took, by procedure and week."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from core.errors import MalformedError
from core.i18n import Text
from core.selection import SelectedField
from models.actors import AgentActor
from models.visibility import visible_figures, visible_requests
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

    Requests that were erased count as they did before (models/figures.py); how long theirs took is known in days.

    Raises MalformedError where the span is turned round or too long.
    """
    first: date = field.arguments["from"]
    last: date = field.arguments["to"]
    if not 0 <= (last - first).days <= MOST_DAYS:
        raise MalformedError(_SPAN)
    r, f = reading.alias("r"), reading.alias("f")
    zone = reading.bind(reading.catalogue.municipality.timezone, "text")
    begin, end = reading.bind(first, "date"), reading.bind(last, "date")
    visible = visible_requests(reading, actor, r)
    visible_erased = visible_figures(reading, actor, f)

    def day(column: str) -> str:
        return f"({column} AT TIME ZONE {zone})::date"

    def week(column: str) -> str:
        return f"date_trunc('week', {column})::date"

    sql = f"""(
        WITH seen AS (
            SELECT {r}.procedure_id, {r}.status, {day(f"{r}.submitted_at")} AS submitted_on,
                {day(f"{r}.closed_at")} AS closed_on,
                extract(epoch FROM {r}.closed_at - {r}.submitted_at)::float / 3600 AS hours
            FROM service_request {r} WHERE {visible}
            UNION ALL
            SELECT {f}.procedure_id, {f}.status, {f}.submitted_on, {f}.closed_on,
                24 * ({f}.closed_on - {f}.submitted_on)::float
            FROM erased_request_figure {f} CROSS JOIN LATERAL generate_series(1, {f}.requests)
            WHERE {visible_erased}
            AND ({f}.submitted_on BETWEEN {begin} AND {end} OR {f}.closed_on BETWEEN {begin} AND {end})
        ), counted AS (
            SELECT procedure_id, {week("submitted_on")} AS week, 1 AS received, NULL::float AS hours
            FROM seen WHERE submitted_on BETWEEN {begin} AND {end}
            UNION ALL
            SELECT procedure_id, {week("closed_on")}, 0, hours
            FROM seen WHERE status IN ('ACCEPTED', 'REFUSED') AND closed_on BETWEEN {begin} AND {end}
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
