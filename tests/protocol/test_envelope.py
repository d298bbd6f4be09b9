"""What stands around a document: media types, methods, sizes, malformed envelopes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import httpx
import pytest

GRAPHQL_RESPONSE = "application/graphql-response+json"
NESTED = b'{"query":"{ hello }","variables":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}"


def expect_refusal(response: httpx.Response, status: int, code: str = "MALFORMED_OPERATION") -> None:
    assert response.status_code == status, response.text
    body = response.json()
    assert body.keys() == {"errors"}
    assert body["errors"][0]["extensions"]["code"] == code
    assert body["errors"][0]["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"1",
        b"null",
        b'"x"',
        b"[1]",
        b"[]",
        b'[{"query":"{ hello }"}]',
        b"{}",
        b"{",
        b"\xff\xfe",
        b'{"query":"\xff"}',
        '{"query":"{ hello }"}'.encode("utf-16"),
        b'{"query":1}',
        b'{"query":""}',
        b'{"query":null}',
        b'{"query":["{ hello }"]}',
        b'{"query":"{ hello }","variables":[]}',
        b'{"query":"{ hello }","variables":"{}"}',
        b'{"query":"{ hello }","variables":NaN}',
        b'{"query":"{ hello }","variables":{"a":Infinity}}',
        b'{"query":"{ hello }","variables":{"a":"\\ud800"}}',
        b'{"query":"{ hello }","variables":{"a":"\\u0000"}}',
        b'{"query":"{ hello }","variables":{"a":' + b"9" * 5000 + b"}}",
        b'{"query":"{ hello(name: \\"\\ud800\\") }"}',
        b'{"query":"{ hello }","operationName":1}',
        b'{"query":"{ hello }","operationName":{}}',
        b'{"query":"{ hello }","extensions":1}',
        b'{"query":"query A { hello } query B { hello }"}',
        b'{"query":"query A { hello }","operationName":"B"}',
        b'{"query":"subscription { count }"}',
        b"[" * 100_000,
        b'{"a":' * 30_000,
        NESTED,
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_a_malformed_envelope_answers_400(client: httpx.AsyncClient, body: bytes) -> None:
    for accept in ("application/json", GRAPHQL_RESPONSE):
        response = await client.post(
            "/graphql", content=body, headers={"content-type": "application/json", "accept": accept}
        )
        expect_refusal(response, 400)
        assert response.headers["content-type"] == f"{accept}; charset=utf-8"


@pytest.mark.parametrize(
    "parameters",
    [{}, {"query": ""}, {"query": "{ hello }", "variables": "["}, {"query": "{ hello }", "variables": "1"}],
)
async def test_a_malformed_get_answers_400(client: httpx.AsyncClient, parameters: dict[str, str]) -> None:
    expect_refusal(await client.get("/graphql", params=parameters), 400)


async def test_a_get_runs_a_query(client: httpx.AsyncClient) -> None:
    response = await client.get(
        "/graphql", params={"query": "query($n: String!) { hello(name: $n) }", "variables": '{"n": "Zoé"}'}
    )
    assert response.json() == {"data": {"hello": "hello Zoé"}}


async def test_a_get_never_runs_a_mutation(client: httpx.AsyncClient) -> None:
    response = await client.get("/graphql", params={"query": "mutation { logIn }"})
    expect_refusal(response, 405)
    assert response.headers["allow"] == "POST"
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_answer_405(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, "/graphql")
    expect_refusal(response, 405)
    assert response.headers["allow"] == "GET, POST"


@pytest.mark.parametrize(
    "media_type",
    [
        None,
        "text/plain",
        "application/graphql",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=x",
        "application/json; charset=latin-1",
        "application/jsonp",
    ],
)
async def test_other_media_types_answer_415(client: httpx.AsyncClient, media_type: str | None) -> None:
    headers = {"content-type": media_type} if media_type else {}
    expect_refusal(await client.post("/graphql", content=b'{"query":"{ hello }"}', headers=headers), 415)


@pytest.mark.parametrize(
    ("accept", "answered"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json", "application/json"),
        (GRAPHQL_RESPONSE, GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE}, application/json;q=0.9", GRAPHQL_RESPONSE),
        (f"{GRAPHQL_RESPONSE};q=0.5, application/json;q=0.9", "application/json"),
        (f"{GRAPHQL_RESPONSE};q=0, application/json;q=0.1", "application/json"),
        ("application/graphql-response+json; charset=utf-8, */*;q=0.1", GRAPHQL_RESPONSE),
    ],
)
async def test_the_answer_has_the_media_type_asked_for(
    client: httpx.AsyncClient, accept: str | None, answered: str
) -> None:
    del client.headers["accept"]
    response = await client.post(
        "/graphql", json={"query": "{ hello }"}, headers={"accept": accept} if accept else {}
    )
    assert response.status_code == 200
    assert response.headers["content-type"] == f"{answered}; charset=utf-8"


async def test_what_cannot_be_accepted_answers_406(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "{ hello }"}, headers={"accept": "text/csv"})
    expect_refusal(response, 406)


@pytest.mark.parametrize(
    "operation",
    [
        {"query": "{"},
        {"query": "{ nothing }"},
        {"query": "query($n: String!) { hello(name: $n) }"},
        {"query": "query($n: Int!) { hello }", "variables": {"n": "x"}},
        {"query": '{ hello(name: "\\u0000") }'},
        {"query": '{ hello(name: "\\u{0}") }'},
    ],
)
async def test_a_bad_document_answers_400_without_data_where_the_media_type_is_new(
    client: httpx.AsyncClient, operation: dict[str, object]
) -> None:
    """With `application/json` the status is 200, as GraphQL over HTTP asks; the body is the same."""
    new = await client.post("/graphql", json=operation, headers={"accept": GRAPHQL_RESPONSE})
    expect_refusal(new, 400)
    old = await client.post("/graphql", json=operation)
    expect_refusal(old, 200)


async def test_a_body_over_the_limit_answers_413(client: httpx.AsyncClient) -> None:
    large = b'{"query":"{ hello }","x":"' + b"x" * 300_000 + b'"}'
    headers = {"content-type": "application/json"}
    expect_refusal(await client.post("/graphql", content=large, headers=headers), 413)


async def test_a_body_without_length_is_cut_off_at_the_limit(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100_000_000:
            sent += 10_000
            yield b"x" * 10_000

    response = await client.post("/graphql", content=endless(), headers={"content-type": "application/json"})
    expect_refusal(response, 413)
    assert sent < 500_000


async def test_the_size_limit_holds_on_a_real_connection(server: str) -> None:
    """The client may still be writing when the answer comes: what counts is that the server is not held up."""
    host, port = server.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
    writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
    writer.writelines(b"2710\r\n" + b"x" * 10_000 + b"\r\n" for _ in range(30))
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"MALFORMED_OPERATION" in answer


async def test_a_client_that_leaves_while_sending_is_no_defect(
    server: str, caplog: pytest.LogCaptureFixture
) -> None:
    host, port = server.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n")
    writer.write(b"Content-Length: 100\r\n\r\n{")
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()
    await asyncio.sleep(0.2)
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_answers_are_protected(client: httpx.AsyncClient) -> None:
    headers = (await client.post("/graphql", json={"query": "{ hello }"})).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
