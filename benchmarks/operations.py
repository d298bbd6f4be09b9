"""How long the main operations take, one after the other, over HTTP: `python -m benchmarks.operations [rounds]`.

Server, database and client share this machine; a connection is opened for each call, as a proxy without keep-alive
would. `server` is what the server measures itself, from the caller's identification to the result.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from tests.journeys.client import Client
from tests.journeys.documents import document
from tests.journeys.stories import ANSWERS, PROCEDURE, captcha, contact, file_request, post
from tests.stack import ROOT, Stack

ROUNDS = 100

_TOTAL = re.compile(r"total;dur=([\d.]+)")


class Watch:
    """Runs documents and keeps how long they took, in milliseconds: whole, and in the server."""

    def __init__(self) -> None:
        self.whole: dict[str, list[float]] = defaultdict(list)
        self.server: dict[str, list[float]] = defaultdict(list)

    async def run(self, caller: Client, name: str, **variables: Any) -> Any:
        started_at = perf_counter()
        response = await caller.send(document(name).text, variables)
        self.whole[name].append((perf_counter() - started_at) * 1000)
        total = _TOTAL.search(response.headers["server-timing"])
        assert total is not None
        self.server[name].append(float(total[1]))
        answer = response.json()
        assert "errors" not in answer, answer
        value = next(iter(answer["data"].values()))
        assert not isinstance(value, dict) or "code" not in value, value
        return value

    def tell(self) -> None:
        print(f"{'operation':<20} {'whole: median':>14} {'p95':>9} {'server: median':>16} {'p95':>9}")
        for name, whole in self.whole.items():
            server = self.server[name]
            print(
                f"{name:<20} {median(whole):11.1f} ms {quantiles(whole, n=20)[-1]:6.1f} ms "
                f"{median(server):13.1f} ms {quantiles(server, n=20)[-1]:6.1f} ms"
            )


async def round_(watch: Watch, stack: Stack, agent: Client, citizen: Client) -> None:
    visitor = Client(stack.api)
    await watch.run(visitor, "Catalogue")
    await watch.run(visitor, "SearchProcedures", search="lampadere")
    await watch.run(visitor, "ProcedurePage", slug=PROCEDURE)
    started = await watch.run(visitor, "StartRequest", procedure=PROCEDURE)
    draft = started["request"]
    visitor.authorization = f"Ticket {draft['ticket']}"
    filled = await watch.run(
        visitor, "UpdateRequest", request=draft["id"], version=1, contact=contact(), answers=ANSWERS
    )
    code = await captcha(visitor, "SUBMIT_REQUEST")
    await watch.run(
        visitor, "SubmitRequest", request=draft["id"], version=filled["request"]["version"], captcha=code
    )
    exchange = await watch.run(agent, "PostExchange", request=draft["id"], body="Bonjour.")
    await watch.run(visitor, "RequestByTicket", ticket=draft["ticket"])
    await watch.run(visitor, "MarkExchangesRead", request=draft["id"], upTo=exchange["exchange"]["id"])
    await watch.run(visitor, "RequestPage", request=draft["id"])
    await watch.run(citizen, "MyRequests")
    await watch.run(agent, "DeskInbox")
    await watch.run(agent, "DeskRequest", request=draft["id"])


async def measure(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            await stack.start(ROOT / "municipalities" / "demonstration")
            agent = await Client(stack.api).log_in("agent")
            citizen = await Client(stack.api).log_in("citoyen1")
            for _ in range(20):
                request = (await file_request(citizen))["id"]
                await post(agent, request, "Bonjour.")
            await round_(Watch(), stack, agent, citizen)
            watch = Watch()
            for _ in range(rounds):
                await round_(watch, stack, agent, citizen)
            watch.tell()
        finally:
            stack.stop()


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
