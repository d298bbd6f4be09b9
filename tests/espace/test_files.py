"""What an address of a file answers: bytes, headers, and refusals that say nothing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
import uvicorn
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from core.keys import new_token
from core.settings import Settings, get_settings
from core.tickets import new_ticket
from espace.file_content import BrokenBlobError, ContentResponse
from espace.file_headers import (
    UnsatisfiableRangeError,
    allows_range,
    content_disposition,
    is_among,
    parse_range,
)
from espace.files import guard, make_file_routes
from models.accounts import Session
from models.actors import CitizenActor
from models.database import close, counted, execute, initialise
from models.files import File
from resolvers.file_links import file_url
from tests.factories import make_agent, make_citizen, make_procedure, make_request, make_session
from tests.file_rows import CONTENT, make_attachment, make_file, set_scan

PREVIEW = b"RIFF a small picture"
PORTAL = "https://portail.example"
ETAG = f'"{sha256(CONTENT).hexdigest()}"'


@dataclass(frozen=True)
class Piece:
    """An attachment of a citizen's, the caller of `url` and `preview_url`, whose session token is `bearer`."""

    citizen: CitizenActor
    file: File
    url: str
    preview_url: str
    bearer: str


async def make_piece(
    content: bytes = CONTENT, *, media_type: str = "application/pdf", name: str = "passeport.pdf"
) -> Piece:
    citizen = await make_citizen()
    request = await make_request(await make_procedure(), citizen=citizen)
    file = await make_file(content, media_type=media_type, preview=PREVIEW)
    attachment = await make_attachment(request, file, name=name)
    bearer = new_token()
    session = await Session.get(id=citizen.session_id)
    await make_session(session.credential_id, token=bearer)
    urls = [
        file_url(citizen, "attachment", attachment.id, name, preview=preview) for preview in (False, True)
    ]
    return Piece(citizen, file, str(urls[0]), str(urls[1]), bearer)


@pytest_asyncio.fixture
async def piece(database: Settings) -> Piece:
    return await make_piece()


def application(settings: Settings) -> ASGIApp:
    other = Route("/graphql", lambda _: PlainTextResponse("graphql"))
    return guard(Starlette(routes=[*make_file_routes(settings), other]), settings)


@pytest_asyncio.fixture
async def client(database: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Without other sites; addresses are absolute, at `public_url`."""
    async with client_of(database) as client:
        yield client


def client_of(settings: Settings) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(application(settings), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=settings.public_url)


@contextlib.asynccontextmanager
async def server_of(app: ASGIApp) -> AsyncIterator[str]:
    """A real server on this loop, as `serve` sets it up; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app, log_config=None, lifespan="off", access_log=False, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve([listener]))
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await running


async def test_a_file_is_served_whole_and_harmless(piece: Piece, client: httpx.AsyncClient) -> None:
    response = await client.get(piece.url)
    assert response.status_code == 200
    assert response.content == CONTENT
    headers = response.headers
    assert headers["content-type"] == "application/pdf"
    assert headers["content-length"] == str(len(CONTENT))
    assert headers["content-disposition"] == 'inline; filename="passeport.pdf"'
    assert headers["etag"] == ETAG
    assert headers["accept-ranges"] == "bytes"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "cross-origin"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert headers["vary"] == "Authorization, Cookie"
    policy = [directive.strip() for directive in headers["content-security-policy"].split(";")]
    assert "sandbox" in policy
    assert "default-src 'none'" in policy
    assert f"frame-ancestors 'self' {get_settings().public_url}" in policy
    assert "script" not in headers["content-security-policy"]
    kept = re.fullmatch(r"private, max-age=(\d+)", headers["cache-control"])
    assert kept is not None
    assert 595 <= int(kept[1]) <= 900
    assert "set-cookie" not in headers


async def test_a_preview_is_served_as_a_picture(piece: Piece, client: httpx.AsyncClient) -> None:
    response = await client.get(piece.preview_url)
    assert (response.status_code, response.content) == (200, PREVIEW)
    assert response.headers["content-type"] == "image/webp"
    assert response.headers["content-length"] == str(len(PREVIEW))
    assert response.headers["content-disposition"] == 'inline; filename="passeport.webp"'
    assert response.headers["etag"] != ETAG
    part = await client.get(piece.preview_url, headers={"Range": "bytes=5-"})
    assert (part.status_code, part.content) == (206, PREVIEW[5:])
    again = await client.get(piece.preview_url, headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("media_type", "query", "kind", "served_as"),
    [
        ("application/pdf", "", "inline", "application/pdf"),
        ("image/jpeg", "", "inline", "image/jpeg"),
        ("image/png", "?download", "attachment", "image/png"),
        ("image/webp", "?download=1", "attachment", "image/webp"),
        ("image/heic", "?download=0", "attachment", "image/heic"),
        ("text/html", "", "attachment", "application/octet-stream"),
        ("image/svg+xml", "", "attachment", "application/octet-stream"),
        ("application/xhtml+xml", "", "attachment", "application/octet-stream"),
        ("text/plain", "", "attachment", "application/octet-stream"),
    ],
)
async def test_only_what_is_inert_is_shown(
    client: httpx.AsyncClient, media_type: str, query: str, kind: str, served_as: str
) -> None:
    piece = await make_piece(media_type=media_type)
    response = await client.get(piece.url + query)
    assert response.headers["content-disposition"].split(";")[0] == kind
    assert response.headers["content-type"] == served_as


async def test_head_says_what_get_would(piece: Piece, client: httpx.AsyncClient) -> None:
    for url in (piece.url, piece.preview_url):
        whole = await client.get(url)
        # Range is defined for GET alone (RFC 9110, 14.2).
        head = await client.head(url, headers={"Range": "bytes=0-0"})
        assert (head.status_code, head.content) == (200, b"")
        assert dict(head.headers) == dict(whole.headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_nothing_else_can_be_done(piece: Piece, client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, piece.url)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-", 0, None),
        ("bytes=9-18", 9, 19),
        ("BYTES= 9-18 ", 9, 19),
        ("bytes=100-99999999999999999999999", 100, None),
        ("bytes=-7", -7, None),
        ("bytes=-99999999999", 0, None),
        (f"bytes={'0' * 5000}3-{'9' * 5000}", 3, None),
    ],
)
async def test_a_range_is_a_slice(
    piece: Piece, client: httpx.AsyncClient, value: str, start: int, end: int | None
) -> None:
    response = await client.get(piece.url, headers={"Range": value})
    assert response.status_code == 206
    assert response.content == CONTENT[start:end]
    first = start % len(CONTENT)
    last = first + len(response.content) - 1
    assert response.headers["content-range"] == f"bytes {first}-{last}/{len(CONTENT)}"
    assert response.headers["content-length"] == str(len(response.content))
    assert response.headers["etag"] == ETAG


@pytest.mark.parametrize("value", [f"bytes={len(CONTENT)}-", "bytes=-0", f"bytes={'9' * 5000}-"])
async def test_a_range_behind_the_end_is_refused(piece: Piece, client: httpx.AsyncClient, value: str) -> None:
    response = await client.get(piece.url, headers={"Range": value})
    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{len(CONTENT)}"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "value",
    ["bytes=0-1,5-6", "bytes=5-4", "bytes=-", "bytes", "lines=0-1", "bytes=a-b", "bytes=0x1-2", "bytes=٣-٤"],
)
async def test_what_is_no_single_range_gets_all(piece: Piece, client: httpx.AsyncClient, value: str) -> None:
    response = await client.get(piece.url, headers=[(b"Range", value.encode())])
    assert (response.status_code, response.content) == (200, CONTENT)
    assert "content-range" not in response.headers


@hypothesis_settings(max_examples=500, deadline=None)
@given(
    size=st.integers(1, 400),
    first=st.none() | st.integers(0, 500),
    last=st.none() | st.integers(0, 500),
)
def test_ranges_are_those_of_slices(size: int, first: int | None, last: int | None) -> None:
    content = bytes(index % 251 for index in range(size))
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    if first is None:
        expected = content[-last:] if last else b""
    else:
        expected = content[first:] if last is None else content[first : last + 1]
    if (first is None and last is None) or (first is not None and last is not None and last < first):
        assert parse_range(header, size) is None
    elif expected:
        found = parse_range(header, size)
        assert found is not None
        assert content[found[0] : found[1]] == expected
    else:
        with pytest.raises(UnsatisfiableRangeError) as raised:
            parse_range(header, size)
        assert raised.value.size == size


@hypothesis_settings(max_examples=300, deadline=None)
@given(header=st.text(max_size=60) | st.from_regex(r"bytes=[-0-9 ,]{0,40}"), size=st.integers(1, 10**12))
def test_no_range_is_outside_of_the_file(header: str, size: int) -> None:
    with contextlib.suppress(UnsatisfiableRangeError):
        found = parse_range(header, size)
        assert found is None or 0 <= found[0] < found[1] <= size


async def test_who_has_it_already_is_told_so(piece: Piece, client: httpx.AsyncClient) -> None:
    for value in (ETAG, f"W/{ETAG}", "*", f'"other", {ETAG}'):
        response = await client.get(piece.url, headers={"If-None-Match": value, "Range": "bytes=0-1"})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == ETAG
        assert response.headers["cache-control"].startswith("private, max-age=")
        assert "content-length" not in response.headers
        assert "content-type" not in response.headers
    response = await client.get(piece.url, headers={"If-None-Match": '"other"'})
    assert response.content == CONTENT


async def test_the_rest_of_another_file_is_not_sent(piece: Piece, client: httpx.AsyncClient) -> None:
    for value, status in (
        (ETAG, 206),
        (f"W/{ETAG}", 200),
        ('"other"', 200),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 200),
    ):
        response = await client.get(piece.url, headers={"Range": "bytes=4-7", "If-Range": value})
        assert response.status_code == status, value
        assert response.content == (CONTENT[4:8] if status == 206 else CONTENT)


def test_conditions_compare_entity_tags() -> None:
    assert is_among("a", '"b", W/"a"')
    assert not is_among("a", None)
    assert not is_among("a", "a")
    assert not is_among("a", '"aa"')
    assert allows_range(None, "a")
    assert not allows_range('W/"a"', "a")


@pytest.mark.parametrize("scan", ["PENDING", "INFECTED", "FAILED"])
async def test_what_is_not_clean_is_not_there(piece: Piece, client: httpx.AsyncClient, scan: str) -> None:
    await set_scan(piece.file, scan)
    for url in (piece.url, piece.preview_url):
        response = await client.get(url)
        assert response.status_code == 404
        assert b"PDF" not in response.content


async def test_refusals_are_alike_and_say_what_to_do(piece: Piece, client: httpx.AsyncClient) -> None:
    other = await make_piece(b"other")
    forged = piece.url.replace("/files/", "/files/x")
    await execute("DELETE FROM session WHERE id = $1", other.citizen.session_id)
    answers = [await client.get(url) for url in (forged, other.url)]
    answers.append(await client.get(piece.url, headers={"Authorization": f"Bearer {other.bearer}"}))
    for response in answers:
        assert response.status_code == 404
        assert response.text == answers[0].text
        assert "Rechargez la page" in response.text
        assert response.headers["content-type"] == "text/plain; charset=utf-8"
        assert response.headers["content-language"] == "fr"
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in response.headers["content-security-policy"]
    english = await client.get(forged, headers={"Accept-Language": "en"})
    assert "Reload the page" in english.text


async def test_credentials_of_another_caller_open_nothing(piece: Piece, client: httpx.AsyncClient) -> None:
    other = await make_piece(b"other")
    agent_token = new_token()
    agent_session = await Session.get(id=(await make_agent()).session_id)
    await make_session(agent_session.credential_id, token=agent_token)
    ticket = new_ticket()
    await make_request(await make_procedure(), ticket=ticket)
    expected: list[tuple[dict[str, str], int]] = [
        ({}, 200),
        ({"Authorization": f"Bearer {piece.bearer}"}, 200),
        ({"Cookie": f"session={piece.bearer}"}, 200),
        # A cookie that is no longer good makes a visitor, as everywhere; a header says who one wants to be.
        ({"Cookie": f"session={new_token()}"}, 200),
        ({"Authorization": f"Bearer {new_token()}"}, 404),
        ({"Authorization": "Basic dTpw"}, 404),
        ({"Authorization": f"Bearer {other.bearer}"}, 404),
        ({"Cookie": f"session={other.bearer}"}, 404),
        ({"Authorization": f"Bearer {agent_token}"}, 404),
        ({"Authorization": f"Ticket {ticket}"}, 404),
    ]
    for headers, status in expected:
        assert (await client.get(piece.url, headers=headers)).status_code == status, headers


async def test_an_expired_link_says_to_reload_the_page(
    piece: Piece, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("resolvers.file_links.now", lambda: datetime.now(UTC) + timedelta(minutes=16))
    response = await client.get(piece.url, headers={"Accept-Language": "en"})
    assert response.status_code == 410
    assert response.text == "This link has expired. Reload the page that it is on, then try again."
    assert response.headers["cache-control"] == "no-store"


async def test_how_many_statements_it_takes(piece: Piece, client: httpx.AsyncClient) -> None:
    for headers, statements in (({}, 1), ({"Authorization": f"Bearer {piece.bearer}"}, 2)):
        for url in (piece.url, piece.preview_url):
            with counted() as count:
                assert (await client.get(url, headers=headers)).status_code == 200
            assert count.value == statements
    with counted() as count:
        assert (await client.get(piece.url.replace("/files/", "/files/x"))).status_code == 404
    assert count.value == 0


NAMES = [
    "simple.pdf",
    "avis d’imposition 2026.pdf",
    'le "vrai" fichier.pdf',
    "back\\slash.pdf",
    "50 % de l'aide; filename=evil.exe.pdf",
    "été à l’œuvre.pdf",
    "👩‍👩‍👧 famille.png",
    "وثيقة.pdf",
    "身份证.jpg",
    "%2e%2e%2f.pdf",
    "a" * 200,
]


@pytest.mark.parametrize("name", NAMES)
async def test_names_arrive_as_they_are(client: httpx.AsyncClient, name: str) -> None:
    piece = await make_piece(name=name)
    header = (await client.get(piece.url + "?download")).headers["content-disposition"]
    message = Message()
    message["Content-Disposition"] = header
    expected = name.replace("\\", "_").replace("\u200d", "_")
    # Python's reader of RFC 2231 prefers filename* as RFC 6266 tells it to, and knows nothing of how we wrote it.
    if "filename*" in header:
        del message["Content-Disposition"]
        message["Content-Disposition"] = f"attachment; {header.rpartition('; ')[2]}"
    assert message.get_filename() == expected


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.pdf", 'inline; filename="a.pdf"'),
        ("été.pdf", "inline; filename=\"ete.pdf\"; filename*=UTF-8''%C3%A9t%C3%A9.pdf"),
        ('a"b.pdf', "inline; filename=\"a_b.pdf\"; filename*=UTF-8''a%22b.pdf"),
        (
            "a\r\nSet-Cookie: x=y",
            "inline; filename=\"a__Set-Cookie_ x=y\"; filename*=UTF-8''a__Set-Cookie%3A%20x%3Dy",
        ),
        ("\u202efdp.exe", 'inline; filename="_fdp.exe"'),
        ("../../etc/passwd", 'inline; filename=".._.._etc_passwd"'),
        ("..", 'inline; filename="file"'),
        ("", 'inline; filename="file"'),
        ("\ud800.pdf", 'inline; filename="_.pdf"'),
    ],
)
def test_names_are_made_safe(name: str, header: str) -> None:
    assert content_disposition("inline", name) == header


@hypothesis_settings(max_examples=500, deadline=None)
@given(name=st.text(max_size=200))
@example('"; filename="evil.html')
@example("\u2028\x00\x7f")
def test_no_name_breaks_out_of_its_header(name: str) -> None:
    header = content_disposition("attachment", name)
    # RFC 6266's grammar, with RFC 8187's ext-value.
    grammar = r"""attachment; filename="[ -!#-\[\]-~]+"(; filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-F]{2})+)?"""
    assert re.fullmatch(grammar, header)


async def test_other_sites_that_are_allowed_may_read_and_frame_it(piece: Piece, database: Settings) -> None:
    async with client_of(database.model_copy(update={"allowed_origins": [PORTAL]})) as client:
        response = await client.get(piece.url, headers={"Origin": PORTAL})
        assert response.headers["access-control-allow-origin"] == PORTAL
        assert "Content-Disposition" in response.headers["access-control-expose-headers"]
        assert "Origin" in response.headers["vary"]
        policy = response.headers["content-security-policy"]
        assert policy.endswith(f"frame-ancestors 'self' {database.public_url} {PORTAL}")
        # What a browser keeps of a picture is not handed to a script without the header that allows it.
        assert "Origin" in (await client.get(piece.url)).headers["vary"]
        stranger = await client.get(piece.url, headers={"Origin": "https://ailleurs.example"})
        assert "access-control-allow-origin" not in stranger.headers
        asked = {
            "Origin": PORTAL,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "range",
        }
        assert (await client.options(piece.url, headers=asked)).status_code == 200
        asked["Access-Control-Request-Method"] = "POST"
        assert (await client.options(piece.url, headers=asked)).status_code == 400


async def test_files_may_have_an_origin_of_their_own(piece: Piece, database: Settings) -> None:
    settings = database.model_copy(
        update={"files_origin": "https://fichiers.example.fr", "public_url": "https://espace.example.fr"}
    )
    path = urlsplit(piece.url).path
    async with client_of(settings) as client:
        for host, reached in (
            ("fichiers.example.fr", {path}),
            ("FICHIERS.example.fr:443", {path}),
            ("fichiers.example.fr:8443", {"/graphql"}),
            ("espace.example.fr", {"/graphql"}),
            ("fichiers.example.fr.evil.example", {"/graphql"}),
            ("[", {"/graphql"}),
            ("", {"/graphql"}),
        ):
            found = {
                address
                for address in (path, "/graphql", "/", "/filesx", "/files")
                if (await client.get(address, headers={"Host": host})).status_code == 200
            }
            assert found == reached, host


async def test_the_origin_of_files_has_no_websockets(database: Settings) -> None:
    settings = database.model_copy(update={"files_origin": "https://fichiers.example.fr"})
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    scope = {"type": "websocket", "path": "/graphql", "headers": [(b"host", b"fichiers.example.fr")]}
    await application(settings)(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_without_such_an_origin_the_guard_is_not_there(settings: Settings) -> None:
    app = Starlette()
    assert guard(app, settings) is app
    same = settings.model_copy(
        update={
            "public_url": "https://espace.example.fr/mairie",
            "files_origin": "https://ESPACE.example.fr:443",
        }
    )
    assert guard(app, same) is app


async def test_without_a_database_it_is_told_to_come_back(piece: Piece, database: Settings) -> None:
    await close()
    await initialise(database.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/nothing"}))
    async with client_of(database) as client:
        response = await client.get(piece.url)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"
    assert "momentanément indisponible" in response.text
    assert response.headers["cache-control"] == "no-store"


async def test_without_its_store_it_is_told_to_come_back(
    piece: Piece, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESPACE_STORAGE_URL", "s3://pieces?region=eu-west-3&endpoint=http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    get_settings.cache_clear()
    for url in (piece.url, piece.preview_url):
        response = await client.get(url)
        assert response.status_code == 503
        assert response.headers["retry-after"] == "2"
    # Nothing is read for those who have it already.
    assert (await client.get(piece.url, headers={"If-None-Match": ETAG})).status_code == 304


async def test_bytes_that_are_gone_are_not_found(
    piece: Piece, client: httpx.AsyncClient, database: Settings
) -> None:
    for blob in stored(database):
        blob.unlink()
    assert (await client.get(piece.url)).status_code == 404
    assert (await client.get(piece.preview_url)).status_code == 404


def stored(settings: Settings) -> list[Path]:
    """The files of the store, the largest first."""
    found = [path for path in (settings.data / "files").rglob("*") if path.is_file()]
    assert found
    return sorted(found, key=lambda path: -path.stat().st_size)


async def test_a_blob_that_fails_half_way_breaks_the_connection(
    database: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    content = bytes(range(256)) * 8_000
    piece = await make_piece(content, name="secret-name.pdf")
    blob = stored(database)[0]
    damaged = bytearray(blob.read_bytes())
    damaged[-1000] ^= 1
    caplog.set_level(logging.DEBUG)
    async with server_of(application(database)) as address, httpx.AsyncClient() as client:
        url = piece.url.replace(database.public_url, address)
        assert (await client.get(url)).content == content
        blob.write_bytes(damaged)
        received = bytearray()
        async with client.stream("GET", url) as response:
            assert response.status_code == 200
            assert response.headers["content-length"] == str(len(content))
            with pytest.raises(httpx.RemoteProtocolError):
                await take(response, received)
        assert 0 < len(received) < len(content)
        assert content.startswith(received)
        # Damage before the first byte can still be said.
        blob.write_bytes(damaged[:50])
        assert (await client.get(url)).status_code == 500
    token = urlsplit(piece.url).path.split("/")[2]
    logged = [record for record in caplog.records if not record.name.startswith("http")]
    text = "\n".join(logging.Formatter().format(record) for record in logged)
    assert "CorruptBlobError" in text
    assert token not in text
    assert "secret-name" not in text


async def take(response: httpx.Response, received: bytearray) -> None:
    async for chunk in response.aiter_raw():
        received += chunk


async def test_a_large_file_goes_through_a_real_server(database: Settings) -> None:
    content = bytes(range(251)) * 20_000
    piece = await make_piece(content)
    async with server_of(application(database)) as address, httpx.AsyncClient() as client:
        url = piece.url.replace(database.public_url, address)
        assert (await client.get(url)).content == content
        head = await client.head(url)
        assert (head.headers["content-length"], head.content) == (str(len(content)), b"")
        part = await client.get(url, headers={"Range": "bytes=3000000-4000000"})
        assert part.content == content[3_000_000:4_000_001]
        unchanged = await client.get(url, headers={"If-None-Match": head.headers["etag"]})
        assert unchanged.status_code == 304


@dataclass
class Source:
    """Chunks without end, which counts how many were drawn and knows when it is closed."""

    drawn: int = 0

    def __post_init__(self) -> None:
        self.closed = asyncio.Event()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        try:
            while True:
                self.drawn += 1
                await asyncio.sleep(0)  # As the store does, whose bytes come from a thread.
                yield bytes(65_536)
        finally:
            self.closed.set()


async def test_a_reader_who_stands_still_holds_one_chunk() -> None:
    source, sent = Source(), 0
    stuck, gone = asyncio.Event(), asyncio.Event()

    async def send(message: Any) -> None:
        nonlocal sent
        sent += message["type"] == "http.response.body"
        if sent == 3:
            stuck.set()
            await asyncio.Event().wait()

    async def receive() -> dict[str, str]:
        await gone.wait()
        return {"type": "http.disconnect"}

    response = ContentResponse(source.chunks(), 200, {"Content-Length": str(10**12)})
    answering = asyncio.create_task(response({"type": "http"}, receive, send))
    await stuck.wait()
    for _ in range(100):
        await asyncio.sleep(0)
    assert source.drawn == 3
    gone.set()
    await answering
    assert source.closed.is_set()
    assert source.drawn == 3


async def test_reading_stops_when_the_reader_leaves() -> None:
    source = Source()
    app = Starlette(
        routes=[Route("/", lambda _: ContentResponse(source.chunks(), 200, {"Content-Length": str(10**12)}))]
    )
    async with server_of(app) as address, httpx.AsyncClient() as client:
        async with client.stream("GET", address) as response:
            await anext(response.aiter_raw())
        await asyncio.wait_for(source.closed.wait(), 30)
    # What the sockets of both sides take in before it is noticed.
    assert source.drawn < 1_000


async def test_fewer_bytes_than_announced_are_an_error(database: Settings) -> None:
    """Another blob at the address of a row: what nothing of ours does."""
    piece = await make_piece(bytes(100))
    other = await make_file(bytes(99))
    await execute("DELETE FROM file WHERE id = $1", other.id)
    await execute("UPDATE file SET address = $2 WHERE id = $1", piece.file.id, other.address)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application(database))) as client:
        with pytest.raises(BrokenBlobError):
            await client.get(piece.url)
