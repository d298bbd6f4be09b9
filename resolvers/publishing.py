"""Putting procedures into the catalogue: what a load of data files and the desk have in common.

All of it runs in the caller's transaction, under `lock_catalogue`; each function answers how many rows it changed, and
who changed any tells all processes by `revise`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from core.clock import now
from models.database import Row, execute, fetch
from models.forms import FormDefinition
from models.ids import new_id
from models.municipality_files import ProcedureData

# Any constant does: it names the lock at which all who change the catalogue queue up.
CATALOGUE_LOCK = 0x43415441

CURRENT_VERSIONS = """
SELECT coalesce(json_object_agg(p.slug, row_to_json(v)), '{}')
FROM procedure p JOIN procedure_version v ON v.procedure_id = p.id AND v.version = p.version
"""
"""The current version of each procedure, by its slug: what `differs` compares with."""


async def lock_catalogue() -> None:
    """Until the end of the transaction, nobody else changes the catalogue."""
    await fetch("SELECT pg_advisory_xact_lock($1)", CATALOGUE_LOCK)


async def revise() -> None:
    """Has every process read the catalogue again, once this is committed."""
    await execute("UPDATE municipality SET revision = revision + 1")


def differs(procedure: ProcedureData, current: Mapping[str, Any] | None) -> bool:
    """Whether the procedure is new, or is not what its current version says."""
    if current is None:
        return True
    head = _version_head(procedure)
    return {name: current[name] for name in head} != head or (
        FormDefinition.model_validate(current["definition"]) != procedure.definition
    )


async def put_procedures(procedures: Iterable[ProcedureData], *, at_desk: bool = False) -> int:
    """New ones name the version that `put_versions` writes next, in the same transaction."""
    return await count_changed(
        """
        INSERT INTO procedure AS p (id, slug, category_id, state, version, retention_months, written_at_desk)
        SELECT new.id, new.slug, c.id, new.state, 1, new.retention_months, $2
        FROM jsonb_to_recordset($1::jsonb)
            AS new(id uuid, slug text, category text, state text, retention_months smallint)
        JOIN procedure_category c ON c.slug = new.category
        ON CONFLICT (slug) DO UPDATE
        SET category_id = excluded.category_id, state = excluded.state,
            retention_months = excluded.retention_months, written_at_desk = excluded.written_at_desk
        WHERE (p.category_id, p.state, p.retention_months, p.written_at_desk)
            IS DISTINCT FROM
            (excluded.category_id, excluded.state, excluded.retention_months, excluded.written_at_desk)
        """,
        as_rows(
            {
                "id": new_id(),
                "slug": procedure.slug,
                "category": procedure.category,
                "state": procedure.state.value,
                "retention_months": procedure.retention_months,
            }
            for procedure in procedures
        ),
        at_desk,
    )


async def put_versions(procedures: Iterable[ProcedureData]) -> int:
    """The next version of each: the first where there is none yet."""
    return await count_changed(
        """
        WITH published AS (
            INSERT INTO procedure_version (
                id, procedure_id, version, title, summary, keywords, requires_account, appointment, estimated_days,
                definition, published_at
            )
            SELECT
                new.id, p.id,
                (SELECT coalesce(max(v.version), 0) + 1 FROM procedure_version v WHERE v.procedure_id = p.id),
                new.title, new.summary, new.keywords, new.requires_account, new.appointment, new.estimated_days,
                new.definition, $2
            FROM jsonb_to_recordset($1::jsonb) AS new(
                id uuid, slug text, title text, summary text, keywords text[], requires_account boolean,
                appointment text, estimated_days int, definition jsonb
            )
            JOIN procedure p ON p.slug = new.slug
            RETURNING procedure_id, version
        )
        UPDATE procedure p SET version = published.version FROM published WHERE p.id = published.procedure_id
        """,
        as_rows(
            {"id": new_id(), "slug": procedure.slug, "definition": procedure.definition.to_json()}
            | _version_head(procedure)
            for procedure in procedures
        ),
        now(),
    )


async def put_links(procedures: Sequence[ProcedureData]) -> int:
    """Which schedules the appointments of these procedures are taken in, in order."""
    links = [
        {"id": new_id(), "procedure": procedure.slug, "schedule": schedule, "position": position}
        for procedure in procedures
        for position, schedule in enumerate(procedure.schedules)
    ]
    removed = await count_changed(
        """
        DELETE FROM procedure_schedule l USING procedure p, schedule s
        WHERE p.id = l.procedure_id AND s.id = l.schedule_id AND p.slug = ANY($2::text[])
            AND (p.slug, s.slug) NOT IN (
                SELECT procedure, schedule
                FROM jsonb_to_recordset($1::jsonb) AS kept(procedure text, schedule text)
            )
        """,
        as_rows(links),
        [procedure.slug for procedure in procedures],
    )
    put = await count_changed(
        """
        INSERT INTO procedure_schedule AS l (id, procedure_id, schedule_id, position)
        SELECT new.id, p.id, s.id, new.position
        FROM jsonb_to_recordset($1::jsonb) AS new(id uuid, procedure text, schedule text, position int)
        JOIN procedure p ON p.slug = new.procedure
        JOIN schedule s ON s.slug = new.schedule
        ON CONFLICT (procedure_id, schedule_id) DO UPDATE SET position = excluded.position
        WHERE l.position <> excluded.position
        """,
        as_rows(links),
    )
    return removed + put


def as_rows(rows: Iterable[Row]) -> str:
    """Many rows as one value of a statement, to be unfolded by jsonb_to_recordset."""
    return orjson.dumps(list(rows)).decode()


async def count_changed(statement: str, *values: Any) -> int:
    """Runs a statement that changes rows; how many it has changed."""
    return len(await fetch(f"{statement} RETURNING 1", *values))


def _version_head(procedure: ProcedureData) -> Row:
    return {
        "title": procedure.title,
        "summary": procedure.summary,
        "keywords": list(procedure.keywords),
        "requires_account": procedure.requires_account,
        "appointment": procedure.appointment.value,
        "estimated_days": procedure.estimated_days,
    }
