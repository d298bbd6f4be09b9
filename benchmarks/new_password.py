"""Whether the time of an answer tells if there is an account: `python -m benchmarks.new_password [times]`.

Asks for new passwords over HTTP, of somebody and of nobody in turn (each pair in random order), while a worker mails
what is asked for. AUC: how well a threshold tells the two apart; 0.5 is not at all.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.journeys.answer_times import sample, separation
from tests.stack import ROOT, Stack

TIMES = 2_000


async def measure(times: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack(Path(folder))
        try:
            await stack.start(ROOT / "municipalities" / "demonstration")
            somebody, nobody = await sample(stack, times)
        finally:
            stack.stop()
    for name, seconds in (("somebody", somebody), ("nobody", nobody)):
        print(f"{name}: median {1000 * median(seconds):.2f} ms, longest {1000 * max(seconds):.0f} ms")
    print(f"{len(stack.inbox.messages)} mails; AUC {separation(somebody, nobody):.3f}")


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else TIMES))
