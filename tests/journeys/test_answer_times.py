"""The time of an answer tells nobody whether there is an account. 2,000 of each: python -m benchmarks.new_password."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.journeys.answer_times import forget, sample, separation
from tests.stack import Stack

TIMES = 250
MOST = 0.62
"""What cannot be told apart comes out beyond it once in a million runs: its standard deviation is 0.026 for so few."""


def test_what_is_alike_cannot_be_told_apart_and_what_is_not_can() -> None:
    chance = random.Random(7)
    one = [chance.gauss(10, 1) for _ in range(2_000)]
    other = [chance.gauss(10, 1) for _ in range(2_000)]
    assert separation(one, other) < 0.53
    assert separation(one, [value + 0.3 for value in other]) > 0.55
    assert separation([value + 5 for value in one], other) > 0.99
    assert separation([1, 2], [1, 2]) == 0.5
    assert separation([1], [2]) == separation([2], [1]) == 1


@pytest_asyncio.fixture
async def asked(stack: Stack) -> AsyncIterator[Stack]:
    yield stack
    await forget(stack)


async def test_whether_there_is_an_account_is_in_no_answers_time(asked: Stack) -> None:
    somebody, nobody = await sample(asked, TIMES)
    assert separation(somebody, nobody) <= MOST


@pytest.mark.timeout(1_800)
@pytest.mark.soak
async def test_the_same_with_two_thousand_of_each(asked: Stack) -> None:
    somebody, nobody = await sample(asked, 2_000)
    found = separation(somebody, nobody)
    print(f"AUC {found:.3f}")  # noqa: T201 - the figure
    assert found <= 0.55
