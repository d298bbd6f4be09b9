"""Reads a folder of a municipality's data files, whole, before anything is changed by it.

municipality.yaml    name, time zone, address for mail
categories.yaml      list of categories, in the order of the catalogue
schedules.yaml       list of agendas; may be absent
procedures/*.yaml    one procedure a file: its place in the catalogue and its form
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TypeVar
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from core.i18n import DEFAULT_LANGUAGE, Language, Text
from models.address import check_address
from models.email_address import EMAIL_ADVICE, normalised_email
from models.forms import AppointmentPolicy, check_definition
from models.forms.definition import FIELD_TYPES
from models.mistakes import Path, mistakes_of
from models.municipality_files.data import (
    AddressFile,
    CategoryData,
    MunicipalityData,
    MunicipalityFile,
    ProcedureData,
    ProcedureFile,
    ProcedureHead,
    ScheduleData,
)
from models.municipality_files.yaml_document import LARGEST_FILE_BYTES, Document, read_yaml
from models.phone_number import PHONE_ADVICE, normalised_phone

MOST_PROCEDURES = 5_000

_Read = TypeVar("_Read")
_CATEGORIES = TypeAdapter(tuple[CategoryData, ...])
_SCHEDULES = TypeAdapter(tuple[ScheduleData, ...])
_MUNICIPALITY = TypeAdapter(MunicipalityFile)
_PROCEDURE = TypeAdapter(ProcedureFile)


@dataclass(frozen=True, slots=True)
class FileMistake:
    """`line` counts from 1."""

    file: FilePath
    line: int
    text: Text


class MunicipalityFilesError(Exception):
    """Every mistake in the files of a folder, in the order of files and lines. Nothing was loaded."""

    def __init__(self, mistakes: Sequence[FileMistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda each: (str(each.file), each.line)))
        super().__init__("\n".join(self.sentences()))

    def sentences(self, language: Language = DEFAULT_LANGUAGE) -> list[str]:
        """`file:line: sentence`, as compilers do, so that editors can jump there."""
        return [f"{each.file}:{each.line}: {each.text.in_(language)}" for each in self.mistakes]


@dataclass(frozen=True, slots=True)
class _Source:
    """A file that was read, and where its mistakes are gathered."""

    file: FilePath
    document: Document
    mistakes: list[FileMistake]

    def refuse(self, path: Path, text: Text) -> None:
        self.mistakes.append(FileMistake(self.file, self.document.line_of(path), text))

    def read_as(self, shape: TypeAdapter[_Read]) -> _Read | None:
        if self.document.mistakes:
            return None
        try:
            return shape.validate_json(json.dumps(self.document.value), strict=True)
        except ValidationError as error:
            for mistake in mistakes_of(error, FIELD_TYPES):
                self.refuse(mistake.path, mistake.text)
            return None


def read_municipality(folder: FilePath) -> MunicipalityData:
    """The municipality of a folder, or MunicipalityFilesError with all that is wrong in any of its files."""
    mistakes: list[FileMistake] = []
    municipality = _read_head(_open(folder / "municipality.yaml", mistakes))
    categories = _read_categories(_open(folder / "categories.yaml", mistakes))
    schedules_file = folder / "schedules.yaml"
    schedules = _read_schedules(_open(schedules_file, mistakes)) if schedules_file.exists() else ()
    files = sorted((folder / "procedures").glob("*.yaml"))
    if not files or len(files) > MOST_PROCEDURES:
        text = Text(
            fr=f"Ce dossier doit contenir de 1 à {MOST_PROCEDURES} fichiers .yaml ; il en a {len(files)}.",
            en=f"This folder has to hold 1 to {MOST_PROCEDURES} .yaml files; it has {len(files)}.",
        )
        raise MunicipalityFilesError([*mistakes, FileMistake(folder / "procedures", 1, text)])
    sources = [_open(file, mistakes) for file in files]
    read = [(source, source.read_as(_PROCEDURE)) for source in sources]
    procedures = [(source, procedure) for source, procedure in read if procedure is not None]
    for source, procedure in procedures:
        _check_procedure(source, procedure, categories, schedules)
    _refuse_repeated((source, ("slug",), procedure.slug) for source, procedure in procedures)
    if mistakes or municipality is None or categories is None or schedules is None:
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
            for _, procedure in procedures
        ),
        phone=municipality.phone and normalised_phone(municipality.phone),
        address=municipality.address.to_address() if municipality.address else None,
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
    municipality = source.read_as(_MUNICIPALITY)
    if municipality is None:
        return None
    try:
        ZoneInfo(municipality.timezone)
    except (OSError, ValueError, LookupError):
        text = Text(
            fr="Fuseau horaire inconnu ; par exemple Europe/Paris.",
            en="Unknown time zone; for example Europe/Paris.",
        )
        source.refuse(("timezone",), text)
    if normalised_email(municipality.contact_email) is None:
        source.refuse(("contact_email",), EMAIL_ADVICE)
    if municipality.phone is not None and normalised_phone(municipality.phone) is None:
        source.refuse(("phone",), PHONE_ADVICE)
    _check_address(source, ("address",), municipality.address)
    return municipality


def _read_categories(source: _Source) -> tuple[CategoryData, ...] | None:
    categories = source.read_as(_CATEGORIES)
    _refuse_repeated((source, (n, "slug"), category.slug) for n, category in enumerate(categories or ()))
    return categories


def _read_schedules(source: _Source) -> tuple[ScheduleData, ...] | None:
    schedules = source.read_as(_SCHEDULES)
    _refuse_repeated((source, (n, "slug"), schedule.slug) for n, schedule in enumerate(schedules or ()))
    for position, schedule in enumerate(schedules or ()):
        _check_address(source, (position, "address"), schedule.address)
    return schedules


def _check_address(source: _Source, path: Path, address: AddressFile | None) -> None:
    # The checks speak the API's names and paths; here the file's line is enough.
    for problem in check_address(address.to_address(), "")[1] if address else ():
        part = {"postalCode": "postal_code"}.get(problem.path.strip("."), problem.path.strip("."))
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
    procedure: ProcedureFile,
    categories: Sequence[CategoryData] | None,
    schedules: Sequence[ScheduleData] | None,
) -> None:
    for mistake in check_definition(procedure):
        source.refuse(mistake.path, mistake.text)
    if categories is not None and procedure.category not in _slugs(categories):
        text = Text(
            fr=f"Aucune catégorie « {procedure.category} » dans categories.yaml.",
            en=f"There is no category “{procedure.category}” in categories.yaml.",
        )
        source.refuse(("category",), text)
    for position, schedule in enumerate(procedure.schedules):
        if schedules is not None and schedule not in _slugs(schedules):
            text = Text(
                fr=f"Aucun agenda « {schedule} » dans schedules.yaml.",
                en=f"There is no schedule “{schedule}” in schedules.yaml.",
            )
            source.refuse(("schedules", position), text)
        elif schedule in procedure.schedules[:position]:
            text = Text(
                fr=f"« {schedule} » est déjà dans la liste.", en=f"“{schedule}” is already in the list."
            )
            source.refuse(("schedules", position), text)
    if procedure.appointment is AppointmentPolicy.NONE and procedure.schedules:
        text = Text(
            fr="Cette démarche n’a pas de rendez-vous : retirez « schedules », ou réglez « appointment ».",
            en="This procedure has no appointment: remove “schedules”, or set “appointment”.",
        )
        source.refuse(("schedules",), text)
    if procedure.appointment is not AppointmentPolicy.NONE and not procedure.schedules:
        text = Text(
            fr="Indiquez dans « schedules » l’agenda où prendre le rendez-vous.",
            en="Say in “schedules” where the appointment is booked.",
        )
        source.refuse(("appointment",), text)


def _slugs(entries: Sequence[CategoryData] | Sequence[ScheduleData]) -> set[str]:
    return {entry.slug for entry in entries}
