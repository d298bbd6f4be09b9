"""Pieces of a request: who joins, replaces and removes which, where they come from, and what happens once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any
from uuid import uuid4

import pytest

import models.attachments
import models.requests
import resolvers.attachments
from core.errors import FileRejectedError, NotAllowedError, NotFoundError, ValidationError
from core.selection import Selection
from core.settings import Settings
from models.actors import Actor, AgentActor, CitizenActor, PartnerActor, Visitor
from models.attachments import Attachment
from models.database import Row, counted, execute, fetch_one
from models.events import RequestEvent
from models.exchanges import Exchange
from models.files import File
from models.ids import decode_as, encode, new_id
from models.mail import Mail
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers import catalogue
from resolvers.attachments import add_attachment, read_attachment, remove_attachment, replace_attachment
from resolvers.exchanges import post_exchange
from resolvers.file_sources import FileSource
from resolvers.requests import request as read_request
from resolvers.scans import record_verdict
from resolvers.storage import delete_stored_document
from tests.factories import (
    holder_of,
    id_of,
    make_agent,
    make_citizen,
    make_exchange,
    make_procedure,
    make_request,
)
from tests.file_rows import make_attachment, make_document, make_file, make_upload, set_scan
from tests.files import a_jpeg, a_pdf, a_png, as_received, stored_blobs
from uploads.scanning import Verdict
from uploads.storing import blobs

PIECE = Selection.of(
    "id", "title", "field", "added_by", "added_at", "editable",
    file=Selection.of("name", "media_type", "size", "sha256", "scan", "url", "preview"),
    copied_from=Selection.of("id", "title"),
)  # fmt: skip
HISTORY = Selection.of(
    "__typename", "title", "actor", "description", attachment=Selection.of("id", "title", "editable")
)
PAGE = Selection.of("id", "version", "updated_at", attachments=PIECE, history=Selection.of(nodes=HISTORY))


async def add(
    actor: Actor,
    request: ServiceRequest,
    content: bytes | None = None,
    *,
    name: str = "piece.jpg",
    title: str | None = None,
    field: str | None = None,
) -> Row:
    """What the door does with a file that is sent along."""
    with as_received(a_jpeg() if content is None else content, name) as sent:
        return await add_attachment(
            actor,
            request=id_of(request),
            source=FileSource(upload=sent),
            title=title,
            field=field,
            selection=PIECE,
        )


async def add_from(
    actor: Actor,
    request: ServiceRequest,
    *,
    stored_document: str | None = None,
    resumable_upload: str | None = None,
) -> Row:
    source = FileSource(stored_document=stored_document, resumable_upload=resumable_upload)
    return await add_attachment(
        actor, request=id_of(request), source=source, title=None, field=None, selection=PIECE
    )


async def replace(
    actor: Actor, attachment: str, content: bytes | None = None, title: str | None = None
) -> Row:
    if content is None:
        return await replace_attachment(
            actor, attachment=attachment, source=None, title=title, selection=PIECE
        )
    with as_received(content, "autre.jpg") as sent:
        return await replace_attachment(
            actor, attachment=attachment, source=FileSource(upload=sent), title=title, selection=PIECE
        )


async def remove(actor: Actor, attachment: str) -> Row:
    return await remove_attachment(actor, attachment=attachment, selection=PAGE)


async def page(actor: Actor, request: ServiceRequest) -> Row:
    row = await read_request(actor, id=id_of(request), selection=PAGE)
    assert row is not None
    return row


async def kinds() -> list[str]:
    return [event.kind for event in await RequestEvent.all().order_by("position")]


async def content_of(attachment: str) -> bytes:
    row = await fetch_one(
        "SELECT f.address FROM attachment a JOIN file f ON f.id = a.file_id WHERE a.id = $1",
        decode_as("Attachment", attachment),
    )
    assert row is not None
    return b"".join([chunk async for chunk in blobs().read(row["address"])])


# Who may.


@pytest.mark.parametrize("status", ["DRAFT", "SUBMITTED", "AWAITING_CITIZEN"])
@pytest.mark.parametrize("side", ["citizen", "ticket"])
async def test_a_citizen_joins_to_what_is_open(
    procedure: Procedure, citizen: CitizenActor, status: str, side: str
) -> None:
    mine = await make_request(procedure, citizen=citizen if side == "citizen" else None, status=status)
    actor: Actor = citizen if side == "citizen" else holder_of(mine)
    row = await add(actor, mine, name="ma carte.jpg")
    assert (row["title"], row["field"], row["added_by"], row["editable"]) == (
        "ma carte.jpg",
        None,
        "CITIZEN",
        True,
    )
    file = row["file"]
    assert (file["name"], file["media_type"], file["scan"]) == ("ma carte.jpg", "image/jpeg", "CLEAN")
    assert file["url"].endswith("/ma%20carte.jpg")
    assert file["preview"] is None
    kept = await content_of(row["id"])
    assert (file["size"], file["sha256"]) == (len(kept), sha256(kept).hexdigest())
    read = await page(actor, mine)
    assert [piece["id"] for piece in read["attachments"]] == [row["id"]]
    assert read["version"] == mine.version, "whoever fills the form in at the same time need not start again"
    assert read["updated_at"] > mine.updated_at.isoformat()
    assert await kinds() == ([] if status == "DRAFT" else ["AttachmentAdded"])
    assert await Mail.all().count() == 0


async def test_a_piece_of_the_mairie_is_told_by_mail(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    row = await add(agent, sent, title="  Votre\tacte ")
    assert (row["title"], row["added_by"], row["editable"]) == ("Votre acte", "MUNICIPALITY", True)
    (event,) = await RequestEvent.all()
    assert (event.kind, event.actor) == ("AttachmentAdded", "MUNICIPALITY")
    (mail,) = await Mail.all()
    assert (mail.template, mail.recipient, mail.event_id) == (
        "attachment_added",
        "jeanne@example.org",
        event.id,
    )
    seen = await page(citizen, sent)
    assert [(piece["title"], piece["editable"]) for piece in seen["attachments"]] == [("Votre acte", False)]
    (told,) = seen["history"]["nodes"]
    assert (told["attachment"]["id"], told["attachment"]["editable"]) == (row["id"], False)
    assert told["description"] == "La mairie a joint la pièce « Votre acte »."


def every_change(actor: Actor, request: ServiceRequest, piece: str) -> list[Awaitable[Row]]:
    return [
        add(actor, request),
        replace(actor, piece, a_jpeg()),
        replace(actor, piece, title="X"),
        remove(actor, piece),
    ]


async def everybody_else(procedure: Procedure, sent: ServiceRequest) -> list[Actor]:
    return [
        Visitor(),
        await make_citizen(),
        holder_of(await make_request(procedure)),
        await make_agent("HANDLER", procedures=[await make_procedure()]),
        PartnerActor(token_id=uuid4(), scopes=frozenset(), procedure_ids=frozenset()),
    ]


async def test_for_everybody_else_there_is_nothing(
    procedure: Procedure, citizen: CitizenActor, settings: Settings
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    piece = id_of(await make_attachment(sent, await make_file()))
    for actor in await everybody_else(procedure, sent):
        assert await read_attachment(actor, decode_as("Attachment", piece), PIECE) is None
        for attempt in (
            add(actor, sent),
            replace(actor, piece, a_jpeg()),
            replace(actor, piece, title="X"),
            remove(actor, piece),
        ):
            with pytest.raises(NotFoundError):
                await attempt
    assert len(stored_blobs(settings)) == await File.all().count() == await Attachment.all().count() == 1
    assert await kinds() == []


async def test_a_partner_reads_and_changes_nothing(procedure: Procedure, citizen: CitizenActor) -> None:
    sent = await make_request(procedure, citizen=citizen)
    piece = id_of(await make_attachment(sent, await make_file()))
    partner = PartnerActor(token_id=uuid4(), scopes=frozenset({"READ_REQUESTS"}), procedure_ids=frozenset())
    row = await read_attachment(partner, decode_as("Attachment", piece), PIECE)
    assert row is not None
    assert (row["editable"], row["copied_from"], row["file"]["url"]) == (False, None, None)
    for attempt in every_change(partner, sent, piece):
        with pytest.raises(NotAllowedError):
            await attempt


async def test_agents_of_the_procedure_and_no_others(procedure: Procedure, citizen: CitizenActor) -> None:
    sent = await make_request(procedure, citizen=citizen)
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    handler = await make_agent("HANDLER", procedures=[procedure])
    row = await add(handler, sent)
    assert row["editable"]
    with pytest.raises(NotFoundError):
        await add(handler, draft)
    colleague = await make_agent()
    assert (await replace(colleague, row["id"], title="De la mairie"))["title"] == "De la mairie"


@pytest.mark.parametrize("status", ["ACCEPTED", "REFUSED", "CANCELLED"])
async def test_a_closed_request_keeps_its_pieces(
    procedure: Procedure, citizen: CitizenActor, settings: Settings, status: str
) -> None:
    closed = await make_request(procedure, citizen=citizen, status=status)
    piece = id_of(await make_attachment(closed, await make_file()))
    for attempt in (
        add(citizen, closed),
        replace(citizen, piece, a_jpeg()),
        replace(citizen, piece, title="X"),
        remove(citizen, piece),
    ):
        with pytest.raises(NotAllowedError) as raised:
            await attempt
        assert "close" in raised.value.text.fr
    (left,) = (await page(citizen, closed))["attachments"]
    assert (left["id"], left["title"], left["editable"]) == (piece, "Passeport", False)
    assert len(stored_blobs(settings)) == 1


async def test_each_side_changes_its_own(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    file = await make_file()
    mine = id_of(await make_attachment(sent, file))
    theirs = id_of(await make_attachment(sent, file, added_by="MUNICIPALITY"))
    for actor, own, other in ((citizen, mine, theirs), (agent, theirs, mine)):
        seen = {piece["id"]: piece["editable"] for piece in (await page(actor, sent))["attachments"]}
        assert seen == {own: True, other: False}
        for attempt in (replace(actor, other, title="X"), remove(actor, other)):
            with pytest.raises(NotAllowedError) as raised:
                await attempt
            assert "échange" in raised.value.text.fr
        assert (await replace(actor, own, title="Renommée"))["title"] == "Renommée"


@pytest.mark.parametrize(
    ("title", "field"), [("", "title"), (" \n", "title"), ("é" * 201, "title"), ("a\0", "title")]
)
async def test_titles(procedure: Procedure, citizen: CitizenActor, title: str, field: str) -> None:
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    for attempt in (
        add(citizen, draft, title=title),
        replace(citizen, encode("Attachment", new_id()), title=title),
    ):
        with pytest.raises(ValidationError) as raised:
            await attempt
        assert [problem.path for problem in raised.value.problems] == [field]


# What happens.


async def test_removed_it_is_gone_and_its_title_stays_in_the_history(
    procedure: Procedure, citizen: CitizenActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    row = await add(citizen, sent, title="Brouillon")
    read = await remove(citizen, row["id"])
    assert (read["attachments"], read["version"]) == ([], sent.version)
    nodes = read["history"]["nodes"]
    assert [(node["__typename"], node["title"], node["attachment"]) for node in nodes] == [
        ("AttachmentAdded", "Brouillon", None),
        ("AttachmentRemoved", "Brouillon", None),
    ]
    with pytest.raises(NotFoundError):
        await remove(citizen, row["id"])


async def test_replaced_it_keeps_its_id_and_field(citizen: CitizenActor, agent: AgentActor) -> None:
    field = {"type": "file", "key": "carte", "label": "Carte", "max_files": 1}
    procedure = await make_procedure(fields=[field])
    sent = await make_request(procedure, citizen=citizen, answers={})
    row = await add(citizen, sent, title="Carte", field="carte")
    new = await replace(citizen, row["id"], a_jpeg())
    assert [new[name] for name in ("id", "field", "title", "added_at")] == [
        row[name] for name in ("id", "field", "title", "added_at")
    ]
    assert new["file"]["name"] == "autre.jpg"
    assert new["file"]["sha256"] != row["file"]["sha256"]
    both = await replace(citizen, row["id"], a_jpeg(), "Carte recto verso")
    assert (both["id"], both["title"]) == (row["id"], "Carte recto verso")
    assert both["file"]["sha256"] not in (row["file"]["sha256"], new["file"]["sha256"])
    renamed = await replace(citizen, row["id"], title="Ma carte")
    assert (renamed["title"], renamed["file"]["sha256"]) == ("Ma carte", both["file"]["sha256"])
    assert await kinds() == ["AttachmentAdded", "AttachmentReplaced", "AttachmentReplaced"]
    document = await make_document(citizen, await make_file(), title="Autre titre")
    copied = await replace_attachment(
        citizen,
        attachment=row["id"],
        source=FileSource(stored_document=id_of(document)),
        title=None,
        selection=PIECE,
    )
    assert (copied["id"], copied["title"], copied["field"]) == (row["id"], "Ma carte", "carte")
    assert (copied["file"]["name"], copied["copied_from"]["id"]) == ("passeport.pdf", id_of(document))
    anew = await replace(citizen, row["id"], a_jpeg())
    assert anew["copied_from"] is None
    assert await Mail.all().count() == 0
    theirs = await add(agent, sent)
    await replace(agent, theirs["id"], a_jpeg())
    assert [mail.template for mail in await Mail.all()] == ["attachment_added"] * 2


async def test_replaced_twice_by_the_same_it_happened_once(
    procedure: Procedure, citizen: CitizenActor
) -> None:
    """The answer was lost on the way."""
    sent = await make_request(procedure, citizen=citizen)
    row, content = await add(citizen, sent), a_jpeg()
    rows = [await replace(citizen, row["id"], content) for _ in range(2)]
    assert rows[0] == rows[1]
    assert await kinds() == ["AttachmentAdded", "AttachmentReplaced"]


async def test_what_would_be_there_twice_is_refused(procedure: Procedure, citizen: CitizenActor) -> None:
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    content = a_jpeg()
    one = await add(citizen, draft, content, title="A")
    other = await add(citizen, draft, content, title="B")
    assert one["id"] != other["id"]
    for attempt in (replace(citizen, other["id"], title="A"), replace(citizen, other["id"], content, "A")):
        with pytest.raises(ValidationError) as raised:
            await attempt
        assert [problem.path for problem in raised.value.problems] == ["source"]


# Once.


@pytest.mark.parametrize(
    ("content", "name"),
    [(a_jpeg(), "piece.jpg"), (a_png(), "piece.png"), (a_pdf(), "piece.pdf")],
    ids=["jpeg", "png", "pdf"],
)
async def test_sent_twice_it_is_one(
    procedure: Procedure, citizen: CitizenActor, settings: Settings, content: bytes, name: str
) -> None:
    """Whatever a check makes of the same bytes is the same again."""
    sent = await make_request(procedure, citizen=citizen)
    rows = [await add(citizen, sent, content, name=name) for _ in range(2)]
    assert rows[0]["id"] == rows[1]["id"]
    assert len(stored_blobs(settings)) == await File.all().count() == await Attachment.all().count() == 1
    assert await kinds() == ["AttachmentAdded"]


async def test_sent_by_both_sides_it_is_two(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor, settings: Settings
) -> None:
    sent, content = await make_request(procedure, citizen=citizen), a_jpeg()
    assert (await add(citizen, sent, content))["id"] != (await add(agent, sent, content))["id"]
    assert len(stored_blobs(settings)) == await File.all().count() == 1


@pytest.mark.usefixtures("patient")
async def test_sent_many_times_at_once_it_is_one(
    procedure: Procedure, citizen: CitizenActor, settings: Settings
) -> None:
    sent, content = await make_request(procedure, citizen=citizen), a_jpeg()
    rows = await asyncio.gather(*(add(citizen, sent, content) for _ in range(6)))
    assert len({row["id"] for row in rows}) == 1
    assert len(stored_blobs(settings)) == await File.all().count() == await Attachment.all().count() == 1
    assert await kinds() == ["AttachmentAdded"]


async def copied_twice_at_once(
    procedure: Procedure, citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch, *, documents: int = 1
) -> list[Row | BaseException]:
    """Two that look what is there at the same time, unless one makes the other wait."""
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    files = [await make_file(f"content {number}".encode()) for number in range(documents)]
    named = [id_of(await make_document(citizen, file)) for file in files]
    both_have_looked = asyncio.Barrier(2)

    async def meet(sql: str, *values: Any) -> Any:
        row = await fetch_one(sql, *values)
        if sql.startswith("SELECT count(*) AS held"):
            try:
                async with asyncio.timeout(0.8):
                    await both_have_looked.wait()
            except (TimeoutError, asyncio.BrokenBarrierError):
                pass
        return row

    monkeypatch.setattr(resolvers.attachments, "fetch_one", meet)
    return await asyncio.gather(
        *(add_from(citizen, draft, stored_document=document) for document in (named[0], named[-1])),
        return_exceptions=True,
    )


def leave_the_lock_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetch_without(sql: str, *values: Any) -> Any:
        return await fetch_one(sql.replace(" FOR NO KEY UPDATE OF r", ""), *values)

    monkeypatch.setattr(models.requests, "fetch_one", fetch_without)


@pytest.mark.usefixtures("patient")
async def test_the_requests_lock_makes_one_wait_for_the_other(
    procedure: Procedure, citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = await copied_twice_at_once(procedure, citizen, monkeypatch)
    assert rows[0] == rows[1]
    assert await Attachment.all().count() == 1


@pytest.mark.usefixtures("patient")
async def test_without_the_lock_the_index_stops_the_second(
    procedure: Procedure, citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_the_lock_out(monkeypatch)
    rows = await copied_twice_at_once(procedure, citizen, monkeypatch)
    assert sorted(isinstance(row, BaseException) for row in rows) == [False, True]
    assert await Attachment.all().count() == 1


@pytest.mark.usefixtures("patient")
async def test_without_either_there_are_two(
    procedure: Procedure, citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_the_lock_out(monkeypatch)
    await execute("DROP INDEX attachment_once")
    await copied_twice_at_once(procedure, citizen, monkeypatch)
    assert await Attachment.all().count() == 2


@pytest.mark.usefixtures("patient")
async def test_of_two_that_want_the_last_place_one_has_it(
    procedure: Procedure, citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolvers.attachments, "ATTACHMENT_LIMIT", 1)
    rows = await copied_twice_at_once(procedure, citizen, monkeypatch, documents=2)
    assert sorted(isinstance(row, ValidationError) for row in rows) == [False, True]
    assert await Attachment.all().count() == 1


@pytest.mark.usefixtures("patient")
async def test_without_the_lock_both_have_it(
    procedure: Procedure, citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolvers.attachments, "ATTACHMENT_LIMIT", 1)
    leave_the_lock_out(monkeypatch)
    await copied_twice_at_once(procedure, citizen, monkeypatch, documents=2)
    assert await Attachment.all().count() == 2


# From the storage space.


async def test_a_copy_stays_as_it_was(procedure: Procedure, citizen: CitizenActor) -> None:
    sent = await make_request(procedure, citizen=citizen)
    document = await make_document(citizen, await make_file(b"what it was"), title="Mon passeport")
    row = await add_from(citizen, sent, stored_document=id_of(document))
    assert (row["title"], row["file"]["name"]) == ("Mon passeport", "passeport.pdf")
    assert (row["copied_from"]["id"], row["copied_from"]["title"]) == (id_of(document), "Mon passeport")
    other = await make_file(b"what it has become")
    document.update_from_dict({"file_id": other.id, "name": "autre.pdf", "title": "Autre"})
    await document.save()
    (read,) = (await page(citizen, sent))["attachments"]
    assert {**read, "copied_from": None} == {**row, "copied_from": None}
    assert read["copied_from"]["title"] == "Autre"
    await delete_stored_document(citizen, document=id_of(document), selection=Selection.of("used_bytes"))
    (read,) = (await page(citizen, sent))["attachments"]
    assert read == {**row, "copied_from": None}
    assert await content_of(row["id"]) == b"what it was"


async def test_only_its_owner_sees_what_it_is_a_copy_of(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    document = await make_document(citizen, await make_file())
    row = await add_from(citizen, sent, stored_document=id_of(document))
    seen = {}
    for actor in (citizen, agent, holder_of(sent)):
        (piece,) = (await page(actor, sent))["attachments"]
        assert piece["id"] == row["id"]
        seen[type(actor).__name__] = piece["copied_from"] is not None
    assert seen == {"CitizenActor": True, "AgentActor": False, "TicketHolder": False}


async def test_nobody_copies_from_somebody_elses_space(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    document = id_of(await make_document(await make_citizen(), await make_file()))
    mine = id_of(await make_document(citizen, await make_file(b"mine")))
    for actor, named in (
        (citizen, document),
        (agent, document),
        (agent, mine),
        (holder_of(sent), mine),
        (citizen, encode("StoredDocument", new_id())),
        (citizen, "x"),
    ):
        with pytest.raises(NotFoundError):
            await add_from(actor, sent, stored_document=named)
    assert await Attachment.all().count() == 0


@pytest.mark.parametrize(("scan", "reason"), [("INFECTED", "INFECTED"), ("FAILED", "UNREADABLE")])
async def test_what_the_scanner_has_put_aside_is_not_copied(
    procedure: Procedure, citizen: CitizenActor, scan: str, reason: str
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    document = await make_document(citizen, await make_file(scan=scan))
    with pytest.raises(FileRejectedError) as raised:
        await add_from(citizen, sent, stored_document=id_of(document))
    assert raised.value.reason == reason


async def test_a_copy_of_what_is_being_scanned_waits_for_the_same_verdict(
    procedure: Procedure, citizen: CitizenActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    file = await make_file(scan="PENDING")
    document = await make_document(citizen, file)
    row = await add_from(citizen, sent, stored_document=id_of(document))
    assert (row["file"]["scan"], row["file"]["url"]) == ("PENDING", None)
    assert await record_verdict(file.id, Verdict("INFECTED", "Eicar"))
    (read,) = (await page(citizen, sent))["attachments"]
    assert (read["file"]["scan"], read["file"]["url"], read["editable"]) == ("INFECTED", None, True)
    assert await kinds() == ["AttachmentAdded", "AttachmentRejected"]


# From a resumable upload.


async def test_an_upload_serves_once_and_the_same_call_answers_the_same(
    procedure: Procedure, citizen: CitizenActor, settings: Settings
) -> None:
    sent, other = [await make_request(procedure, citizen=citizen) for _ in range(2)]
    upload = await make_upload(citizen, a_jpeg(), name="ma carte.jpg")
    row = await add_from(citizen, sent, resumable_upload=upload)
    assert (row["title"], row["file"]["media_type"]) == ("ma carte.jpg", "image/jpeg")
    assert await add_from(citizen, sent, resumable_upload=upload) == row
    with pytest.raises(NotFoundError):
        await add_from(citizen, other, resumable_upload=upload)
    assert await kinds() == ["AttachmentAdded"]
    again = await replace_attachment(
        citizen, attachment=row["id"], source=FileSource(resumable_upload=upload), title=None, selection=PIECE
    )
    assert again == row
    piece = id_of(await make_attachment(other, await make_file()))
    with pytest.raises(NotFoundError):
        await replace_attachment(
            citizen, attachment=piece, source=FileSource(resumable_upload=upload), title=None, selection=PIECE
        )
    await remove(citizen, row["id"])
    with pytest.raises(NotFoundError):
        await add_from(citizen, sent, resumable_upload=upload)


async def test_a_piece_is_replaced_by_an_upload_once(procedure: Procedure, citizen: CitizenActor) -> None:
    sent = await make_request(procedure, citizen=citizen)
    piece = id_of(await make_attachment(sent, await make_file()))
    upload = await make_upload(citizen, a_jpeg(), name="autre.jpg")

    async def replace_by_upload() -> Row:
        return await replace_attachment(
            citizen, attachment=piece, source=FileSource(resumable_upload=upload), title=None, selection=PIECE
        )

    first, second = await asyncio.gather(replace_by_upload(), replace_by_upload())
    assert first == second == await replace_by_upload()
    assert first["file"]["name"] == "autre.jpg"
    assert await kinds() == ["AttachmentReplaced"]


async def test_of_two_requests_one_gets_the_upload(
    procedure: Procedure, citizen: CitizenActor, settings: Settings
) -> None:
    requests = [await make_request(procedure, citizen=citizen) for _ in range(2)]
    upload = await make_upload(citizen, a_jpeg(), name="autre.jpg")
    rows = await asyncio.gather(
        *(add_from(citizen, request, resumable_upload=upload) for request in requests), return_exceptions=True
    )
    assert sorted(isinstance(row, NotFoundError) for row in rows) == [False, True]
    assert await Attachment.all().count() == 1
    # The upload's part, and the file.
    assert len(stored_blobs(settings)) == 2


async def test_the_same_call_twice_at_once_answers_the_same(
    procedure: Procedure, citizen: CitizenActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    upload = await make_upload(citizen, a_jpeg(), name="autre.jpg")
    rows = await asyncio.gather(*(add_from(citizen, sent, resumable_upload=upload) for _ in range(3)))
    assert rows[0] == rows[1] == rows[2]
    assert await kinds() == ["AttachmentAdded"]


async def test_somebody_elses_upload_is_none(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    upload = await make_upload(citizen, a_jpeg(), name="autre.jpg")
    for actor in (agent, holder_of(sent)):
        with pytest.raises(NotFoundError):
            await add_from(actor, sent, resumable_upload=upload)
    assert (await add_from(citizen, sent, resumable_upload=upload))["title"] == "autre.jpg"


# Limits, and what is left behind.


async def test_so_many_and_no_more(
    procedure: Procedure, citizen: CitizenActor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resolvers.attachments, "ATTACHMENT_LIMIT", 2)
    draft, content = await make_request(procedure, citizen=citizen, status="DRAFT"), a_jpeg()
    first = await add(citizen, draft, content)
    await add(citizen, draft)
    with pytest.raises(ValidationError) as raised:
        await add(citizen, draft)
    assert [problem.path for problem in raised.value.problems] == ["source"]
    assert len(stored_blobs(settings)) == await File.all().count() == 2
    assert (await add(citizen, draft, content))["id"] == first["id"], "what is there already needs no room"
    await replace(citizen, first["id"], a_jpeg())
    await remove(citizen, first["id"])
    await add(citizen, draft)


async def test_so_much_and_no_more(
    procedure: Procedure, citizen: CitizenActor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    small, large = [
        id_of(await make_document(citizen, await make_file(bytes(size)), title=str(size)))
        for size in (600, 1000)
    ]
    monkeypatch.setattr(resolvers.attachments, "TOTAL_LIMIT_BYTES", 1599)
    row = await add_from(citizen, draft, stored_document=small)
    large_source = FileSource(stored_document=large)
    with pytest.raises(ValidationError) as raised:
        await add_from(citizen, draft, stored_document=large)
    assert [problem.path for problem in raised.value.problems] == ["source"]
    # In the place of the small one it fits; and then the small one no longer does.
    await replace_attachment(citizen, attachment=row["id"], source=large_source, title=None, selection=PIECE)
    with pytest.raises(ValidationError):
        await add_from(citizen, draft, stored_document=small)
    monkeypatch.setattr(resolvers.attachments, "TOTAL_LIMIT_BYTES", 1600)
    other = await add_from(citizen, draft, stored_document=small)
    with pytest.raises(ValidationError):
        await replace_attachment(
            citizen, attachment=other["id"], source=large_source, title="X", selection=PIECE
        )
    monkeypatch.setattr(resolvers.attachments, "TOTAL_LIMIT_BYTES", 100)
    assert (await replace(citizen, other["id"], title="Un nom pèse rien"))["title"] == "Un nom pèse rien"


async def test_what_is_refused_leaves_nothing_behind(
    procedure: Procedure, citizen: CitizenActor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    monkeypatch.setattr(resolvers.attachments, "ATTACHMENT_LIMIT", 0)
    with pytest.raises(ValidationError):
        await add(citizen, draft)
    with pytest.raises(FileRejectedError):
        await add(citizen, draft, b"no picture", name="piece.jpg")
    with pytest.raises(ValidationError):
        await add(citizen, draft, field="nothing")
    assert stored_blobs(settings) == []
    assert await File.all().count() == await Attachment.all().count() == 0


async def test_a_request_that_closes_meanwhile_takes_nothing(
    procedure: Procedure, citizen: CitizenActor, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was open when the file began to be checked."""
    sent = await make_request(procedure, citizen=citizen)
    admit = resolvers.attachments._admit

    async def admit_then_close(*arguments: Any) -> Any:
        admitted = await admit(*arguments)
        await execute(
            "UPDATE service_request SET status = 'ACCEPTED', closed_at = now() WHERE id = $1", sent.id
        )
        return admitted

    monkeypatch.setattr(resolvers.attachments, "_admit", admit_then_close)
    with pytest.raises(NotAllowedError):
        await add(citizen, sent)
    assert stored_blobs(settings) == []
    assert await File.all().count() == 0


async def test_two_citizens_with_the_same_file_share_its_bytes(
    procedure: Procedure, settings: Settings
) -> None:
    content = a_jpeg()
    for _ in range(2):
        other = await make_citizen()
        await add(other, await make_request(procedure, citizen=other, status="DRAFT"), content)
    assert len(stored_blobs(settings)) == await File.all().count() == 1
    assert await Attachment.all().count() == 2


async def test_what_is_known_to_be_infected_is_refused_at_once(
    procedure: Procedure, citizen: CitizenActor, settings: Settings
) -> None:
    draft, content = await make_request(procedure, citizen=citizen, status="DRAFT"), a_jpeg()
    row = await add(citizen, draft, content)
    file = await File.all().first()
    assert file is not None
    await blobs().delete(file.address or "")
    await set_scan(file, "INFECTED")
    await remove(citizen, row["id"])
    with pytest.raises(FileRejectedError) as raised:
        await add(citizen, draft, content)
    assert raised.value.reason == "INFECTED"
    assert stored_blobs(settings) == []


async def test_what_could_not_be_scanned_is_taken_anew(procedure: Procedure, citizen: CitizenActor) -> None:
    """What was kept of it may be spoilt: now there are good bytes again, for all that link to them."""
    draft, content = await make_request(procedure, citizen=citizen, status="DRAFT"), a_jpeg()
    await add(citizen, draft, content, title="A")
    spoilt = await File.all().first()
    assert spoilt is not None
    await set_scan(spoilt, "FAILED")
    row = await add(citizen, draft, content, title="B")
    file = await File.get(id=spoilt.id)
    assert (file.scan, row["file"]["scan"]) == ("CLEAN", "CLEAN")
    assert file.address != spoilt.address
    assert sha256(await content_of(row["id"])).hexdigest() == row["file"]["sha256"]
    assert {piece["file"]["scan"] for piece in (await page(citizen, draft))["attachments"]} == {"CLEAN"}


# Messages that refer to pieces.


async def test_a_message_refers_to_pieces(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor
) -> None:
    sent, other = [await make_request(procedure, citizen=citizen) for _ in range(2)]
    files = [await make_file(bytes([number] * 10)) for number in range(3)]
    one, two = [id_of(await make_attachment(sent, file)) for file in files[:2]]
    elsewhere = id_of(await make_attachment(other, files[2]))
    selection = Selection.of("id", attachments=Selection.of("id", "title", "editable"))

    async def post(*named: str) -> Row:
        return await post_exchange(
            agent,
            request=id_of(sent),
            body="Voyez",
            attachments=named,
            idempotency_key=None,
            selection=selection,
        )

    row = await post(two, one, two)
    assert [piece["id"] for piece in row["attachments"]] == [one, two]
    assert not any(piece["editable"] for piece in row["attachments"])
    many = [encode("Attachment", new_id()) for _ in range(models.attachments.EXCHANGE_ATTACHMENT_LIMIT + 1)]
    for named in ([elsewhere], [one, encode("Attachment", new_id())], ["x"], many, [one] * 51):
        with pytest.raises(NotFoundError):
            await post(*named)
    assert await Exchange.all().count() == 1
    await remove(citizen, one)
    thread = Selection.of(exchanges=Selection.of(nodes=selection))
    read = await read_request(citizen, id=id_of(sent), selection=thread)
    assert read is not None
    (exchange,) = read["exchanges"]["nodes"]
    assert [(piece["id"], piece["editable"]) for piece in exchange["attachments"]] == [(two, True)]


async def test_a_message_without_pieces(procedure: Procedure, citizen: CitizenActor) -> None:
    sent = await make_request(procedure, citizen=citizen)
    await make_exchange(sent)
    thread = Selection.of(exchanges=Selection.of(nodes=Selection.of(attachments=PIECE)))
    read = await read_request(citizen, id=id_of(sent), selection=thread)
    assert read is not None
    assert [node["attachments"] for node in read["exchanges"]["nodes"]] == [[]]


# What it costs.


async def statements(act: Callable[[], Awaitable[Any]]) -> int:
    await catalogue.current()
    with counted() as count:
        await act()
    return count.value


async def test_how_many_statements_each_takes(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    document = id_of(await make_document(citizen, await make_file()))
    added = await statements(lambda: add(citizen, sent, title="A"))
    (piece,) = await Attachment.all()
    counts = {
        "add": added,
        "copy": await statements(lambda: add_from(citizen, sent, stored_document=document)),
        "replace": await statements(lambda: replace(citizen, id_of(piece), a_jpeg())),
        "rename": await statements(lambda: replace(citizen, id_of(piece), title="B")),
        "remove": await statements(lambda: remove(citizen, id_of(piece))),
    }
    assert counts == {"add": 8, "copy": 7, "replace": 12, "rename": 7, "remove": 7}
