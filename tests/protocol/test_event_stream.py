"""Server-sent events, as they look on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from starlette.types import Message

from espace.graphql.sse import EventStreamResponse
from tests.protocol.sample import SECRET, closed_subscriptions
from tests.protocol.test_envelope import expect_refusal
from tests.protocol.test_websocket import eventually_closed

STREAM = {"Accept": "text/event-stream"}


def events_of(text: str) -> list[tuple[str, Any]]:
    """Name and data of each event; comments left out."""
    events = []
    for block in text.split("\n\n"):
        lines = dict(line.split(":", 1) for line in block.split("\n") if line and not line.startswith(":"))
        if lines:
            data = lines["data"].strip()
            events.append((lines["event"].strip(), json.loads(data) if data else None))
    return events


async def stream(client: httpx.AsyncClient, query: str, **headers: str) -> list[tuple[str, Any]]:
    response = await client.post("/graphql", json={"query": query}, headers={**STREAM, **headers})
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["cache-control"] == "no-store"
    return events_of(response.text)


@pytest.mark.parametrize(
    ("query", "payloads"),
    [
        ("{ hello }", [{"data": {"hello": "hello world"}}]),
        ("mutation { logOut }", [{"data": {"logOut": True}}]),
        ("subscription { count(to: 2) }", [{"data": {"count": 1}}, {"data": {"count": 2}}]),
    ],
)
async def test_each_answer_is_an_event(client: httpx.AsyncClient, query: str, payloads: list[Any]) -> None:
    expected = [*(("next", payload) for payload in payloads), ("complete", None)]
    assert await stream(client, query) == expected


async def test_a_subscription_can_be_followed_by_get(client: httpx.AsyncClient) -> None:
    """The browser's own EventSource can send nothing else."""
    response = await client.get("/graphql", params={"query": "subscription { count(to: 1) }"}, headers=STREAM)
    assert events_of(response.text) == [("next", {"data": {"count": 1}}), ("complete", None)]


@pytest.mark.parametrize(
    "query", ["{", "{ nothing }", "query($n: Int!) { hello }", "query A { who } query B { who }"]
)
async def test_a_malformed_operation_is_told_in_the_stream(client: httpx.AsyncClient, query: str) -> None:
    [(name, payload), end] = await stream(client, query)
    assert name == "next"
    assert payload.keys() == {"errors"}
    assert payload["errors"][0]["extensions"]["code"] == "MALFORMED_OPERATION"
    assert end == ("complete", None)


async def test_what_is_no_operation_at_all_is_refused_in_json(client: httpx.AsyncClient) -> None:
    expect_refusal(await client.post("/graphql", json=[1], headers=STREAM), 400)
    refused = await client.post(
        "/graphql", json={"query": "{ who }"}, headers={**STREAM, "Authorization": "Bearer bad"}
    )
    expect_refusal(refused, 401, "UNAUTHENTICATED")
    expect_refusal(await client.get("/graphql", params={"query": "mutation { logOut }"}, headers=STREAM), 405)


async def test_a_defect_is_masked(client: httpx.AsyncClient) -> None:
    events = await stream(client, "subscription { breakDown }")
    assert events[0] == ("next", {"data": {"breakDown": 1}})
    assert events[1][1]["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert events[2] == ("complete", None)
    assert SECRET not in str(events)


async def test_no_cookie_is_promised_once_the_headers_have_left(client: httpx.AsyncClient) -> None:
    [(_, payload), _] = await stream(client, "mutation { logIn }")
    assert payload["errors"][0]["extensions"]["code"] == "INTERNAL"


async def test_leaving_closes_the_generator(server: str) -> None:
    async with httpx.AsyncClient(base_url=server) as client:
        query = {"query": 'subscription { wait(name: "left") }'}
        async with client.stream("POST", "/graphql", json=query, headers=STREAM) as response:
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    break
    assert "left" not in closed_subscriptions[:-1]
    await eventually_closed("left")


async def test_a_quiet_stream_shows_that_it_is_alive() -> None:
    async def quiet() -> AsyncGenerator[object, None]:
        await asyncio.sleep(0.2)
        yield {"data": 1}

    sent: list[bytes] = []

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))

    async def receive() -> Message:
        return await asyncio.Future()

    await EventStreamResponse(quiet(), heartbeat_seconds=0.04)({}, receive, send)
    assert sent.count(b":\n\n") >= 3
    assert sent[-2:] == [b'event: next\ndata: {"data":1}\n\n', b"event: complete\ndata:\n\n"]


async def test_a_client_that_reads_slowly_holds_the_generator_back() -> None:
    drawn = 0

    async def plenty() -> AsyncGenerator[object, None]:
        nonlocal drawn
        while True:
            drawn += 1
            yield drawn

    leave = asyncio.Event()

    async def send(message: Message) -> None:
        if message.get("body", b"").startswith(b"event"):
            leave.set()
            await asyncio.sleep(60)

    async def receive() -> Message:
        await leave.wait()
        await asyncio.sleep(0.05)
        return {"type": "http.disconnect"}

    await EventStreamResponse(plenty())({}, receive, send)
    assert drawn <= 4
