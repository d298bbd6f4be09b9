"""Reads a folder of a municipality's data files, whole, before anything is changed by it.

municipality.yaml    name, time zone, address for mail
categories.yaml      list of categories, in the order of the catalogue
schedules.yaml       list of agendas; may be absent
partners.yaml        list of systems that citizens may link to their account; may be absent
procedures/*.yaml    one procedure a file: its place in the catalogue and its form
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Annotated, Any, Generic, TypeVar
from zoneinfo import ZoneInfo

from pydantic import Field, TypeAdapter, ValidationError

from core.i18n import DEFAULT_LANGUAGE, Language, Text
from models.address import check_address
from models.email_address import EMAIL_ADVICE, normalised_email
from models.forms import AppointmentPolicy, check_readable_fields
from models.forms.definition import FIELD_TYPES
from models.mistakes import Path, mistakes_of
from models.municipality_files.data import (
    AddressFile,
    CategoryData,
    LinkData,
    MunicipalityData,
    MunicipalityFile,
    PartnerSystemData,
    ProcedureData,
    ProcedureFile,
    ProcedureHead,
    ScheduleData,
    Slug,
)
from models.municipality_files.yaml_document import LARGEST_FILE_BYTES, Document, read_yaml
from models.phone_number import PHONE_ADVICE, normalised_phone
from models.readable_parts import readable_elements, readable_parts, without_unknown_keys

MOST_PROCEDURES = 5_000

_Read = TypeVar("_Read")
_Entry = TypeVar("_Entry")
_CATEGORIES = TypeAdapter(Annotated[tuple[CategoryData, ...], Field(min_length=1)])
_SCHEDULES = TypeAdapter(tuple[ScheduleData, ...])
_PARTNERS = TypeAdapter(tuple[PartnerSystemData, ...])
_MUNICIPALITY = TypeAdapter(MunicipalityFile)
_PROCEDURE = TypeAdapter(ProcedureFile)
_SLUG: TypeAdapter[str] = TypeAdapter(Slug)
_ADDRESS = re.compile(r"https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[\w.~-]+)*", re.ASCII)

_PAGE = re.compile(r"https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[!-~]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class FileMistake:
    """`line` counts from 1."""

    file: FilePath
    line: int
    text: Text


class MunicipalityFilesError(Exception):
    """Every mistake in the files of a folder, once, in the order of files and lines. Nothing was loaded."""

    def __init__(self, mistakes: Sequence[FileMistake]) -> None:
        different = dict.fromkeys(mistakes)
        self.mistakes = tuple(sorted(different, key=lambda each: (str(each.file), each.line)))
        super().__init__("\n".join(self.sentences()))

    def sentences(self, language: Language = DEFAULT_LANGUAGE) -> list[str]:
        """`file:line: sentence`, as compilers do, so that editors can jump there."""
        return [f"{each.file}:{each.line}: {each.text.in_(language)}" for each in self.mistakes]


@dataclass(frozen=True, slots=True)
class _Content(Generic[_Read]):
    """What a file comes to, None where anything of it is wrong; and its value as it stands there, without the keys that
    nobody knows, to check what can be read of it. The value of a file that cannot be read is None."""

    whole: _Read | None
    value: Any


@dataclass(frozen=True, slots=True)
class _Source:
    """A file that was read, and where its mistakes are gathered."""

    file: FilePath
    document: Document
    mistakes: list[FileMistake]

    def refuse(self, path: Path, text: Text) -> None:
        self.mistakes.append(FileMistake(self.file, self.document.line_of(path), text))

    def read_as(self, shape: TypeAdapter[_Read]) -> _Content[_Read]:
        value = self.document.value
        if value is None and self.document.mistakes:
            return _Content(None, None)
        try:
            return _Content(shape.validate_json(json.dumps(value), strict=True), value)
        except ValidationError as error:
            for mistake in mistakes_of(error, FIELD_TYPES):
                self.refuse(mistake.path, mistake.text)
            return _Content(None, without_unknown_keys(value, error, FIELD_TYPES))


@dataclass(slots=True)
class _Known:
    """The slugs that procedures may name. Where some could not be read, or there are none at all, the procedures that
    miss the same one have one cause: it is told once."""

    slugs: set[str]
    complete: bool
    missed: set[str] = field(default_factory=set)

    def lacks(self, slug: str) -> bool:
        """Whether it has to be said that this one is not there."""
        if slug in self.slugs or (slug in self.missed and not self.complete):
            return False
        self.missed.add(slug)
        return True


def read_municipality(folder: FilePath) -> MunicipalityData:
    """The municipality of a folder, or MunicipalityFilesError with all that is wrong in any of its files."""
    mistakes: list[FileMistake] = []
    municipality = _read_head(_open(folder / "municipality.yaml", mistakes))
    categories, known_categories = _read_entries(_open(folder / "categories.yaml", mistakes), _CATEGORIES)
    schedules_file = folder / "schedules.yaml"
    schedules: tuple[ScheduleData, ...] | None = ()
    known_schedules: _Known | None = _Known(set(), complete=False)
    if schedules_file.exists():
        schedules, known_schedules = _read_entries(_open(schedules_file, mistakes), _SCHEDULES)
    partners = _read_partners(folder / "partners.yaml", mistakes)
    files = sorted((folder / "procedures").glob("*.yaml"))
    if not files or len(files) > MOST_PROCEDURES:
        text = Text(
            fr=f"Ce dossier doit contenir de 1 à {MOST_PROCEDURES} fichiers .yaml ; il en a {len(files)}.",
            en=f"This folder has to hold 1 to {MOST_PROCEDURES} .yaml files; it has {len(files)}.",
        )
        raise MunicipalityFilesError([*mistakes, FileMistake(folder / "procedures", 1, text)])
    procedures: list[ProcedureFile] = []
    slugs: list[tuple[_Source, Path, str]] = []
    for file in files:
        source = _open(file, mistakes)
        content = source.read_as(_PROCEDURE)
        value = content.value
        found = check_readable_fields(value.get("fields")) if isinstance(value, dict) else []
        for mistake in found:
            source.refuse(mistake.path, mistake.text)
        parts = readable_parts(ProcedureHead, value)
        _check_procedure(source, parts, value, known_categories, known_schedules)
        if "slug" in parts:
            slugs.append((source, ("slug",), parts["slug"]))
        if content.whole is not None:
            procedures.append(content.whole)
    _refuse_repeated(slugs)
    if mistakes or municipality is None or categories is None or schedules is None or partners is None:
        raise MunicipalityFilesError(mistakes)
    return MunicipalityData(
        name=municipality.name,
        timezone=municipality.timezone,
        contact_email=municipality.contact_email,
        categories=categories,
        schedules=schedules,
        procedures=tuple(
            ProcedureData(
                **{name: getattr(procedure, name) for name in ProcedureHead.model_fields},
                definition=procedure.to_definition(),
            )
            for procedure in procedures
        ),
        partners=partners,
        phone=municipality.phone and normalised_phone(municipality.phone),
        address=municipality.address.to_address() if municipality.address else None,
        links=municipality.links,
    )


def _open(file: FilePath, mistakes: list[FileMistake]) -> _Source:
    try:
        with file.open("rb") as stream:
            document = read_yaml(stream.read(LARGEST_FILE_BYTES + 1))
    except OSError as error:
        text = Text(
            fr=f"Ce fichier ne peut pas être lu ({error.strerror}).",
            en=f"This file cannot be read ({error.strerror}).",
        )
        document = Document.unread(text)
    mistakes.extend(FileMistake(file, mistake.line, mistake.text) for mistake in document.mistakes)
    return _Source(file, document, mistakes)


def _read_head(source: _Source) -> MunicipalityFile | None:
    content = source.read_as(_MUNICIPALITY)
    parts = readable_parts(MunicipalityFile, content.value)
    if "timezone" in parts and not _is_timezone(parts["timezone"]):
        text = Text(
            fr="Fuseau horaire inconnu ; par exemple Europe/Paris.",
            en="Unknown time zone; for example Europe/Paris.",
        )
        source.refuse(("timezone",), text)
    if "contact_email" in parts and normalised_email(parts["contact_email"]) is None:
        source.refuse(("contact_email",), EMAIL_ADVICE)
    if parts.get("phone") is not None and normalised_phone(parts["phone"]) is None:
        source.refuse(("phone",), PHONE_ADVICE)
    _check_address(source, ("address",), content.value)
    links = content.value.get("links") if isinstance(content.value, dict) else None
    for position, link in enumerate(links if isinstance(links, list) else ()):
        url = readable_parts(LinkData, link).get("url")
        if url is not None and not _PAGE.fullmatch(url):
            text = Text(
                fr="Une adresse https:// est attendue ; par exemple https://commune.example/mentions-legales",
                en="An address https:// is expected; for example https://commune.example/mentions-legales",
            )
            source.refuse(("links", position, "url"), text)
    return content.whole


def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return True


def _read_entries(
    source: _Source, shape: TypeAdapter[tuple[_Entry, ...]]
) -> tuple[tuple[_Entry, ...] | None, _Known | None]:
    """The entries of a list where all is right, and their slugs, unless nothing at all can be read of them."""
    content = source.read_as(shape)
    entries, value = content.whole, content.value
    if not isinstance(value, list):
        return entries, None
    slugs: list[tuple[_Source, Path, str]] = []
    for position, entry in enumerate(value):
        slug = readable_parts(CategoryData, entry).get("slug")
        if slug is not None:
            slugs.append((source, (position, "slug"), slug))
        _check_address(source, (position, "address"), entry)
    _refuse_repeated(slugs)
    if entries is None and not slugs:
        return None, None
    return entries, _Known({slug for _, _, slug in slugs}, complete=0 < len(slugs) == len(value))


def _read_partners(file: FilePath, mistakes: list[FileMistake]) -> tuple[PartnerSystemData, ...] | None:
    """None where anything of them is wrong; none at all where the file is absent."""
    if not file.exists():
        return ()
    source = _open(file, mistakes)
    partners, _ = _read_entries(source, _PARTNERS)
    listed = source.document.value
    for position, entry in enumerate(listed if isinstance(listed, list) else ()):
        address = readable_parts(PartnerSystemData, entry).get("address")
        if address is not None and not _ADDRESS.fullmatch(address):
            text = Text(
                fr="Une adresse https:// est attendue, sans barre oblique finale ; "
                "par exemple https://famille.example/espace-citoyens",
                en="An address https:// is expected, without a final slash; "
                "for example https://famille.example/espace-citoyens",
            )
            source.refuse((position, "address"), text)
    return partners


def _check_address(source: _Source, path: Path, holder: Any) -> None:
    """The address in what holds it: each part that can be read, whatever the others are."""
    value = holder.get("address") if isinstance(holder, dict) else None
    parts = readable_parts(AddressFile, value)
    if "country" not in parts:
        return
    right = {"lines": ("1 rue",), "postal_code": "35000", "city": "Ici"}
    # The checks speak the API's names and paths; here the file's line is enough.
    for problem in check_address(AddressFile(**right | parts).to_address(), "")[1]:
        part = {"postalCode": "postal_code"}.get(problem.path.strip("."), problem.path.strip("."))
        if part.partition(".")[0] in parts:
            source.refuse((*path, part), problem.text)


def _refuse_repeated(slugs: Iterable[tuple[_Source, Path, str]]) -> None:
    seen: dict[str, FilePath] = {}
    for source, path, slug in slugs:
        if slug in seen:
            text = Text(
                fr=f"« {slug} » sert déjà dans {seen[slug].name}.",
                en=f"“{slug}” is already used in {seen[slug].name}.",
            )
            source.refuse(path, text)
        seen.setdefault(slug, source.file)


def _check_procedure(
    source: _Source,
    parts: Mapping[str, Any],
    value: Any,
    categories: _Known | None,
    schedules: _Known | None,
) -> None:
    """`parts` is what could be read of the procedure's head, `value` the whole as it stands in the file. A list that
    is None could not be read: whether what it would hold is missing cannot be known."""
    if categories is not None and "category" in parts and categories.lacks(parts["category"]):
        text = Text(
            fr=f"Aucune catégorie « {parts['category']} » dans categories.yaml.",
            en=f"There is no category “{parts['category']}” in categories.yaml.",
        )
        source.refuse(("category",), text)
    listed = value.get("schedules", []) if isinstance(value, dict) else None
    seen: set[str] = set()
    for position, schedule in readable_elements(_SLUG, listed):
        if schedule in seen:
            text = Text(
                fr=f"« {schedule} » est déjà dans la liste.", en=f"“{schedule}” is already in the list."
            )
            source.refuse(("schedules", position), text)
        elif schedules is not None and schedules.lacks(schedule):
            text = Text(
                fr=f"Aucun agenda « {schedule} » dans schedules.yaml.",
                en=f"There is no schedule “{schedule}” in schedules.yaml.",
            )
            source.refuse(("schedules", position), text)
        seen.add(schedule)
    if not isinstance(listed, list) or "appointment" not in parts:
        return
    if parts["appointment"] is AppointmentPolicy.NONE and listed:
        text = Text(
            fr="Cette démarche n’a pas de rendez-vous : retirez « schedules », ou réglez « appointment ».",
            en="This procedure has no appointment: remove “schedules”, or set “appointment”.",
        )
        source.refuse(("schedules",), text)
    if parts["appointment"] is not AppointmentPolicy.NONE and not listed:
        text = Text(
            fr="Indiquez dans « schedules » l’agenda où prendre le rendez-vous.",
            en="Say in “schedules” where the appointment is booked.",
        )
        source.refuse(("appointment",), text)
