"""Files that nothing links to go after a day, with their bytes; whatever anybody needs stays, at any moment."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest
from tortoise.exceptions import IntegrityError

from core.clock import now
from core.errors import UnavailableError
from core.settings import Settings, get_settings
from jobs import retention
from jobs.retention import UNLINKED_FILE, sweep, sweep_files
from models.database import execute, fetch
from models.receipts import Receipt
from models.uploads import Upload, UploadPart
from tests.factories import make_citizen, make_procedure, make_request
from tests.jobs.files import (
    a_picture,
    add_clean_file,
    add_file,
    attach,
    content_at,
    file_row,
    keep,
    some_bytes,
    store,
    until,
)

OLD = UNLINKED_FILE + timedelta(hours=1)
YOUNG = UNLINKED_FILE - timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def all_blobs_are_old(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in the store was written more than a day ago: to the sweep, it is the day after tomorrow."""
    monkeypatch.setattr("jobs.retention.now", lambda: now() + 2 * UNLINKED_FILE)


async def _files() -> set[UUID]:
    return {row["id"] for row in await fetch("SELECT id FROM file")}


async def test_what_nothing_links_to_goes_with_its_bytes_and_its_preview() -> None:
    preview = await keep(a_picture())
    id = await add_clean_file(age=OLD, preview_address=preview, next_preview_at=None)
    address = (await file_row(id))["address"]
    await sweep_files()
    assert await _files() == set()
    assert await content_at(address) is None
    assert await content_at(preview) is None


async def test_within_a_day_it_stays() -> None:
    id = await add_clean_file(age=YOUNG)
    await sweep_files()
    assert await _files() == {id}
    assert await content_at((await file_row(id))["address"])


async def test_what_anything_links_to_stays() -> None:
    citizen = await make_citizen()
    request = await make_request(await make_procedure(), citizen=citizen)
    attached, stored, receipt = [await add_clean_file(age=OLD) for _ in range(3)]
    await attach(attached, request)
    await store(stored, citizen)
    await Receipt(request_id=request.id, file_id=receipt, next_attempt_at=None).save(force_create=True)
    for _ in range(2):
        await sweep_files()
    assert await _files() == {attached, stored, receipt}
    assert all([await content_at((await file_row(id))["address"]) for id in (attached, stored, receipt)])


async def test_infected_files_go_like_others() -> None:
    await add_file(age=OLD, scan="INFECTED", next_scan_at=None, scanned_at=now(), address=None)
    await sweep_files()
    assert await _files() == set()


async def test_what_a_forgotten_draft_held_goes_after_it() -> None:
    draft = await make_request(await make_procedure(), status="DRAFT")
    id = await add_clean_file(age=OLD)
    await attach(id, draft)
    await execute("UPDATE service_request SET updated_at = now() - interval '1 year'")
    await sweep_files()
    assert await _files() == {id}
    await sweep()
    await sweep_files()
    assert await _files() == set()


async def test_more_than_one_statement_takes_goes_in_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "FILES_AT_ONCE", 3)
    monkeypatch.setattr(retention, "BLOBS_AT_ONCE", 2)
    request = await make_request(await make_procedure())
    held = [await add_clean_file(age=OLD + timedelta(minutes=number)) for number in range(5)]
    for id in held:
        await attach(id, request)
    for number in range(8):
        await add_clean_file(age=OLD + timedelta(minutes=number))
    await sweep_files()
    assert await _files() == set(held)


async def test_sweeping_at_once_takes_away_once() -> None:
    ids = [await add_clean_file(age=OLD) for _ in range(5)]
    young = await add_clean_file(age=YOUNG)
    addresses = [(await file_row(id))["address"] for id in ids]
    await asyncio.gather(*(sweep_files() for _ in range(3)))
    assert await _files() == {young}
    assert [await content_at(address) for address in addresses] == [None] * 5


@pytest.mark.usefixtures("all_blobs_are_old")
async def test_bytes_that_no_row_names_go_and_those_that_one_names_stay() -> None:
    orphan, preview, part = [await keep(some_bytes()) for _ in range(3)]
    request = await make_request(await make_procedure())
    id = await add_clean_file(preview_address=preview, next_preview_at=None)
    await attach(id, request)
    citizen = await make_citizen()
    upload = Upload(
        account_id=citizen.account_id,
        name="a.pdf",
        media_type="application/pdf",
        length=10,
        received=5,
        expires_at=now() + timedelta(hours=1),
    )
    await upload.save(force_create=True)
    await UploadPart(upload_id=upload.id, start=0, size=5, address=part).save(force_create=True)
    await sweep_files()
    assert await content_at(orphan) is None
    assert await content_at((await file_row(id))["address"])
    assert await content_at(preview)
    assert await content_at(part)


async def test_bytes_that_no_row_names_yet_stay_for_a_day() -> None:
    """They were written a moment ago; their row is on its way."""
    orphan = await keep(some_bytes())
    await sweep_files()
    assert await content_at(orphan)


async def test_uploads_that_expired_go_with_their_parts() -> None:
    citizen = await make_citizen()
    part = await keep(some_bytes())
    upload = Upload(
        account_id=citizen.account_id,
        name="a.pdf",
        media_type="application/pdf",
        length=10,
        received=5,
        expires_at=now() - timedelta(minutes=1),
    )
    await upload.save(force_create=True)
    await UploadPart(upload_id=upload.id, start=0, size=5, address=part).save(force_create=True)
    await sweep_files()
    assert await fetch("SELECT 1 FROM upload") == []
    assert await content_at(part) is None


@pytest.mark.usefixtures("all_blobs_are_old")
async def test_a_database_that_knows_no_file_empties_no_store(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its address was set wrong, most likely: the files of a mairie would be gone."""
    monkeypatch.setattr(retention, "SUSPICIOUSLY_MANY", 5)
    addresses = [await keep(some_bytes()) for _ in range(5)]
    await sweep_files()
    assert all([await content_at(address) for address in addresses])
    assert "is it the right one?" in caplog.text
    await attach(await add_clean_file(), await make_request(await make_procedure()))
    await sweep_files()
    assert [await content_at(address) for address in addresses] == [None] * 5


async def test_where_the_store_is_away_rows_go_and_bytes_go_later(
    database: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    id = await add_clean_file(age=OLD)
    address = (await file_row(id))["address"]
    with monkeypatch.context() as patch:
        patch.setenv("ESPACE_STORAGE_URL", "s3://files?endpoint=http://127.0.0.1:1&region=eu")
        patch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
        get_settings.cache_clear()
        with pytest.raises(UnavailableError):
            await sweep_files()
    get_settings.cache_clear()
    assert await _files() == set()
    assert await content_at(address)
    monkeypatch.setattr("jobs.retention.now", lambda: now() + 2 * UNLINKED_FILE)
    await sweep_files()
    assert await content_at(address) is None


async def _link_in(connection: asyncpg.Connection, file_id: UUID, request_id: UUID, *, dated: bool) -> None:
    """What a resolver does that attaches a file which is known already. `dated`: as it should."""
    if dated:
        await connection.execute("UPDATE file SET linked_at = now() WHERE id = $1", file_id)
    await connection.execute(
        "INSERT INTO attachment (id, request_id, file_id, title, name, added_by, added_at) "
        "VALUES (gen_random_uuid(), $1, $2, 'Justificatif', 'a.pdf', 'CITIZEN', now())",
        request_id,
        file_id,
    )


@pytest.mark.parametrize("dated", [True, False])
async def test_a_file_that_is_attached_at_this_moment_stays(database: Settings, dated: bool) -> None:
    """The sweep looks while the attachment is not committed: it neither waits for it nor takes its file away."""
    request = await make_request(await make_procedure())
    held = await add_clean_file(age=OLD)
    await add_clean_file(age=OLD)
    attaching = await asyncpg.connect(database.database_url)
    try:
        async with attaching.transaction():
            await _link_in(attaching, held, request.id, dated=dated)
            await sweep_files()
        assert await _files() == {held}
    finally:
        await attaching.close()
    assert await content_at((await file_row(held))["address"])


@pytest.mark.parametrize("dated", [True, False])
async def test_a_file_that_is_attached_between_looking_and_taking_stays(
    database: Settings, monkeypatch: pytest.MonkeyPatch, dated: bool
) -> None:
    """Where nobody has dated it anew, the foreign key holds it; others in the same batch go all the same."""
    request = await make_request(await make_procedure())
    held = await add_clean_file(age=OLD)
    await add_clean_file(age=OLD)
    attaching = await asyncpg.connect(database.database_url)
    real = retention._delete_files

    async def attach_first(ids: list[UUID], *arguments: object) -> object:
        if len(ids) == 2:
            await _link_in(attaching, held, request.id, dated=dated)
        return await real(ids, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(retention, "_delete_files", attach_first)
    try:
        await sweep_files()
    finally:
        await attaching.close()
    assert await _files() == {held}
    assert await content_at((await file_row(held))["address"])


async def test_without_lock_and_date_the_same_file_would_be_taken(database: Settings) -> None:
    """The negative control of the two above: what a plain DELETE would run into, or wait for."""
    request = await make_request(await make_procedure())
    held = await add_clean_file(age=OLD)
    attaching = await asyncpg.connect(database.database_url)
    try:
        async with attaching.transaction():
            await _link_in(attaching, held, request.id, dated=False)
            taking = asyncio.create_task(execute("DELETE FROM file WHERE id = $1", held))

            async def waits() -> bool:
                return bool(await fetch("SELECT 1 FROM pg_locks WHERE NOT granted"))

            await until(waits, 5)
        with pytest.raises(IntegrityError):
            await taking
    finally:
        await attaching.close()


async def test_many_who_attach_and_a_sweep_without_end_lose_no_file(database: Settings) -> None:
    """Whoever attaches finds the row or brings the bytes again; no attachment ever names bytes that are gone."""
    request = await make_request(await make_procedure())
    connections = [await asyncpg.connect(database.database_url) for _ in range(4)]
    stop = asyncio.Event()

    async def sweep_on() -> int:
        runs = 0
        while not stop.is_set():
            await sweep_files()
            runs += 1
        return runs

    async def attach_all(connection: asyncpg.Connection, ids: list[UUID]) -> list[UUID]:
        attached = []
        for id in ids:
            async with connection.transaction():
                found = await connection.fetch(
                    "UPDATE file SET linked_at = now() WHERE id = $1 RETURNING id", id
                )
                if found:
                    await _link_in(connection, id, request.id, dated=False)
                    attached.append(id)
        return attached

    ids = [await add_clean_file(age=OLD) for _ in range(80)]
    sweeping = asyncio.create_task(sweep_on())
    lots = await asyncio.gather(
        *(attach_all(connection, ids[number::4]) for number, connection in enumerate(connections))
    )
    stop.set()
    assert await sweeping
    for connection in connections:
        await connection.close()
    attached = {id for lot in lots for id in lot}
    assert await _files() == attached
    for id in attached:
        assert await content_at((await file_row(id))["address"])
