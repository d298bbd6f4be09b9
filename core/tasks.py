"""Ending tasks for sure."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancels the tasks and returns once they have ended, whatever they end with.

    Once is not enough: Python 3.11's `wait_for`, which redis-py sends with, swallows a cancellation that
    comes together with what it waits for (python/cpython#86296).
    """
    running = set(tasks)
    while running:
        for task in running:
            task.cancel()
        ended, running = await asyncio.wait(running, timeout=0.1)
        for task in ended:
            if not task.cancelled():
                task.exception()
