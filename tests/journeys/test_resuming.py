"""Cut off and resumed while many write at once: nothing missed, nothing twice."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.journeys.client import Client, Following, RefusedError
from tests.journeys.stories import file_request, post
from tests.stack import Api, Stack

EACH_WRITES = 4
LOOK_AGAIN_SECONDS = 5.0


async def follow_with_breaks(
    agent: Client, apis: list[Api], start: str, wanted: int, chance: random.Random
) -> list[str]:
    """Exchanges as one subscriber sees them whose connection is cut again and again, and moved to another process."""
    cursors: list[str] = []
    after = start
    while len(cursors) < wanted:
        async with agent.at(chance.choice(apis)).follow("DeskEvents", after=after) as events:
            for _ in range(chance.randint(1, 25)):
                event = await events.next(LOOK_AGAIN_SECONDS)
                if event["__typename"] == "ExchangePosted":
                    cursors.append(event["id"])
                after = event["cursor"]
                if len(cursors) >= wanted:
                    return cursors
    return cursors


async def write(client: Client, request: str, count: int) -> None:
    for number in range(count):
        await post(client, request, f"Message {number}")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("count", [20, pytest.param(50, marks=pytest.mark.soak)])
async def test_nothing_is_missed_and_nothing_comes_twice(stack: Stack, count: int) -> None:
    other = await stack.start_api()
    apis = [stack.api, other]
    chance = random.Random(7)
    agent = await Client(stack.api).log_in("agent")
    writers = [Client(apis[number % 2]) for number in range(count)]
    requests = [(await file_request(writer))["id"] for writer in writers]
    start = (await agent.run("DeskInbox", first=1))["eventCursor"]
    wanted = count * EACH_WRITES

    async with agent.at(other).follow("DeskEvents", after=start) as steady:
        async with asyncio.TaskGroup() as tasks:
            broken = [
                tasks.create_task(follow_with_breaks(agent, apis, start, wanted, random.Random(seed)))
                for seed in range(3)
            ]
            for writer, request in zip(writers, requests, strict=True):
                await asyncio.sleep(chance.random() * 0.01)
                tasks.create_task(write(writer, request, EACH_WRITES))
        unbroken = await drawn(steady, wanted)

    assert len(unbroken) == len(set(unbroken)) == wanted
    for subscriber in broken:
        assert subscriber.result() == unbroken


async def drawn(events: Following, wanted: int) -> list[str]:
    return [(await events.until("ExchangePosted"))["id"] for _ in range(wanted)]


async def test_the_bell_resumes_too(stack: Stack) -> None:
    visitor = Client(stack.api)
    sent = await file_request(visitor)
    citizen = await Client(stack.api).log_in("citoyen3")
    agent = await Client(stack.api).log_in("agent")
    await citizen.change("ClaimRequest", ticket=sent["ticket"])
    async with citizen.follow("Notifications") as bell:
        await bell.next()
        cut_at = bell.cursor

    await post(agent, sent["id"], "Pendant la coupure.")

    async with citizen.follow("Notifications", after=cut_at) as bell:
        assert (await bell.next())["event"] is None, "the first message only gives the counts"
        missed = await bell.next()
        assert missed["event"]["__typename"] == "ExchangePosted"
        await bell.nothing(0.3)


async def test_a_cursor_of_another_make_is_refused(stack: Stack) -> None:
    agent = await Client(stack.api).log_in("agent")

    async with agent.follow("DeskEvents", after="n’importe quoi") as events:
        with pytest.raises(RefusedError) as refused:
            await events.next()
    assert refused.value.code == "MALFORMED_OPERATION"
