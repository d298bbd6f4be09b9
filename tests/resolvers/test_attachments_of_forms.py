"""Pieces that answer the file fields of a form: what a draft lacks, what a field takes, what is sent in the end."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from core.errors import FileRejectedError, ValidationError
from core.selection import Selection
from core.settings import Settings
from models.actors import Actor, AgentActor, CitizenActor
from models.attachments import Attachment
from models.database import Row
from models.events import RequestEvent
from models.files import File
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers.attachments import add_attachment, replace_attachment
from resolvers.file_sources import FileSource
from resolvers.requests import request as read_request
from resolvers.requests import submit_request
from tests.factories import FIELDS, id_of, make_procedure, make_request
from tests.file_rows import make_attachment, make_document, make_file, set_scan
from tests.files import a_jpeg, a_pdf, a_png, as_received, stored_blobs
from tests.uploads.hostile import heic

CARD = {"type": "file", "key": "card", "label": "Carte", "required": True, "max_files": 2}
PHOTO = {
    "type": "file",
    "key": "photo",
    "label": "Photo",
    "accepted_media_types": ["image/jpeg", "image/png"],
}
VISA = {
    "type": "file",
    "key": "visa",
    "label": "Visa",
    "required": True,
    "visible_when": [{"field": "abroad", "operator": "EQUALS", "values": ["true"]}],
}
PIECE = Selection.of("id", "title", "field", "editable", file=Selection.of("scan", "media_type"))
DRAFT = Selection.of("id", "version", "status", "problems", "summary", attachments=PIECE)


@pytest_asyncio.fixture
async def procedure(database: Settings) -> Procedure:
    """Wants a card, two files of it at most; takes a photo; wants a visa of those who live abroad."""
    return await make_procedure(fields=[*FIELDS[:2], CARD, PHOTO, VISA])


@pytest_asyncio.fixture
async def draft(procedure: Procedure, citizen: CitizenActor) -> ServiceRequest:
    return await make_request(procedure, citizen=citizen, status="DRAFT")


async def join(
    actor: Actor,
    request: ServiceRequest,
    field: str | None,
    content: bytes | None = None,
    name: str = "piece.jpg",
) -> Row:
    with as_received(a_jpeg() if content is None else content, name) as sent:
        return await add_attachment(
            actor,
            request=id_of(request),
            source=FileSource(upload=sent),
            title=None,
            field=field,
            selection=PIECE,
        )


async def read(actor: Actor, request: ServiceRequest) -> Row:
    row = await read_request(actor, id=id_of(request), selection=DRAFT)
    assert row is not None
    return row


async def submit(citizen: CitizenActor, draft: ServiceRequest) -> Row:
    return await submit_request(
        citizen, request=id_of(draft), version=draft.version, captcha=None, selection=DRAFT
    )


async def problem_paths(citizen: CitizenActor, draft: ServiceRequest) -> list[str]:
    """What the draft says of itself, once it is seen that submitting it says the same."""
    told = [problem["path"] for problem in (await read(citizen, draft))["problems"]]
    if told:
        with pytest.raises(ValidationError) as raised:
            await submit(citizen, draft)
        assert [problem.path for problem in raised.value.problems] == told
    return told


def summary_lines(row: Row) -> dict[str, str]:
    return {line["label"]: line["value"] for section in row["summary"] for line in section["lines"]}


async def set_answers(draft: ServiceRequest, **answers: Any) -> None:
    draft.answers = {**draft.answers, **answers}
    await draft.save(update_fields=["answers"])


async def test_a_required_piece_is_missed_until_it_is_there(
    draft: ServiceRequest, citizen: CitizenActor
) -> None:
    assert await problem_paths(citizen, draft) == ["card"]
    await join(citizen, draft, "photo")
    await join(citizen, draft, None)
    assert await problem_paths(citizen, draft) == ["card"], "others are not what is asked for"
    row = await join(citizen, draft, "card")
    assert row["field"] == "card"
    assert await problem_paths(citizen, draft) == []
    sent = await submit(citizen, draft)
    assert (sent["status"], sent["version"]) == ("SUBMITTED", draft.version + 1)
    assert len(sent["attachments"]) == 3
    assert [event.kind for event in await RequestEvent.all()] == ["RequestSubmitted"]


async def test_the_summary_shows_titles_under_their_fields(
    draft: ServiceRequest, citizen: CitizenActor
) -> None:
    for field, name in (
        ("card", "recto.jpg"),
        ("card", "verso.jpg"),
        (None, "lettre.jpg"),
        ("visa", "visa.jpg"),
    ):
        await join(citizen, draft, field, name=name)
    lines = summary_lines(await read(citizen, draft))
    assert lines["Carte"] == "recto.jpg\nverso.jpg"
    assert lines["Autres pièces jointes"] == "lettre.jpg"
    assert "Visa" not in lines, "nobody asks for it"
    assert "Photo" not in lines


async def test_a_field_holds_so_many(
    draft: ServiceRequest, citizen: CitizenActor, settings: Settings
) -> None:
    contents = [a_jpeg() for _ in range(3)]
    rows = [await join(citizen, draft, "card", content) for content in contents[:2]]
    with pytest.raises(ValidationError) as raised:
        await join(citizen, draft, "card", contents[2])
    (problem,) = raised.value.problems
    assert problem.path == "field"
    assert "« Carte » a déjà 2 fichier(s)" in problem.text.fr
    assert (await join(citizen, draft, "card", contents[1]))["id"] == rows[1]["id"]
    assert len(stored_blobs(settings)) == await Attachment.all().count() == 2
    for field in ("photo", None, "visa"):
        await join(citizen, draft, field)


async def test_what_was_put_aside_leaves_its_place_once(draft: ServiceRequest, citizen: CitizenActor) -> None:
    """It may be replaced, or another one be joined: not both."""
    rows = [await join(citizen, draft, "card") for _ in range(2)]
    (first, _) = await File.all().order_by("id")
    await set_scan(first, "INFECTED")
    await join(citizen, draft, "card")
    with as_received(a_jpeg(), "autre.jpg") as sent:
        with pytest.raises(ValidationError) as raised:
            await replace_attachment(
                citizen, attachment=rows[0]["id"], source=FileSource(upload=sent), title=None, selection=PIECE
            )
        assert [problem.path for problem in raised.value.problems] == ["source"]
        await replace_attachment(
            citizen, attachment=rows[1]["id"], source=FileSource(upload=sent), title=None, selection=PIECE
        )


async def test_a_field_takes_the_types_that_it_says(
    draft: ServiceRequest, citizen: CitizenActor, settings: Settings
) -> None:
    with pytest.raises(FileRejectedError) as raised:
        await join(citizen, draft, "photo", a_pdf(), "photo.pdf")
    assert raised.value.reason == "TYPE_NOT_ACCEPTED"
    assert raised.value.text.fr.endswith("JPG, PNG.")
    document = id_of(await make_document(citizen, await make_file()))
    source = FileSource(stored_document=document)
    with pytest.raises(FileRejectedError):
        await add_attachment(
            citizen, request=id_of(draft), source=source, title=None, field="photo", selection=PIECE
        )
    row = await join(citizen, draft, "photo", a_png(), "photo.png")
    with pytest.raises(FileRejectedError):
        await replace_attachment(citizen, attachment=row["id"], source=source, title=None, selection=PIECE)
    with pytest.raises(FileRejectedError), as_received(a_pdf(), "photo.pdf") as sent:
        await replace_attachment(
            citizen, attachment=row["id"], source=FileSource(upload=sent), title=None, selection=PIECE
        )
    assert await Attachment.all().count() == 1
    assert len(stored_blobs(settings)) == 2
    await join(citizen, draft, "card", a_pdf(), "carte.pdf")


async def test_a_field_for_heic_takes_the_jpeg_that_becomes_of_it(citizen: CitizenActor) -> None:
    procedure = await make_procedure(fields=[PHOTO | {"accepted_media_types": ["image/heic"]}])
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    row = await join(citizen, draft, "photo", heic(), "photo.heic")
    assert row["file"]["media_type"] == "image/jpeg"
    with pytest.raises(FileRejectedError):
        await join(citizen, draft, "photo", a_png(), "photo.png")


@pytest.mark.parametrize("field", ["nothing", "reason", "", "Card"])
async def test_there_is_no_such_field(
    draft: ServiceRequest, citizen: CitizenActor, settings: Settings, field: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        await join(citizen, draft, field)
    assert [problem.path for problem in raised.value.problems] == ["field"]
    assert stored_blobs(settings) == []


async def test_pieces_that_nobody_asks_for_any_more_are_taken_off_when_it_is_sent(
    draft: ServiceRequest, citizen: CitizenActor
) -> None:
    await set_answers(draft, abroad=True)
    assert await problem_paths(citizen, draft) == ["card", "visa"]
    for field in ("card", "visa", None):
        await join(citizen, draft, field)
    assert await problem_paths(citizen, draft) == []
    await set_answers(draft, abroad=False)
    assert len((await read(citizen, draft))["attachments"]) == 3, "they may come to be asked for again"
    sent = await submit(citizen, draft)
    assert [piece["field"] for piece in sent["attachments"]] == ["card", None]


async def test_pieces_stay_where_it_is_not_sent(draft: ServiceRequest, citizen: CitizenActor) -> None:
    await join(citizen, draft, "visa")
    assert await problem_paths(citizen, draft) == ["card"]
    assert await Attachment.all().count() == 1


async def test_a_form_that_asks_for_nothing_keeps_what_was_joined_freely(citizen: CitizenActor) -> None:
    draft = await make_request(await make_procedure(fields=[]), citizen=citizen, status="DRAFT", answers={})
    await join(citizen, draft, None)
    sent = await submit(citizen, draft)
    assert [piece["field"] for piece in sent["attachments"]] == [None]


@pytest.mark.parametrize(
    ("scan", "paths"),
    [("PENDING", []), ("CLEAN", []), ("INFECTED", ["card", "card"]), ("FAILED", ["card", "card"])],
)
async def test_what_the_scanner_says_of_it(
    draft: ServiceRequest, citizen: CitizenActor, scan: str, paths: list[str]
) -> None:
    """Missing, as long as there is no other; and to be removed in any case."""
    file = await make_file(scan="PENDING")
    await make_attachment(draft, file, field="card", title="Recto")
    await set_scan(file, scan)
    assert await problem_paths(citizen, draft) == paths
    lines = summary_lines(await read(citizen, draft))
    assert ("Carte" in lines) == (not paths)
    if paths:
        row = await join(citizen, draft, "card")
        assert await problem_paths(citizen, draft) == ["card"]
        told = (await read(citizen, draft))["problems"][0]["message"]
        assert "« Recto »" in told
        assert summary_lines(await read(citizen, draft))["Carte"] == row["title"]
    else:
        assert (await submit(citizen, draft))["status"] == "SUBMITTED"


async def test_one_put_aside_that_was_joined_freely(draft: ServiceRequest, citizen: CitizenActor) -> None:
    await join(citizen, draft, "card")
    await make_attachment(draft, await make_file(scan="INFECTED"))
    assert await problem_paths(citizen, draft) == ["attachments"]


async def test_once_it_is_sent_only_what_was_asked_is_answered(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    for actor in (citizen, agent):
        with pytest.raises(ValidationError) as raised:
            await join(actor, sent, "visa")
        assert [problem.path for problem in raised.value.problems] == ["field"]
        assert (await join(actor, sent, "card"))["field"] == "card"
    assert (await read(agent, sent))["problems"] == []
