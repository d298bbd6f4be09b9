"""Everything goes wrong, again and again, while people work: nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from tests.faults.insisting import insist, resumed
from tests.journeys.client import Client
from tests.journeys.stories import ANSWERS, captcha, contact, new_address
from tests.stack import Api, Stack

MINUTES = float(os.environ.get("SOAK_MINUTES", "3"))
WRITERS = 8
KILLS_OF_THE_WORKER = "kill the worker"


@pytest.mark.soak
@pytest.mark.timeout(MINUTES * 60 + 300)
async def test_nothing_acknowledged_is_lost_and_followers_miss_nothing(stack: Stack) -> None:
    apis = [stack.api, await stack.start_api(), await stack.start_api()]
    agent = await Client(stack.api).log_in("agent")
    start = (await agent.run("DeskInbox", first=1))["eventCursor"]
    ends_at = time.monotonic() + MINUTES * 60
    sent: dict[str, str] = {}
    seen: Counter[str] = Counter()
    done: Counter[str] = Counter()
    chance = random.Random(2026)

    async def ask() -> None:
        while time.monotonic() < ends_at:
            address = new_address()
            client = Client(chance.choice(apis))
            request, ticket = await file_insistently(client, address, lambda: chance.choice(apis))
            sent[address] = request
            assert ticket
            await asyncio.sleep(chance.random() / 2)

    async def follow() -> None:
        async for event in resumed(agent, lambda: apis, "DeskEvents", start):
            if event["__typename"] == "RequestSubmitted":
                seen[event["request"]["id"]] += 1

    following = asyncio.create_task(follow())
    async with asyncio.TaskGroup() as tasks:
        for _ in range(WRITERS):
            tasks.create_task(ask())
        tasks.create_task(harm(stack, apis, chance, ends_at, done))

    for address in sent:
        await stack.inbox.wait_for(address, within=120)
    async with asyncio.timeout(30):
        while len(seen) < len(sent):  # noqa: ASYNC110 - another task fills it
            await asyncio.sleep(0.1)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    mails = Counter(len(stack.inbox.sent_to(address)) for address in sent)
    print(f"{len(sent)} requests, {mails} mails each, harm: {dict(done)}")  # noqa: T201 - the figures of a long run

    assert len(sent) > 10
    assert seen == Counter(sent.values())
    repeated = sum((times - 1) * count for times, count in mails.items())
    assert repeated <= done[KILLS_OF_THE_WORKER] + done["restart PostgreSQL"], "at most one for each kill"


async def file_insistently(client: Client, address: str, another: Callable[[], Api]) -> tuple[str, str]:
    """A request sent by somebody who tries every step until it is answered, at whichever process answers."""

    def now() -> Client:
        client.api = another()
        return client

    key = f"{address} encore et encore"
    started = await insist(
        lambda: now().change("StartRequest", procedure="signalement-voirie", idempotencyKey=key)
    )
    draft = started["request"]
    client.authorization = f"Ticket {draft['ticket']}"
    version: int = draft["version"]

    async def update() -> None:
        nonlocal version
        page = await now().run("RequestPage", request=draft["id"])
        version = page["version"]
        if page["problems"]:
            filled = await now().change(
                "UpdateRequest",
                request=draft["id"],
                version=version,
                contact=contact(address),
                answers=ANSWERS,
            )
            version = filled["request"]["version"]

    async def submit() -> None:
        code = await captcha(now(), "SUBMIT_REQUEST")
        await client.change("SubmitRequest", request=draft["id"], version=version, captcha=code)

    await insist(update)
    await insist(submit)
    return str(draft["id"]), str(draft["ticket"])


async def harm(
    stack: Stack, apis: list[Api], chance: random.Random, ends_at: float, done: Counter[str]
) -> None:
    async def empty_redis() -> None:
        async with Redis.from_url(stack.servers.valkey.url()) as redis:
            await redis.flushall()

    async def restart_redis() -> None:
        stack.servers.valkey.stop()
        await asyncio.sleep(chance.random() * 3)
        stack.servers.valkey.start()

    async def restart_postgres() -> None:
        assert stack.servers.postgres.process is not None
        stack.servers.postgres.process.kill()
        stack.servers.postgres.process.wait()
        await asyncio.sleep(chance.random() * 2)
        await asyncio.to_thread(stack.servers.postgres.start)

    async def kill_api() -> None:
        api = chance.choice(apis)
        api.kill()
        await asyncio.sleep(chance.random())
        await api.start()

    async def kill_worker() -> None:
        stack.worker.kill()
        await asyncio.sleep(chance.random())
        await stack.worker.start()

    harms = {
        "empty Redis": empty_redis,
        "restart Redis": restart_redis,
        "restart PostgreSQL": restart_postgres,
        "kill an API process": kill_api,
        KILLS_OF_THE_WORKER: kill_worker,
    }
    while time.monotonic() < ends_at:
        await asyncio.sleep(2 + 3 * chance.random())
        name = chance.choice(list(harms))
        await harms[name]()
        done[name] += 1
