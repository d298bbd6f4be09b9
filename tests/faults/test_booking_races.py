"""Nobody sits in somebody else's place: not with many who want it, nor with processes and connections that die."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.settings import Settings
from models.database import execute
from tests.faults.booking_race import Tally, race

SEEDS = int(os.environ.get("SOAK_SEEDS", "20"))


ENDINGS = ("yes", "SLOT_UNAVAILABLE", "no answer")


def judge(tally: Tally, attempts: int) -> None:
    assert tally.attempts == attempts
    assert tally.overbooked == set()
    assert tally.lost == []
    # It was a race: there were winners, losers, answers that never came, and harm.
    answers = {kind: sum(n for told, n in tally.told.items() if told.endswith(kind)) for kind in ENDINGS}
    assert min(answers.values()) > 0, tally.told
    assert tally.told["submit: yes"] > 0
    assert {"cut connections", "kill an api process"} <= set(tally.harm)


@pytest.mark.parametrize("attempts", [250, pytest.param(750, marks=pytest.mark.soak)])
async def test_none_overbooked_and_none_lost(database: Settings, tmp_path: Path, attempts: int) -> None:
    async with race(database, 1, clients=60, folder=tmp_path) as running:
        tally = await running.run(attempts)
    judge(tally, attempts)


async def test_without_the_constraint_the_same_race_overbooks(database: Settings, tmp_path: Path) -> None:
    """The negative control: were it to find nothing here, it would prove nothing there."""
    await execute("ALTER TABLE slot DROP CONSTRAINT slot_capacity")
    async with race(database, 1, clients=60, folder=tmp_path) as running:
        tally = await running.run(150, harmed=False)
    assert tally.overbooked


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
async def test_two_hundred_clients(database: Settings, tmp_path: Path, seed: int) -> None:
    """SOAK_SEEDS: how many seeds."""
    async with race(database, seed, clients=200, folder=tmp_path) as running:
        tally = await running.run(10_000)
    print(f"seed {seed}: {dict(tally.told)}, harm: {dict(tally.harm)}")  # noqa: T201 - the figures of a long run
    judge(tally, 10_000)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_two_hundred_clients_without_the_constraint(database: Settings, tmp_path: Path) -> None:
    await execute("ALTER TABLE slot DROP CONSTRAINT slot_capacity")
    async with race(database, 1, clients=200, folder=tmp_path) as running:
        tally = await running.run(10_000)
    print(f"without the constraint: {len(tally.overbooked)} slots overbooked")  # noqa: T201
    assert tally.overbooked
