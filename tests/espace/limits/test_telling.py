"""How callers are told that they met a limit, by each way that leads in."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
import websockets
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from core.limits import Limit, count
from core.limits.declared import (
    CAPTCHA_PICTURE,
    CAPTCHA_RECORDING,
    COST_OF_ADDRESS,
    COST_OF_CALLER,
    LOG_IN,
    TICKET,
    UPLOAD,
    UPLOAD_BYTES,
)
from core.settings import Settings
from espace.asgi import make_app
from models.actors import CitizenActor
from models.database import counted, fetch
from schema.counting import caller_key
from tests.espace.limits.calling import CHEAP, HERE, WRONG, fill, post, told_to_wait
from tests.factories import make_citizen

TUS = {"Tus-Resumable": "1.0.0"}


@pytest_asyncio.fixture
async def citizen(municipality: Settings) -> tuple[CitizenActor, str]:
    """Somebody, and what they show."""
    return await logged_in()


async def logged_in() -> tuple[CitizenActor, str]:
    from core.clock import now
    from core.keys import new_token, token_digest
    from models.accounts import Session
    from resolvers.sessions import CITIZEN_LIFETIME

    actor = await make_citizen(f"marie{uuid4().hex[:6]}")
    (credential,) = await fetch("SELECT id FROM credential WHERE account_id = $1", actor.account_id)
    token = new_token()
    session = Session(
        credential_id=credential["id"], token_digest=token_digest(token), expires_at=now() + CITIZEN_LIFETIME
    )
    await session.save(force_create=True)
    return actor, f"Bearer {token}"


async def test_the_cost_of_operations_over_http(client: httpx.AsyncClient) -> None:
    assert (await post(client, CHEAP)).status_code == 200
    await fill(COST_OF_ADDRESS, address=HERE)
    for accept in ("application/json", "application/graphql-response+json", "text/event-stream"):
        response = await post(client, CHEAP, Accept=accept)
        wait = told_to_wait(response)
        (error,) = response.json()["errors"]
        assert error["extensions"] == {"code": "RATE_LIMITED", "retryAfterSeconds": wait}
        assert 1 <= wait <= 120


async def test_an_account_is_counted_wherever_it_calls_from(
    client: httpx.AsyncClient, citizen: tuple[CitizenActor, str]
) -> None:
    actor, authorization = citizen
    await fill(COST_OF_ADDRESS, address=HERE)
    assert (await post(client, CHEAP, Authorization=authorization)).status_code == 200
    await fill(COST_OF_CALLER, caller=caller_key(actor) or "")
    for forwarded in ("192.0.2.1", "192.0.2.2"):
        told_to_wait(await post(client, CHEAP, Authorization=authorization, **{"X-Forwarded-For": forwarded}))
    _, other = await logged_in()
    assert (await post(client, CHEAP, Authorization=other)).status_code == 200


async def test_a_field_that_meets_a_limit_tells_it_in_the_errors_and_the_header(
    client: httpx.AsyncClient,
) -> None:
    await fill(LOG_IN, address=HERE, subject="marie")
    response = await post(client, WRONG)
    assert response.status_code == 200
    (error,) = response.json()["errors"]
    assert error["path"] == ["logIn"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert response.headers["retry-after"] == str(error["extensions"]["retryAfterSeconds"])
    assert str(error["extensions"]["retryAfterSeconds"]) in error["message"]
    assert (await post(client, CHEAP)).headers.get("retry-after") is None


async def test_an_event_stream_tells_it_in_its_event(client: httpx.AsyncClient) -> None:
    await fill(LOG_IN, address=HERE, subject="marie")
    response = await post(client, WRONG, Accept="text/event-stream")
    (line,) = [line for line in response.text.splitlines() if line.startswith("data: {")]
    (error,) = json.loads(line.removeprefix("data: "))["errors"]
    assert error["extensions"]["code"] == "RATE_LIMITED"
    assert error["extensions"]["retryAfterSeconds"] >= 1


async def test_a_websocket_tells_it_and_goes_on(address: str) -> None:
    url = address.replace("http", "ws") + "/graphql"
    async with websockets.connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]

        async def ask(id: str, document: str) -> dict[str, Any]:
            await socket.send(json.dumps({"id": id, "type": "subscribe", "payload": {"query": document}}))
            while True:
                message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 20))
                if message.get("id") == id:
                    return message

        await socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        await fill(LOG_IN, address=HERE, subject="marie")
        answer = await ask("1", WRONG)
        assert answer["type"] == "next"
        assert answer["payload"]["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert (await ask("2", CHEAP))["payload"]["data"]["municipality"]
        await fill(COST_OF_ADDRESS, address=HERE)
        refused = await ask("3", CHEAP)
        assert refused["type"] == "error"
        assert refused["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
        assert refused["payload"][0]["extensions"]["retryAfterSeconds"] >= 1


async def test_tickets_are_not_tried_for_ever(client: httpx.AsyncClient) -> None:
    draft = (
        'mutation { startRequest(input: {procedure: "signalement-voirie"}) '
        "{ ... on StartRequestSuccess { request { ticket } } } }"
    )
    started = (await post(client, draft)).json()
    ticket = started["data"]["startRequest"]["request"]["ticket"]
    assert (await post(client, CHEAP, Authorization=f"Ticket {ticket}")).status_code == 200
    assert (await post(client, CHEAP, Authorization="Ticket 0000-0000-0000-0000-0001")).status_code == 401
    await fill(TICKET, address=HERE)
    told_to_wait(await post(client, CHEAP, Authorization="Ticket 0000-0000-0000-0000-0001"))
    answer = (await post(client, '{ requestByTicket(ticket: "0000-0000-0000-0000-0000") { id } }')).json()
    assert answer["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    good = await post(client, CHEAP, Authorization=f"Ticket {ticket.lower().replace('-', ' ')}")
    assert good.status_code == 200, "whose ticket was right before is not held up"


async def test_resumable_uploads(client: httpx.AsyncClient, citizen: tuple[CitizenActor, str]) -> None:
    actor, authorization = citizen
    who = {"Authorization": authorization, **TUS}
    begun = {**who, "Upload-Length": "3000", "Upload-Metadata": "filename cGllY2UucGRm"}
    created = await client.post("/uploads", headers=begun)
    assert created.status_code == 201, created.text
    where = created.headers["location"]
    await fill(UPLOAD_BYTES, caller=caller_key(actor) or "")
    patch = {**who, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    told_to_wait(await client.patch(where, headers=patch, content=b"%PDF" * 750))
    assert (await client.head(where, headers=who)).headers["upload-offset"] == "0"
    with_body = {**begun, "Content-Type": "application/offset+octet-stream"}
    created = await client.post("/uploads", headers=with_body, content=b"%PDF" * 750)
    assert (created.status_code, created.headers["upload-offset"]) == (201, "0"), "it can be gone on with"
    await fill(UPLOAD, caller=caller_key(actor) or "")
    told_to_wait(await client.post("/uploads", headers=begun))


async def test_bytes_count_as_they_come(client: httpx.AsyncClient, citizen: tuple[CitizenActor, str]) -> None:
    """Half of a body fits in what is left: that half is kept."""
    actor, authorization = citizen
    who = {"Authorization": authorization, **TUS}
    size = 4 * 1024 * 1024
    begun = {**who, "Upload-Length": str(size), "Upload-Metadata": "filename cGllY2UucGRm"}
    where = (await client.post("/uploads", headers=begun)).headers["location"]
    caller, most = caller_key(actor) or "", UPLOAD_BYTES.each_caller[0].amount
    await count(
        Limit("UPLOAD_BYTES", each_caller=UPLOAD_BYTES.each_caller), caller=caller, amount=most - size // 2
    )
    patch = {**who, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    told_to_wait(await client.patch(where, headers=patch, content=b"x" * size))
    kept = int((await client.head(where, headers=who)).headers["upload-offset"])
    assert 1024 * 1024 <= kept <= size // 2


async def test_multipart(client: httpx.AsyncClient, citizen: tuple[CitizenActor, str]) -> None:
    actor, authorization = citizen
    operations = {
        "query": "mutation ($file: Upload!) "
        '{ addStoredDocument(input: {upload: $file, kind: OTHER, title: "x"}) { __typename } }',
        "variables": {"file": None},
    }

    async def send() -> httpx.Response:
        return await client.post(
            "/graphql",
            data={"operations": json.dumps(operations), "map": json.dumps({"0": ["variables.file"]})},
            files={"0": ("a.pdf", b"%PDF", "application/pdf")},
            headers={"Authorization": authorization},
        )

    assert (await send()).status_code != 429
    await fill(UPLOAD_BYTES, caller=caller_key(actor) or "")
    told_to_wait(await send())
    await fill(UPLOAD, caller=caller_key(actor) or "")
    assert told_to_wait(await send()) >= 1


@pytest.mark.parametrize(("limit", "kind"), [(CAPTCHA_PICTURE, "png"), (CAPTCHA_RECORDING, "mp3")])
async def test_pictures_and_recordings_of_captchas(
    client: httpx.AsyncClient, limit: Limit, kind: str
) -> None:
    await fill(limit, address=HERE)
    response = await client.get(f"/captcha/{uuid4()}.{kind}")
    wait = told_to_wait(response)
    assert str(wait) in response.text


async def test_callers_are_told_apart_by_what_a_trusted_proxy_says(client: httpx.AsyncClient) -> None:
    await fill(COST_OF_ADDRESS, address="2001:db8:1:2::1")
    await fill(COST_OF_ADDRESS, address="192.0.2.1")
    expected = {
        "192.0.2.1": 429,
        "192.0.2.2": 200,
        "2001:db8:1:2:ffff::9": 429,
        "2001:db8:1:3::1": 200,
        # What the client itself has sent stands before what the proxy adds.
        "192.0.2.99, 192.0.2.1": 429,
    }
    found = {
        forwarded: (await post(client, CHEAP, **{"X-Forwarded-For": forwarded})).status_code
        for forwarded in expected
    }
    assert found == expected


async def test_whoever_is_no_proxy_is_not_believed(municipality: Settings) -> None:
    app: Any = ProxyHeadersMiddleware(make_app(municipality), trusted_hosts="10.0.0.1")  # type: ignore[arg-type]
    await fill(COST_OF_ADDRESS, address="198.51.100.1")
    transport = httpx.ASGITransport(app, client=("198.51.100.1", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        for claimed in ("192.0.2.1", "192.0.2.2"):
            told_to_wait(await post(client, CHEAP, **{"X-Forwarded-For": claimed}))


async def test_counting_makes_no_statement(client: httpx.AsyncClient) -> None:
    """What operations make is in client-examples/operations, and the journeys hold them to it."""
    with counted() as statements:
        await count(LOG_IN, address=HERE, subject="marie")
        await fill(TICKET, address=HERE)
    assert statements.value == 0
    assert await fetch("SELECT id FROM limit_count") == []
