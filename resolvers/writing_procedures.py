"""Writing procedures at the desk: whole, checked like a data file, a version for each change."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from pydantic import ValidationError as ShapeError

from core.errors import ConflictError, FieldProblem, NotFoundError, ValidationError
from core.i18n import Text
from core.selection import Selection
from models.actors import Actor
from models.database import Row, fetch_json, fetch_one
from models.forms import AppointmentPolicy, check_readable_fields
from models.forms.definition import FIELD_TYPES
from models.ids import decode_as
from models.mistakes import Path, mistakes_of
from models.municipality_files import ProcedureData
from models.municipality_files.data import ProcedureFile, ProcedureHead
from models.readable_parts import readable_parts, without_unknown_keys
from resolvers import catalogue
from resolvers.procedures import procedure_row
from resolvers.publishing import (
    CURRENT_VERSIONS,
    differs,
    lock_catalogue,
    put_links,
    put_procedures,
    put_versions,
    revise,
)
from resolvers.reading.shape import reading_for, settle
from resolvers.work import Work, unit_of_work
from uploads.checking.kinds import ACCEPTED_MEDIA_TYPES

_PROCEDURE = TypeAdapter(ProcedureFile)
_COMMON = frozenset({"key", "label", "help", "required", "visible_when", "type"})
"""Names that a field has whatever its type; the others stand below `type` in the API's input."""

_NO_CATEGORY = Text(fr="Aucune catégorie ne s’appelle « {slug} ».", en="No category is called “{slug}”.")
_NO_SCHEDULE = Text(fr="Cet agenda n’existe pas.", en="This schedule does not exist.")
_REPEATED_SCHEDULE = Text(fr="Cet agenda est déjà dans la liste.", en="This schedule is already in the list.")
_NEEDS_SCHEDULE = Text(
    fr="Choisissez au moins un agenda où prendre le rendez-vous.",
    en="Choose at least one schedule to book the appointment in.",
)
_TAKES_NO_SCHEDULE = Text(
    fr="Cette démarche n’a pas de rendez-vous : retirez les agendas.",
    en="This procedure has no appointment: remove the schedules.",
)
_SLUG_TAKEN = Text(
    fr="Une autre démarche a déjà cette adresse : choisissez-en une autre.",
    en="Another procedure already has this address: choose another one.",
)
_SLUG_STAYS = Text(
    fr="L’adresse d’une démarche ne change pas : des liens y mènent.",
    en="The address of a procedure does not change: links lead to it.",
)
_CHANGED = Text(
    fr="La démarche a changé entre-temps : sa version {version} est enregistrée. Relisez-la, puis recommencez.",
    en="The procedure has changed in the meantime: its version {version} is saved. Read it again, then retry.",
)
_NEVER_ACCEPTED = Text(
    fr="La mairie n’accepte pas de fichiers « {media_type} » : choisissez parmi {accepted}.",
    en="The mairie accepts no files of “{media_type}”: choose among {accepted}.",
)
_NO_TYPE = Text(
    fr="Choisissez comment on répond à ce champ : true, ou un autre type.",
    en="Choose how this field is answered: true, or another type.",
)
_HELP_TWICE = Text(fr="Cette étape a déjà une aide.", en="This step has its help already.")


async def save_procedure(
    actor: Actor, *, id: str | None, version: int | None, given: Mapping[str, Any], selection: Selection
) -> Row:
    """Writes a procedure: a new one without an `id`, else the next version of a known one; nothing new, no version.

    `given` is SaveProcedureInput in snake case; `retention_months` that is left out stays as it is, None takes it away.
    Requests that were started keep their version.

    Raises ValidationError with every problem at its path, ConflictError where `version` is not the current one any
    more, NotFoundError.
    """
    known = await catalogue.current()
    procedure_id = decode_as("Procedure", id) if id is not None else None
    entry = known.procedures.get(procedure_id) if procedure_id else None
    if id is not None and entry is None:
        raise NotFoundError
    if entry is not None and "retention_months" not in given:
        given = {**given, "retention_months": entry.retention_months}
    data, problems = _read(given, known)
    if entry is not None and given["slug"] != entry.slug:
        problems.append(FieldProblem("slug", _SLUG_STAYS))
    ValidationError.raise_for(problems)
    assert data is not None
    saved = await _save(data, entry.id if entry else None, version)
    await catalogue.refresh()
    reading = await reading_for(actor)
    row = procedure_row(reading, reading.catalogue.procedure(saved), selection)
    await settle(reading)
    return row


@unit_of_work
async def _save(work: Work, data: ProcedureData, id: UUID | None, version: int | None) -> UUID:
    await lock_catalogue()
    current = await fetch_one("SELECT id, version FROM procedure WHERE slug = $1", data.slug)
    if current is not None and current["id"] != id:
        raise ValidationError([FieldProblem("slug", _SLUG_TAKEN)])
    if current is not None and version is not None and version != current["version"]:
        raise ConflictError(current["version"], _CHANGED.format(version=current["version"]))
    before = (await fetch_json(CURRENT_VERSIONS)).get(data.slug)
    moved = await put_procedures([data], at_desk=True)
    if differs(data, before):
        moved += await put_versions([data])
    moved += await put_links([data])
    if moved:
        await revise()
    row = await fetch_one("SELECT id FROM procedure WHERE slug = $1", data.slug)
    assert row is not None
    saved: UUID = row["id"]
    return saved


def _read(
    given: Mapping[str, Any], known: catalogue.Catalogue
) -> tuple[ProcedureData | None, list[FieldProblem]]:
    """What was typed, or None and every problem of it."""
    slugs, problems = _schedules(given.get("schedules") or (), known)
    raw = _as_written(given, slugs)
    types = [field["type"] for field in raw["fields"]]
    steps = [entry["step"] for entry in given.get("step_help") or ()]
    problems += _types(given["fields"])
    problems += [
        FieldProblem(f"stepHelp.{place}.step", _HELP_TWICE)
        for place, step in enumerate(steps)
        if step in steps[:place]
    ]
    whole: ProcedureFile | None = None
    try:
        whole = _PROCEDURE.validate_json(json.dumps(raw), strict=True)
        readable = raw
    except ShapeError as error:
        problems += [
            FieldProblem(_path(mistake.path, types, steps), mistake.text)
            for mistake in mistakes_of(error, FIELD_TYPES)
        ]
        readable = without_unknown_keys(raw, error, FIELD_TYPES)
    problems += [
        FieldProblem(_path(mistake.path, types, steps), mistake.text)
        for mistake in check_readable_fields(readable.get("fields"))
    ]
    parts = readable_parts(ProcedureHead, readable)
    if "category" in parts and parts["category"] not in {each.slug for each in known.categories.values()}:
        problems.append(FieldProblem("category", _NO_CATEGORY.format(slug=parts["category"])))
    if "appointment" in parts:
        takes = parts["appointment"] is not AppointmentPolicy.NONE
        if takes and not given.get("schedules"):
            problems.append(FieldProblem("schedules", _NEEDS_SCHEDULE))
        if not takes and given.get("schedules"):
            problems.append(FieldProblem("schedules", _TAKES_NO_SCHEDULE))
    if whole is None or problems:
        return None, problems
    head = {name: getattr(whole, name) for name in ProcedureHead.model_fields}
    return ProcedureData(**head, definition=whole.to_definition()), []


def _types(fields: Sequence[Mapping[str, Any]]) -> list[FieldProblem]:
    """What no form can be answered with, though it is well written: a type that is said not to be the one, and
    media types that no file is accepted in.
    """
    problems: list[FieldProblem] = []
    accepted = ", ".join(ACCEPTED_MEDIA_TYPES)
    for place, field in enumerate(fields):
        ((kind, specified),) = field["type"].items()
        if specified is False:
            problems.append(FieldProblem(f"fields.{place}.type.{kind}", _NO_TYPE))
        if kind != "file":
            continue
        for position, media_type in enumerate(specified.get("accepted_media_types") or ()):
            if media_type not in ACCEPTED_MEDIA_TYPES:
                path = f"fields.{place}.type.file.acceptedMediaTypes.{position}"
                text = _NEVER_ACCEPTED.format(media_type=media_type, accepted=accepted)
                problems.append(FieldProblem(path, text))
    return problems


def _schedules(ids: Sequence[str], known: catalogue.Catalogue) -> tuple[list[str], list[FieldProblem]]:
    """The slugs of the schedules that these ids name."""
    slugs: list[str] = []
    problems: list[FieldProblem] = []
    for place, id in enumerate(ids):
        schedule_id = decode_as("Schedule", id)
        entry = known.schedules.get(schedule_id) if schedule_id else None
        if entry is None:
            problems.append(FieldProblem(f"schedules.{place}", _NO_SCHEDULE))
        elif entry.slug in slugs:
            problems.append(FieldProblem(f"schedules.{place}", _REPEATED_SCHEDULE))
        else:
            slugs.append(entry.slug)
    return slugs, problems


def _as_written(given: Mapping[str, Any], schedules: Sequence[str]) -> dict[str, Any]:
    """As a data file would say it."""
    head = {
        name: _plain(given[name])
        for name in (
            "slug", "title", "category", "summary", "body", "requires_account", "state", "appointment",
        )
    }  # fmt: skip
    return {
        **head,
        "keywords": list(given.get("keywords") or ()),
        "estimated_days": given.get("estimated_days"),
        "retention_months": given.get("retention_months"),
        "schedules": list(schedules),
        "step_help": {_plain(entry["step"]): entry["help"] for entry in given.get("step_help") or ()},
        "fields": [_field(field) for field in given["fields"]],
    }


def _field(given: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, specified),) = given["type"].items()
    of_type = specified if isinstance(specified, Mapping) else {}
    return {
        "type": kind,
        "key": given["key"],
        "label": given["label"],
        "required": given["required"],
        "visible_when": [
            {
                "field": condition["field"],
                "operator": _plain(condition["operator"]),
                "values": list(condition.get("values") or ()),
            }
            for condition in given.get("visible_when") or ()
        ],
        **({"help": given["help"]} if given.get("help") is not None else {}),
        **{name: _plain(value) for name, value in of_type.items() if value is not None},
    }


def _plain(value: Any) -> Any:
    """Enums and days as JSON has them."""
    match value:
        case list() | tuple():
            return [_plain(each) for each in value]
        case Mapping():
            return {name: _plain(each) for name, each in value.items()}
        case _ if hasattr(value, "isoformat"):
            return value.isoformat()
        case _:
            return getattr(value, "value", value)


def _path(path: Path, types: Sequence[str], steps: Sequence[Any]) -> str:
    """Where a mistake is in the API's input: `("fields", 2, "max_length")` is `fields.2.type.text.maxLength`."""
    match path:
        case ("fields", int(place), str(name), *_) if name not in _COMMON and place < len(types):
            parts: tuple[str | int, ...] = ("fields", place, "type", types[place], *path[2:])
        case ("step_help", str(step), *_):
            place = next((i for i, each in enumerate(steps) if _plain(each) == step), 0)
            parts = ("stepHelp", place, "help")
        case _:
            parts = path
    return ".".join(_camel_case(str(part)) for part in parts)


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
