"""Loading a municipality: all or nothing, again without effect, nothing forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from core.selection import Selection
from models.actors import Visitor
from models.database import fetch, fetch_one
from models.forms import AppointmentPolicy
from models.municipality_files import MunicipalityData, ProcedureData, read_municipality
from resolvers import catalogue
from resolvers.municipality import load_municipality
from resolvers.procedures import municipality

pytestmark = pytest.mark.usefixtures("database")

DEMONSTRATION = Path(__file__).parents[2] / "municipalities" / "demonstration"


@pytest.fixture(scope="module")
def demonstration() -> MunicipalityData:
    return read_municipality(DEMONSTRATION)


def with_procedures(data: MunicipalityData, procedures: Sequence[ProcedureData]) -> MunicipalityData:
    return MunicipalityData(
        data.name, data.timezone, data.contact_email, data.categories, data.schedules, tuple(procedures)
    )


async def revision() -> int:
    row = await fetch_one("SELECT revision FROM municipality")
    assert row is not None
    return int(row["revision"])


async def test_everything_is_loaded(demonstration: MunicipalityData) -> None:
    loaded = await load_municipality(demonstration)
    assert (loaded.added, loaded.changed, loaded.unchanged, loaded.closed) == (
        len(demonstration.procedures),
        0,
        0,
        0,
    )
    rows = await fetch(
        "SELECT p.slug, c.slug AS category, p.version, v.title, v.keywords FROM procedure p"
        " JOIN procedure_category c ON c.id = p.category_id"
        " JOIN procedure_version v ON v.procedure_id = p.id AND v.version = p.version ORDER BY p.slug"
    )
    assert rows == [
        {
            "slug": procedure.slug,
            "category": procedure.category,
            "version": 1,
            "title": procedure.title,
            "keywords": list(procedure.keywords),
        }
        for procedure in sorted(demonstration.procedures, key=lambda each: each.slug)
    ]
    links = await fetch(
        "SELECT p.slug AS procedure, s.slug AS schedule FROM procedure_schedule l"
        " JOIN procedure p ON p.id = l.procedure_id JOIN schedule s ON s.id = l.schedule_id"
    )
    assert {(link["procedure"], link["schedule"]) for link in links} == {
        (procedure.slug, schedule)
        for procedure in demonstration.procedures
        for schedule in procedure.schedules
    }


async def test_a_second_load_changes_nothing(demonstration: MunicipalityData) -> None:
    await load_municipality(demonstration)
    before = await fetch("SELECT id, procedure_id, version FROM procedure_version ORDER BY id")
    first = await revision()
    loaded = await load_municipality(demonstration)
    assert (loaded.added, loaded.changed, loaded.closed, loaded.revised) == (0, 0, 0, False)
    assert loaded.unchanged == len(demonstration.procedures)
    assert await fetch("SELECT id, procedure_id, version FROM procedure_version ORDER BY id") == before
    assert await revision() == first


async def test_a_changed_procedure_gets_its_next_version_and_keeps_the_one_before(
    demonstration: MunicipalityData,
) -> None:
    await load_municipality(demonstration)
    first = await revision()
    old = demonstration.procedures[0]
    new = old.model_copy(
        update={
            "definition": old.definition.model_copy(update={"body": "Un autre texte."}),
            "title": "Autre titre",
        }
    )
    loaded = await load_municipality(with_procedures(demonstration, [new, *demonstration.procedures[1:]]))
    assert (loaded.added, loaded.changed, loaded.closed, loaded.revised) == (0, 1, 0, True)
    rows = await fetch(
        "SELECT v.version, v.title, v.definition->>'body' AS body, p.version AS current FROM procedure_version v"
        " JOIN procedure p ON p.id = v.procedure_id WHERE p.slug = $1 ORDER BY v.version",
        old.slug,
    )
    assert rows == [
        {"version": 1, "title": old.title, "body": old.definition.body, "current": 2},
        {"version": 2, "title": "Autre titre", "body": "Un autre texte.", "current": 2},
    ]
    assert await revision() == first + 1


async def test_a_procedure_that_is_gone_is_closed_and_comes_back_with_its_version(
    demonstration: MunicipalityData,
) -> None:
    await load_municipality(demonstration)
    gone, *left = demonstration.procedures
    loaded = await load_municipality(with_procedures(demonstration, left))
    assert (loaded.closed, loaded.revised) == (1, True)
    assert await fetch("SELECT slug FROM procedure WHERE state = 'CLOSED'") == [{"slug": gone.slug}]
    again = await load_municipality(with_procedures(demonstration, left))
    assert (again.closed, again.revised) == (0, False)
    back = await load_municipality(demonstration)
    assert (back.changed, back.revised) == (0, True)
    assert await fetch_one("SELECT state, version FROM procedure WHERE slug = $1", gone.slug) == {
        "state": "OPEN",
        "version": 1,
    }


async def test_what_stands_around_procedures_follows_the_data(demonstration: MunicipalityData) -> None:
    await load_municipality(demonstration)
    first, second, *others = demonstration.categories
    category = second.model_copy(update={"title": "Autre nom"})
    with_schedule = next(p for p in demonstration.procedures if p.schedules)
    moved = with_schedule.model_copy(update={"schedules": (), "appointment": AppointmentPolicy.NONE})
    changed = MunicipalityData(
        "Autre commune",
        demonstration.timezone,
        demonstration.contact_email,
        (category, first, *others),
        demonstration.schedules,
        tuple(moved if procedure.slug == moved.slug else procedure for procedure in demonstration.procedures),
    )
    assert (await load_municipality(changed)).revised
    assert await fetch_one("SELECT name FROM municipality") == {"name": "Autre commune"}
    titles = await fetch("SELECT title FROM procedure_category ORDER BY position LIMIT 2")
    assert titles == [{"title": "Autre nom"}, {"title": first.title}]
    assert not await fetch(
        "SELECT l.id FROM procedure_schedule l JOIN procedure p ON p.id = l.procedure_id WHERE p.slug = $1",
        moved.slug,
    )


async def test_a_category_goes_once_nothing_stands_in_it(demonstration: MunicipalityData) -> None:
    extra = demonstration.categories[0].model_copy(update={"slug": "provisoire", "title": "Provisoire"})
    await load_municipality(
        MunicipalityData(
            demonstration.name,
            demonstration.timezone,
            demonstration.contact_email,
            (*demonstration.categories, extra),
            demonstration.schedules,
            demonstration.procedures,
        )
    )
    assert (await load_municipality(demonstration)).revised
    assert not await fetch("SELECT id FROM procedure_category WHERE slug = 'provisoire'")


async def test_loads_at_once_follow_one_another(demonstration: MunicipalityData) -> None:
    loaded = await asyncio.gather(*(load_municipality(demonstration) for _ in range(4)))
    assert sorted(each.added for each in loaded) == [0, 0, 0, len(demonstration.procedures)]
    assert await revision() == 1


async def test_a_load_that_fails_leaves_nothing(
    demonstration: MunicipalityData, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: object) -> int:
        raise RuntimeError

    monkeypatch.setattr("resolvers.municipality.put_links", fail)
    with pytest.raises(RuntimeError):
        await load_municipality(demonstration)
    assert await fetch("SELECT id FROM procedure") == []
    assert await fetch("SELECT id FROM municipality") == []


async def test_partner_systems_follow_the_data_and_stay_for_their_links(
    demonstration: MunicipalityData,
) -> None:
    """One that is there no more is offered no more; back again, it is the same."""

    async def offered() -> list[str]:
        await catalogue.refresh()
        row = await municipality(Visitor(), selection=Selection.of(partners=Selection.of("name")))
        return [each["name"] for each in row["partners"]]

    (famille,) = demonstration.partners
    autre = famille.model_copy(update={"slug": "autre", "name": "Autre"})
    await load_municipality(replace(demonstration, partners=(autre, famille)))
    assert await offered() == ["Autre", "Espace Famille"]
    before = await fetch("SELECT id, slug FROM partner_system ORDER BY slug")

    renamed = famille.model_copy(update={"name": "Espace Familles", "address": "https://neu.example"})
    assert (await load_municipality(replace(demonstration, partners=(renamed,)))).revised
    assert await offered() == ["Espace Familles"]
    assert not (await load_municipality(replace(demonstration, partners=(renamed,)))).revised

    assert (await load_municipality(replace(demonstration, partners=()))).revised
    assert await offered() == []
    assert not (await load_municipality(replace(demonstration, partners=()))).revised

    assert (await load_municipality(replace(demonstration, partners=(famille, autre)))).revised
    assert await offered() == ["Espace Famille", "Autre"]
    assert await fetch("SELECT id, slug FROM partner_system ORDER BY slug") == before
