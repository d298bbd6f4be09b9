"""Loads a municipality's data into the database: the same data again changes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from core.clock import now
from models.database import Row, execute, fetch, fetch_json, transaction
from models.forms import FormDefinition
from models.ids import new_id
from models.municipality_files import MunicipalityData, ProcedureData

# Any constant does: it names the lock at which all who change the catalogue queue up.
CATALOGUE_LOCK = 0x43415441


@dataclass(frozen=True, slots=True)
class LoadedMunicipality:
    """How many procedures were new, got a new version, stayed as they were, and were closed; and whether anything at
    all has changed, the revision with it."""

    name: str
    added: int
    changed: int
    unchanged: int
    closed: int
    revised: bool

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.added} procedures added, {self.changed} changed, {self.unchanged} unchanged, "
            f"{self.closed} closed."
        )


async def load_municipality(data: MunicipalityData) -> LoadedMunicipality:
    """Brings the catalogue to what the data says, all or nothing.

    A procedure whose title, texts or form have changed gets its next version: requests keep the one they were started
    with. One that is no longer in the data is closed and kept, as are schedules, which may hold appointments; partner
    systems, which may hold links, are offered no more.

    Two loads at once follow one another. Raises UnavailableError where the database is away.
    """
    async with transaction():
        await fetch("SELECT pg_advisory_xact_lock($1)", CATALOGUE_LOCK)
        before = await fetch_json(_CURRENT)
        moved = await _put_municipality(data)
        moved += await _put_categories(data)
        moved += await _put_schedules(data)
        moved += await _put_partners(data)
        changed = [
            procedure for procedure in data.procedures if _differs(procedure, before.get(procedure.slug))
        ]
        moved += await _put_procedures(data.procedures)
        moved += await _put_versions(changed)
        moved += await _put_links(data.procedures)
        closed = await _close_all_but(data.procedures)
        moved += closed + await _drop_empty_categories(data)
        if moved:
            await execute("UPDATE municipality SET revision = revision + 1")
    added = sum(procedure.slug not in before for procedure in data.procedures)
    return LoadedMunicipality(
        name=data.name,
        added=added,
        changed=len(changed) - added,
        unchanged=len(data.procedures) - len(changed),
        closed=closed,
        revised=moved > 0,
    )


_CURRENT = """
SELECT coalesce(json_object_agg(p.slug, row_to_json(v)), '{}')
FROM procedure p JOIN procedure_version v ON v.procedure_id = p.id AND v.version = p.version
"""


def _differs(procedure: ProcedureData, current: Mapping[str, Any] | None) -> bool:
    """Whether the procedure is new, or is not what its current version says."""
    if current is None:
        return True
    head = _version_head(procedure)
    return {name: current[name] for name in head} != head or (
        FormDefinition.model_validate(current["definition"]) != procedure.definition
    )


def _version_head(procedure: ProcedureData) -> Row:
    return {
        "title": procedure.title,
        "summary": procedure.summary,
        "keywords": list(procedure.keywords),
        "requires_account": procedure.requires_account,
        "appointment": procedure.appointment.value,
        "estimated_days": procedure.estimated_days,
    }


def _rows(rows: Iterable[Row]) -> str:
    """Many rows as one value of a statement, to be unfolded by jsonb_to_recordset."""
    return orjson.dumps(list(rows)).decode()


async def _count(statement: str, *values: Any) -> int:
    """Runs a statement that changes rows; how many it has changed."""
    return len(await fetch(f"{statement} RETURNING 1", *values))


async def _put_municipality(data: MunicipalityData) -> int:
    return await _count(
        """
        INSERT INTO municipality AS m (id, name, timezone, contact_email, phone, address, revision)
        VALUES (1, $1, $2, $3, $4, $5::jsonb, 0)
        ON CONFLICT (id) DO UPDATE
        SET name = excluded.name, timezone = excluded.timezone, contact_email = excluded.contact_email,
            phone = excluded.phone, address = excluded.address
        WHERE (m.name, m.timezone, m.contact_email, m.phone, m.address)
            IS DISTINCT FROM
            (excluded.name, excluded.timezone, excluded.contact_email, excluded.phone, excluded.address)
        """,
        data.name,
        data.timezone,
        data.contact_email,
        data.phone,
        orjson.dumps(data.address.to_json()).decode() if data.address else None,
    )


async def _put_categories(data: MunicipalityData) -> int:
    return await _count(
        """
        INSERT INTO procedure_category AS c (id, slug, title, position)
        SELECT * FROM jsonb_to_recordset($1::jsonb) AS new(id uuid, slug text, title text, position int)
        ON CONFLICT (slug) DO UPDATE SET title = excluded.title, position = excluded.position
        WHERE (c.title, c.position) IS DISTINCT FROM (excluded.title, excluded.position)
        """,
        _rows(
            {"id": new_id(), "slug": category.slug, "title": category.title, "position": position}
            for position, category in enumerate(data.categories)
        ),
    )


async def _drop_empty_categories(data: MunicipalityData) -> int:
    """Categories that are no longer in the data go, unless a closed procedure still stands in them."""
    return await _count(
        """
        DELETE FROM procedure_category c
        WHERE c.slug <> ALL($1::text[]) AND NOT EXISTS (SELECT FROM procedure p WHERE p.category_id = c.id)
        """,
        [category.slug for category in data.categories],
    )


async def _put_schedules(data: MunicipalityData) -> int:
    return await _count(
        """
        INSERT INTO schedule AS s (id, slug, title, place, address)
        SELECT * FROM jsonb_to_recordset($1::jsonb)
            AS new(id uuid, slug text, title text, place text, address jsonb)
        ON CONFLICT (slug) DO UPDATE
        SET title = excluded.title, place = excluded.place, address = excluded.address
        WHERE (s.title, s.place, s.address) IS DISTINCT FROM (excluded.title, excluded.place, excluded.address)
        """,
        _rows(
            {
                "id": new_id(),
                "slug": schedule.slug,
                "title": schedule.title,
                "place": schedule.place,
                "address": schedule.address and schedule.address.to_address().to_json(),
            }
            for schedule in data.schedules
        ),
    )


async def _put_partners(data: MunicipalityData) -> int:
    """One that is no longer in the data is offered no more: its links can still be ended."""
    put = await _count(
        """
        INSERT INTO partner_system AS p
            (id, slug, name, address, code_label, password_label, position, offered)
        SELECT new.id, new.slug, new.name, new.address, new.code_label, new.password_label, new.position, true
        FROM jsonb_to_recordset($1::jsonb) AS new(
            id uuid, slug text, name text, address text, code_label text, password_label text, position int
        )
        ON CONFLICT (slug) DO UPDATE
        SET name = excluded.name, address = excluded.address, code_label = excluded.code_label,
            password_label = excluded.password_label, position = excluded.position, offered = true
        WHERE (p.name, p.address, p.code_label, p.password_label, p.position, p.offered)
            IS DISTINCT FROM
            (excluded.name, excluded.address, excluded.code_label, excluded.password_label, excluded.position, true)
        """,
        _rows(
            {
                "id": new_id(),
                "slug": partner.slug,
                "name": partner.name,
                "address": partner.address,
                "code_label": partner.credential_labels.code,
                "password_label": partner.credential_labels.password,
                "position": position,
            }
            for position, partner in enumerate(data.partners)
        ),
    )
    withdrawn = await _count(
        "UPDATE partner_system SET offered = false WHERE slug <> ALL($1::text[]) AND offered",
        [partner.slug for partner in data.partners],
    )
    return put + withdrawn


async def _put_procedures(procedures: Iterable[ProcedureData]) -> int:
    """New ones name the version that `_put_versions` writes next, in the same transaction."""
    return await _count(
        """
        INSERT INTO procedure AS p (id, slug, category_id, state, version, retention_months)
        SELECT new.id, new.slug, c.id, new.state, 1, new.retention_months
        FROM jsonb_to_recordset($1::jsonb)
            AS new(id uuid, slug text, category text, state text, retention_months smallint)
        JOIN procedure_category c ON c.slug = new.category
        ON CONFLICT (slug) DO UPDATE
        SET category_id = excluded.category_id, state = excluded.state, retention_months = excluded.retention_months
        WHERE (p.category_id, p.state, p.retention_months)
            IS DISTINCT FROM (excluded.category_id, excluded.state, excluded.retention_months)
        """,
        _rows(
            {
                "id": new_id(),
                "slug": procedure.slug,
                "category": procedure.category,
                "state": procedure.state.value,
                "retention_months": procedure.retention_months,
            }
            for procedure in procedures
        ),
    )


async def _put_versions(procedures: Iterable[ProcedureData]) -> int:
    """The next version of each: the first where there is none yet."""
    return await _count(
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
        _rows(
            {"id": new_id(), "slug": procedure.slug, "definition": procedure.definition.to_json()}
            | _version_head(procedure)
            for procedure in procedures
        ),
        now(),
    )


async def _put_links(procedures: Iterable[ProcedureData]) -> int:
    """Which schedules each procedure's appointments are taken in, in order."""
    links = [
        {"id": new_id(), "procedure": procedure.slug, "schedule": schedule, "position": position}
        for procedure in procedures
        for position, schedule in enumerate(procedure.schedules)
    ]
    removed = await _count(
        """
        DELETE FROM procedure_schedule l USING procedure p, schedule s
        WHERE p.id = l.procedure_id AND s.id = l.schedule_id
            AND (p.slug, s.slug) NOT IN (
                SELECT procedure, schedule
                FROM jsonb_to_recordset($1::jsonb) AS kept(procedure text, schedule text)
            )
        """,
        _rows(links),
    )
    put = await _count(
        """
        INSERT INTO procedure_schedule AS l (id, procedure_id, schedule_id, position)
        SELECT new.id, p.id, s.id, new.position
        FROM jsonb_to_recordset($1::jsonb) AS new(id uuid, procedure text, schedule text, position int)
        JOIN procedure p ON p.slug = new.procedure
        JOIN schedule s ON s.slug = new.schedule
        ON CONFLICT (procedure_id, schedule_id) DO UPDATE SET position = excluded.position
        WHERE l.position <> excluded.position
        """,
        _rows(links),
    )
    return removed + put


async def _close_all_but(procedures: Iterable[ProcedureData]) -> int:
    return await _count(
        "UPDATE procedure SET state = 'CLOSED' WHERE slug <> ALL($1::text[]) AND state <> 'CLOSED'",
        [procedure.slug for procedure in procedures],
    )
