"""The catalogue as a process keeps it: fresh enough, and never waited for with a connection in hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from core.errors import NotMigratedError, UnavailableError
from core.selection import Selection
from core.settings import Settings
from espace.embedded import EmbeddedServers
from models.actors import CitizenActor, Visitor
from models.database import close, counted, execute, fetch, initialise, transaction
from models.forms import TextValue
from models.procedures import Procedure
from resolvers import catalogue
from resolvers.procedures import municipality, procedure_categories
from resolvers.requests import cancel_request, update_request
from tests.factories import id_of, make_citizen, make_procedure, make_request, make_version


@pytest_asyncio.fixture
async def pool_of_two(settings: Settings) -> AsyncIterator[None]:
    await initialise(settings.model_copy(update={"database_pool_size": 2}))
    yield
    await close()


@pytest.mark.parametrize("known", [True, False])
async def test_a_full_pool_does_not_wait_for_itself(
    pool_of_two: None, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """Every operation finds the catalogue stale, and there are more of them than connections."""
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", 0.0)
    procedure, citizen = await make_procedure(), await make_citizen()
    drafts = [await make_request(procedure, citizen=citizen, status="DRAFT") for _ in range(20)]
    if known:
        await catalogue.current()
    rows = await asyncio.gather(
        *(
            update_request(
                citizen,
                request=id_of(draft),
                version=1,
                contact=None,
                answers=[("reason", TextValue("Mariage"))],
                selection=Selection.of("version"),
            )
            for draft in drafts
        )
    )
    assert [row["version"] for row in rows] == [2] * 20
    await asyncio.gather(
        *(
            cancel_request(citizen, request=id_of(draft), reason=None, selection=Selection.of("summary"))
            for draft in drafts
        )
    )


async def test_it_is_read_when_it_changed_and_only_then(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue, "FRESH_SECONDS", 0.0)
    first = await catalogue.current()
    assert await catalogue.current() is first
    kept = catalogue._current
    await make_version(procedure, 2, title="Acte de mariage")
    monkeypatch.setattr(catalogue, "_current", kept)
    second = await catalogue.current()
    assert second.by_slug[procedure.slug].current.title == "Acte de mariage"
    assert {entry.number for entry in second.versions.values()} == {1, 2}


async def test_within_a_second_nothing_is_asked(procedure: Procedure) -> None:
    await catalogue.current()
    kept = catalogue._current
    await make_version(procedure, 2)
    catalogue._current = kept
    assert (await catalogue.current()).by_slug[procedure.slug].current.number == 1
    assert (await catalogue.refresh()).by_slug[procedure.slug].current.number == 2


async def test_a_version_published_this_very_moment_is_found(procedure: Procedure) -> None:
    await catalogue.current()
    kept = catalogue._current
    version = await make_version(procedure, 2)
    catalogue._current = kept
    assert (await catalogue.version(version.id)).number == 2


async def test_a_check_that_looked_too_early_is_not_trusted(
    procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's check is under way when a version is published: who needs that version looks again."""
    await catalogue.current()
    kept = catalogue._current
    assert kept is not None
    looked, published = asyncio.Event(), asyncio.Event()
    load = catalogue._check

    async def slow_check() -> catalogue.Catalogue:
        if not published.is_set():
            looked.set()
            await published.wait()
            return kept
        return await load()

    monkeypatch.setattr(catalogue, "_check", slow_check)
    early = asyncio.create_task(catalogue.refresh())
    await looked.wait()
    version = await make_version(procedure, 2)
    catalogue._current = kept
    late = asyncio.create_task(catalogue.version(version.id))
    await asyncio.sleep(0.01)
    published.set()
    assert (await early) is kept
    assert (await late).number == 2


async def test_its_statements_are_nobodys_in_particular(procedure: Procedure, citizen: CitizenActor) -> None:
    with counted() as count:
        await catalogue.refresh()
        async with transaction():
            await catalogue.refresh()
    assert count.value == 0


async def test_before_a_municipality_is_loaded_there_is_none_to_tell(database: Settings) -> None:
    visitor = Visitor(language="fr")
    with pytest.raises(UnavailableError):
        await municipality(visitor, selection=Selection.of("name"))
    assert await procedure_categories(visitor, selection=Selection.of("slug")) == []


async def test_a_database_that_was_not_migrated_is_unavailable(
    servers: EmbeddedServers, settings: Settings
) -> None:
    await initialise(settings.model_copy(update={"database_url": servers.postgres.url("postgres")}))
    catalogue.forget()
    try:
        with pytest.raises(NotMigratedError):
            await catalogue.current()
        with pytest.raises(NotMigratedError):
            async with transaction():
                await fetch("SELECT id FROM account")
    finally:
        await close()


async def test_a_database_that_lacks_the_latest_column_is_unavailable(database: Settings) -> None:
    await execute("ALTER TABLE municipality DROP COLUMN revision")
    with pytest.raises(NotMigratedError):
        await catalogue.current()
