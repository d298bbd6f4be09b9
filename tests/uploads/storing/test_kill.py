"""`kill -9` of a writer at any moment: what was acknowledged is there, what was not is whole or nowhere to be seen."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.clock import now
from core.settings import get_settings
from tests.stack import ROOT
from tests.uploads.storing.conftest import Use
from tests.uploads.storing.contents import make_content, read
from uploads.storing import CorruptBlobError, blobs
from uploads.storing.blobs import FOLDER

MOST_KILLS_OF_THE_CONTROL = 1_000


@dataclass
class Outcome:
    acknowledged: dict[str, tuple[int, int]]
    lost: list[str]
    broken: list[str]
    leftovers: int


async def kill_writers(count: int, how: str, seed: int) -> Outcome:
    """What is to be seen after that many kills, and a look through all that is there."""
    settings = get_settings()
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tests.uploads.storing.killed_writer", str(count), how, str(seed)],
        env={"ESPACE_DATA": str(settings.data), "ESPACE_SECRET_KEY": settings.secret_key.get_secret_value()},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=100,
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    outcome = Outcome({address: (int(size), int(seed)) for address, seed, size in lines}, [], [], 0)
    listed = {address async for address in blobs().addresses()}
    outcome.lost = sorted(outcome.acknowledged.keys() - listed)
    for address in listed:
        try:
            content = await read(address)
        except CorruptBlobError:
            outcome.broken.append(address)
        else:
            if address in outcome.acknowledged and content != make_content(*outcome.acknowledged[address]):
                outcome.broken.append(address)
    unfinished = settings.data / FOLDER / "unfinished"
    outcome.leftovers = len(list(unfinished.iterdir())) if unfinished.exists() else 0
    return outcome


@pytest.fixture
def data(tmp_path: Path, use: Use) -> Path:
    use(storage_url=None, data=str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("kills", [50, pytest.param(200, marks=pytest.mark.soak)])
async def test_killed_again_and_again_it_loses_nothing_and_shows_nothing_half_done(
    data: Path, kills: int
) -> None:
    outcome = await kill_writers(kills, "renamed", seed=1)
    assert len(outcome.acknowledged) > kills
    assert outcome.lost == []
    assert outcome.broken == []
    assert outcome.leftovers > 0, "no writer was killed while it wrote: the test shows nothing"
    addresses = Counter([address async for address in blobs().older_than(now())])
    assert set(addresses.values()) == {1}
    assert outcome.acknowledged.keys() <= addresses.keys()
    assert list((data / FOLDER / "unfinished").iterdir()) == []
    for address in addresses:
        await blobs().delete(address)
    assert [path for path in (data / FOLDER).rglob("*") if path.is_file()] == []


async def test_a_writer_that_writes_in_place_is_found_out(data: Path) -> None:
    """The negative control."""
    kills = 0
    while kills < MOST_KILLS_OF_THE_CONTROL:
        outcome = await kill_writers(20, "in-place", seed=kills)
        if outcome.broken:
            return
        kills += 20
    pytest.fail(f"{kills} kills, and nothing half-written was seen")
