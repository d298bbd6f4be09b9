"""PostgreSQL stopped and started again: callers are told within two seconds, and all goes on by itself."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.faults.insisting import insist, resumed
from tests.journeys.client import Client, RefusedError
from tests.journeys.stories import draft_request, file_request, new_address
from tests.stack import Stack

TOLD_WITHIN_SECONDS = 2.0


async def test_callers_are_told_soon_and_the_service_comes_back_by_itself(stack: Stack) -> None:
    citizen = await Client(stack.api).log_in("citoyen1")
    visitor = Client(stack.api)
    draft = await draft_request(visitor)
    stack.servers.postgres.stop()

    for caller, name, variables in (
        (citizen, "MyRequests", {}),
        (visitor, "RequestPage", {"request": draft["id"]}),
        (visitor, "UpdateRequest", {"request": draft["id"], "version": 1, "answers": []}),
        (Client(stack.api), "LogIn", {"username": "citoyen1", "password": "Demonstration-2026"}),
    ):
        started_at = time.monotonic()
        with pytest.raises(RefusedError) as refused:
            await caller.run(name, **variables)
        assert refused.value.code == "UNAVAILABLE", name
        assert time.monotonic() - started_at < TOLD_WITHIN_SECONDS, name

    stack.servers.postgres.start()
    page = await insist(lambda: visitor.run("RequestPage", request=draft["id"]), within=5)
    assert page["version"] == 1
    address = new_address()
    await insist(lambda: file_request(Client(stack.api), email=address))
    await stack.inbox.wait_for(address, within=20)


async def test_followers_miss_nothing_when_it_is_killed_and_started_again(stack: Stack) -> None:
    other = await stack.start_api()
    agent = await Client(stack.api).log_in("agent")
    visitor = Client(stack.api)
    request = (await file_request(visitor))["id"]
    start = (await agent.run("DeskInbox", first=1))["eventCursor"]
    written: list[str] = []

    async def write() -> None:
        for number in range(30):
            key = f"message {number} de {request}"
            posted = await insist(
                lambda number=number, key=key: visitor.change(  # type: ignore[misc]
                    "PostExchange", request=request, body=f"{number}", idempotencyKey=key
                )
            )
            written.append(posted["exchange"]["id"])
            await asyncio.sleep(0.05)

    async def follow() -> list[str]:
        seen: list[str] = []
        async for event in resumed(
            visitor, lambda: [stack.api, other], "RequestEvents", start, request=request
        ):
            seen.append(event["exchange"]["id"])
            if len(seen) == 30:
                break
        return seen

    writing, following = asyncio.create_task(write()), asyncio.create_task(follow())
    await asyncio.sleep(0.5)
    assert stack.servers.postgres.process is not None
    stack.servers.postgres.process.kill()
    stack.servers.postgres.process.wait()
    stack.servers.postgres.start()

    await writing
    assert await asyncio.wait_for(following, 30) == written
    page = await visitor.run("RequestPage", request=request)
    assert page["exchanges"]["totalCount"] == len(set(written)) == 30
    assert await agent.run("DeskRequest", request=request)
