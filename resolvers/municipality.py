"""Loads a municipality's data into the database: the same data again changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from models.database import fetch, fetch_json, transaction
from models.ids import new_id
from models.municipality_files import MunicipalityData, ProcedureData
from resolvers.publishing import (
    CURRENT_VERSIONS,
    as_rows,
    count_changed,
    differs,
    lock_catalogue,
    put_links,
    put_procedures,
    put_versions,
    revise,
)


@dataclass(frozen=True, slots=True)
class LoadedMunicipality:
    """How many procedures were new, got a new version, stayed as they were, were closed, and are the desk's; and
    whether anything at all has changed, the revision with it."""

    name: str
    added: int
    changed: int
    unchanged: int
    closed: int
    at_desk: int
    revised: bool

    def __str__(self) -> str:
        written = f" {self.at_desk} written at the desk were left as they are." if self.at_desk else ""
        return (
            f"{self.name}: {self.added} procedures added, {self.changed} changed, {self.unchanged} unchanged, "
            f"{self.closed} closed.{written}"
        )


async def load_municipality(data: MunicipalityData) -> LoadedMunicipality:
    """Brings the catalogue to what the data says, all or nothing.

    A procedure whose title, texts or form have changed gets its next version: requests keep the one they were started
    with. One that is no longer in the data is closed and kept, as are schedules, which may hold appointments; partner
    systems, which may hold links, are offered no more. One that was written at the desk is the desk's, whatever the
    data says.

    Two loads at once follow one another. Raises UnavailableError where the database is away.
    """
    async with transaction():
        await lock_catalogue()
        before = await fetch_json(CURRENT_VERSIONS)
        at_desk = {row["slug"] for row in await fetch("SELECT slug FROM procedure WHERE written_at_desk")}
        loaded = [procedure for procedure in data.procedures if procedure.slug not in at_desk]
        changed = [procedure for procedure in loaded if differs(procedure, before.get(procedure.slug))]
        moved = await _put_municipality(data)
        moved += await _put_categories(data)
        moved += await _put_schedules(data)
        moved += await _put_partners(data)
        moved += await put_procedures(loaded)
        moved += await put_versions(changed)
        moved += await put_links(loaded)
        closed = await _close_all_but(data.procedures)
        moved += closed + await _drop_empty_categories(data)
        if moved:
            await revise()
    added = sum(procedure.slug not in before for procedure in loaded)
    return LoadedMunicipality(
        name=data.name,
        added=added,
        changed=len(changed) - added,
        unchanged=len(loaded) - len(changed),
        closed=closed,
        at_desk=len(at_desk),
        revised=moved > 0,
    )


async def _put_municipality(data: MunicipalityData) -> int:
    return await count_changed(
        """
        INSERT INTO municipality AS m (id, name, timezone, contact_email, phone, address, links, revision)
        VALUES (1, $1, $2, $3, $4, $5::jsonb, $6::jsonb, 0)
        ON CONFLICT (id) DO UPDATE
        SET name = excluded.name, timezone = excluded.timezone, contact_email = excluded.contact_email,
            phone = excluded.phone, address = excluded.address, links = excluded.links
        WHERE (m.name, m.timezone, m.contact_email, m.phone, m.address, m.links)
            IS DISTINCT FROM
            (excluded.name, excluded.timezone, excluded.contact_email, excluded.phone, excluded.address, excluded.links)
        """,
        data.name,
        data.timezone,
        data.contact_email,
        data.phone,
        orjson.dumps(data.address.to_json()).decode() if data.address else None,
        orjson.dumps([link.model_dump() for link in data.links]).decode(),
    )


async def _put_categories(data: MunicipalityData) -> int:
    return await count_changed(
        """
        INSERT INTO procedure_category AS c (id, slug, title, position)
        SELECT * FROM jsonb_to_recordset($1::jsonb) AS new(id uuid, slug text, title text, position int)
        ON CONFLICT (slug) DO UPDATE SET title = excluded.title, position = excluded.position
        WHERE (c.title, c.position) IS DISTINCT FROM (excluded.title, excluded.position)
        """,
        as_rows(
            {"id": new_id(), "slug": category.slug, "title": category.title, "position": position}
            for position, category in enumerate(data.categories)
        ),
    )


async def _drop_empty_categories(data: MunicipalityData) -> int:
    """Categories that are no longer in the data go, unless a closed procedure still stands in them."""
    return await count_changed(
        """
        DELETE FROM procedure_category c
        WHERE c.slug <> ALL($1::text[]) AND NOT EXISTS (SELECT FROM procedure p WHERE p.category_id = c.id)
        """,
        [category.slug for category in data.categories],
    )


async def _put_schedules(data: MunicipalityData) -> int:
    return await count_changed(
        """
        INSERT INTO schedule AS s (id, slug, title, place, address)
        SELECT * FROM jsonb_to_recordset($1::jsonb)
            AS new(id uuid, slug text, title text, place text, address jsonb)
        ON CONFLICT (slug) DO UPDATE
        SET title = excluded.title, place = excluded.place, address = excluded.address
        WHERE (s.title, s.place, s.address) IS DISTINCT FROM (excluded.title, excluded.place, excluded.address)
        """,
        as_rows(
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
    put = await count_changed(
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
        as_rows(
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
    withdrawn = await count_changed(
        "UPDATE partner_system SET offered = false WHERE slug <> ALL($1::text[]) AND offered",
        [partner.slug for partner in data.partners],
    )
    return put + withdrawn


async def _close_all_but(procedures: Iterable[ProcedureData]) -> int:
    return await count_changed(
        "UPDATE procedure SET state = 'CLOSED' "
        "WHERE slug <> ALL($1::text[]) AND state <> 'CLOSED' AND NOT written_at_desk",
        [procedure.slug for procedure in procedures],
    )
