"""Bodies that are too slow, too long, too large, or right."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from uploads.receiving import BodyTooLargeError, BodyTooSlowError, paced
from uploads.receiving.pace import _Pace

LONG = 60.0


async def chunks_of(*chunks: bytes, then_stall: bool = False) -> AsyncGenerator[bytes, None]:
    for chunk in chunks:
        yield chunk
    if then_stall:
        await asyncio.Event().wait()


async def everything(chunks: AsyncIterator[bytes]) -> bytes:
    return b"".join([chunk async for chunk in chunks])


async def test_a_body_within_its_limits_passes_as_it_is() -> None:
    body = paced(chunks_of(b"ab", b"", b"cd"), timeout_seconds=LONG, bytes_a_second=1024, limit=4)
    assert await everything(body) == b"abcd"


async def test_what_goes_over_the_limit_is_never_handed_out() -> None:
    async with aclosing(
        paced(chunks_of(b"abc", b"de"), timeout_seconds=LONG, bytes_a_second=1, limit=4)
    ) as body:
        assert await anext(body) == b"abc"
        with pytest.raises(BodyTooLargeError) as caught:
            await anext(body)
    assert caught.value.limit == 4


async def test_a_body_that_outlasts_its_time_is_too_slow() -> None:
    body = paced(chunks_of(b"a", then_stall=True), timeout_seconds=0.05, bytes_a_second=0, limit=4)
    with pytest.raises(BodyTooSlowError):
        await everything(body)


async def test_a_body_that_stalls_is_too_slow_before_its_time_is_over() -> None:
    body = paced(
        chunks_of(b"a", then_stall=True),
        timeout_seconds=LONG,
        bytes_a_second=100,
        limit=4000,
        window_seconds=0.05,
    )
    with pytest.raises(BodyTooSlowError):
        await asyncio.wait_for(everything(body), 30)


async def test_a_body_that_trickles_is_too_slow_though_it_never_stalls() -> None:
    async def trickle() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.001)

    body = paced(trickle(), timeout_seconds=LONG, bytes_a_second=100_000, limit=10**9, window_seconds=0.05)
    with pytest.raises(BodyTooSlowError):
        await asyncio.wait_for(everything(body), 30)


async def test_the_time_that_the_reader_takes_is_not_the_sender_s() -> None:
    got: list[bytes] = []
    chunks = chunks_of(b"a", b"b")
    async for chunk in paced(chunks, timeout_seconds=0.5, bytes_a_second=10, limit=9, window_seconds=0.5):
        if not got:
            await asyncio.sleep(0.6)
        got.append(chunk)
    assert got == [b"a", b"b"]


async def test_what_goes_wrong_in_the_body_comes_through() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"a"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await everything(paced(broken(), timeout_seconds=LONG, bytes_a_second=1, limit=4))


def test_the_rate_holds_over_any_ten_seconds() -> None:
    """Needed: 100 bytes in each 10 s. Sent: 1000 at once, then nothing: the stall counts from when it starts."""
    pace = _Pace(100, 10, now=0)
    pace.count(1000, now=3)
    assert pace.ends == 13
    pace.count(1099, now=12)
    assert pace.ends == 13
    pace.count(1100, now=12.5)
    assert pace.ends == 22
    for second in range(13, 1000):
        pace.count(1100 + 10 * second, now=second)
    assert 999 < pace.ends <= 1010


@pytest.mark.parametrize("every", [0.001, 0.5, 3])
def test_what_is_remembered_of_a_body_is_little(every: float) -> None:
    pace = _Pace(1e12, 10, now=0)
    now, received = 0.0, 0
    while now < pace.ends:
        now, received = now + every, received + 1
        pace.count(received, now)
    assert len(pace._marks) <= 12
