"""Reading the catalogue: the municipality, categories, procedures. From what the process keeps: no statement at all."""

from __future__ import annotations

from collections.abc import Sequence

from core import password_rules
from core.errors import UnavailableError
from core.password_rules import common_words, password_advice
from core.selection import Selection
from core.settings import Settings, get_settings
from models.actors import Actor, AgentActor
from models.database import Row
from models.forms import step_rows
from models.ids import decode_as, encode
from resolvers.catalogue import (
    EMPTY_MUNICIPALITY,
    CategoryEntry,
    ProcedureEntry,
    ScheduleEntry,
    VersionEntry,
    current,
)
from resolvers.reading import slots
from resolvers.reading.pages import Window, page_of_list
from resolvers.reading.partner_links import partner_system_row
from resolvers.reading.shape import Reading, reading_for, settle
from uploads.checking.kinds import ACCEPTED_MEDIA_TYPES

PROCEDURES_DEFAULT = 20
CATEGORY_PROCEDURES_DEFAULT = 50


async def municipality(actor: Actor, *, selection: Selection) -> Row:
    """The commune that this installation serves. Raises UnavailableError before any was loaded."""
    known = await current()
    entry = known.municipality
    if entry is EMPTY_MUNICIPALITY:
        raise UnavailableError
    settings = get_settings()
    return {
        "name": entry.name,
        "timezone": entry.timezone,
        "contact_email": entry.contact_email,
        "phone": entry.phone,
        "address": entry.address,
        "links": list(entry.links or ()),
        "account_grace_days": settings.account_grace_days,
        "partners": [partner_system_row(partner) for partner in known.offered_partners()],
        "identity_providers": _identity_providers(settings),
        "upload": {
            "max_file_bytes": settings.upload_file_bytes,
            "max_request_bytes": settings.upload_request_bytes,
            "accepted_media_types": list(ACCEPTED_MEDIA_TYPES),
            "resumable_url": f"{settings.public_url}/uploads",
        },
        "passwords": {
            "advice": password_advice().in_(actor.language),
            "shortest": password_rules.SHORTEST,
            "shortest_without_symbol": password_rules.SHORTEST_WITHOUT_SYMBOL,
            "fewest_words": password_rules.FEWEST_WORDS,
            "longest": password_rules.LONGEST,
            "lowest_score": password_rules.LOWEST_SCORE,
            "common": list(common_words()),
        },
    }


def _identity_providers(settings: Settings) -> list[Row]:
    if not settings.openid_issuer:
        return []
    base = f"{settings.public_url}/openid"
    return [{"name": settings.openid_name, "log_in_url": f"{base}/login", "log_out_url": f"{base}/logout"}]


async def procedure_categories(actor: Actor, *, selection: Selection) -> list[Row]:
    """Every category, in the municipality's order."""
    reading = await reading_for(actor)
    rows = [category_row(reading, entry, selection) for entry in reading.catalogue.categories.values()]
    await settle(reading)
    return rows


async def procedures(
    actor: Actor,
    *,
    search: str | None,
    category: str | None,
    first: int | None,
    after: str | None,
    selection: Selection,
) -> Row:
    """A page of the procedures that are open: best answer first with `search`, by theme and title without."""
    reading = await reading_for(actor)
    catalogue = reading.catalogue
    found: Sequence[ProcedureEntry]
    if search is not None and search.strip():
        found = [catalogue.by_slug[slug] for slug, _ in catalogue.search.search(search)]
    else:
        found = [entry for entry in catalogue.procedures.values() if entry.state == "OPEN"]
    if category is not None:
        category_id = decode_as("ProcedureCategory", category)
        found = [entry for entry in found if entry.category.id == category_id]
    row = procedure_page(reading, found, Window(first, after), selection, PROCEDURES_DEFAULT)
    await settle(reading)
    return row


async def procedure(actor: Actor, *, slug: str, selection: Selection) -> Row | None:
    """One procedure, open or closed; one that is still a draft exists for agents only."""
    reading = await reading_for(actor)
    entry = reading.catalogue.by_slug.get(slug)
    if entry is None or not exists_for(actor, entry):
        return None
    row = procedure_row(reading, entry, selection)
    await settle(reading)
    return row


def exists_for(actor: Actor, entry: ProcedureEntry) -> bool:
    return entry.state != "DRAFT" or isinstance(actor, AgentActor)


def procedure_page(
    reading: Reading,
    entries: Sequence[ProcedureEntry],
    window: Window,
    selection: Selection,
    default: int,
) -> Row:
    wanted = Selection.merged([*selection.get("nodes").fields, *selection.get("edges").get("node").fields])
    return page_of_list(
        entries, window, key=lambda entry: entry.slug, row=lambda e: procedure_row(reading, e, wanted),
        default=default,
    )  # fmt: skip


def category_row(reading: Reading, entry: CategoryEntry, selection: Selection) -> Row:
    row: Row = {
        "__typename": "ProcedureCategory",
        "id": encode("ProcedureCategory", entry.id),
        "slug": entry.slug,
        "title": entry.title,
    }
    inside = [
        p for p in reading.catalogue.procedures.values() if p.category.id == entry.id and p.state == "OPEN"
    ]
    for field in selection.all("procedures"):
        row[field.key] = procedure_page(
            reading, inside, Window.of(field), field.selection, CATEGORY_PROCEDURES_DEFAULT
        )
    return row


def procedure_row(reading: Reading, entry: ProcedureEntry, selection: Selection) -> Row:
    version = entry.current
    row: Row = {
        "__typename": "Procedure",
        "id": encode("Procedure", entry.id),
        "slug": entry.slug,
        "title": version.title,
        "summary": version.summary,
        "keywords": list(version.keywords),
        "requires_account": version.requires_account,
        "state": entry.state,
        "version": version.number,
        "appointment": version.appointment.value,
        "estimated_days": version.estimated_days,
        "retention_months": entry.retention_months or get_settings().request_retention_months,
        "own_retention_months": entry.retention_months,
    }
    if "category" in selection:
        row["category"] = category_row(reading, entry.category, selection.get("category"))
    if "steps" in selection:
        row["steps"] = version_steps(reading.actor, version)
    if "schedules" in selection:
        row["schedules"] = [
            schedule_row(reading, reading.catalogue.schedules[id], selection.get("schedules"))
            for id in entry.schedule_ids
        ]
    for field in selection.all("first_available_slot"):
        reading.leave(row, field.key, slots.first_available_slot(field, entry.schedule_ids))
    return row


def version_steps(actor: Actor, version: VersionEntry) -> list[Row]:
    return step_rows(version.definition, version.appointment, actor.language)


def schedule_row(reading: Reading, entry: ScheduleEntry, selection: Selection) -> Row:
    row: Row = {
        "__typename": "Schedule",
        "id": encode("Schedule", entry.id),
        "title": entry.title,
        "place": entry.place,
        "address": entry.address,
    }
    for field in selection.all("slots"):
        reading.leave(row, field.key, slots.slots_between(field, entry.id))
    for field in selection.all("first_available_slot"):
        reading.leave(row, field.key, slots.first_available_slot(field, (entry.id,)))
    return row
