"""A thousand sessions are revoked while they follow: within a second none of them is told anything any more.

Two API processes, WebSockets and event streams, with Redis and without. Whoever is not revoked hears everything: so the
events are there, and it is the revocation that keeps them away.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from core.clock import now
from core.keys import new_token, token_digest
from models.ids import new_id
from tests.journeys.client import Client
from tests.journeys.documents import document
from tests.journeys.stories import file_request, open_account, post
from tests.stack import Api, Stack

CONNECTING_AT_ONCE = 40
LATE_SECONDS = 1.0
LISTENED_SECONDS = 3.0


@dataclass(slots=True)
class Ear:
    """One subscription: when each event came in, and when it was told UNAUTHENTICATED."""

    events_at: list[float] = field(default_factory=list)
    ended_at: float | None = None
    follows: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, payload: dict[str, object]) -> None:
        if "UNAUTHENTICATED" in json.dumps(payload):
            self.ended_at = time.monotonic()
        elif '"event": null' in json.dumps(payload):
            self.follows.set()
        else:
            self.events_at.append(time.monotonic())


@dataclass(frozen=True, slots=True)
class Household:
    """A citizen with many sessions that follow, and one that stays, on each process."""

    citizen: Client
    request: str
    tokens: list[str]
    lost: list[Ear]
    kept: list[Ear]

    @property
    def ears(self) -> list[Ear]:
        return [*self.lost, *self.kept]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("sessions", [100, pytest.param(1_000, marks=pytest.mark.soak)])
async def test_revoked_sessions_hear_nothing_after_a_second(stack: Stack, sessions: int) -> None:
    """So many with Redis there, then as many with Redis away."""
    apis = [stack.api, await stack.start_api()]
    agent = await Client(stack.api).log_in("agent")
    agent.patience(60)
    households = [await open_household(stack, sessions) for _ in range(2)]
    async with asyncio.TaskGroup() as following:
        connecting = asyncio.Semaphore(CONNECTING_AT_ONCE)
        tasks = [
            following.create_task(follow(apis[number % 2], token, ear, number, connecting))
            for household in households
            for number, (token, ear) in enumerate(zip(household.tokens, household.ears, strict=True))
        ]
        await asyncio.gather(*(ear.follows.wait() for household in households for ear in household.ears))
        await revoke(agent, households[0], "Redis there")
        stack.servers.valkey.stop()
        await revoke(agent, households[1], "Redis away")
        for task in tasks:
            task.cancel()


async def revoke(agent: Client, household: Household, when: str) -> None:
    await post(agent, household.request, "Tous m’entendent.")
    await until(lambda: all(ear.events_at for ear in household.ears))

    await household.citizen.run("RevokeOtherSessions")
    revoked_at, posted = time.monotonic(), 1
    while time.monotonic() - revoked_at < LISTENED_SECONDS:
        await post(agent, household.request, f"Message {posted}")
        posted += 1
        await asyncio.sleep(0.2)
    await until(lambda: all(len(ear.events_at) == posted for ear in household.kept))

    lost = household.lost
    late = [at for ear in lost for at in ear.events_at if at > revoked_at + LATE_SECONDS]
    ended = [ear.ended_at - revoked_at for ear in lost if ear.ended_at is not None]
    told = f"{when}: {len(ended)} of {len(lost)} ended, the last {max(ended):.2f} s after the answer"
    print(told)  # noqa: T201 - the figures
    assert posted > 3
    assert late == []
    assert len(ended) == len(lost)
    assert all(ear.ended_at is None for ear in household.kept)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - other processes make it so
            await asyncio.sleep(0.05)


async def open_household(stack: Stack, sessions: int) -> Household:
    citizen, account = await open_account(stack.api)
    citizen.patience(60)
    request = (await file_request(citizen))["id"]
    tokens = await open_sessions(stack, account["username"], sessions)
    own = (citizen.authorization or "").removeprefix("Bearer ")
    return Household(
        citizen, request, [*tokens, own, own], [Ear() for _ in tokens], [Ear() for _ in stack.apis]
    )


async def open_sessions(stack: Stack, username: str, count: int) -> list[str]:
    """Sessions of this citizen, as log-ins would have left them: their tokens."""
    tokens = [new_token() for _ in range(count)]
    connection = await asyncpg.connect(stack.servers.postgres.url())
    try:
        credential = await connection.fetchval("SELECT id FROM credential WHERE username = $1", username)
        at = now()
        await connection.executemany(
            "INSERT INTO session (id, credential_id, token_digest, created_at, last_seen_at, expires_at) "
            "VALUES ($1, $2, $3, $4, $4, $5)",
            [(new_id(), credential, token_digest(token), at, at + timedelta(days=1)) for token in tokens],
        )
    finally:
        await connection.close()
    return tokens


async def follow(api: Api, token: str, ear: Ear, number: int, connecting: asyncio.Semaphore) -> None:
    way = event_stream if number % 10 == 0 else websocket
    async with way(api, token, connecting) as payloads:
        async for payload in payloads:
            ear.hear(payload)


@asynccontextmanager
async def websocket(
    api: Api, token: str, connecting: asyncio.Semaphore
) -> AsyncIterator[AsyncIterator[dict[str, object]]]:
    async with connecting:
        socket = await connect(
            api.websocket_url, subprotocols=[Subprotocol("graphql-transport-ws")], open_timeout=60
        )
        await socket.send(
            json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        )
        await socket.recv()
        subscribe = {"query": document("Notifications").text}
        await socket.send(json.dumps({"id": uuid4().hex, "type": "subscribe", "payload": subscribe}))

    async def payloads() -> AsyncIterator[dict[str, object]]:
        async for message in socket:
            yield json.loads(message)

    try:
        yield payloads()
    finally:
        socket.transport.abort()


@asynccontextmanager
async def event_stream(
    api: Api, token: str, connecting: asyncio.Semaphore
) -> AsyncIterator[AsyncIterator[dict[str, object]]]:
    body = json.dumps({"query": document("Notifications").text}).encode()
    head = (
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
        f"Content-Type: application/json\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    async with connecting:
        reader, writer = await asyncio.open_connection("127.0.0.1", api.port)
        writer.write(head.encode() + body)
        await writer.drain()

    async def payloads() -> AsyncIterator[dict[str, object]]:
        while line := await reader.readline():
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))

    try:
        yield payloads()
    finally:
        writer.transport.abort()
