"""How long an event takes to a subscriber on another API process: `python -m benchmarks.delivery [events]`.

Measured from the moment the writer asks to the moment the subscriber has it, and from the moment the writer is
answered, which is when the change is committed. Servers, two API processes and clients share this machine.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

from tests.journeys.client import Client, Data, Following
from tests.journeys.stories import file_request, post
from tests.stack import ROOT, Stack

EVENTS = 300
REST_SECONDS = 0.02


async def measure(events: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            await stack.start(ROOT / "municipalities" / "demonstration")
            other = await stack.start_api()
            agent = await Client(stack.api).log_in("agent")
            visitor = Client(stack.api)
            request = (await file_request(visitor))["id"]
            start = (await agent.run("DeskInbox", first=1))["eventCursor"]
            for transport in ("follow", "stream"):
                async with getattr(agent.at(other), transport)("DeskEvents", after=start) as following:
                    asked, answered = await deliver(visitor, request, following, events)
                    start = following.cursor
                name = "WebSocket" if transport == "follow" else "event stream"
                print(f"{name}, {events} events from one API process to another")
                print(f"  from the writer's question:     {figures(asked)}")
                print(f"  from the writer's answer:       {figures(answered)}")
        finally:
            stack.stop()


async def deliver(
    visitor: Client, request: str, following: Following, events: int
) -> tuple[list[float], list[float]]:
    """Milliseconds of each event, since the question and since the answer (0 where it came first)."""
    asked, answered = [], []
    for number in range(events + 10):
        arriving = asyncio.create_task(arrival(following))
        await asyncio.sleep(REST_SECONDS)
        asked_at = perf_counter()
        exchange = await post(visitor, request, f"Message {number}")
        answered_at = perf_counter()
        event, arrived_at = await arriving
        assert exchange["id"]
        assert event["__typename"] == "ExchangePosted"
        if number >= 10:  # The first ones warm the processes up.
            asked.append((arrived_at - asked_at) * 1000)
            answered.append(max(arrived_at - answered_at, 0) * 1000)
    return asked, answered


async def arrival(following: Following) -> tuple[Data, float]:
    event = await following.next()
    return event, perf_counter()


def figures(milliseconds: list[float]) -> str:
    p95 = quantiles(milliseconds, n=20)[-1]
    return f"median {median(milliseconds):.1f} ms, p95 {p95:.1f} ms, most {max(milliseconds):.1f} ms"


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS))
