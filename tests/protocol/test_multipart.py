"""Operations that come with files: what is taken, what is refused, and that nothing of it stays open."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message

from core.settings import Settings
from espace.graphql import graphql_app
from tests.protocol import sample
from tests.protocol.conftest import ALLOWED_ORIGIN, make_settings, mount, serve
from tests.protocol.multipart_bodies import (
    CONTENT_TYPE,
    SEE_ALL,
    SEE_PIECES,
    Sent,
    encode,
    file,
    mapping,
    one_file,
    operations,
)
from tests.protocol.test_envelope import GRAPHQL_RESPONSE, expect_refusal

GOOD = {"Authorization": "Bearer good", "Content-Type": CONTENT_TYPE}
TITLED = {"title": "x", "file": None}


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Every file that a test sends is closed when it ends, and its descriptor is free."""
    sample.seen_files.clear()
    before = scratch_descriptors()
    yield
    assert all(seen.content.closed for seen in sample.seen_files)
    assert scratch_descriptors() == before
    sample.seen_files.clear()


def scratch_descriptors() -> int:
    """How many files without a name this process holds open."""
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            count += str(descriptor.readlink()).endswith("(deleted)")
        except FileNotFoundError:  # The one that iterdir itself had open.
            continue
    return count


def app_with(folder: Path, **changes: Any) -> ASGIApp:
    settings: Settings = make_settings(folder).model_copy(update=changes)
    return mount(graphql_app(sample.sample_schema(), settings, authenticate=sample.authenticate))


def client_of(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mairie.example")


async def send(client: httpx.AsyncClient, *parts: Sent, **headers: str) -> httpx.Response:
    return await client.post("/graphql", content=encode(*parts), headers={**GOOD, **headers})


async def test_a_file_arrives_as_it_was_sent(client: httpx.AsyncClient) -> None:
    content = bytes(range(256)) * 1000
    response = await client.post("/graphql", content=one_file(content), headers=GOOD)
    assert response.status_code == 200
    assert "connection" not in response.headers
    assert response.json() == {
        "data": {
            "see": {
                "name": "a.pdf",
                "mediaType": "application/pdf",
                "size": len(content),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        }
    }


async def test_files_go_where_the_map_says(client: httpx.AsyncClient) -> None:
    response = await send(
        client,
        operations(SEE_PIECES, {"pieces": [TITLED, {"title": "y"}, TITLED]}),
        mapping({"b": ["variables.pieces.2.file"], "a": ["variables.pieces.0.file"]}),
        file(b"1", "a", "first"),
        file(b"22", "b", "third"),
    )
    assert response.json()["data"]["seePieces"] == [
        {"name": "first", "size": 1},
        None,
        {"name": "third", "size": 2},
    ]


async def test_one_file_may_go_to_several_places(client: httpx.AsyncClient) -> None:
    response = await send(
        client,
        operations(SEE_ALL, {"files": [None, None]}),
        mapping({"0": ["variables.files.0", "variables.files.1"]}),
        file(b"same"),
    )
    first, second = response.json()["data"]["seeAll"]
    assert first == second
    assert first["sha256"] == hashlib.sha256(b"same").hexdigest()


async def test_ten_files_are_taken_and_eleven_are_not(client: httpx.AsyncClient) -> None:
    for count, status in ((10, 200), (11, 400)):
        response = await send(
            client,
            operations(SEE_ALL, {"files": [None] * count}),
            mapping({str(number): [f"variables.files.{number}"] for number in range(count)}),
            *(file(b"x", str(number)) for number in range(count)),
        )
        assert response.status_code == status


async def test_a_file_over_the_limit_arrives_with_its_size_and_without_its_content(tmp_path: Path) -> None:
    """The mutation refuses it, in its own words. The file after it is whole."""
    async with client_of(app_with(tmp_path, upload_file_bytes=1024)) as client:
        response = await send(
            client,
            operations(SEE_ALL, {"files": [None, None]}),
            mapping({"0": ["variables.files.0"], "1": ["variables.files.1"]}),
            file(b"x" * 200_000, "0"),
            file(b"y" * 1024, "1"),
        )
    large, small = response.json()["data"]["seeAll"]
    assert (large["size"], large["sha256"]) == (200_000, hashlib.sha256(b"").hexdigest())
    assert (small["size"], small["sha256"]) == (1024, hashlib.sha256(b"y" * 1024).hexdigest())


async def test_an_operation_without_files_may_come_this_way(client: httpx.AsyncClient) -> None:
    response = await send(client, operations("{ who }"), mapping({}))
    assert response.json() == {"data": {"who": "CitizenActor"}}


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (operations(),),
        (mapping(), operations(), file()),
        (operations(), file(), mapping()),
        (file(), operations(), mapping()),
        (operations(), mapping()),
        (operations(), mapping(), file(), file()),
        (operations(), operations(), mapping(), file()),
        (operations(), mapping(), mapping(), file()),
        (operations(), mapping(), file(), Sent("x", "y")),
        (operations(), mapping(), file(), file(name="1")),
        (operations(), mapping(), file(name="1")),
        (operations(), mapping(), Sent("0", "no file name")),
        (Sent("operations", operations().content, "operations.json"), mapping(), file()),
        (operations(), Sent("map", mapping().content, "map.json"), file()),
        *(
            (Sent("operations", text), mapping(), file())
            for text in (
                "",
                "null",
                "1",
                "{",
                "{}",
                b"\xff",
                "[" * 100_000,
                f"[{operations().content!r}]",
                '{"query": "{ who }", "variables": {"file": "\\u0000"}}',
                '{"query": "{ who }", "variables": {"a": "\\ud800", "file": null}}',
                '{"query": "{ who }", "variables": []}',
                '{"query": 1, "variables": {"file": null}}',
            )
        ),
        *(
            (operations(), Sent("map", text), file())
            for text in (
                "",
                "null",
                "[]",
                "1",
                "{",
                '{"0": null}',
                '{"0": []}',
                '{"0": "variables.file"}',
                '{"0": [1]}',
                '{"0": [null]}',
                '{"0": [["variables.file"]]}',
                '{"operations": ["variables.file"]}',
                '{"map": ["variables.file"]}',
                "[" * 100_000,
            )
        ),
        *(
            (
                operations(SEE_PIECES, {"pieces": [TITLED], "taken": "x", "a": {"b": [[None]]}}),
                mapping({"0": paths}),
                file(),
            )
            for paths in (
                [""],
                ["variables"],
                ["variables."],
                ["query"],
                ["operations.variables.pieces.0.file"],
                ["0.variables.pieces.0.file"],
                ["pieces.0.file"],
                ["variables.pieces"],
                ["variables.pieces.0"],
                ["variables.pieces.1.file"],
                ["variables.pieces.-1.file"],
                ["variables.pieces.00.file"],
                ["variables.pieces.٠.file"],
                ["variables.pieces.0.file.name"],
                ["variables.pieces.0.title"],
                ["variables.pieces.0.absent"],
                ["variables.pieces.__class__"],
                ["variables.taken"],
                ["variables.taken.0"],
                ["variables.pieces.0.file", "variables.pieces.0.file"],
                ["variables.a.b.0.0", "variables.pieces.9.file"],
                ["variables." + "a." * 30_000],
                ["variables.pieces." + "9" * 5000 + ".file"],
            )
        ),
        (
            operations(SEE_ALL, {"files": [None]}),
            mapping({"0": ["variables.files.0"], "1": ["variables.files.0"]}),
            file(),
            file(name="1"),
        ),
        (operations(), mapping(), file(file_name="a\0.pdf")),
        (operations(), mapping(), file(name="0\0")),
        (operations("subscription { count }"), mapping({})),
    ],
    ids=lambda parts: repr([part.name + ":" + str(part.content)[:40] for part in parts])[:100],
)
async def test_what_is_no_such_request_answers_400(
    client: httpx.AsyncClient, parts: tuple[Sent, ...]
) -> None:
    for accept in ("application/json", GRAPHQL_RESPONSE):
        expect_refusal(await send(client, *parts, Accept=accept), 400)
    assert sample.seen_files == []


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=other",
        "multipart/form-data; boundary=" + "x" * 71,
        'multipart/form-data; boundary="a\x7fb"',
        "multipart/form-data; boundary*=utf-8''frontier",
    ],
)
async def test_a_wrong_boundary_answers_400(client: httpx.AsyncClient, content_type: str) -> None:
    response = await client.post(
        "/graphql", content=one_file(), headers={**GOOD, "Content-Type": content_type}
    )
    expect_refusal(response, 400)


async def test_a_body_that_is_encoded_answers_415(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", content=one_file(), headers={**GOOD, "Content-Encoding": "gzip"})
    expect_refusal(response, 415)
    response = await client.post(
        "/graphql", content=one_file(), headers={**GOOD, "Content-Encoding": "identity"}
    )
    assert "errors" not in response.json()


async def test_a_request_with_files_is_not_answered_as_a_stream(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/graphql", content=one_file(), headers={**GOOD, "Accept": "text/event-stream"}
    )
    expect_refusal(response, 406)


async def test_a_get_has_no_files(client: httpx.AsyncClient) -> None:
    response = await client.request("GET", "/graphql", content=one_file(), headers=GOOD)
    expect_refusal(response, 400)


async def test_a_bad_document_is_refused_before_the_files_are_read(client: httpx.AsyncClient) -> None:
    body = Endless(
        encode(operations("{ nothing }"), mapping({}))[: -len("--frontier--\r\n")] + file().encode()[:-2]
    )
    response = await client.post("/graphql", content=body, headers={**GOOD, "Accept": GRAPHQL_RESPONSE})
    expect_refusal(response, 400)
    assert response.headers["connection"] == "close"


class Endless:
    """A body that goes on with zeros; `sent` bytes were asked for so far."""

    def __init__(self, start: bytes) -> None:
        self.start = start
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.start
        while True:
            self.sent += 65536
            yield bytes(65536)


async def test_a_declared_size_over_the_limit_answers_413_before_anything_is_read(server: str) -> None:
    answer = await converse(server, b"Authorization: Bearer good\r\nContent-Length: 53000000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer
    assert b"MALFORMED_OPERATION" in answer


async def test_a_body_without_length_is_cut_off_at_the_limit(tmp_path: Path) -> None:
    body = Endless(one_file()[: -len("\r\n--frontier--\r\n")])
    async with client_of(app_with(tmp_path, upload_request_bytes=1_000_000)) as client:
        response = await client.post("/graphql", content=body, headers=GOOD)
    expect_refusal(response, 413)
    assert response.headers["connection"] == "close"
    assert body.sent < 1_000_000 + 18 * 1024 * 1024


@pytest.mark.parametrize("field", ["operations", "map"])
async def test_the_fields_have_a_limit_of_their_own(client: httpx.AsyncClient, field: str) -> None:
    large = Sent(field, " " * 300_000)
    parts = (large, mapping()) if field == "operations" else (operations(), large)
    expect_refusal(await send(client, *parts, file()), 413)


async def converse(server: str, request: bytes) -> bytes:
    """The answer to headers and the start of a body, as far as its Content-Length."""
    host, port = server.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(
            f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: {CONTENT_TYPE}\r\n".encode() + request
        )
        async with asyncio.timeout(30):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            assert length
            return head + await reader.readexactly(int(length[1]))
    finally:
        writer.close()


async def test_a_body_that_is_too_slow_answers_408_and_the_connection_closes(tmp_path: Path) -> None:
    with serve(app_with(tmp_path, upload_timeout_seconds=0.2)) as server:
        host, port = server.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: {CONTENT_TYPE}\r\n".encode())
        writer.write(b"Authorization: Bearer good\r\nContent-Length: 1000\r\n\r\n" + one_file()[:-20])
        answer = await asyncio.wait_for(reader.read(), 30)  # To the end: the server is who closes.
        writer.close()
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer


def write_all_then_read(server: str, request: bytes) -> bytes:
    """As browsers do. Raises OSError where the connection is reset before everything is written."""
    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request)
        return connection.recv(65536)


async def test_a_client_that_writes_on_still_reads_why_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: where the connection is closed at once, the client cannot write on, and reads nothing."""
    head = f"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: {CONTENT_TYPE}\r\n".encode()
    body = one_file()[:-20].ljust(8_000_000, b"x") + b"\r\n0\r\n\r\n"
    request = head + b"Authorization: Bearer good\r\nTransfer-Encoding: chunked\r\n\r\n7a1200\r\n" + body
    with serve(app_with(tmp_path, upload_request_bytes=10_000)) as server:
        for _ in range(5):
            answer = await asyncio.to_thread(write_all_then_read, server, request)
            assert answer.startswith(b"HTTP/1.1 413")
            assert b"MALFORMED_OPERATION" in answer
        monkeypatch.setattr("espace.early_answer.LINGER_BYTES", 0)
        with pytest.raises(OSError, match=r"reset|Broken pipe"):
            await asyncio.to_thread(write_all_then_read, server, request)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "UNAUTHENTICATED"),
        ({"Authorization": "Bearer bad"}, 401, "UNAUTHENTICATED"),
        ({"Authorization": "Ticket bad"}, 401, "UNAUTHENTICATED"),
        ({"Authorization": "Bearer partner"}, 403, "FORBIDDEN"),
        ({"Authorization": "Bearer down"}, 503, "UNAVAILABLE"),
        ({"Cookie": "session=good"}, 403, "FORBIDDEN"),
        ({"Cookie": "session=expired", "X-Requested-With": "x"}, 401, "UNAUTHENTICATED"),
        ({"Cookie": "session=good", "Authorization": "Bearer good"}, 403, "FORBIDDEN"),
    ],
)
async def test_who_may_not_send_files_is_told_before_the_body_is_read(
    server: str, headers: dict[str, str], status: int, code: str
) -> None:
    """The body never comes: an answer means that nobody waited for it."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    answer = await converse(server, f"{lines}Content-Length: 1000\r\n\r\n".encode())
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert f'"{code}"'.encode() in answer


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer good"},
        {"Authorization": "Ticket GOOD-TICKET"},
        {"Cookie": "session=good", "X-Requested-With": "portal"},
    ],
)
async def test_citizens_and_ticket_holders_may_send_files(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await client.post(
        "/graphql", content=one_file(), headers={**headers, "Content-Type": CONTENT_TYPE}
    )
    assert response.json()["data"]["see"]["size"] == 5


async def test_a_page_of_an_allowed_origin_may_send_files(client: httpx.AsyncClient) -> None:
    preflight = await client.options(
        "/graphql",
        headers={
            "Origin": ALLOWED_ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, x-requested-with",
        },
    )
    assert preflight.status_code == 200
    response = await client.post(
        "/graphql", content=one_file(), headers={**GOOD, "Origin": ALLOWED_ORIGIN, "X-Requested-With": "x"}
    )
    assert response.headers["access-control-allow-origin"] == ALLOWED_ORIGIN
    assert response.json()["data"]["see"]["size"] == 5


async def test_there_are_so_many_bodies_at_once(tmp_path: Path) -> None:
    """Ten of one sender at most, and as many as the setting says in all; the next is not read."""
    for at_once, seated in ((100, 10), (3, 3)):
        async with client_of(app_with(tmp_path, uploads_at_once=at_once)) as client:
            bodies = [Stalling(one_file()) for _ in range(seated)]
            asking = [
                asyncio.create_task(client.post("/graphql", content=body, headers=GOOD)) for body in bodies
            ]
            for body in bodies:
                await body.asked.wait()
            response = await client.post("/graphql", content=Endless(one_file()), headers=GOOD)
            expect_refusal(response, 503, "UNAVAILABLE")
            assert int(response.headers["retry-after"]) > 0
            for body in bodies:
                body.go_on.set()
            assert [(await asked).status_code for asked in asking] == [200] * seated
            again = await client.post("/graphql", content=one_file(), headers=GOOD)
            assert again.status_code == 200


class Stalling:
    """A body that stops in the middle of the file until told to go on."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.body[:-20]
        self.asked.set()
        await self.go_on.wait()
        yield self.body[-20:]


async def test_the_files_are_closed_when_a_resolver_breaks_down(client: httpx.AsyncClient) -> None:
    response = await send(
        client, operations("mutation($file: Upload!) { breakDown(file: $file) }"), mapping(), file()
    )
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert len(sample.seen_files) == 1


async def test_the_files_are_closed_when_the_operation_is_cancelled(client: httpx.AsyncClient) -> None:
    asking = asyncio.create_task(
        send(client, operations("mutation($file: Upload!) { hold(file: $file) }"), mapping(), file())
    )
    while not sample.seen_files:  # noqa: ASYNC110 - the resolver cannot tell
        await asyncio.sleep(0)
    assert not sample.seen_files[0].content.closed
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_the_files_are_closed_when_the_reading_is_cancelled(client: httpx.AsyncClient) -> None:
    body = Stalling(one_file())
    asking = asyncio.create_task(client.post("/graphql", content=body, headers=GOOD))
    await body.asked.wait()
    assert scratch_descriptors() >= 1
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_the_files_are_closed_when_the_client_leaves(development: ASGIApp) -> None:
    messages: list[Message] = [
        {"type": "http.request", "body": one_file()[:-20], "more_body": True},
        {"type": "http.disconnect"},
    ]
    answers: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def answer(message: Message) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in GOOD.items()],
        "client": None,
    }
    await development(scope, receive, answer)
    assert messages == []
    assert answers[0]["status"] == 400


async def test_the_door_s_statements_are_told_apart(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", content=one_file(), headers=GOOD)
    assert response.headers["server-timing"].startswith('sql;desc="0", door;desc="0"')


async def pieces_of(body: bytes, places: list[int]) -> AsyncIterator[bytes]:
    start = 0
    for end in [*sorted(place % (len(body) + 1) for place in places), len(body)]:
        yield body[start:end]
        start = end


THREE = encode(
    operations(SEE_ALL, {"files": [None, None, None]}),
    mapping({"0": ["variables.files.0", "variables.files.2"], "1": ["variables.files.1"]}),
    file(b"\r\n--frontie\r\n" * 20, "0", "é.pdf"),
    file(b"", "1", ""),
)
BOTH = hypothesis_settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def post_in_pieces(app: ASGIApp, body: bytes, places: list[int]) -> httpx.Response:
    async with client_of(app) as client:
        return await client.post("/graphql", content=pieces_of(body, places), headers=GOOD)


@BOTH
@given(places=st.lists(st.integers(0, 5000), max_size=20))
def test_a_request_is_the_same_however_it_is_cut(tmp_path: Path, places: list[int]) -> None:
    response = asyncio.run(post_in_pieces(app_with(tmp_path), THREE, places))
    first, second, third = response.json()["data"]["seeAll"]
    assert first == third
    assert first["name"] == "é.pdf"
    assert first["sha256"] == hashlib.sha256(b"\r\n--frontie\r\n" * 20).hexdigest()
    assert (second["name"], second["size"]) == ("", 0)


changes = st.lists(
    st.tuples(st.integers(0, len(THREE)), st.integers(0, 30), st.binary(max_size=20)), min_size=1, max_size=5
)


@BOTH
@given(changes=changes, places=st.lists(st.integers(0, 5000), max_size=5))
def test_whatever_bytes_come_nothing_breaks_down(
    tmp_path: Path, changes: list[tuple[int, int, bytes]], places: list[int]
) -> None:
    body = THREE
    for at, removed, inserted in changes:
        body = body[:at] + inserted + body[at + removed :]
    response = asyncio.run(post_in_pieces(app_with(tmp_path), body, places))
    assert response.status_code == 200 or 400 <= response.status_code < 500, response.text
    codes = [error["extensions"]["code"] for error in response.json().get("errors", ())]
    assert codes == [] or set(codes) == {"MALFORMED_OPERATION"}, json.dumps(response.json())
