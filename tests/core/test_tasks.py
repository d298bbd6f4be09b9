from __future__ import annotations

import asyncio

from core.tasks import end_tasks


async def test_a_task_that_swallows_cancellations_ends_all_the_same() -> None:
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 3:
                    raise

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await asyncio.wait_for(end_tasks([task]), 5)
    assert task.cancelled()


async def test_tasks_that_failed_or_ended_are_taken_as_they_are() -> None:
    async def fail() -> None:
        raise ValueError("it went wrong")

    async def succeed() -> None:
        return None

    tasks = [asyncio.create_task(fail()), asyncio.create_task(succeed())]
    await asyncio.sleep(0)
    await end_tasks(tasks)
    await end_tasks([])
    assert all(task.done() for task in tasks)
