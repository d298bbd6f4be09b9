"""Procedures written at the desk: every problem at its path, a version for each change, started requests left alone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from core.errors import ConflictError, NotFoundError, ValidationError
from core.selection import Selection
from models.actors import AgentActor
from models.database import fetch, fetch_one
from models.ids import encode, new_id
from models.municipality_files import read_municipality
from models.procedures import Procedure, ProcedureCategory
from resolvers.municipality import load_municipality
from resolvers.procedures import procedure as read_procedure
from resolvers.writing_procedures import save_procedure
from tests.factories import id_of, make_category, make_request, make_schedule

DEMONSTRATION = Path(__file__).parents[2] / "municipalities" / "demonstration"
SELECTION = Selection.of("id", "slug", "title", "version", "state", steps=Selection.of("kind"))


def written(theme: ProcedureCategory, **changed: Any) -> dict[str, Any]:
    return {
        "slug": "pret-de-velo",
        "title": "Prêt de vélo",
        "category": theme.slug,
        "summary": "Emprunter un vélo de la commune.",
        "body": "Un vélo pour **un mois**.",
        "keywords": ["bicyclette"],
        "requires_account": False,
        "state": "OPEN",
        "appointment": "NONE",
        "schedules": [],
        "step_help": [{"step": "FORM", "help": "Mesurez-vous."}],
        "fields": [
            field("taille", number={"minimum": 100, "maximum": 230, "integer": True}, required=True),
            field(
                "enfant",
                boolean=True,
            ),
            field(
                "age",
                number={"integer": True},
                visible_when=[{"field": "enfant", "operator": "EQUALS", "values": ["true"]}],
            ),
        ],
        **changed,
    }


def field(key: str, *, required: bool = False, visible_when: Any = (), **type_: Any) -> dict[str, Any]:
    return {
        "key": key,
        "label": key.title(),
        "required": required,
        "visible_when": list(visible_when),
        "type": type_,
    }


async def save(
    actor: AgentActor, given: dict[str, Any], *, id: str | None = None, version: int | None = None
) -> dict[str, Any]:
    return await save_procedure(actor, id=id, version=version, given=given, selection=SELECTION)


async def problems_of(actor: AgentActor, given: dict[str, Any], **more: Any) -> dict[str, str]:
    with pytest.raises(ValidationError) as refused:
        await save(actor, given, **more)
    return {problem.path: problem.text.fr for problem in refused.value.problems}


@pytest.fixture
async def category(database: object) -> ProcedureCategory:
    return await make_category("loisirs")


async def test_a_new_one_then_its_next_versions(
    category: ProcedureCategory, administrator: AgentActor
) -> None:
    first = await save(administrator, written(category))
    assert (first["slug"], first["version"], first["state"]) == ("pret-de-velo", 1, "OPEN")
    assert [step["kind"] for step in first["steps"]] == ["PROCEDURE", "CONTACT", "FORM", "SUMMARY"]
    again = await save(administrator, written(category), id=first["id"], version=1)
    assert again["version"] == 1
    closed = await save(administrator, written(category, state="CLOSED"), id=first["id"], version=1)
    assert (closed["version"], closed["state"]) == (1, "CLOSED")
    changed = await save(administrator, written(category, title="Prêt de vélos"), id=first["id"], version=1)
    assert (changed["version"], changed["title"], changed["state"]) == (2, "Prêt de vélos", "OPEN")
    seen = await read_procedure(administrator, slug="pret-de-velo", selection=SELECTION)
    assert seen is not None
    assert seen["version"] == 2


async def test_a_started_request_keeps_its_version(
    category: ProcedureCategory, administrator: AgentActor
) -> None:
    saved = await save(administrator, written(category))
    row = await fetch_one("SELECT id, procedure_id FROM procedure_version WHERE version = 1")
    assert row is not None
    procedure = await Procedure.get(id=row["procedure_id"])
    request = await make_request(procedure, status="DRAFT")
    await save(administrator, written(category, fields=[]), id=saved["id"])
    version = await fetch_one(
        "SELECT v.version, p.version AS current FROM service_request r "
        "JOIN procedure_version v ON v.id = r.procedure_version_id JOIN procedure p ON p.id = r.procedure_id "
        "WHERE r.id = $1",
        request.id,
    )
    assert version == {"version": 1, "current": 2}
    kept = await fetch_one(
        "SELECT jsonb_array_length(definition->'fields') AS fields FROM procedure_version WHERE id = $1",
        row["id"],
    )
    assert kept == {"fields": 3}


async def test_every_problem_is_told_at_its_path(
    category: ProcedureCategory, administrator: AgentActor
) -> None:
    given = written(
        category,
        slug="Prêt de vélo",
        title="",
        category="nulle-part",
        appointment="REQUIRED",
        step_help=[{"step": "FORM", "help": ""}, {"step": "FORM", "help": "Deux fois."}],
        fields=[
            field("a", text={"pattern": "(", "max_length": 0}),
            field(
                "b", boolean=True, visible_when=[{"field": "zzz", "operator": "EQUALS", "values": ["true"]}]
            ),
            field("c", boolean=True, visible_when=[{"field": "d", "operator": "EQUALS", "values": ["true"]}]),
            field("d", boolean=True, visible_when=[{"field": "c", "operator": "EQUALS", "values": ["true"]}]),
            field("e", choice={"options": [], "multiple": False}),
            field("a", boolean=True),
        ],
    )
    found = await problems_of(administrator, given)
    assert found.keys() == {
        "slug",
        "title",
        "category",
        "schedules",
        "stepHelp.1.step",
        "fields.0.type.text.maxLength",
        "fields.0.type.text.pattern",
        "fields.1.visibleWhen.0.field",
        "fields.2.visibleWhen",
        "fields.3.visibleWhen",
        "fields.4.type.choice.options",
        "fields.5.key",
    }
    assert found["slug"].endswith("il faut des lettres minuscules sans accent, des chiffres et des tirets.")
    assert found["title"] == found["fields.4.type.choice.options"] == "À remplir."
    assert "zzz" in found["fields.1.visibleWhen.0.field"]
    assert "c, d" in found["fields.2.visibleWhen"]


async def test_what_nobody_could_answer_is_told(
    category: ProcedureCategory, administrator: AgentActor
) -> None:
    """Files of a type that the mairie never accepts, and a type that is said not to be the one."""
    types = ["application/pdf", "text/plain", "image/heic"]
    fields = [field("a", file={"accepted_media_types": types}, required=True), field("b", boolean=False)]
    found = await problems_of(administrator, written(category, fields=fields))
    assert found.keys() == {"fields.0.type.file.acceptedMediaTypes.1", "fields.1.type.boolean"}
    assert "image/png" in found["fields.0.type.file.acceptedMediaTypes.1"]


async def test_schedules_go_with_appointments(category: ProcedureCategory, administrator: AgentActor) -> None:
    schedule = id_of(await make_schedule())
    found = await problems_of(administrator, written(category, schedules=[schedule]))
    assert found.keys() == {"schedules"}
    twice = written(
        category, appointment="OPTIONAL", schedules=[schedule, schedule, encode("Schedule", new_id())]
    )
    assert (await problems_of(administrator, twice)).keys() == {"schedules.1", "schedules.2"}
    saved = await save(administrator, written(category, appointment="REQUIRED", schedules=[schedule]))
    assert "APPOINTMENT" in [step["kind"] for step in saved["steps"]]
    without = await save(administrator, written(category), id=saved["id"])
    assert without["version"] == 2
    assert await fetch("SELECT 1 FROM procedure_schedule") == []


async def test_an_address_is_one_procedures_and_stays(
    category: ProcedureCategory, administrator: AgentActor
) -> None:
    saved = await save(administrator, written(category))
    assert (await problems_of(administrator, written(category))).keys() == {"slug"}
    moved = written(category, slug="velo")
    assert (await problems_of(administrator, moved, id=saved["id"])).keys() == {"slug"}
    for unknown in ("x", encode("Procedure", new_id())):
        with pytest.raises(NotFoundError):
            await save(administrator, written(category), id=unknown)


async def test_two_who_write_at_once_do_not_overwrite_each_other(
    category: ProcedureCategory, administrator: AgentActor
) -> None:
    saved = await save(administrator, written(category))
    outcomes = await asyncio.gather(
        *(
            save(administrator, written(category, title=f"Titre {n}"), id=saved["id"], version=1)
            for n in range(5)
        ),
        return_exceptions=True,
    )
    refused = [outcome for outcome in outcomes if isinstance(outcome, ConflictError)]
    assert len(refused) == 4
    assert {error.current_version for error in refused} == {2}
    assert all("démarche" in error.text.fr and "version 2" in error.text.fr for error in refused)


async def test_loading_leaves_what_the_desk_wrote(administrator: AgentActor) -> None:
    data = read_municipality(DEMONSTRATION)
    await load_municipality(data)
    category = ProcedureCategory(slug=data.categories[0].slug, title="", position=0)
    await save(administrator, written(category))
    loaded = await load_municipality(data)
    assert (loaded.closed, loaded.at_desk, loaded.revised) == (0, 1, False)
    assert "1 written at the desk" in str(loaded)
    row = await fetch_one("SELECT state, version FROM procedure WHERE slug = 'pret-de-velo'")
    assert row == {"state": "OPEN", "version": 1}
