"""The catalogue as each process keeps it: whole, unchanging, at most a second behind the database.

It is small (some hundred procedures) and read by everything: lists, search, forms of requests. `Municipality.revision`
grows with each change, so keeping up costs one tiny statement a second, and none of an operation's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass
from datetime import date
from time import monotonic
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from core.clock import now
from models import database
from models.forms import AppointmentPolicy, FormDefinition
from models.procedure_search import Document, SearchIndex

FRESH_SECONDS = 1.0


class StaleCatalogueError(Exception):
    """A row names what this process has not read yet: refresh, then look again."""


@dataclass(frozen=True, slots=True)
class CategoryEntry:
    id: UUID
    slug: str
    title: str


@dataclass(frozen=True, slots=True)
class VersionEntry:
    """One published version of a procedure. It never changes."""

    id: UUID
    procedure_id: UUID
    number: int
    title: str
    summary: str
    keywords: tuple[str, ...]
    requires_account: bool
    appointment: AppointmentPolicy
    estimated_days: int | None
    definition: FormDefinition


@dataclass(frozen=True, slots=True)
class ProcedureEntry:
    id: UUID
    slug: str
    state: str
    category: CategoryEntry
    schedule_ids: tuple[UUID, ...]
    current: VersionEntry
    retention_months: int | None = None
    """None: as the settings say."""


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    id: UUID
    slug: str
    title: str
    place: str
    address: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class PartnerSystemEntry:
    """`offered` is false where it is known for the links that it had."""

    id: UUID
    slug: str
    name: str
    address: str
    code_label: str
    password_label: str
    offered: bool


@dataclass(frozen=True, slots=True)
class MunicipalityEntry:
    name: str
    timezone: str
    contact_email: str
    phone: str | None = None
    address: Mapping[str, Any] | None = None
    links: Sequence[Mapping[str, str]] | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything by its id; procedures and categories in the order in which people see them."""

    revision: int
    municipality: MunicipalityEntry
    categories: Mapping[UUID, CategoryEntry]
    procedures: Mapping[UUID, ProcedureEntry]
    by_slug: Mapping[str, ProcedureEntry]
    versions: Mapping[UUID, VersionEntry]
    schedules: Mapping[UUID, ScheduleEntry]
    partners: Mapping[UUID, PartnerSystemEntry]
    search: SearchIndex
    """Over the procedures that are open."""

    def version(self, id: UUID) -> VersionEntry:
        """Raises StaleCatalogueError where it was published after this catalogue was read."""
        try:
            return self.versions[id]
        except KeyError as error:
            raise StaleCatalogueError from error

    def schedule(self, id: UUID) -> ScheduleEntry:
        """Raises StaleCatalogueError where it was added after this catalogue was read."""
        try:
            return self.schedules[id]
        except KeyError as error:
            raise StaleCatalogueError from error

    def partner(self, id: UUID) -> PartnerSystemEntry:
        """Raises StaleCatalogueError where it was added after this catalogue was read."""
        try:
            return self.partners[id]
        except KeyError as error:
            raise StaleCatalogueError from error

    def offered_partners(self) -> list[PartnerSystemEntry]:
        return [entry for entry in self.partners.values() if entry.offered]

    def procedure(self, id: UUID) -> ProcedureEntry:
        """Raises StaleCatalogueError where it was added after this catalogue was read."""
        try:
            return self.procedures[id]
        except KeyError as error:
            raise StaleCatalogueError from error


EMPTY_MUNICIPALITY = MunicipalityEntry(name="", timezone="Europe/Paris", contact_email="")

_current: Catalogue | None = None
_checked_at = 0.0
_checking: asyncio.Task[Catalogue] | None = None


async def current() -> Catalogue:
    """The catalogue, no older than FRESH_SECONDS. Raises UnavailableError where the database is away.

    Inside a transaction, what is known will do: waiting for a second connection with one in hand, all transactions
    of a full pool would wait for each other.
    """
    if _current is not None and (monotonic() - _checked_at < FRESH_SECONDS or database.in_a_transaction()):
        return _current
    return await _checked()


async def refresh() -> Catalogue:
    """The catalogue as it is now. A check that is under way already may have looked too early."""
    if _is_checking():
        await _checked()
    return await _checked()


async def _checked() -> Catalogue:
    """Compares revisions and loads the catalogue where it changed. Callers at the same time share one check."""
    global _checking
    if _checking is None or not _is_checking():
        # A context of its own: the statements are not the operation's, nor may they join its transaction.
        _checking = asyncio.get_running_loop().create_task(_check(), context=Context())
    return await asyncio.shield(_checking)


def _is_checking() -> bool:
    return (
        _checking is not None and not _checking.done() and _checking.get_loop() is asyncio.get_running_loop()
    )


async def version(id: UUID) -> VersionEntry:
    """A version that a request names; one that was published this very second, too."""
    try:
        return (await current()).version(id)
    except StaleCatalogueError:
        return (await refresh()).version(id)


async def today() -> date:
    """The day it is at the mairie."""
    return now().astimezone(ZoneInfo((await current()).municipality.timezone)).date()


def forget() -> None:
    """Drops what this process keeps: for tests that change databases."""
    global _current
    _current = None


async def _check() -> Catalogue:
    global _current, _checked_at
    started_at = monotonic()
    row = await database.fetch_one("SELECT revision FROM municipality")
    revision = row["revision"] if row else -1
    if _current is None or _current.revision != revision:
        _current = await _load(_current)
    _checked_at = started_at
    return _current


_LOAD = """
SELECT json_build_object(
    'municipality', (SELECT row_to_json(m) FROM municipality m),
    'categories', (SELECT coalesce(json_agg(c ORDER BY c.position, c.title), '[]') FROM procedure_category c),
    'schedules', (SELECT coalesce(json_agg(s ORDER BY s.title), '[]') FROM schedule s),
    'partners', (SELECT coalesce(json_agg(y ORDER BY y.position, y.name), '[]') FROM partner_system y),
    'links', (SELECT coalesce(json_agg(l ORDER BY l.position), '[]') FROM procedure_schedule l),
    'procedures', (SELECT coalesce(json_agg(p), '[]') FROM procedure p),
    'versions', (SELECT coalesce(json_agg(v), '[]') FROM procedure_version v WHERE v.id <> ALL($1::uuid[]))
) AS catalogue
"""


async def _load(previous: Catalogue | None) -> Catalogue:
    """One statement, so that all of it is of one moment. Versions that are known already are not read again."""
    versions = dict(previous.versions) if previous else {}
    raw = await database.fetch_json(_LOAD, list(versions))
    return await asyncio.to_thread(_build, raw, versions)


def _build(raw: dict[str, Any], versions: dict[UUID, VersionEntry]) -> Catalogue:
    versions |= {entry.id: entry for entry in map(_version_entry, raw["versions"])}
    numbered = {(entry.procedure_id, entry.number): entry for entry in versions.values()}
    categories = {
        UUID(c["id"]): CategoryEntry(UUID(c["id"]), c["slug"], c["title"]) for c in raw["categories"]
    }
    schedules = {
        UUID(s["id"]): ScheduleEntry(UUID(s["id"]), s["slug"], s["title"], s["place"], s["address"])
        for s in raw["schedules"]
    }
    places = {id: place for place, id in enumerate(categories)}
    procedures = sorted(
        (
            ProcedureEntry(
                id=UUID(p["id"]),
                slug=p["slug"],
                state=p["state"],
                category=categories[UUID(p["category_id"])],
                schedule_ids=tuple(
                    UUID(link["schedule_id"]) for link in raw["links"] if link["procedure_id"] == p["id"]
                ),
                current=numbered[UUID(p["id"]), p["version"]],
                retention_months=p["retention_months"],
            )
            for p in raw["procedures"]
        ),
        key=lambda entry: (places[entry.category.id], entry.current.title, entry.slug),
    )
    municipality = raw["municipality"]
    return Catalogue(
        revision=municipality["revision"] if municipality else -1,
        municipality=(
            MunicipalityEntry(**{name: municipality[name] for name in MunicipalityEntry.__slots__})
            if municipality
            else EMPTY_MUNICIPALITY
        ),
        categories=categories,
        procedures={entry.id: entry for entry in procedures},
        by_slug={entry.slug: entry for entry in procedures},
        versions=versions,
        schedules=schedules,
        partners={
            UUID(y["id"]): PartnerSystemEntry(
                **{name: y[name] for name in PartnerSystemEntry.__slots__} | {"id": UUID(y["id"])}
            )
            for y in raw["partners"]
        },
        search=SearchIndex(
            Document(
                slug=entry.slug,
                title=entry.current.title,
                summary=entry.current.summary,
                keywords=entry.current.keywords,
            )
            for entry in procedures
            if entry.state == "OPEN"
        ),
    )


def _version_entry(v: dict[str, Any]) -> VersionEntry:
    return VersionEntry(
        id=UUID(v["id"]),
        procedure_id=UUID(v["procedure_id"]),
        number=v["version"],
        title=v["title"],
        summary=v["summary"],
        keywords=tuple(v["keywords"]),
        requires_account=v["requires_account"],
        appointment=AppointmentPolicy(v["appointment"]),
        estimated_days=v["estimated_days"],
        definition=FormDefinition.model_validate_json(orjson.dumps(v["definition"])),
    )
