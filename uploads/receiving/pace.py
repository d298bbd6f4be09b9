"""How long, how slow and how large a body may be."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator

WINDOW_SECONDS = 10.0


class BodyTooSlowError(Exception):
    """The body took longer than it may, or came in slower."""


class BodyTooLargeError(Exception):
    """The body holds more than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.limit = limit


async def paced(
    chunks: AsyncIterator[bytes],
    *,
    timeout_seconds: float,
    bytes_a_second: float,
    limit: int,
    window_seconds: float = WINDOW_SECONDS,
) -> AsyncGenerator[bytes, None]:
    """The chunks of a body, as long as it keeps to its time, its rate and its size.

    The rate holds over any `window_seconds`, to a tenth of them: a body that is shorter is only held to the
    time. What whoever reads takes for itself between two chunks is not counted. Close the generator.

    Raises BodyTooSlowError; BodyTooLargeError before the chunk that goes over the limit is handed out; and
    whatever `chunks` raises.
    """
    clock = asyncio.get_running_loop().time
    excused = 0.0
    started = clock()
    pace = _Pace(bytes_a_second * window_seconds, window_seconds, started)
    received = 0
    while True:
        ends = min(started + timeout_seconds, pace.ends) + excused
        try:
            async with asyncio.timeout_at(ends):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise BodyTooSlowError from None
        if chunk is None:
            return
        arrived = clock()
        if arrived > ends:
            raise BodyTooSlowError
        received += len(chunk)
        if received > limit:
            raise BodyTooLargeError(limit)
        pace.count(received, arrived - excused)
        yield chunk
        excused += clock() - arrived


class _Pace:
    """Marks on the way, at most one for each tenth of a window: `needed` bytes must follow each within a window."""

    def __init__(self, needed: float, window_seconds: float, now: float) -> None:
        self._needed = needed
        self._window = window_seconds
        self._marks = deque([(now, 0)])

    @property
    def ends(self) -> float:
        """When the body is too slow, if nothing more comes."""
        return self._marks[0][0] + self._window

    def count(self, received: int, now: float) -> None:
        marks = self._marks
        while marks and received - marks[0][1] >= self._needed:
            marks.popleft()
        if not marks or now - marks[-1][0] >= self._window / 10:
            marks.append((now, received))
