"""What an operator reads, however curious they are: nothing that a person sent."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from core.settings import Settings
from core.tickets import new_ticket
from tests.stack import Api

TOKEN = "token-of-somebody"
COOKIE = "cookie-of-somebody"
EMAIL = "marie.dupont@example.fr"
DOCUMENT = (
    "query FindIt($ticket: TicketNumber!, $text: String) "
    "{ requestByTicket(ticket: $ticket) { id } procedures(search: $text) { totalCount } }"
)


@pytest_asyncio.fixture
async def curious_api(database: Settings, tmp_path: Path) -> AsyncIterator[Api]:
    """An API process that logs all it may."""
    api = Api({**os.environ, "ESPACE_LOG_LEVEL": "debug"}, tmp_path / "api.log")
    await api.start()
    yield api
    if api.running:
        api.kill()


async def test_no_level_writes_down_what_people_sent(curious_api: Api) -> None:
    ticket = new_ticket()
    payload = {"query": DOCUMENT, "variables": {"ticket": ticket, "text": EMAIL}}
    in_address = {"query": DOCUMENT, "variables": json.dumps(payload["variables"])}
    stream = {"Accept": "text/event-stream"}
    credentials = {
        "Authorization": f"Bearer {TOKEN}",
        "Cookie": f"session={COOKIE}",
        "X-Requested-With": "portal",
    }
    async with httpx.AsyncClient(base_url=curious_api.url, timeout=10) as client:
        for headers in ({}, credentials):
            status = 401 if headers else 200
            answers = [
                await client.post("/graphql", json=payload, headers=headers),
                await client.post("/graphql", json=payload, headers=headers | stream),
                await client.get("/graphql", params=in_address, headers=headers),
                await client.get("/graphql", params=in_address, headers=headers | stream),
            ]
            assert [answer.status_code for answer in answers] == [status] * 4
    async with connect(
        f"{curious_api.websocket_url}?{httpx.QueryParams(in_address)}",
        subprotocols=[Subprotocol("graphql-transport-ws")],
        additional_headers={"Cookie": credentials["Cookie"]},
    ) as connection:
        await connection.send(json.dumps({"type": "connection_init"}))
        await connection.send(json.dumps({"type": "subscribe", "id": EMAIL, "payload": payload}))
        types = [json.loads(await asyncio.wait_for(connection.recv(), 5))["type"] for _ in range(3)]
        assert types == ["connection_ack", "next", "complete"]
    async with connect(
        curious_api.websocket_url,
        subprotocols=[Subprotocol("graphql-transport-ws")],
        additional_headers={"Authorization": credentials["Authorization"]},
    ) as connection:
        await connection.send(json.dumps({"type": "connection_init"}))
        await asyncio.wait_for(connection.wait_closed(), 5)
        assert connection.close_code == 4403
    curious_api.stop()

    written = curious_api.output()
    for transport in ("http", "sse", "websocket"):
        assert f"query FindIt over {transport}" in written
    sent = (TOKEN, COOKIE, ticket, ticket.replace("-", ""), EMAIL, EMAIL.partition("@")[0], "requestByTicket")
    assert [text for text in sent if text in written] == []
