"""Exports of one's data: whole, readable, only what their citizen sees, and made in the end, whatever happens."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
import zipfile
from datetime import timedelta
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote
from uuid import UUID

import pytest
from graphql import GraphQLInterfaceType, GraphQLObjectType

import jobs.data_exports.making
from core.clock import now
from core.errors import NotAllowedError, UnauthenticatedError, UnavailableError
from core.i18n import Language
from core.selection import Selection
from core.settings import Settings, get_settings
from jobs.data_exports import make_export
from jobs.data_exports.contents import FORMAT
from jobs.data_exports.making import MOST_ATTEMPTS, PAUSES
from jobs.data_exports.selections import LEFT_OUT, SELECTIONS
from jobs.file_retention import sweep_files
from models.accounts import Credential
from models.actors import AgentActor, CitizenActor
from models.contact import Contact, ContactMethod
from models.database import Row, execute, fetch, fetch_one
from models.ids import encode
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers.accounts import read_account
from resolvers.closing import close_account
from resolvers.data_exports import hand_in_export, request_data_export
from resolvers.file_links import file_url, open_link
from schema.build import build_schema
from schema.selection import snake_case
from tests.factories import (
    JEANNE,
    make_agent,
    make_appointment,
    make_citizen,
    make_event,
    make_exchange,
    make_partner_link,
    make_procedure,
    make_request,
    make_schedule,
    make_slot,
)
from tests.file_rows import make_attachment, make_document, make_file, make_receipt, set_scan
from tests.files import stored_blobs
from tests.jobs.files import content_at
from tests.models.test_ways_in import make_identity
from uploads.storing import Blobs

pytestmark = pytest.mark.usefixtures("database")

STATE = Selection.of(
    "state", "requested_at", "ready_at", "expires_at", file=Selection.of("name", "size", "url")
)
ZOE = Contact(
    first_name="Zoé <script>alert(1)</script>",
    last_name="Le Goff",
    email="zoe@exemple.example",
    preferred_contact_method=ContactMethod.EMAIL,
)


class Page(HTMLParser):
    """The links and the text of a page; fails where it is not closed as it should be."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(content.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href" and value]

    def handle_data(self, data: str) -> None:
        self.text += data


async def ask(citizen: CitizenActor) -> UUID:
    """The id of a new export."""
    await request_data_export(citizen, selection=STATE)
    row = await fetch_one("SELECT id FROM data_export WHERE account_id = $1", citizen.account_id)
    assert row is not None
    return row["id"]  # type: ignore[no-any-return]


async def export_row(id: UUID) -> Row:
    row = await fetch_one("SELECT * FROM data_export WHERE id = $1", id)
    assert row is not None
    return row


async def made(citizen: CitizenActor) -> zipfile.ZipFile:
    """What the citizen gets who asks for an export."""
    id = await ask(citizen)
    await make_export(str(id))
    row = await export_row(id)
    assert row["state"] == "READY"
    content = await content_at(row["address"])
    assert content is not None
    assert (len(content), sha256(content).digest()) == (row["size"], bytes(row["sha256"]))
    opened = zipfile.ZipFile(io.BytesIO(content))
    assert opened.testzip() is None
    return opened


def read(archive: zipfile.ZipFile, path: str) -> Any:
    return json.loads(archive.read(path))


async def make_full_request(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor | None = None, **changed: Any
) -> ServiceRequest:
    request = await make_request(procedure, citizen=citizen, **{"contact": ZOE, **changed})
    if agent is not None:
        await execute("UPDATE service_request SET assignee_id = $2 WHERE id = $1", request.id, agent.agent_id)
    piece = await make_attachment(
        request, await make_file(f"piece of {request.id}".encode()), title="Un justificatif"
    )
    exchange = await make_exchange(
        request, author="MUNICIPALITY", body="Bonjour,\nil manque <b>une</b> pièce."
    )
    await execute(
        "INSERT INTO exchange_attachment (id, exchange_id, attachment_id) VALUES (gen_random_uuid(), $1, $2)",
        exchange.id,
        piece.id,
    )
    await make_event(request, "AttachmentAdded", data={"attachment": str(piece.id), "title": piece.title})
    await make_receipt(request, await make_file(f"receipt of {request.id}".encode()))
    return request


def test_every_field_of_the_schema_is_exported_or_left_out_for_a_reason() -> None:
    schema = build_schema()._schema
    for name, selection in SELECTIONS.items():
        type_ = schema.type_map[name]
        assert isinstance(type_, GraphQLObjectType | GraphQLInterfaceType)
        types = schema.get_possible_types(type_) if isinstance(type_, GraphQLInterfaceType) else (type_,)
        fields = {snake_case(field) for one in types for field in one.fields}
        chosen, left_out = selection.names - {"__typename"}, set(LEFT_OUT.get(name, {}))
        assert chosen & left_out == set(), name
        assert chosen | left_out == fields, name
        # What lies deeper is selected as its own type is, or as a mere reference.
        for one in selection:
            assert (
                one.selection.names <= {"id", "ticket"}
                or one.selection in SELECTIONS.values()
                or one.name == "summary"
            ), (name, one.name)


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_it_holds_all_there_is(language: Language) -> None:
    procedure, agent = await make_procedure("acte", appointment="OPTIONAL"), await make_agent()
    who = await make_citizen("zoe", contact=ZOE)
    citizen = CitizenActor(account_id=who.account_id, session_id=who.session_id, language=language)
    slot = await make_slot(await make_schedule(title="Guichet"))
    sent = await make_full_request(procedure, citizen, agent)
    await make_appointment(sent, slot)
    draft = await make_request(procedure, citizen=citizen, status="DRAFT", contact=None)
    cancelled = await make_full_request(procedure, citizen, status="CANCELLED")
    await make_partner_link(citizen)
    await make_identity(citizen, subject=b"whom the provider means")
    stored = await make_file(b"a passport")
    document = await make_document(citizen, stored, name="Passeport de Zoé.pdf", title="Mon <i>passeport</i>")

    archive = await made(citizen)

    account = read(archive, "account.json")
    assert account["format"] == FORMAT
    assert account["account"]["username"] == "zoe"
    assert account["account"]["profile"]["firstName"] == ZOE.first_name
    assert [session["userAgent"] for session in account["account"]["sessions"]] == [None]
    assert [identity["provider"] for identity in account["account"]["identities"]] == ["One"]
    (link,) = account["account"]["partnerLinks"]
    assert (link["system"]["slug"], link["state"]) == ("espace-famille", "ACTIVE")
    assert "token" not in json.dumps(account), "nor anything that opens something elsewhere"
    assert account["account"]["storage"]["usedBytes"] == stored.size
    (listed,) = account["documents"]
    assert (listed["id"], listed["title"]) == (encode("StoredDocument", document.id), "Mon <i>passeport</i>")
    requests = {
        read(archive, entry["path"])["id"]: read(archive, entry["path"]) for entry in account["requests"]
    }
    assert list(requests) == [encode("ServiceRequest", one.id) for one in (draft, sent, cancelled)]
    whole = requests[encode("ServiceRequest", sent.id)]
    assert whole["contact"]["lastName"] == "Le Goff"
    assert whole["answers"] == [{"type": "TextAnswer", "field": "reason", "text": "Mariage"}]
    assert whole["procedure"]["slug"] == "acte"
    assert [appointment["slot"]["schedule"]["title"] for appointment in whole["appointments"]] == ["Guichet"]
    (exchange,) = whole["exchanges"]
    assert exchange["body"] == "Bonjour,\nil manque <b>une</b> pièce."
    assert exchange["attachments"] == [{"id": whole["attachments"][0]["id"]}]
    (event,) = whole["history"]
    said = {"fr": "Vous avez joint", "en": "You attached"}
    assert event["type"] == "AttachmentAdded"
    assert event["description"].startswith(said[language])
    assert "previous" not in event, "what only other kinds have"

    # Each file is there once, under the hash that the JSON says.
    told = {file["path"]: file["sha256"] for file in files_of([account, *requests.values()])}
    assert len(told) == 5
    assert {path for path in archive.namelist() if path.startswith("pieces/")} == set(told)
    for path, digest in told.items():
        assert sha256(archive.read(path)).hexdigest() == digest
    assert re.fullmatch(r"pieces/\d{4}-Passeport de Zoé\.pdf", listed["file"]["path"])

    # And every page leads on.
    for path in (name for name in archive.namelist() if name.endswith(".html")):
        page = Page(archive.read(path))
        folder = path.rpartition("/")[0]
        for link in page.links:
            assert resolve(folder, link) in archive.namelist()
        assert "script" not in page.tags
    index = Page(archive.read("index.html"))
    assert ZOE.first_name in index.text, "as text"
    assert "Mon <i>passeport</i>" in index.text
    assert {"fr": "Mes données", "en": "My data"}[language] in index.text
    page = Page(archive.read(account["requests"][1]["path"].replace(".json", ".html")))
    for text in (
        "il manque <b>une</b> pièce",
        "Mariage",
        "Un justificatif",
        sent_ticket(whole),
        said[language],
    ):
        assert text in page.text


async def test_it_holds_nothing_that_its_citizen_does_not_see() -> None:
    procedure, agent = await make_procedure(), await make_agent(username="agent-secret")
    await execute("UPDATE agent SET display_name = 'Bernadette Soubirous'")
    citizen, other = await make_citizen("marie"), await make_citizen("autre", contact=ZOE)
    await make_full_request(procedure, citizen, agent, contact=JEANNE)
    await make_full_request(procedure, other)
    await make_document(other, await make_file(b"somebody else's"))
    for scan in ("INFECTED", "PENDING", "FAILED"):
        file = await make_file(scan.encode())
        await make_document(citizen, file, name=f"{file.id}.pdf", title=f"{file.id}")
        await set_scan(file, scan)

    archive = await made(citizen)

    account = read(archive, "account.json")
    assert {document["file"]["scan"]: document["file"]["path"] for document in account["documents"]} == {
        "INFECTED": None,
        "PENDING": None,
        "FAILED": None,
    }
    everything = b"".join(archive.read(name) for name in archive.namelist()).decode(errors="replace")
    for secret in (
        "Bernadette",
        "agent-secret",
        encode("Agent", agent.agent_id),
        str(agent.agent_id),
        "autre",
        "zoe@exemple",
        "somebody else",
        str(citizen.session_id),
        "argon2",
        "/files/",
    ):
        assert secret not in everything, secret
    (credential,) = await Credential.filter(account_id=citizen.account_id)
    assert credential.password_hash
    assert credential.password_hash not in everything


async def test_all_pages_of_what_is_long_are_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobs.data_exports.selections.AT_ONCE", 3)
    procedure, citizen = await make_procedure(), await make_citizen()
    for number in range(7):
        await make_request(procedure, citizen=citizen, status="CANCELLED" if number % 2 else "SUBMITTED")
        await make_document(citizen, await make_file(f"document {number}".encode()), title=f"Pièce {number}")
    long = await make_request(procedure, citizen=citizen)
    for number in range(10):
        await make_exchange(long, body=f"message {number}")
        await make_event(long, "ExchangePosted")

    archive = await made(citizen)

    account = read(archive, "account.json")
    assert sorted(document["title"] for document in account["documents"]) == [f"Pièce {n}" for n in range(7)]
    assert len({entry["path"] for entry in account["requests"]}) == 8
    whole = next(
        request
        for request in (read(archive, entry["path"]) for entry in account["requests"])
        if request["exchanges"]
    )
    assert [exchange["body"] for exchange in whole["exchanges"]] == [f"message {n}" for n in range(10)]
    assert len(whole["history"]) == 10


async def test_a_content_that_is_joined_often_is_there_once() -> None:
    procedure, citizen, file = await make_procedure(), await make_citizen(), await make_file()
    await make_document(citizen, file)
    for _ in range(3):
        await make_attachment(await make_request(procedure, citizen=citizen), file)
    archive = await made(citizen)
    assert len([name for name in archive.namelist() if name.startswith("pieces/")]) == 1
    paths = [
        file["path"]
        for entry in read(archive, "account.json")["requests"]
        for file in files_of(read(archive, entry["path"]))
    ]
    assert paths == [path for path in archive.namelist() if path.startswith("pieces/")] * 3


async def test_names_are_safe_and_never_the_same() -> None:
    citizen = await make_citizen()
    names = ["a.pdf", "A.pdf", "a.pdf", "é" * 150 + ".pdf", "con.pdf", "sans-extension"]
    for number, name in enumerate(names):
        await make_document(citizen, await make_file(f"{number}".encode()), name=name, title=f"{number}")
    archive = await made(citizen)
    paths = [name for name in archive.namelist() if name.startswith("pieces/")]
    assert len({path.casefold() for path in paths}) == len(names)
    assert all(re.fullmatch(r"pieces/\d{4}-[^/\\]{1,80}", path) for path in paths)


async def test_an_account_with_nothing_has_an_export_all_the_same() -> None:
    archive = await made(await make_citizen())
    assert sorted(archive.namelist()) == ["account.json", "index.html"]
    assert read(archive, "account.json")["requests"] == []


async def test_it_can_be_fetched_by_its_citizen_for_seven_days_and_a_mail_says_so() -> None:
    citizen, other = await make_citizen(), await make_citizen()
    id = await ask(citizen)
    await make_export(str(id))

    row = await request_row(citizen)
    assert row["state"] == "READY"
    assert row["file"]["name"] == "mes-donnees.zip"
    mails = await fetch("SELECT template, recipient, account_id FROM mail")
    assert mails == [
        {"template": "data_export_ready", "recipient": JEANNE.email, "account_id": citizen.account_id}
    ]
    link = row["file"]["url"].split("/")[-2]
    served = await open_link(link)
    assert served is not None
    assert (served.media_type, served.size) == ("application/zip", row["file"]["size"])
    assert await open_link(link, credentials_actor=other) is None
    url = file_url(other, "data_export", id, "x.zip")
    assert url is not None
    assert await open_link(url.split("/")[-2]) is None

    await execute("UPDATE data_export SET expires_at = now() - interval '1 second'")
    assert await open_link(link) is None
    row = await request_row(citizen)
    assert (row["state"], row["file"]) == ("EXPIRED", None)


async def test_one_a_day(database: Settings) -> None:
    citizen = await make_citizen()
    first = await ask(citizen)
    assert await ask(citizen) == first, "it is being made"
    await make_export(str(first))
    with pytest.raises(NotAllowedError, match=r"another one on .* at \d\d:\d\d"):
        await ask(citizen)
    old = (await export_row(first))["address"]

    await execute("UPDATE data_export SET requested_at = now() - interval '24 hours'")
    second = await ask(citizen)
    assert second != first
    assert await content_at(old) is None, "its bytes are gone with it"
    await execute("UPDATE data_export SET state = 'FAILED', next_attempt_at = NULL")
    assert await ask(citizen) not in (first, second), "one that failed may be asked for again"


async def test_asked_for_many_times_at_once_there_is_one() -> None:
    citizen = await make_citizen()
    await asyncio.gather(*(request_data_export(citizen, selection=STATE) for _ in range(8)))
    assert len(await fetch("SELECT id FROM data_export")) == 1


async def test_nobody_asks_for_a_closed_account() -> None:
    citizen = await make_citizen("marie")
    await close_account("marie")
    with pytest.raises(UnauthenticatedError):
        await ask(citizen)


async def test_made_twice_and_at_once_it_is_made_once(database: Settings) -> None:
    citizen = await make_citizen()
    id = await ask(citizen)
    await asyncio.gather(*(make_export(str(id)) for _ in range(4)))
    await make_export(str(id))
    assert (await export_row(id))["attempts"] == 1
    assert len(stored_blobs(database)) == 1
    assert len(await fetch("SELECT id FROM mail")) == 1


async def test_where_somebody_else_has_taken_over_the_first_throws_its_own_away(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was away for so long that the export was due again."""
    citizen = await make_citizen()
    id = await ask(citizen)
    hand_in = hand_in_export

    async def late(export: Row, written: Any) -> bool:
        if export["attempts"] == 1:
            await execute("UPDATE data_export SET next_attempt_at = now()")
            await make_export(str(id))
        return await hand_in(export, written)

    monkeypatch.setattr(jobs.data_exports.making, "hand_in_export", late)
    await make_export(str(id))
    row = await export_row(id)
    assert (row["state"], row["attempts"]) == ("READY", 2)
    assert len(stored_blobs(database)) == 1
    assert await content_at(row["address"]) is not None
    assert len(await fetch("SELECT id FROM mail")) == 1


async def test_closed_in_the_midst_it_is_broken_off_and_nothing_is_left(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs.data_exports.making, "PROLONGED_EVERY_SECONDS", 0.05)
    citizen = await make_citizen("marie")
    await make_document(citizen, await make_file())
    id = await ask(citizen)
    reading = asyncio.Event()

    async def never(self: Any, address: str, start: int = 0, end: int | None = None) -> Any:
        reading.set()
        yield b"%PDF"
        await asyncio.sleep(60)

    with monkeypatch.context() as patch:
        patch.setattr(Blobs, "read", never)
        making = asyncio.create_task(make_export(str(id)))
        await reading.wait()
        await close_account("marie")
        async with asyncio.timeout(10):
            await making

    assert await fetch("SELECT id FROM data_export") == []
    assert [mail["template"] for mail in await fetch("SELECT template FROM mail")] == ["account_closed"]
    assert len(stored_blobs(database)) == 1, "the document's own"


async def test_closed_at_the_last_moment_its_bytes_go(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_citizen("marie")
    citizen = await make_citizen()
    id = await ask(citizen)
    username = (await Credential.get(account_id=citizen.account_id)).username
    hand_in = hand_in_export

    async def late(export: Row, written: Any) -> bool:
        await close_account(username)
        return await hand_in(export, written)

    monkeypatch.setattr(jobs.data_exports.making, "hand_in_export", late)
    await make_export(str(id))
    assert stored_blobs(database) == []


async def test_ready_it_goes_at_once_with_a_closed_account(database: Settings) -> None:
    citizen = await make_citizen("marie")
    await make_export(str(await ask(citizen)))
    assert len(stored_blobs(database)) == 1
    await close_account("marie")
    assert stored_blobs(database) == []


async def test_a_file_whose_bytes_are_spoilt_keeps_nobody_from_the_rest(
    database: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    citizen = await make_citizen()
    sound, spoilt, lost = await make_file(b"sound"), await make_file(bytes(200_000)), await make_file(b"lost")
    for file in (sound, spoilt, lost):
        await make_document(citizen, file, title=f"{file.size} octets")
    assert spoilt.address
    assert lost.address
    path = database.data / "files" / spoilt.address
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    (database.data / "files" / lost.address).unlink()

    archive = await made(citizen)

    documents = read(archive, "account.json")["documents"]
    assert {document["file"]["sha256"]: bool(document["file"]["path"]) for document in documents} == {
        bytes(sound.sha256).hex(): True,
        bytes(spoilt.sha256).hex(): False,
        bytes(lost.sha256).hex(): False,
    }
    assert "n’est pas dans l’archive" in Page(archive.read("index.html")).text
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 2


async def test_one_that_cannot_be_made_is_tried_later_and_later_then_given_up(
    database: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    citizen = await make_citizen()
    id = await ask(citizen)

    def fails(*arguments: Any) -> Any:
        raise RuntimeError("jeanne@example.org")

    monkeypatch.setattr("jobs.data_exports.contents.account_page", fails)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        await execute("UPDATE data_export SET next_attempt_at = now()")
        before = now()
        await make_export(str(id))
        row = await export_row(id)
        assert row["attempts"] == attempt
        if attempt < MOST_ATTEMPTS:
            assert row["next_attempt_at"] >= before + PAUSES[attempt - 1] - timedelta(seconds=1)
    assert (row["state"], row["next_attempt_at"]) == ("FAILED", None)
    assert stored_blobs(database) == []
    assert "jeanne" not in caplog.text
    assert [
        str(id) in record.getMessage() for record in caplog.records if record.levelno == logging.ERROR
    ] == [True]


async def test_one_that_ends_the_worker_each_time_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    citizen = await make_citizen()
    id = await ask(citizen)
    await execute("UPDATE data_export SET attempts = $1", MOST_ATTEMPTS)
    await make_export(str(id))
    assert (await export_row(id))["state"] == "FAILED"
    assert "it ended the worker each time" in caplog.text


async def test_a_store_that_is_away_costs_time_and_no_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    citizen = await make_citizen()
    id = await ask(citizen)
    with monkeypatch.context() as patch:
        patch.setenv(
            "ESPACE_STORAGE_URL",
            "s3://files?region=eu&endpoint=http://127.0.0.1:9&access_key_id=a&secret_access_key=b",
        )
        get_settings.cache_clear()
        await make_export(str(id))
    get_settings.cache_clear()
    row = await export_row(id)
    assert (row["state"], row["attempts"]) == ("PENDING", 0)
    assert row["next_attempt_at"] > now()
    await execute("UPDATE data_export SET next_attempt_at = now()")
    await make_export(str(id))
    assert (await export_row(id))["state"] == "READY"


async def test_what_is_not_due_or_not_there_is_left_alone(database: Settings) -> None:
    id = await ask(await make_citizen())
    await execute("UPDATE data_export SET next_attempt_at = now() + interval '1 hour'")
    before = await export_row(id)
    await make_export(str(id))
    await make_export("0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000")
    assert await export_row(id) == before
    assert stored_blobs(database) == []


async def test_expired_it_is_swept_and_others_stay(database: Settings) -> None:
    kept, gone = await make_citizen(), await make_citizen()
    for citizen in (kept, gone):
        await make_export(str(await ask(citizen)))
    await execute(
        "UPDATE data_export SET expires_at = now() - interval '1 minute' WHERE account_id = $1",
        gone.account_id,
    )
    await sweep_files()
    await sweep_files()
    assert len(stored_blobs(database)) == 1
    rows = {
        row["account_id"]: row["address"]
        for row in await fetch("SELECT account_id, address FROM data_export")
    }
    assert rows[gone.account_id] is None
    assert await content_at(rows[kept.account_id]) is not None
    assert (await request_row(gone))["state"] == "EXPIRED"


async def test_the_database_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*arguments: Any) -> Any:
        raise UnavailableError

    monkeypatch.setattr(jobs.data_exports.making, "take_export", away)
    with pytest.raises(UnavailableError):
        await make_export("0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000")


async def request_row(citizen: CitizenActor) -> Row:
    """`dataExport` of the account."""
    row = await read_account(citizen, citizen.account_id, Selection.of(data_export=STATE))
    assert row is not None
    found: Row = row["data_export"]
    return found


def files_of(value: Any) -> list[dict[str, Any]]:
    """Every file that the JSON tells of."""
    if isinstance(value, list):
        return [file for item in value for file in files_of(item)]
    if not isinstance(value, dict):
        return []
    return [value] if "sha256" in value else files_of(list(value.values()))


def resolve(folder: str, link: str) -> str:
    if link.startswith("../"):
        return unquote(link.removeprefix("../"))
    return unquote(f"{folder}/{link}" if folder else link)


def sent_ticket(request: dict[str, Any]) -> str:
    ticket: str = request["ticket"]
    return ticket
