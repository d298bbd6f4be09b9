"""graphql-transport-ws, spoken by a real client to a real server."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from core.i18n import DEFAULT_LANGUAGE
from espace.graphql.door import Door
from espace.graphql.websocket import (
    INITIALISATION_SECONDS,
    MAXIMUM_MALFORMED,
    MAXIMUM_OPERATIONS,
    PROTOCOL,
    Connection,
)
from schema.execution import Engine
from schema.limits import Limits
from tests.protocol.conftest import ALLOWED_ORIGIN, make_settings, serve
from tests.protocol.sample import SECRET, authenticate, closed_subscriptions, revoked, sample_schema

Message = dict[str, Any]


@asynccontextmanager
async def opened(
    server: str,
    *,
    protocol: str = PROTOCOL,
    initialise: bool = True,
    payload: Message | None = None,
    **headers: str,
) -> AsyncIterator[ClientConnection]:
    async with connect(
        server.replace("http", "ws") + "/graphql",
        subprotocols=[Subprotocol(protocol)],
        additional_headers={name.replace("_", "-"): value for name, value in headers.items()},
    ) as connection:
        if initialise:
            await send(connection, {"type": "connection_init", **({"payload": payload} if payload else {})})
            assert await receive(connection) == {"type": "connection_ack"}
        yield connection


def operation(document: str) -> Message:
    return {"id": "a", "type": "subscribe", "payload": {"query": document}}


async def converse(folder: Path, messages: list[Message], leaves_before: str | None = None) -> list[Message]:
    """What a connection answers to messages that were all there before it read the first.

    The client then leaves; where `leaves_before` is given, it does when a message of that type is to be sent.
    """
    events: list[Message] = [
        {"type": "websocket.connect"},
        *({"type": "websocket.receive", "text": json.dumps(message)} for message in messages),
    ]
    sent: list[Message] = []
    left = asyncio.Event()
    if leaves_before is None:
        left.set()

    async def receive() -> Message:
        if events:
            return events.pop(0)
        await left.wait()
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(event: MutableMapping[str, Any]) -> None:
        if event["type"] != "websocket.send":
            return
        message: Message = json.loads(event["text"])
        if message["type"] == leaves_before:
            left.set()
            raise OSError
        sent.append(message)

    scope = {"type": "websocket", "subprotocols": [PROTOCOL], "headers": [], "client": None}
    await connection_on(WebSocket(scope, receive, send), folder).serve()
    return sent


def connection_on(
    websocket: WebSocket, folder: Path, initialisation_seconds: float = INITIALISATION_SECONDS
) -> Connection:
    engine = Engine(sample_schema(), limits=Limits(), development=True)
    door = Door(make_settings(folder), authenticate)
    return Connection(
        engine, door, websocket, maximum_bytes=1000, initialisation_seconds=initialisation_seconds
    )


async def send(connection: ClientConnection, message: object) -> None:
    await connection.send(message if isinstance(message, str | bytes) else json.dumps(message))


async def receive(connection: ClientConnection) -> Message:
    message: Message = json.loads(await asyncio.wait_for(connection.recv(), 5))
    return message


async def subscribe(connection: ClientConnection, operation_id: str, query: str, **members: object) -> None:
    await send(connection, {"id": operation_id, "type": "subscribe", "payload": {"query": query, **members}})


async def ask(connection: ClientConnection, query: str, operation_id: str = "q") -> Any:
    """The data of a query, in a connection where nothing else runs."""
    await subscribe(connection, operation_id, query)
    answer = await receive(connection)
    assert await receive(connection) == {"id": operation_id, "type": "complete"}
    return answer["payload"]["data"]


async def expect_close(connection: ClientConnection, code: int) -> None:
    await asyncio.wait_for(connection.wait_closed(), 5)
    assert connection.close_code == code


async def eventually_closed(name: str) -> None:
    async with asyncio.timeout(5):
        while name not in closed_subscriptions:  # noqa: ASYNC110 - the server has its own event loop
            await asyncio.sleep(0.01)


async def test_queries_mutations_and_subscriptions_are_answered(server: str) -> None:
    async with opened(server) as connection:
        assert await ask(connection, "{ hello }") == {"hello": "hello world"}
        assert await ask(connection, "mutation { logOut }") == {"logOut": True}
        await subscribe(connection, "s", "subscription { count }")
        for number in (1, 2, 3):
            assert await receive(connection) == {
                "id": "s",
                "type": "next",
                "payload": {"data": {"count": number}},
            }
        assert await receive(connection) == {"id": "s", "type": "complete"}
        assert await ask(connection, "{ hello }", "s") == {"hello": "hello world"}


async def test_each_operation_has_a_context_of_its_own(server: str) -> None:
    async with opened(server) as connection:
        assert [await ask(connection, "{ kept }") for _ in range(3)] == [{"kept": 1}] * 3


async def test_pings_are_answered_even_before_initialisation(server: str) -> None:
    async with opened(server, initialise=False) as connection:
        await send(connection, {"type": "ping"})
        assert await receive(connection) == {"type": "pong"}
        await send(connection, {"type": "pong"})
        await send(connection, {"type": "connection_init"})
        assert await receive(connection) == {"type": "connection_ack"}
        await send(connection, {"type": "ping", "payload": {"at": 1}})
        assert await receive(connection) == {"type": "pong"}


@pytest.mark.parametrize(
    "message",
    [
        "1",
        "null",
        '"x"',
        "[1]",
        "{}",
        '{"type": 1}',
        '{"type": "unknown"}',
        "{",
        "",
        b"\x00\x01",
        "[" * 100_000,
        '{"type": "subscribe"}',
        '{"type": "subscribe", "id": 1, "payload": {"query": "{ hello }"}}',
        '{"type": "subscribe", "id": "", "payload": {"query": "{ hello }"}}',
        '{"type": "subscribe", "id": "a"}',
        '{"type": "subscribe", "id": "a", "payload": [1]}',
        '{"type": "subscribe", "id": "a", "payload": {"query": 1}}',
        '{"type": "subscribe", "id": "a", "payload": {"query": "{ hello }", "variables": []}}',
        '{"type": "complete"}',
        r'{"type": "subscribe", "id": "\ud800", "payload": {"query": "{ hello }"}}',
        r'{"type": "subscribe", "id": "\ud800", "payload": {"query": "{"}}',
        r'{"type": "subscribe", "id": "a", "payload": {"query": "{ hello }", "operationName": "\udc00"}}',
        r'{"type": "complete", "id": "\ud83d"}',
        '{"type": "ping", "payload": NaN}',
    ],
    ids=lambda message: repr(message[:60]),
)
async def test_a_malformed_message_closes_with_4400(server: str, message: str | bytes) -> None:
    async with opened(server) as connection:
        await send(connection, message)
        await expect_close(connection, 4400)


@pytest.mark.parametrize("payload", ["1", '"x"', "[]", "true", r'{"authorization": "Bearer \ud800"}'])
async def test_a_malformed_initialisation_closes_with_4400(server: str, payload: str) -> None:
    async with opened(server, initialise=False) as connection:
        await send(connection, f'{{"type": "connection_init", "payload": {payload}}}')
        await expect_close(connection, 4400)


async def test_the_protocol_closes_with_its_own_codes(server: str) -> None:
    async with opened(server, initialise=False) as connection:
        await subscribe(connection, "a", "{ hello }")
        await expect_close(connection, 4401)
    async with opened(server) as connection:
        await send(connection, {"type": "connection_init"})
        await expect_close(connection, 4429)
    async with opened(server) as connection:
        await subscribe(connection, "a", "subscription { wait }")
        await subscribe(connection, "a", "subscription { wait }")
        await expect_close(connection, 4409)
    async with opened(server) as connection:
        await send(connection, "x" * 300_000)
        await expect_close(connection, 1009)


async def test_a_reason_that_is_too_long_is_cut_between_two_characters(server: str) -> None:
    operation_id = "x" + "é" * 199
    async with opened(server) as connection:
        await subscribe(connection, operation_id, "subscription { wait }")
        await subscribe(connection, operation_id, "subscription { wait }")
        await expect_close(connection, 4409)
    assert connection.close_reason == "Subscriber for x" + "é" * 53


async def test_too_many_malformed_documents_in_a_row_close_with_4400(server: str) -> None:
    async with opened(server) as connection:
        for _ in range(MAXIMUM_MALFORMED - 1):
            await subscribe(connection, "a", "{ nothing }")
            assert (await receive(connection))["type"] == "error"
        assert await ask(connection, "{ hello }") == {"hello": "hello world"}
        for _ in range(MAXIMUM_MALFORMED):
            await subscribe(connection, "a", "{ nothing }")
            assert (await receive(connection))["type"] == "error"
        await expect_close(connection, 4400)


@pytest.mark.parametrize(
    "flood",
    [
        [{"type": "connection_init"}, *[operation("{ nothing }")] * (MAXIMUM_MALFORMED - 1)],
        [{"type": "ping"}] * 100,
    ],
    ids=["malformed documents", "pings before initialisation"],
)
async def test_messages_sent_all_at_once_leave_others_their_turn(
    tmp_path: Path, flood: list[Message]
) -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    neighbour = asyncio.create_task(take_turns())
    answers = await converse(tmp_path, flood)
    neighbour.cancel()
    assert len(answers) == len(flood)
    assert turns >= len(flood)


@pytest.mark.parametrize(
    ("document", "last"), [("{ hello }", "complete"), ("subscription($n: Int!) { count(to: $n) }", "error")]
)
async def test_a_client_that_left_before_the_last_message_leaves_no_complaint(
    tmp_path: Path, document: str, last: str
) -> None:
    complaints: list[Message] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    try:
        answers = await converse(
            tmp_path, [{"type": "connection_init"}, operation(document)], leaves_before=last
        )
        gc.collect()
    finally:
        loop.set_exception_handler(None)
    assert last not in [answer["type"] for answer in answers]
    assert complaints == []


async def test_the_legacy_protocol_is_not_spoken(server: str) -> None:
    async with opened(server, protocol="graphql-ws", initialise=False) as connection:
        assert connection.subprotocol is None
        await expect_close(connection, 4406)


async def test_a_connection_that_says_nothing_is_closed(tmp_path: Path) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await connection_on(WebSocket(scope, receive, send), tmp_path, initialisation_seconds=0.1).serve()

    with serve(app) as server:
        async with opened(server, initialise=False) as connection:
            await expect_close(connection, 4408)


@pytest.mark.parametrize(
    ("payload", "actor"),
    [
        ({"Authorization": "Bearer good"}, "CitizenActor"),
        ({"authorization": "Ticket GOOD-TICKET"}, "TicketHolder"),
        ({"Authorization": None}, "Visitor"),
        (None, "Visitor"),
    ],
)
async def test_initialisation_says_who_calls(server: str, payload: Message | None, actor: str) -> None:
    async with opened(server, payload=payload) as connection:
        assert await ask(connection, "{ who }") == {"who": actor}


async def test_a_session_revoked_meanwhile_is_worth_nothing_from_the_next_operation_on(server: str) -> None:
    async with opened(server, payload={"Authorization": "Bearer soon revoked"}) as connection:
        assert await ask(connection, "{ who }") == {"who": "CitizenActor"}
        revoked.add("soon revoked")
        try:
            await subscribe(connection, "a", "{ who }")
            refused = await receive(connection)
        finally:
            revoked.clear()
        assert (refused["id"], refused["type"]) == ("a", "error")
        assert refused["payload"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_headers_and_cookies_of_the_handshake_say_who_calls(server: str) -> None:
    async with opened(server, Authorization="Bearer good") as connection:
        assert await ask(connection, "{ who }") == {"who": "CitizenActor"}
    async with opened(server, Cookie="session=good") as connection:
        assert await ask(connection, "{ who }") == {"who": "CitizenActor"}
    async with opened(server, Cookie="session=expired") as connection:
        assert await ask(connection, "{ who }") == {"who": "Visitor"}
    async with opened(
        server, payload={"Authorization": "Ticket GOOD-TICKET"}, Cookie="session=good"
    ) as connection:
        assert await ask(connection, "{ who }") == {"who": "TicketHolder"}


async def test_the_language_is_chosen_at_initialisation(server: str) -> None:
    async with opened(server) as connection:
        assert await ask(connection, "{ language }") == {"language": DEFAULT_LANGUAGE}
    async with opened(server, payload={"Accept-Language": "en"}) as connection:
        assert await ask(connection, "{ language }") == {"language": "en"}


@pytest.mark.parametrize("authorization", ["Bearer bad", "Ticket bad", "Basic x"])
async def test_credentials_that_are_not_good_close_with_4403(server: str, authorization: str) -> None:
    async with opened(server, initialise=False) as connection:
        await send(connection, {"type": "connection_init", "payload": {"Authorization": authorization}})
        await expect_close(connection, 4403)


async def test_pages_of_other_origins_cannot_use_the_cookie(server: str) -> None:
    for origin in ("https://evil.example", "null"):
        async with opened(server, initialise=False, Cookie="session=good", Origin=origin) as connection:
            await send(connection, {"type": "connection_init"})
            await expect_close(connection, 4403)
    for origin in (ALLOWED_ORIGIN, server):
        async with opened(server, Cookie="session=good", Origin=origin) as connection:
            assert await ask(connection, "{ who }") == {"who": "CitizenActor"}


async def test_pages_of_other_origins_can_use_a_token(server: str) -> None:
    token = {"Authorization": "Bearer good"}
    async with opened(server, payload=token, Origin="https://partner.example") as connection:
        assert await ask(connection, "{ who }") == {"who": "CitizenActor"}


@pytest.mark.parametrize(
    ("query", "members"),
    [
        ("{", {}),
        ("{ nothing }", {}),
        ("query A { hello } query B { hello }", {}),
        ("subscription($n: Int!) { count(to: $n) }", {}),
        ("subscription($n: Int!) { count(to: $n) }", {"variables": {"n": "x"}}),
    ],
)
async def test_a_malformed_operation_is_one_error_and_the_connection_stays(
    server: str, query: str, members: Message
) -> None:
    async with opened(server) as connection:
        await subscribe(connection, "a", query, **members)
        message = await receive(connection)
        assert (message["id"], message["type"]) == ("a", "error")
        assert message["payload"][0]["extensions"]["code"] == "MALFORMED_OPERATION"
        assert await ask(connection, "{ hello }", "a") == {"hello": "hello world"}


@pytest.mark.parametrize(("field", "code"), [("breakDown", "INTERNAL"), ("refused", "FORBIDDEN")])
async def test_a_subscription_that_fails_says_so_masked_and_completes(
    server: str, field: str, code: str
) -> None:
    async with opened(server) as connection:
        await subscribe(connection, "a", f"subscription {{ {field} }}")
        messages = [await receive(connection)]
        while messages[-1]["type"] != "complete":
            messages.append(await receive(connection))
        assert messages[-2]["payload"]["errors"][0]["extensions"]["code"] == code
        assert SECRET not in json.dumps(messages)


async def test_completing_a_subscription_closes_its_generator(server: str) -> None:
    async with opened(server) as connection:
        await subscribe(connection, "a", 'subscription { wait(name: "completed") }')
        await receive(connection)
        await send(connection, {"id": "a", "type": "complete"})
        await eventually_closed("completed")
        await send(connection, {"id": "never seen", "type": "complete"})
        assert await ask(connection, "{ hello }", "a") == {"hello": "hello world"}


async def test_leaving_closes_every_generator(server: str) -> None:
    names = [f"left {number}" for number in range(5)]
    async with opened(server) as connection:
        for name in names:
            await subscribe(connection, name, f'subscription {{ wait(name: "{name}") }}')
            await receive(connection)
        connection.transport.abort()
    for name in names:
        await eventually_closed(name)


async def test_a_connection_runs_a_limited_number_of_operations_at_a_time(server: str) -> None:
    async with opened(server) as connection:
        for number in range(MAXIMUM_OPERATIONS):
            await subscribe(connection, str(number), "subscription { wait }")
            assert (await receive(connection))["type"] == "next"
        await subscribe(connection, "one more", "{ hello }")
        refused = await receive(connection)
        assert (refused["id"], refused["type"]) == ("one more", "error")
        await send(connection, {"id": "0", "type": "complete"})
        assert await ask(connection, "{ hello }", "one more") == {"hello": "hello world"}
