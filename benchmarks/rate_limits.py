"""What counting costs an operation: `python -m benchmarks.rate_limits [rounds]`.

Two API processes on one stack, one that counts and one that does not, called in turn; `server` time, in milliseconds.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.operations import Watch
from tests.journeys.client import Client
from tests.stack import ROOT, Stack

ROUNDS = 300


async def measure(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            await stack.start(ROOT / "municipalities" / "demonstration")
            stack.environment["ESPACE_RATE_LIMITS"] = "0"
            without = await stack.start_api()
            watches = {"with": (Watch(), stack.api), "without": (Watch(), without)}
            for _ in range(rounds):
                for watch, api in watches.values():
                    visitor = Client(api)
                    await watch.run(visitor, "Catalogue")
                    await watch.run(visitor, "StartRequest", procedure="signalement-voirie")
            for name in ("Catalogue", "StartRequest"):
                told = [f"{kind} {median(watch.server[name]):.2f}" for kind, (watch, _) in watches.items()]
                print(name, *told)
        finally:
            stack.stop()


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS))
