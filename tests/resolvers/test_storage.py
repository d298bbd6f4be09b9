"""Mon espace de stockage: kept, changed and thrown away; what the quota holds against, however many write at once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest

from core.errors import FileRejectedError, NotFoundError, QuotaExceededError, ValidationError
from core.selection import SelectedField, Selection
from core.settings import Settings
from models.accounts import Account
from models.actors import CitizenActor
from models.database import Row, counted, execute, fetch, fetch_one
from models.files import File
from models.ids import encode, new_id
from models.procedures import Procedure
from models.storage import DOCUMENT_LIMIT, StoredDocument
from resolvers import catalogue, files
from resolvers.accounts import me
from resolvers.file_sources import FileSource
from resolvers.reading.storage import USED_BY_LIMIT
from resolvers.storage import (
    DocumentChange,
    add_stored_document,
    delete_stored_document,
    read_document,
    update_stored_document,
)
from tests.factories import id_of, make_citizen, make_request
from tests.file_rows import make_attachment, make_document, make_file, make_upload
from tests.files import a_jpeg, a_large_jpeg, a_pdf, as_received, stored_blobs
from uploads.checking import CheckedFile
from uploads.received import ReceivedFile, scratch_file

DOCUMENT = Selection.of(
    "id", "title", "kind", "valid_until", "stored_at", "updated_at",
    file=Selection.of("name", "media_type", "size", "sha256", "scan", "url", "preview"),
    used_by=Selection.of("id", "status"),
)  # fmt: skip
SPACE = Selection.of("used_bytes", "quota_bytes", documents=Selection.of("total_count", nodes=DOCUMENT))


async def keep(
    actor: CitizenActor,
    content: bytes | None = None,
    *,
    name: str = "piece.jpg",
    title: str | None = None,
    kind: str = "OTHER",
    valid_until: date | None = None,
) -> Row:
    """What the door does with a file that is sent along."""
    with as_received(a_jpeg() if content is None else content, name) as sent:
        return await keep_from(
            actor, FileSource(upload=sent), title=title, kind=kind, valid_until=valid_until
        )


async def keep_from(
    actor: CitizenActor,
    source: FileSource,
    *,
    title: str | None = None,
    kind: str = "OTHER",
    valid_until: date | None = None,
) -> Row:
    return await add_stored_document(
        actor, source=source, title=title, kind=kind, valid_until=valid_until, selection=DOCUMENT
    )


async def update(actor: CitizenActor, document: str, content: bytes | None = None, **change: Any) -> Row:
    if content is None:
        return await update_from(actor, document, None, **change)
    with as_received(content, "autre.jpg") as sent:
        return await update_from(actor, document, FileSource(upload=sent), **change)


async def update_from(actor: CitizenActor, document: str, source: FileSource | None, **change: Any) -> Row:
    return await update_stored_document(
        actor, document=document, source=source, change=DocumentChange(**change), selection=DOCUMENT
    )


async def delete(actor: CitizenActor, document: str) -> Row:
    return await delete_stored_document(actor, document=document, selection=SPACE)


async def space_of(actor: CitizenActor) -> Row:
    row = await me(actor, selection=Selection.of(storage=SPACE))
    assert row is not None
    space: Row = row["storage"]
    return space


async def counted_and_true(actor: CitizenActor) -> tuple[int, int]:
    """What the account says it holds, once it is seen that this is what it does hold."""
    row = await fetch_one(
        "SELECT a.stored_bytes, a.stored_count, coalesce(sum(f.size), 0)::bigint AS bytes, count(d.id) AS count "
        "FROM account a LEFT JOIN stored_document d ON d.account_id = a.id LEFT JOIN file f ON f.id = d.file_id "
        "WHERE a.id = $1 GROUP BY a.id",
        actor.account_id,
    )
    assert row is not None
    assert (row["stored_bytes"], row["stored_count"]) == (row["bytes"], row["count"])
    return row["stored_bytes"], row["stored_count"]


async def set_quota(actor: CitizenActor, quota: int) -> None:
    await execute("UPDATE account SET storage_quota_bytes = $2 WHERE id = $1", actor.account_id, quota)


# Keeping, changing, throwing away.


async def test_a_piece_is_kept(citizen: CitizenActor, settings: Settings) -> None:
    row = await keep(
        citizen, a_pdf(), name="Passeport de Jeanne.pdf", kind="IDENTITY", valid_until=date(2031, 5, 4)
    )
    assert (row["title"], row["kind"], row["valid_until"]) == (
        "Passeport de Jeanne.pdf",
        "IDENTITY",
        "2031-05-04",
    )
    file = row["file"]
    assert (file["name"], file["media_type"], file["scan"]) == (
        "Passeport de Jeanne.pdf",
        "application/pdf",
        "CLEAN",
    )
    assert file["url"].endswith(".pdf")
    assert row["used_by"] == []
    other = await keep(citizen, title="  Autre\ntitre ")
    assert other["title"] == "Autre titre"
    space = await space_of(citizen)
    assert space["used_bytes"] == file["size"] + other["file"]["size"]
    assert space["quota_bytes"] == settings.storage_quota_bytes
    assert [node["id"] for node in space["documents"]["nodes"]] == [other["id"], row["id"]]
    assert space["documents"]["total_count"] == 2
    assert await counted_and_true(citizen) == (space["used_bytes"], 2)
    assert len(stored_blobs(settings)) == 2


async def test_the_same_piece_again_is_the_same_document(citizen: CitizenActor, settings: Settings) -> None:
    content, day = a_jpeg(), date(2031, 5, 4)
    first = await keep(citizen, content, kind="INCOME", valid_until=day)
    await set_quota(citizen, first["file"]["size"])
    assert await keep(citizen, content, kind="INCOME", valid_until=day) == first, (
        "even where nothing else fits"
    )
    await set_quota(citizen, 10 * first["file"]["size"])
    others = [
        await keep(citizen, content, kind="INCOME"),
        await keep(citizen, content, kind="OTHER", valid_until=day),
        await keep(citizen, content, kind="INCOME", valid_until=day, title="Autre"),
    ]
    assert len({row["id"] for row in (first, *others)}) == 4
    assert await keep(citizen, content, kind="INCOME") == others[0]
    assert len(stored_blobs(settings)) == await File.all().count() == 1
    assert await counted_and_true(citizen) == (4 * first["file"]["size"], 4)


@pytest.mark.usefixtures("patient")
async def test_the_same_piece_many_times_at_once_is_one(citizen: CitizenActor, settings: Settings) -> None:
    content = a_jpeg()
    rows = await asyncio.gather(*(keep(citizen, content) for _ in range(6)))
    assert len({row["id"] for row in rows}) == 1
    assert len(stored_blobs(settings)) == await File.all().count() == 1
    assert (await counted_and_true(citizen))[1] == 1


async def test_two_citizens_with_the_same_piece_share_its_bytes_and_each_is_counted(
    citizen: CitizenActor, settings: Settings
) -> None:
    content, other = a_jpeg(), await make_citizen()
    rows = [await keep(actor, content) for actor in (citizen, other)]
    assert rows[0]["id"] != rows[1]["id"]
    assert len(stored_blobs(settings)) == await File.all().count() == 1
    assert await counted_and_true(citizen) == await counted_and_true(other) == (rows[0]["file"]["size"], 1)


async def test_what_is_left_out_stays(citizen: CitizenActor) -> None:
    row = await keep(citizen, title="Avis", kind="INCOME", valid_until=date(2031, 5, 4))
    known = {name: row[name] for name in ("id", "title", "kind", "valid_until", "file", "stored_at")}

    async def changed_by(**change: Any) -> Row:
        nonlocal known
        new = await update(citizen, row["id"], **change)
        differs = {name: new[name] for name in known if new[name] != known[name]}
        known = {name: new[name] for name in known}
        return differs

    assert await changed_by() == {}
    assert await changed_by(title="Avis d’imposition") == {"title": "Avis d’imposition"}
    assert await changed_by(kind="OTHER") == {"kind": "OTHER"}
    assert await changed_by(sets_validity=True, valid_until=date(2032, 1, 1)) == {"valid_until": "2032-01-01"}
    assert await changed_by(sets_validity=True) == {"valid_until": None}
    assert set(await changed_by(content=a_jpeg())) == {"file"}
    assert known["file"]["name"] == "autre.jpg"
    new = await update(citizen, row["id"], a_jpeg(), title="Tout", kind="FAMILY_RECORD")
    assert (new["title"], new["kind"], new["stored_at"]) == ("Tout", "FAMILY_RECORD", row["stored_at"])
    assert new["updated_at"] > row["updated_at"]
    assert await counted_and_true(citizen) == (new["file"]["size"], 1)


async def test_deleted_it_is_gone_and_its_copies_stay(
    procedure: Procedure, citizen: CitizenActor, settings: Settings
) -> None:
    row = await keep(citizen)
    document = await StoredDocument.all().first()
    assert document is not None
    file = await File.get(id=document.file_id)
    sent = [await make_request(procedure, citizen=citizen) for _ in range(2)]
    for number in (0, 1, 1):
        title = str(new_id())
        await make_attachment(sent[number], file, title=title, copied_from_id=document.id)
    await make_attachment(await make_request(procedure, citizen=citizen), file)
    seen = await read_document(citizen, document.id, DOCUMENT)
    assert seen is not None
    assert [used["id"] for used in seen["used_by"]] == [id_of(sent[1]), id_of(sent[0])], (
        "the latest first, once each"
    )
    space = await delete(citizen, row["id"])
    assert (space["used_bytes"], space["documents"]["nodes"]) == (0, [])
    assert await read_document(citizen, document.id, DOCUMENT) is None
    copies = await fetch("SELECT file_id, copied_from_id FROM attachment")
    assert [(copy["file_id"], copy["copied_from_id"]) for copy in copies] == [(file.id, None)] * 4
    assert len(stored_blobs(settings)) == 1
    assert await counted_and_true(citizen) == (0, 0)
    with pytest.raises(NotFoundError):
        await delete(citizen, row["id"])


async def test_the_latest_requests_that_hold_a_copy(procedure: Procedure, citizen: CitizenActor) -> None:
    document = await make_document(citizen, file := await make_file())
    sent = [await make_request(procedure, citizen=citizen) for _ in range(USED_BY_LIMIT + 1)]
    for request in sent:
        await make_attachment(request, file, copied_from_id=document.id)
    row = await read_document(citizen, document.id, DOCUMENT)
    assert row is not None
    assert [used["id"] for used in row["used_by"]] == [id_of(request) for request in reversed(sent[1:])]


async def test_somebody_elses_document_is_none(citizen: CitizenActor, settings: Settings) -> None:
    other = await make_citizen()
    mine = await make_document(other, await make_file())
    for named in (id_of(mine), encode("StoredDocument", new_id()), encode("Attachment", mine.id), "x"):
        for attempt in (
            update(citizen, named, title="X"),
            update(citizen, named, a_jpeg()),
            delete(citizen, named),
        ):
            with pytest.raises(NotFoundError):
                await attempt
    assert await read_document(citizen, mine.id, DOCUMENT) is None
    assert (await StoredDocument.get(id=mine.id)).title == "Passeport"
    assert len(stored_blobs(settings)) == 1


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"title": " "}, "title"),
        ({"title": "a" * 201}, "title"),
        ({"title": "a\u202eb"}, "title"),
        ({"valid_until": date(1899, 12, 31)}, "validUntil"),
        ({"valid_until": date(2201, 1, 1)}, "validUntil"),
    ],
)
async def test_what_is_wrong_is_told_at_its_place(
    citizen: CitizenActor, change: dict[str, Any], path: str
) -> None:
    row = await keep(citizen)
    for attempt in (keep(citizen, **change), update(citizen, row["id"], sets_validity=True, **change)):
        with pytest.raises(ValidationError) as raised:
            await attempt
        assert [problem.path for problem in raised.value.problems] == [path]
    assert await StoredDocument.all().count() == await File.all().count() == 1


async def test_what_would_be_there_twice_is_refused(citizen: CitizenActor, settings: Settings) -> None:
    content = a_jpeg()
    await keep(citizen, content, title="A")
    other = await keep(citizen, title="A")
    with pytest.raises(ValidationError) as raised:
        await update(citizen, other["id"], content)
    assert [problem.path for problem in raised.value.problems] == ["upload"]
    third = await keep(citizen, content, title="B")
    with pytest.raises(ValidationError) as raised:
        await update(citizen, third["id"], title="A")
    assert [problem.path for problem in raised.value.problems] == ["title"]
    assert len(stored_blobs(settings)) == await File.all().count() == 2


# From a resumable upload.


async def test_an_upload_becomes_one_document(citizen: CitizenActor, procedure: Procedure) -> None:
    upload = FileSource(resumable_upload=await make_upload(citizen, a_jpeg(), name="a.jpg"))
    rows = await asyncio.gather(*(keep_from(citizen, upload) for _ in range(3)))
    assert rows[0] == rows[1] == rows[2] == await keep_from(citizen, upload)
    assert await StoredDocument.all().count() == 1
    other = await keep(citizen, title="Autre")
    with pytest.raises(NotFoundError):
        await update_from(citizen, other["id"], upload)
    assert (await update_from(citizen, rows[0]["id"], upload, title="B"))["title"] == "B"
    await delete(citizen, rows[0]["id"])
    with pytest.raises(NotFoundError):
        await keep_from(citizen, upload)


async def test_a_document_is_replaced_by_an_upload_once(citizen: CitizenActor) -> None:
    row = await keep(citizen)
    upload = FileSource(resumable_upload=await make_upload(citizen, a_jpeg(), name="b.jpg"))
    rows = await asyncio.gather(*(update_from(citizen, row["id"], upload) for _ in range(3)))
    assert {(new["id"], new["file"]["name"]) for new in rows} == {(row["id"], "b.jpg")}
    other = await keep(citizen, title="Autre")
    with pytest.raises(NotFoundError):
        await update_from(citizen, other["id"], upload)
    with pytest.raises(NotFoundError):
        await keep_from(await make_citizen(), upload)
    assert await StoredDocument.all().count() == 2


async def test_of_two_titles_one_gets_the_upload(citizen: CitizenActor, settings: Settings) -> None:
    upload = FileSource(resumable_upload=await make_upload(citizen, a_jpeg(), name="a.jpg"))
    rows = await asyncio.gather(
        *(keep_from(citizen, upload, title=title) for title in "AB"), return_exceptions=True
    )
    kept = [row for row in rows if isinstance(row, dict)]
    assert await StoredDocument.all().count() == 1
    # The second either was too late, or came so late that it is answered as a repetition.
    assert len({row["id"] for row in kept}) == 1
    assert all(isinstance(row, (dict, NotFoundError)) for row in rows)
    assert len(stored_blobs(settings)) == 2


# What is left behind.


async def test_what_is_refused_leaves_nothing_behind(citizen: CitizenActor, settings: Settings) -> None:
    await set_quota(citizen, 100)
    with pytest.raises(QuotaExceededError) as raised:
        await keep(citizen)
    assert (raised.value.used_bytes, raised.value.quota_bytes) == (0, 100)
    with pytest.raises(FileRejectedError):
        await keep(citizen, b"")
    assert stored_blobs(settings) == []
    assert await File.all().count() == 0
    await set_quota(citizen, 10_000)
    row = await keep(citizen)
    size = row["file"]["size"]
    await set_quota(citizen, size)
    with pytest.raises(QuotaExceededError) as raised:
        await update(citizen, row["id"], a_large_jpeg())
    assert raised.value.used_bytes == size
    assert len(stored_blobs(settings)) == await File.all().count() == 1
    assert (await space_of(citizen))["documents"]["nodes"] == [row]


async def test_so_many_and_no_more(citizen: CitizenActor, settings: Settings) -> None:
    file = await make_file()
    await fetch(
        "INSERT INTO stored_document (id, account_id, file_id, title, name, kind, stored_at, updated_at) "
        "SELECT gen_random_uuid(), $1, $2, 'Pièce ' || n, 'x.pdf', 'OTHER', now(), now() "
        "FROM generate_series(1, $3::int) AS n",
        citizen.account_id,
        file.id,
        DOCUMENT_LIMIT - 1,
    )
    content = a_jpeg()
    last = await keep(citizen, content)
    assert await counted_and_true(citizen) == (
        (DOCUMENT_LIMIT - 1) * file.size + last["file"]["size"],
        DOCUMENT_LIMIT,
    )
    with pytest.raises(ValidationError) as raised:
        await keep(citizen)
    assert [problem.path for problem in raised.value.problems] == ["upload"]
    assert await keep(citizen, content) == last
    assert len(stored_blobs(settings)) == await File.all().count() == 2
    hundred = SelectedField(
        "documents", {"first": 100}, Selection.of("total_count", nodes=Selection.of("id"))
    )
    row = await me(citizen, selection=Selection.of(storage=Selection((hundred,))))
    assert row is not None
    assert len(row["storage"][hundred.key]["nodes"]) == 100


async def test_an_account_that_goes_takes_its_documents_along(citizen: CitizenActor) -> None:
    await make_document(citizen, await make_file())
    await execute("DELETE FROM credential WHERE account_id = $1", citizen.account_id)
    await Account.filter(id=citizen.account_id).delete()
    assert await StoredDocument.all().count() == 0
    assert await File.all().count() == 1


# The quota, under two hundred writers.


async def as_it_is(received: ReceivedFile) -> CheckedFile:
    """Below the checking, which has processes of its own and takes its time: bytes of no kind, as they came."""
    received.content.seek(0)
    content = received.content.read()
    kept = scratch_file()
    kept.write(content)
    return CheckedFile(received.name, "image/jpeg", len(content), hashlib.sha256(content).digest(), kept)


async def race(
    citizen: CitizenActor, writers: int, monkeypatch: pytest.MonkeyPatch
) -> list[Row | BaseException]:
    """As many pieces of 100 bytes at once, no two alike, into a space of 5 000."""
    monkeypatch.setattr(files, "check", as_it_is)
    await set_quota(citizen, 5_000)
    await catalogue.current()
    return await asyncio.gather(
        *(keep(citizen, f"{number:0100}".encode()) for number in range(writers)), return_exceptions=True
    )


@pytest.mark.usefixtures("patient")
async def test_two_hundred_at_once_never_overfill_a_space(
    citizen: CitizenActor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = await race(citizen, 200, monkeypatch)
    kept = [answer for answer in answers if isinstance(answer, dict)]
    refused = [answer for answer in answers if isinstance(answer, QuotaExceededError)]
    assert (len(kept), len(refused)) == (50, 150), "exactly as many as fit"
    assert {(error.used_bytes, error.quota_bytes) for error in refused} == {(5_000, 5_000)}
    assert await counted_and_true(citizen) == (5_000, 50)
    space = await space_of(citizen)
    assert {node["id"] for node in space["documents"]["nodes"]} == {row["id"] for row in kept}
    assert len(stored_blobs(settings)) == await File.all().count() == 50, "nothing is left of the others"


@pytest.mark.usefixtures("patient")
async def test_without_the_constraint_they_do(
    citizen: CitizenActor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await execute("ALTER TABLE account DROP CONSTRAINT account_storage_quota")
    answers = await race(citizen, 80, monkeypatch)
    assert all(isinstance(answer, dict) for answer in answers)
    assert await counted_and_true(citizen) == (8_000, 80)


@pytest.mark.usefixtures("patient")
async def test_the_sum_is_true_whatever_happens_at_once(
    citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Added, replaced and deleted at the same time."""
    monkeypatch.setattr(files, "check", as_it_is)
    rows = [await keep(citizen, f"{number:0100}".encode()) for number in range(20)]
    acts: list[Awaitable[Any]] = []
    for number, row in enumerate(rows):
        acts.append(keep(citizen, f"{number:0200}".encode()))
        acts.append(update(citizen, row["id"], f"{number:0300}".encode()))
        if number % 2:
            acts.append(delete(citizen, row["id"]))
    answers = await asyncio.gather(*acts, return_exceptions=True)
    assert {type(answer) for answer in answers} <= {dict, NotFoundError}
    assert await counted_and_true(citizen) == (20 * 200 + 10 * 300, 30)


# What it costs.


async def statements(act: Callable[[], Awaitable[Any]]) -> int:
    await catalogue.current()
    with counted() as count:
        await act()
    return count.value


@pytest.mark.parametrize("documents", [1, 60])
async def test_how_many_statements_each_takes(citizen: CitizenActor, documents: int) -> None:
    file = await make_file()
    made = [await make_document(citizen, file, title=str(number)) for number in range(documents)]
    assert {
        "space": await statements(lambda: space_of(citizen)),
        "add": await statements(lambda: keep(citizen)),
        "change": await statements(lambda: update(citizen, id_of(made[0]), title="Autre")),
        "replace": await statements(lambda: update(citizen, id_of(made[0]), a_jpeg())),
        "delete": await statements(lambda: delete(citizen, id_of(made[0]))),
    } == {"space": 1, "add": 5, "change": 5, "replace": 6, "delete": 4}
