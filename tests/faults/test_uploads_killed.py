"""`kill -9` at any byte of an upload: nothing broken is ever to be seen, nothing that was answered is lost, and after
the sweep the store holds what rows name, and nothing else."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from core.settings import Settings, get_settings
from jobs.file_retention import sweep_files
from models.database import connected, fetch
from tests.factories import id_of, make_citizen, make_procedure, make_request
from tests.faults.doomed import Death, Plan, kill_all, left_over
from tests.faults.sending import Citizen
from tests.faults.wholeness import answered, let_a_day_pass, look_around, lost
from tests.stack import Api, Stack

LANES = 3
"""One more than processors: a process often waits for its disk."""

CITIZENS = 24
SWEEPS_KILLED = 8
KILLS_OF_THE_API = 10
SENDERS = 4
BUSY_SECONDS = 300
"""What it may take where the machine is five times as busy as it should be."""

LONGEST_SECONDS = 0.12
"""How long after its point a process is killed that does not die there: what follows takes about as long."""

PROGRAM = "tests.faults.uploading"

POINTS = [
    ("attach", "receiving"),
    ("attach", "checking"),
    ("attach", "checked"),
    ("keep", "storing"),
    ("attach", "moving"),
    ("keep", "moved"),
    ("attach", "writing down"),
    ("attach", "committing"),
    ("keep", "committed"),
    ("resume", "receiving"),
    ("resume", "adding a part"),
    ("resume", "storing"),
    ("resume", "moved"),
    ("resume", "part added"),
    ("resume", "committing"),
    ("replace", "storing"),
    ("replace", "committing"),
    ("update", "committed"),
    ("send again", "throwing away"),
    ("send again", "thrown away"),
    ("remove", "committing"),
    ("delete", "committed"),
    ("give up", "throwing away"),
]
"""What a process starts with, and where in it (or in what it does next) it dies."""


def plans(count: int, seed: int) -> list[Plan]:
    """Every point in turn; every other time not at it, but at a random byte of the blob, or a random time later."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        opening, stage = POINTS[number % len(POINTS)]
        part = chance.random() if stage == "storing" and chance.random() < 0.8 else None
        is_later = part is None and number // len(POINTS) % 2 == 1
        seconds = chance.uniform(0, LONGEST_SECONDS) if is_later else None
        made.append(Plan(number, opening, stage, chance.randint(1, 2), part, seconds))
    return made


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Where doomed processes put files that have no name."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def environment(database: Settings, scratch: Path) -> dict[str, str]:
    return {
        "ESPACE_DATA": str(database.data),
        "ESPACE_DATABASE_URL": database.database_url or "",
        "ESPACE_DATABASE_TIMEOUT_SECONDS": "10",
        "ESPACE_SECRET_KEY": database.secret_key.get_secret_value(),
        "TMPDIR": str(scratch),
    }


async def citizens() -> list[list[str]]:
    """Accounts, each with a request that takes pieces."""
    procedure = await make_procedure()
    made = []
    for _ in range(CITIZENS):
        citizen = await make_citizen()
        request = await make_request(procedure, citizen=citizen)
        made.append([str(citizen.account_id), str(citizen.session_id), id_of(request)])
    return made


async def kill_uploaders(
    plans: list[Plan], environment: dict[str, str], how: str = "as it is"
) -> list[Death]:
    order = {"how": how, "citizens": await citizens()}
    return await kill_all(PROGRAM, plans, order, environment, at_once=LANES)


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def until_nothing_is_left_over(processes: set[int]) -> None:
    async with asyncio.timeout(20):
        while left_over(processes):  # noqa: ASYNC110 - other processes have to end
            await asyncio.sleep(0.05)


@pytest.mark.timeout(BUSY_SECONDS)
@pytest.mark.parametrize("kills", [2 * len(POINTS), pytest.param(200, marks=pytest.mark.soak)])
async def test_killed_again_and_again_nothing_broken_is_seen_and_nothing_is_left_behind(
    database: Settings, environment: dict[str, str], scratch: Path, kills: int
) -> None:
    deaths = await kill_uploaders(plans(kills, seed=3), environment)
    await until_nothing_is_left_over({death.process for death in deaths})
    assert files_in(scratch) == []
    seen = Counter(death.stages[-1] for death in deaths)
    assert {stage for _, stage in POINTS} <= seen.keys(), "every point was one to die at"
    known = answered(deaths)
    assert len(known) > kills / 2
    found = await look_around()
    assert found.visible() == []
    assert await lost(known) == []
    assert found.orphans, "no process was killed between its bytes and its row: the test shows nothing"
    assert any(orphan.startswith("unfinished/") for orphan in found.orphans), "nor while it wrote"

    await let_a_day_pass(database.data)
    order = {"how": "sweep"}
    sweeps = [Plan(n, "", "throwing away" if n % 2 else "thrown away", n + 1) for n in range(SWEEPS_KILLED)]
    await kill_all(PROGRAM, sweeps, order, environment, at_once=1)
    assert (await look_around()).visible() == []
    await sweep_files()
    assert (await look_around()).all() == []
    assert await fetch("SELECT 1 FROM upload") == []
    pieces = {id: value for id, value in known.items() if not isinstance(value, list)}
    assert await lost(pieces) == []


@pytest_asyncio.fixture
async def stack_rows(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Settings]:
    """The settings of the stack, whose rows and store this process looks at."""
    for name in ("DATA", "DATABASE_URL", "SECRET_KEY"):
        monkeypatch.setenv(f"ESPACE_{name}", stack.environment[f"ESPACE_{name}"])
    get_settings.cache_clear()
    async with connected(get_settings()):
        yield get_settings()
    get_settings.cache_clear()


@pytest.mark.soak
@pytest.mark.timeout(BUSY_SECONDS)
async def test_an_api_process_killed_in_the_midst_of_uploads_loses_nothing(
    stack: Stack, stack_rows: Settings, scratch: Path, tmp_path: Path
) -> None:
    """Through the real door: multipart and tus over HTTP, sent by several at once."""
    stack.worker.stop()  # Nobody else is to write in the store.
    environment = {**stack.environment, "TMPDIR": str(scratch)}
    apis: list[Api] = []

    async def start() -> Api:
        apis.append(Api(environment, tmp_path / f"{len(apis)}.log"))
        await apis[-1].start()
        return apis[-1]

    chance = random.Random(5)
    is_over = False
    answered_since = asyncio.Event()
    try:
        doomed = await start()
        people = [await Citizen.move_in(lambda: [doomed], seed) for seed in range(SENDERS)]
        sending = [asyncio.create_task(person.live(lambda: is_over, answered_since.set)) for person in people]
        for _ in range(KILLS_OF_THE_API):
            following = await start()
            answered_since.clear()
            await asyncio.wait_for(answered_since.wait(), 30)
            await asyncio.sleep(chance.uniform(0, LONGEST_SECONDS))
            doomed.kill()
            doomed = following
        is_over = True
        await asyncio.gather(*sending)
        await until_nothing_is_left_over({api.process.pid for api in apis if api.process and not api.running})
        done = sum((person.done for person in people), Counter[str]())
        assert done["not answered"] >= KILLS_OF_THE_API / 2
        assert done["resumed"], "no upload was cut off, and went on"
        assert (await look_around()).visible() == []
        assert [await person.wrong() for person in people] == [[]] * SENDERS
        await let_a_day_pass(stack_rows.data)
        await sweep_files()
        assert (await look_around()).all() == []
        assert [await person.wrong() for person in people] == [[]] * SENDERS
    finally:
        for api in apis:
            if api.running:
                api.stop()
    assert files_in(scratch) == []


async def found_out(how: str, point: Plan, environment: dict[str, str]) -> Any:
    """What is to be seen after some kills at a point, where it is done as it must not be."""
    made = [
        Plan(n, point.opening, point.stage, part=0.5 if point.stage == "storing" else None) for n in range(4)
    ]
    await kill_uploaders(made, environment, how)
    return await look_around()


async def test_a_row_that_is_written_before_its_bytes_is_found_out(environment: dict[str, str]) -> None:
    """The first negative control."""
    found = await found_out("row first", Plan(0, "keep", "committed"), environment)
    assert len(found.missing) == 4


async def test_bytes_that_are_written_in_place_are_found_out(environment: dict[str, str]) -> None:
    """The second: with no row to name it, half a blob is at an address all the same."""
    found = await found_out("in place", Plan(0, "keep", "storing"), environment)
    assert len(found.broken) == 4


async def test_what_was_answered_and_is_gone_is_found_out(
    database: Settings, environment: dict[str, str]
) -> None:
    """The third: of the checker itself."""
    deaths = await kill_uploaders(
        [Plan(0, "keep", "committed", 2), Plan(1, "resume", "checking")], environment
    )
    known = answered(deaths)
    assert await lost(known) == []
    assert known
    wrong = {id: [value[0], "0" * 64] if isinstance(value, list) else "0" * 64 for id, value in known.items()}
    assert await lost(wrong) == list(known)
    assert len(await lost(dict.fromkeys(known))) == len(known)
