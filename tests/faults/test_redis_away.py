"""Redis stopped, emptied, started again: it costs time, and nothing else."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from redis.asyncio import Redis

from tests.journeys.client import Client
from tests.journeys.stories import file_request, new_address, post
from tests.stack import Stack

AT_ONCE_SECONDS = 2.0
"""For an operation while Redis is away: it waits for nobody."""
LATE_SECONDS = 2.5
"""For an event that no wake-up announced: followers look every second."""


async def test_everything_works_without_redis_and_mail_leaves_once_it_is_back(stack: Stack) -> None:
    other = await stack.start_api()
    agent = await Client(stack.api).log_in("agent")
    address = new_address()
    start = (await agent.run("DeskInbox", first=1))["eventCursor"]

    async with agent.at(other).follow("DeskEvents", after=start) as events:
        stack.servers.valkey.stop()
        visitor = Client(stack.api)
        started_at = time.monotonic()
        sent = await file_request(visitor, email=address)
        exchange = await post(visitor, sent["id"], "Redis est arrêté.")
        assert time.monotonic() - started_at < AT_ONCE_SECONDS

        assert (await events.until("RequestSubmitted", LATE_SECONDS))["request"]["id"] == sent["id"]
        assert (await events.until("ExchangePosted", LATE_SECONDS))["request"]["id"] == sent["id"]

        stack.servers.valkey.start()
        await stack.inbox.wait_for(address, subject="Accusé de réception", within=20)
        await agent.change("MarkExchangesRead", request=sent["id"], upTo=exchange["id"])
        await events.until("ExchangesRead", LATE_SECONDS)
    assert len(stack.inbox.sent_to(address)) == 1


async def test_a_subscription_may_begin_without_redis(stack: Stack) -> None:
    agent = await Client(stack.api).log_in("agent")
    sent = await file_request(Client(stack.api))
    start = (await agent.run("DeskInbox", first=1))["eventCursor"]
    stack.servers.valkey.stop()

    async with agent.follow("DeskEvents", after=start) as events:
        await post(agent, sent["id"], "Bonjour.")
        await events.until("ExchangePosted", LATE_SECONDS)


async def test_each_mail_leaves_once_while_redis_is_emptied_again_and_again(stack: Stack) -> None:
    addresses = [new_address() for _ in range(15)]

    async def empty() -> None:
        async with Redis.from_url(stack.servers.valkey.url()) as redis:
            while True:
                await redis.flushall()
                await asyncio.sleep(0.02)

    emptying = asyncio.create_task(empty())
    try:
        for address in addresses:
            await file_request(Client(stack.api), email=address)
    finally:
        emptying.cancel()
        await asyncio.gather(emptying, return_exceptions=True)
    for address in addresses:
        await stack.inbox.wait_for(address, within=30)

    # Long enough for a mail that was handed out twice to arrive twice.
    await asyncio.sleep(1)
    assert Counter(len(stack.inbox.sent_to(address)) for address in addresses) == {1: len(addresses)}
