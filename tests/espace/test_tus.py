"""The tus protocol, rule by rule, over HTTP against a real server: https://tus.io/protocols/resumable-upload."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import itertools
import logging
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from core.clock import now
from core.i18n import LANGUAGES, Language, Text
from core.keys import new_token
from core.settings import Settings, get_settings
from core.tickets import new_ticket
from espace.tus import body, routes
from models import database as postgres
from models.actors import Actor, AgentActor, CitizenActor, PartnerActor
from models.database import counted, execute, fetch, fetch_one
from models.ids import encode, new_id
from resolvers.sessions import authenticate
from resolvers.uploads import open_upload
from tests.factories import make_agent, make_citizen, make_procedure, make_request, make_session
from uploads.checking import rejections
from uploads.receiving import Seats
from uploads.receiving.seats import SEATS_OF_ONE

ORIGIN = "https://portail.example"
PUBLIC = "https://mairie.example"
TUS = {"Tus-Resumable": "1.0.0"}
BODY = {"Content-Type": "application/offset+octet-stream"}
PARTNER = PartnerActor(token_id=uuid4(), scopes=frozenset(), procedure_ids=frozenset())


class Server(uvicorn.Server):
    """uvicorn in the loop of the test, whose database it shares. Signals are the test's own affair."""

    def capture_signals(self) -> Any:
        return nullcontext()


@dataclass
class Counted:
    """Counts the statements of each request, and the bytes of bodies that were read."""

    app: Starlette
    statements: list[int] = field(default_factory=list)
    bytes_read: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_counted() -> Message:
            message = await receive()
            self.bytes_read += len(message.get("body", b""))
            return message

        with counted() as count:
            await self.app(scope, receive_counted, send)
        self.statements.append(count.value)


async def _authenticate(*, bearer: str | None, ticket: str | None, language: Language) -> Actor:
    if bearer == "partner":
        return PARTNER
    return await authenticate(bearer=bearer, ticket=ticket, language=language)


@dataclass
class Api:
    port: int
    settings: Settings
    seats: Seats
    counted: Counted

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def serving(settings: Settings, **changed: Any) -> AsyncIterator[Api]:
    settings = settings.model_copy(update={"public_url": PUBLIC, "allowed_origins": [ORIGIN], **changed})
    seats = Seats(settings.uploads_at_once)
    app = Counted(Starlette(routes=routes(settings, seats=seats, authenticate=_authenticate)))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
        server = Server(config)
        running = asyncio.create_task(server.serve([listener]))
        try:
            yield Api(listener.getsockname()[1], settings, seats, app)
        finally:
            server.should_exit = True
            await running


@pytest_asyncio.fixture
async def api(database: Settings) -> AsyncIterator[Api]:
    async with serving(database) as api:
        yield api


@dataclass
class Caller:
    """Somebody with a credential, and what they may say to the server."""

    actor: Any
    client: httpx.AsyncClient

    async def call(
        self, method: str, url: str = "/uploads", content: Any = None, **headers: str
    ) -> httpx.Response:
        """`Upload_Length=…` becomes the header Upload-Length."""
        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        url = url.removeprefix(PUBLIC)
        return await self.client.request(
            method, url, content=content, headers=[(b"Tus-Resumable", b"1.0.0"), *named]
        )

    async def create(self, length: int = 10, **headers: str) -> str:
        response = await self.call(
            "POST", **{"Upload_Length": str(length), "Upload_Metadata": metadata(), **headers}
        )
        assert response.status_code == 201, response.text
        return response.headers["Location"]

    async def patch(self, url: str, offset: int, content: Any, **headers: str) -> httpx.Response:
        return await self.call("PATCH", url, content, Upload_Offset=str(offset), **{**_body(), **headers})

    async def offset(self, url: str) -> int:
        response = await self.call("HEAD", url)
        assert response.status_code == 200
        return int(response.headers["Upload-Offset"])


def _body() -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in BODY.items()}


def metadata(filename: str = "acte.pdf", filetype: str | None = "application/pdf") -> str:
    pairs = {"filename": filename} | ({} if filetype is None else {"filetype": filetype})
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())


def checksum(data: bytes, algorithm: str = "sha1") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


async def credential_of(actor: CitizenActor | AgentActor) -> str:
    """A token for another session of theirs."""
    owner = actor.account_id if isinstance(actor, CitizenActor) else actor.agent_id
    row = await fetch_one("SELECT id FROM credential WHERE $1 IN (account_id, agent_id)", owner)
    assert row is not None
    token = new_token()
    await make_session(row["id"], token=token)
    return token


@asynccontextmanager
async def calling(api: Api, actor: Any, authorization: str | None) -> AsyncIterator[Caller]:
    headers = {"Authorization": authorization} if authorization else {}
    async with httpx.AsyncClient(base_url=api.url, headers=headers) as client:
        yield Caller(actor, client)


@pytest_asyncio.fixture
async def marie(api: Api) -> AsyncIterator[Caller]:
    actor = await make_citizen()
    async with calling(api, actor, f"Bearer {await credential_of(actor)}") as caller:
        yield caller


@pytest_asyncio.fixture
async def stranger(api: Api) -> AsyncIterator[Caller]:
    actor = await make_citizen()
    async with calling(api, actor, f"Bearer {await credential_of(actor)}") as caller:
        yield caller


async def content_of(caller: Caller, url: str) -> bytes:
    opened = await open_upload(caller.actor, url.rpartition("/")[2])
    assert opened is not None
    assert opened.received is not None
    try:
        return opened.received.content.read()
    finally:
        opened.received.close()


def stored(settings: Settings) -> list[Path]:
    return [path for path in (settings.data / "files").rglob("*") if path.is_file() and path.stat().st_size]


async def test_what_the_server_can_do_is_told_to_everybody(api: Api) -> None:
    async with calling(api, None, None) as anybody:
        for path in ("/uploads", "/uploads/", "/uploads/x"):
            response = await anybody.client.options(path)
            assert response.status_code == 204
            assert response.headers["Tus-Resumable"] == response.headers["Tus-Version"] == "1.0.0"
            assert response.headers["Tus-Max-Size"] == str(api.settings.upload_file_bytes)
            assert response.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"
            told = set(response.headers["Tus-Extension"].split(","))
            assert told == {"creation", "creation-with-upload", "termination", "checksum", "expiration"}
    assert api.counted.statements == [0, 0, 0]


async def test_a_file_is_sent_in_pieces(api: Api, marie: Caller) -> None:
    data = os.urandom(2_500_000)
    response = await marie.call(
        "POST", Upload_Length=str(len(data)), Upload_Metadata=metadata("été.pdf"), Host="evil.example"
    )
    assert response.status_code == 201
    url = response.headers["Location"]
    assert url.startswith(f"{PUBLIC}/uploads/")
    expires = parsedate_to_datetime(response.headers["Upload-Expires"])
    assert abs(expires - now() - timedelta(hours=24)) < timedelta(minutes=1)
    for start, end in ((0, 1), (1, 1_200_000), (1_200_000, 1_200_000), (1_200_000, len(data))):
        response = await marie.patch(url, start, data[start:end])
        assert (response.status_code, response.content) == (204, b"")
        assert response.headers["Upload-Offset"] == str(end)
        assert parsedate_to_datetime(response.headers["Upload-Expires"]) == expires
        assert response.headers["Tus-Resumable"] == "1.0.0"
        response = await marie.call("HEAD", url)
        assert response.status_code == 200
        assert response.headers["Upload-Offset"] == str(end)
        assert response.headers["Upload-Length"] == str(len(data))
        assert response.headers["Upload-Metadata"] == metadata("été.pdf")
        assert response.headers["Cache-Control"] == "no-store"
    assert await content_of(marie, url) == data
    # Nothing comes after the end.
    assert (await marie.patch(url, len(data), b"x")).status_code == 413
    assert (await marie.patch(url, len(data), b"")).status_code == 204


async def test_bytes_are_stored_by_the_mebibyte(api: Api, marie: Caller) -> None:
    url = await marie.create(2 * body.PART_BYTES + 5)
    api.counted.statements.clear()
    assert (await marie.patch(url, 0, os.urandom(2 * body.PART_BYTES + 5))).status_code == 204
    rows = await fetch("SELECT start, size FROM upload_part ORDER BY start")
    mebibyte = 1024 * 1024
    assert [(row["start"], row["size"]) for row in rows] == [
        (0, mebibyte),
        (mebibyte, mebibyte),
        (2 * mebibyte, 5),
    ]
    assert api.counted.statements == [2 + 3]


async def test_each_request_makes_a_fixed_number_of_statements(api: Api, marie: Caller) -> None:
    """One at the door; creation locks and inserts; a part is one; HEAD and DELETE are one."""
    api.counted.statements.clear()
    url = await marie.create(3)
    await marie.patch(url, 0, b"a")
    await marie.patch(url, 1, b"b", Upload_Checksum=checksum(b"b"))
    await marie.patch(url, 2, b"")
    await marie.call("HEAD", url)
    await marie.call("DELETE", url)
    await marie.create(3)
    assert api.counted.statements == [3, 3, 3, 2, 2, 2, 3]
    await marie.call("POST", content=b"abc", Upload_Length="3", Upload_Metadata=metadata(), **_body())
    assert api.counted.statements[-1] == 4


async def test_another_version_is_not_spoken(api: Api, marie: Caller) -> None:
    url = await marie.create()
    api.counted.statements.clear()
    for version in ({}, {"Tus-Resumable": "0.2.2"}, {"Tus-Resumable": ""}):
        for method, path in (("POST", "/uploads"), ("HEAD", url), ("PATCH", url), ("DELETE", url)):
            response = await marie.client.request(method, path.removeprefix(PUBLIC), headers=version)
            assert response.status_code == 412
            assert response.headers["Tus-Version"] == response.headers["Tus-Resumable"] == "1.0.0"
    assert api.counted.statements == [0] * 12
    assert await marie.offset(url) == 0


async def test_other_methods_are_not_taken(marie: Caller) -> None:
    url = await marie.create()
    for method, path, allowed in (
        ("GET", "/uploads", "POST, OPTIONS"),
        ("PATCH", "/uploads", "POST, OPTIONS"),
        ("GET", url, "HEAD, PATCH, DELETE, OPTIONS"),
        ("POST", url, "HEAD, PATCH, DELETE, OPTIONS"),
        ("PUT", url, "HEAD, PATCH, DELETE, OPTIONS"),
    ):
        response = await marie.call(method, path)
        assert (response.status_code, response.headers["Allow"]) == (405, allowed)
        assert allowed in response.text


WRONG_CONTINUATIONS: list[tuple[dict[str, str], int]] = [
    ({"Content_Type": "application/octet-stream"}, 415),
    ({"Content_Type": ""}, 415),
    ({"Upload_Offset": "5"}, 409),
    ({"Upload_Offset": "-1"}, 400),
    ({"Upload_Offset": "0x0"}, 400),
    ({"Upload_Offset": ""}, 400),
    ({"Upload_Offset": "9" * 5000}, 400),
    ({"Upload_Checksum": "md5 1B2M2Y8AsgTpgAmY7PhCfg=="}, 400),
    ({"Upload_Checksum": "sha1 1B2M2Y8AsgTpgAmY7PhCfg=="}, 400),
    ({"Upload_Checksum": "sha1 é"}, 400),
    ({"Upload_Checksum": "sha1"}, 400),
    ({"Upload_Checksum": ""}, 400),
    ({"Upload_Checksum": checksum(b"other")}, 460),
    ({"Upload_Checksum": checksum(b"other", "sha256")}, 460),
]


async def test_a_wrong_continuation_changes_nothing(api: Api, marie: Caller) -> None:
    url = await marie.create()
    for headers, status in WRONG_CONTINUATIONS:
        response = await marie.call("PATCH", url, b"hello", **{**_body(), "Upload_Offset": "0", **headers})
        assert response.status_code == status, (headers, response.text)
        assert response.text
        assert response.headers["Tus-Resumable"] == "1.0.0"
        assert await marie.offset(url) == 0
    assert stored(api.settings) == []
    assert (await marie.patch(url, 0, b"hello")).status_code == 204


async def test_the_offset_has_to_be_said(marie: Caller) -> None:
    url = await marie.create()
    assert (await marie.call("PATCH", url, b"hello", **_body())).status_code == 400


async def test_a_body_that_matches_its_checksum_is_kept(marie: Caller) -> None:
    data = os.urandom(1_500_000)
    url = await marie.create(2 * len(data))
    for start, algorithm in ((0, "sha1"), (len(data), "sha256")):
        assert (
            await marie.patch(url, start, data, Upload_Checksum=checksum(data, algorithm))
        ).status_code == 204
    assert await content_of(marie, url) == data * 2


async def test_more_bytes_than_announced_are_not_taken(api: Api, marie: Caller) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"12345"

    url = await marie.create(10)
    assert (await marie.patch(url, 0, b"x" * 11)).status_code == 413
    assert (await marie.patch(url, 0, chunks())).status_code == 413
    assert (await marie.patch(url, 0, chunks(), Upload_Checksum=checksum(b"12345" * 3))).status_code == 413
    assert await marie.offset(url) == 0


REFUSED_CREATIONS: list[tuple[dict[str, str], int, Text | None]] = [
    ({"Upload_Length": "0"}, 400, rejections.empty().text),
    ({"Upload_Length": ""}, 400, None),
    ({"Upload_Length": "ten"}, 400, None),
    ({"Upload_Length": "-10"}, 400, None),
    ({"Upload_Length": "١٠"}, 400, None),
    ({"Upload_Defer_Length": "1"}, 400, None),
    ({"Upload_Concat": "partial"}, 400, None),
    ({"Upload_Length": str(20 * 1024 * 1024 + 1)}, 413, rejections.too_large(20 * 1024 * 1024).text),
    ({"Upload_Metadata": ""}, 400, None),
    ({"Upload_Metadata": "filename"}, 400, None),
    ({"Upload_Metadata": "filename ***"}, 400, None),
    ({"Upload_Metadata": metadata() + ",filename YQ=="}, 400, None),
    ({"Upload_Metadata": "filename /w=="}, 400, None),
    (
        {"Upload_Metadata": metadata("tout.zip", "application/zip")},
        415,
        rejections.type_not_accepted().text,
    ),
    ({"Upload_Metadata": metadata("tout.zip", None)}, 415, rejections.type_not_accepted().text),
    (
        {"Upload_Metadata": metadata("page.svg", "image/svg+xml")},
        415,
        rejections.type_not_accepted().text,
    ),
    (
        {"Upload_Metadata": metadata("acte.pdf", "image/png")},
        415,
        rejections.content_does_not_match().text,
    ),
    ({"Content_Type": "text/plain"}, 415, None),
]


async def test_what_can_never_be_accepted_is_not_begun(marie: Caller) -> None:
    request = {"Upload_Length": "10", "Upload_Metadata": metadata(), **_body()}
    for (headers, status, text), language in itertools.product(REFUSED_CREATIONS, LANGUAGES):
        response = await marie.call(
            "POST", content=b"hello", **{**request, "Accept_Language": language, **headers}
        )
        assert response.status_code == status, (headers, response.text)
        assert response.text
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert response.headers["Content-Language"] == language
        if text is not None:
            assert response.text == text.in_(language)
        if status == 413:
            assert response.headers["Tus-Max-Size"] == str(20 * 1024 * 1024)
    assert await fetch("SELECT id FROM upload") == []


NAMES = [
    (metadata("photo.JPG", "image/jpg"), metadata("photo.JPG", "image/jpg")),
    (metadata("scan.heic", None), metadata("scan.heic", None)),
    (metadata("scan.heic", None) + ",filetype", metadata("scan.heic", None)),
    (
        metadata("scan.heic", "application/octet-stream"),
        metadata("scan.heic", "application/octet-stream"),
    ),
    (metadata() + ",private,author TWFyaWU=", metadata()),
    (metadata("../../etc/x\0\u202e.pdf"), metadata("x.pdf")),
    (metadata("é" * 300 + ".pdf"), metadata("é" * 196 + ".pdf")),
]


async def test_the_name_and_the_type_are_kept(marie: Caller) -> None:
    for sent, kept in NAMES:
        url = await marie.create(Upload_Metadata=sent)
        assert (await marie.call("HEAD", url)).headers["Upload-Metadata"] == kept


async def test_the_first_bytes_may_come_with_the_creation(api: Api, marie: Caller) -> None:
    async def post(content: bytes, **headers: str) -> httpx.Response:
        return await marie.call(
            "POST",
            content=content,
            **{"Upload_Length": "10", "Upload_Metadata": metadata(), **_body(), **headers},
        )

    response = await post(b"hello")
    assert (response.status_code, response.headers["Upload-Offset"]) == (201, "5")
    url = response.headers["Location"]
    assert (await marie.patch(url, 5, b"world")).status_code == 204
    assert await content_of(marie, url) == b"helloworld"

    response = await post(b"helloworld", Upload_Checksum=checksum(b"helloworld"))
    assert (response.status_code, response.headers["Upload-Offset"]) == (201, "10")

    before = await fetch("SELECT id FROM upload ORDER BY id")
    assert (await post(b"hello", Upload_Checksum=checksum(b"other"))).status_code == 460
    assert (await post(b"helloworld!")).status_code == 413
    assert await fetch("SELECT id FROM upload ORDER BY id") == before

    with all_seats_taken(marie, api):
        response = await post(b"hello")
    assert (response.status_code, response.headers["Upload-Offset"]) == (201, "0")


async def test_it_can_be_thrown_away(api: Api, marie: Caller) -> None:
    url = await marie.create()
    await marie.patch(url, 0, b"hello")
    assert len(stored(api.settings)) == 1
    response = await marie.call("DELETE", url)
    assert (response.status_code, response.content) == (204, b"")
    assert stored(api.settings) == []
    for method in ("HEAD", "DELETE"):
        assert (await marie.call(method, url)).status_code == 404
    assert (await marie.patch(url, 5, b"world")).status_code == 404


async def test_it_expires(marie: Caller) -> None:
    url = await marie.create()
    await execute("UPDATE upload SET expires_at = $1", now() - timedelta(seconds=1))
    response = await marie.call("HEAD", url)
    assert response.status_code == 410
    assert "Upload-Offset" not in response.headers
    response = await marie.patch(url, 0, b"hello")
    assert response.status_code == 410
    assert response.text == "Cet envoi a expiré. Commencez-en un nouveau."
    assert (await marie.call("DELETE", url)).status_code == 204


async def test_it_expires_while_its_bytes_come_in(api: Api, marie: Caller) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"hello"
        await execute("UPDATE upload SET expires_at = $1", now() - timedelta(seconds=1))
        yield b"world"

    url = await marie.create()
    assert (await marie.patch(url, 0, chunks())).status_code == 410
    assert stored(api.settings) == []


async def test_it_goes_while_its_bytes_come_in(api: Api, marie: Caller) -> None:
    url = await marie.create()

    async def chunks() -> AsyncIterator[bytes]:
        yield b"hello"
        await marie.call("DELETE", url)
        yield b"world"

    assert (await marie.patch(url, 0, chunks())).status_code == 404
    assert stored(api.settings) == []


async def test_somebody_elses_is_absent(api: Api, marie: Caller, stranger: Caller) -> None:
    url = await marie.create()
    id = url.rpartition("/")[2]
    others = [
        f"/uploads/{name}" for name in (encode("Upload", new_id()), encode("File", new_id()), "x", f"{id}=")
    ]
    told = set()
    for path in (url, *others):
        for response in (
            await stranger.call("DELETE", path),
            await stranger.patch(path, 0, b"hello"),
        ):
            told.add((response.status_code, response.text))
        head = await stranger.call("HEAD", path)
        assert head.status_code == 404
        assert "Upload-Offset" not in head.headers
    assert {status for status, _ in told} == {404}
    assert len(told) == 1
    assert await marie.offset(url) == 0


async def test_a_ticket_and_an_agent_have_theirs(api: Api) -> None:
    ticket = new_ticket()
    request = await make_request(await make_procedure(), ticket=ticket)
    agent = await make_agent()
    columns = []
    for authorization in (f"Ticket {ticket}", f"Bearer {await credential_of(agent)}"):
        async with calling(api, None, authorization) as caller:
            url = await caller.create()
            assert (await caller.patch(url, 0, b"hello")).status_code == 204
            assert await caller.offset(url) == 5
            columns.append(
                await fetch_one("SELECT request_id, agent_id FROM upload ORDER BY id DESC LIMIT 1")
            )
    assert columns == [
        {"request_id": request.id, "agent_id": None},
        {"request_id": None, "agent_id": agent.agent_id},
    ]


async def test_visitors_and_partners_send_nothing(api: Api, marie: Caller) -> None:
    url = await marie.create()
    for authorization, status in (
        (None, 401),
        ("Bearer wrong", 401),
        ("Basic x", 401),
        ("Bearer partner", 403),
    ):
        async with calling(api, None, authorization) as caller:
            for response in (
                await caller.call("POST", Upload_Length="10", Upload_Metadata=metadata()),
                await caller.call("HEAD", url),
                await caller.patch(url, 0, b"hello"),
                await caller.call("DELETE", url),
            ):
                assert response.status_code == status
                assert ("WWW-Authenticate" in response.headers) == (status == 401)
    assert await marie.offset(url) == 0
    assert len(await fetch("SELECT id FROM upload")) == 1


async def test_a_cookie_needs_the_header_that_other_sites_cannot_send(api: Api) -> None:
    actor = await make_citizen()
    cookie = {"Cookie": f"session={await credential_of(actor)}"}
    shown = {**TUS, **cookie, "Upload-Length": "10", "Upload-Metadata": metadata()}
    async with httpx.AsyncClient(base_url=api.url) as client:
        assert (await client.post("/uploads", headers=shown)).status_code == 403
        asked = {**shown, "X-Requested-With": "tus"}
        response = await client.post("/uploads", headers=asked)
        assert response.status_code == 201
        url = response.headers["Location"].removeprefix(PUBLIC)
        assert (await client.head(url, headers={**TUS, **cookie})).status_code == 200
        assert (await client.delete(url, headers={**TUS, **cookie})).status_code == 403
        overriding = {**TUS, **cookie, "X-HTTP-Method-Override": "DELETE"}
        for method in ("GET", "POST", "HEAD"):
            assert (await client.request(method, url, headers=overriding)).status_code == 403
        stale = {**shown, "Cookie": "session=stale", "X-Requested-With": "tus"}
        assert (await client.post("/uploads", headers=stale)).status_code == 401


async def test_another_method_may_be_meant(marie: Caller) -> None:
    url = await marie.create()
    response = await marie.call(
        "POST", url, b"hello", Upload_Offset="0", X_HTTP_Method_Override="PATCH", **_body()
    )
    assert (response.status_code, response.headers["Upload-Offset"]) == (204, "5")
    response = await marie.call("POST", url, X_HTTP_Method_Override="head")
    assert (response.status_code, response.headers["Upload-Offset"]) == (200, "5")
    response = await marie.call("PATCH", url, X_HTTP_Method_Override="DELETE")
    assert response.status_code == 204
    assert (await marie.call("POST", url, X_HTTP_Method_Override="HEAD")).status_code == 404
    assert (await marie.call("POST", url, X_HTTP_Method_Override="OPTIONS")).headers["Tus-Version"] == "1.0.0"


async def test_only_so_many_wait(marie: Caller) -> None:
    created = await asyncio.gather(
        *(marie.call("POST", Upload_Length="10", Upload_Metadata=metadata()) for _ in range(25))
    )
    assert sorted(response.status_code for response in created) == [201] * 20 + [429] * 5
    refused = next(response for response in created if response.status_code == 429)
    assert "24 heures" in refused.text


async def test_other_sites_may_call_where_they_are_allowed(api: Api, marie: Caller) -> None:
    asked = {
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,content-type,tus-resumable,upload-offset,upload-checksum,"
        "upload-length,upload-metadata,x-requested-with",
    }
    response = await marie.client.options("/uploads/x", headers={"Origin": ORIGIN, **asked})
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert response.headers["Access-Control-Allow-Credentials"] == "true"
    response = await marie.client.options("/uploads/x", headers={"Origin": "https://evil.example", **asked})
    assert response.status_code == 400
    response = await marie.call("POST", Upload_Length="10", Upload_Metadata=metadata(), Origin=ORIGIN)
    assert response.status_code == 201
    exposed = response.headers["Access-Control-Expose-Headers"].split(", ")
    assert {"Location", "Upload-Offset", "Upload-Length", "Upload-Expires", "Tus-Resumable"} <= set(exposed)
    response = await marie.call("POST", Upload_Length="10", Origin=ORIGIN)
    assert response.status_code == 400
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN, "pages may read why"


async def test_bytes_of_a_connection_that_breaks_are_kept(api: Api, marie: Caller) -> None:
    url = await marie.create(3_000_000)
    data = os.urandom(1_300_000)
    connection = await half_a_patch(api, marie, url, 3_000_000, data)
    connection.close()
    await api_is_done(api)
    assert await marie.offset(url) == len(data)
    # With a checksum nothing is: it speaks of the whole body.
    more = {"Upload-Offset": str(len(data)), "Upload-Checksum": checksum(data)}
    connection = await half_a_patch(api, marie, url, 1_700_000, data, **more)
    connection.close()
    await api_is_done(api)
    assert await marie.offset(url) == len(data)
    assert (await marie.patch(url, len(data), bytes(1_700_000))).status_code == 204
    assert await content_of(marie, url) == data + bytes(1_700_000)


async def test_a_creation_that_breaks_leaves_nothing(api: Api, marie: Caller) -> None:
    request = {
        **TUS,
        **BODY,
        "Upload-Length": "3000000",
        "Content-Length": "3000000",
        "Upload-Metadata": metadata(),
        "Authorization": marie.client.headers["Authorization"],
        "Host": "x",
    }
    connection = await say(api, "POST /uploads", request, os.urandom(1_300_000))
    assert len(await fetch("SELECT id FROM upload")) == 1
    connection.close()
    await api_is_done(api)
    assert await fetch("SELECT id FROM upload") == []
    assert stored(api.settings) == []


async def test_a_body_that_stalls_is_cut_off_and_kept(database: Settings) -> None:
    async with serving(database, upload_timeout_seconds=0.5) as api:
        actor = await make_citizen()
        async with calling(api, actor, f"Bearer {await credential_of(actor)}") as marie:
            url = await marie.create(100)
            connection = await half_a_patch(api, marie, url, 100, b"hello")
            reader, _ = connection.streams
            answer = await asyncio.wait_for(reader.read(), 20)
            assert answer.startswith(b"HTTP/1.1 503"), answer
            assert b"retry-after: 1" in answer
            connection.close()
            assert await marie.offset(url) == 5


async def test_only_so_many_bodies_come_in_at_once(api: Api, marie: Caller) -> None:
    url = await marie.create()
    with all_seats_taken(marie, api):
        response = await marie.patch(url, 0, b"hello")
        assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    assert (await marie.patch(url, 0, b"hello")).status_code == 204
    assert api.seats.taken == 0


async def test_a_store_that_is_away_is_said(
    api: Api, marie: Caller, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = await marie.create()
    (tmp_path / "taken").touch()
    monkeypatch.setenv("ESPACE_STORAGE_URL", (tmp_path / "taken" / "away").as_uri())
    get_settings.cache_clear()
    response = await marie.patch(url, 0, b"hello")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    monkeypatch.delenv("ESPACE_STORAGE_URL")
    get_settings.cache_clear()
    assert await marie.offset(url) == 0
    assert (await marie.patch(url, 0, b"hello")).status_code == 204


async def test_a_database_that_is_away_is_said(api: Api, marie: Caller, database: Settings) -> None:
    url = await marie.create()
    await postgres.close()
    await postgres.initialise(database.model_copy(update={"database_url": "postgresql://127.0.0.1:1/none"}))
    for response in (
        await marie.call("POST", Upload_Length="10", Upload_Metadata=metadata()),
        await marie.call("HEAD", url),
        await marie.patch(url, 0, b"hello"),
        await marie.call("DELETE", url),
    ):
        assert (response.status_code, response.headers["Retry-After"]) == (503, "2")
    await postgres.close()
    await postgres.initialise(database)


async def test_logs_tell_no_names_and_no_tokens(
    marie: Caller, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO)
    url = await marie.create(Upload_Metadata=metadata("jugement-de-divorce.pdf"))
    await marie.patch(url, 0, b"hello")
    await marie.patch(url, 0, b"hello")
    (tmp_path / "taken").touch()
    monkeypatch.setenv("ESPACE_STORAGE_URL", (tmp_path / "taken" / "away").as_uri())
    get_settings.cache_clear()
    await marie.call("DELETE", url)
    assert "left to the sweep" in caplog.text
    ours = [each.getMessage() for each in caplog.records if each.name.startswith(("espace", "uvicorn"))]
    assert "divorce" not in str(ours)
    assert marie.client.headers["Authorization"].partition(" ")[2] not in str(ours)


@dataclass
class Connection:
    """A connection in the middle of a request."""

    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter]

    def close(self) -> None:
        self.streams[1].close()


async def say(api: Api, line: str, headers: Mapping[str, str], content: bytes) -> Connection:
    """The beginning of a request whose body has more than `content`; returns once that was read."""
    read_before = api.counted.bytes_read
    reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"{line} HTTP/1.1\r\n{head}\r\n".encode() + content)
    await writer.drain()
    await eventually(lambda: api.counted.bytes_read - read_before == len(content))
    return Connection((reader, writer))


async def half_a_patch(
    api: Api, caller: Caller, url: str, announced: int, content: bytes, **headers: str
) -> Connection:
    """A PATCH that announces more bytes than come."""
    said = {
        **TUS,
        **BODY,
        "Host": "x",
        "Authorization": caller.client.headers["Authorization"],
        "Upload-Offset": "0",
        "Content-Length": str(announced),
        **headers,
    }
    return await say(api, f"PATCH {url.removeprefix(PUBLIC)}", said, content)


async def eventually(happened: Callable[[], bool], within: float = 20.0) -> None:
    deadline = time.monotonic() + within
    while not happened():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def api_is_done(api: Api) -> None:
    """Once no body is being read."""
    await eventually(lambda: not api.seats.taken)


@contextmanager
def all_seats_taken(caller: Caller, api: Api) -> Iterator[None]:
    """All that one caller may have."""
    with ExitStack() as stack:
        for _ in range(SEATS_OF_ONE):
            stack.enter_context(api.seats.take(caller.actor.account_id))
        yield
