"""arq gives up on a job that raises (0.28): here it tries again, later and later."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from arq.worker import Retry

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0

logger = logging.getLogger(__name__)

Job = Callable[..., Awaitable[None]]


def retried(job: Job) -> Callable[..., Any]:
    """The job as arq calls it, with its context left out: whatever it raises has it run again, after a while.

    arq stops after the worker's `max_tries`. The row is still there then, and the relay hands it out again.
    """

    @wraps(job)
    async def run(context: dict[Any, Any], *arguments: Any) -> None:
        try:
            await job(*arguments)
        except Exception as error:
            attempt: int = context["job_try"]
            pause = min(FIRST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS)
            # What it says may name a person: a database quotes the values that it refuses.
            kind = type(error).__name__
            logger.warning("%s failed at try %d (%s), again in %.1f s", job.__name__, attempt, kind, pause)
            raise Retry(defer=pause) from error

    return run
