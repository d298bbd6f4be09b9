"""What decodes a file can do nothing but decode it, ends when it has to, and takes nobody along."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from core.errors import FileRejectedError, UnavailableError
from tests.stack import ROOT
from tests.uploads import hostile
from tests.uploads.sending import checked, received
from uploads.checking import check
from uploads.received import scratch_file
from uploads.sandbox import running
from uploads.sandbox.confinement import landlock_version
from uploads.sandbox.orders import Limits, Order, Outcome
from uploads.sandbox.running import Places, run

SHORT = Limits(processor_seconds=1, seconds=20)
MISBEHAVIOUR = "tests.uploads.checking.misbehaviour"


async def misbehave(task: str, content: bytes = b"", **options: object) -> tuple[Outcome, bytes]:
    """The outcome of that task, and what it has written."""
    with scratch_file() as source, scratch_file() as target:
        source.write(content)
        outcome = await run(f"{MISBEHAVIOUR}:{task}", source, target, **options)  # type: ignore[arg-type]
        target.seek(0)
        return outcome, target.read(1_000_000)


def children() -> list[psutil.Process]:
    found = []
    for one in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # Ended, and not yet waited for.
            if "uploads.sandbox" in " ".join(one.cmdline()):
                found.append(one)
    return found


@pytest.mark.parametrize("task", ["eat_memory", "loop", "crash", "leave"])
async def test_a_child_that_goes_wrong_is_an_unreadable_file(task: str) -> None:
    outcome, _ = await misbehave(task, limits=SHORT)
    assert outcome == "UNREADABLE"
    assert children() == []
    async with checked(hostile.pdf(), "a.pdf", hostile.PDF) as (file, _):
        assert file.size > 0, "the next file is checked as ever"


async def test_a_child_that_only_waits_is_killed() -> None:
    outcome, written = await misbehave("sleep", limits=Limits(seconds=1))
    assert outcome == "UNREADABLE"
    assert not psutil.pid_exists(int(written))


async def test_a_child_cannot_fill_the_disk() -> None:
    outcome, written = await misbehave("fill_the_disk", limits=Limits(output_bytes=300_000))
    assert outcome == "UNREADABLE"
    assert len(written) == 300_000


@pytest.mark.parametrize(
    ("answer", "times", "expected"),
    [
        ("", 1, "UNREADABLE"),
        ("[]", 1, "UNREADABLE"),
        ("null", 1, "UNREADABLE"),
        ("{", 1, "UNREADABLE"),
        ('{"outcome": "CLEAN"}', 1, "UNREADABLE"),
        ('{"outcome": ["DONE"]}', 1, "UNREADABLE"),
        ('{"outcome": "DONE"}' + " " * 10_000, 1, "UNREADABLE"),
        ("\0", 100_000, "UNREADABLE"),
        ('{"outcome": "DONE"}', 1, "DONE"),
    ],
)
async def test_a_child_that_answers_nonsense_is_an_unreadable_file(
    answer: str, times: int, expected: str
) -> None:
    outcome, _ = await misbehave("answer_nonsense", parameters={"answer": answer, "times": times})
    assert outcome == expected


async def test_it_can_do_nothing_but_compute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ESPACE_SECRET_KEY", "a secret that nobody may read, of forty characters")
    path = tmp_path / "file"
    path.touch()
    outcome, written = await misbehave("try_everything", parameters={"path": str(path)})
    assert outcome == "DONE"
    told, results = json.loads(written).values()
    assert set(told["environment"]) <= {"LC_ALL", "LC_CTYPE"}
    assert "forty characters" not in json.dumps(told)
    assert len(told["descriptors"]) == 6, "three that lead nowhere, the answer, and two files"
    opening = (
        "read a file",
        "read our environment",
        "make a file",
        "open a socket",
        "open an internet socket",
    )
    assert {results.pop(attempt) for attempt in opening} == {"EMFILE"}
    assert results.pop("fork") == "EAGAIN"
    if landlock_version():
        assert results == {"remove a file": "EACCES"}
        assert path.exists()


@pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")
async def test_it_cannot_start_a_program() -> None:
    assert await misbehave("start_a_program") == ("DONE", b"refused")


async def test_a_child_that_goes_on_after_its_answer_is_ended() -> None:
    outcome, written = await misbehave("answer_and_go_on")
    assert outcome == "UNREADABLE"
    assert not psutil.pid_exists(int(written))


async def test_it_reads_without_moving_or_changing_what_was_sent() -> None:
    with scratch_file() as source, scratch_file() as target:
        source.write(b"as it came")
        source.seek(3)
        assert await run(f"{MISBEHAVIOUR}:change_the_source", source, target) == "UNREADABLE"
        assert await run(f"{MISBEHAVIOUR}:read_the_source", source, target) == "DONE"
        assert source.tell() == 3
        target.seek(0)
        assert target.read() == b"as it came"


async def test_nothing_of_a_file_reaches_the_log(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    for task, expected in (("talk", "DONE"), ("raise_what_the_file_says", "UNREADABLE")):
        outcome, _ = await misbehave(task, b"Camille Exemple")
        assert outcome == expected
    with pytest.raises(FileRejectedError):
        async with checked(b"%PDF-1.7 Camille %%EOF", "Camille.pdf", hostile.PDF):
            pass
    assert "Camille" not in caplog.text
    assert "Camille" not in "".join(capfd.readouterr())
    assert {record.__dict__.get("decoder_error") for record in caplog.records} >= {"ValueError", "PdfError"}


async def test_whoever_stops_waiting_leaves_no_child_behind() -> None:
    with scratch_file() as source, scratch_file() as target:
        waiting = asyncio.create_task(run(f"{MISBEHAVIOUR}:sleep", source, target))
        await _until(lambda: os.fstat(target.fileno()).st_size > 0)
        assert len(children()) == 1
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert children() == []


async def test_cancelled_at_any_moment_a_check_leaves_nothing_behind() -> None:
    sent = received(hostile.jpeg(), "a.jpg", hostile.JPEG)
    for turns in range(0, 40, 2):
        checking = asyncio.create_task(check(sent))
        for _ in range(turns):
            await asyncio.sleep(0)
        checking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await checking
        assert children() == []
    (await check(sent)).close()
    sent.close()


async def test_a_child_ends_with_its_parent_however_that_ends() -> None:
    program = f"""
import asyncio, sys
from uploads.received import scratch_file
from uploads.sandbox.running import run
asyncio.run(run("{MISBEHAVIOUR}:sleep", scratch_file(), open(sys.argv[1], "wb")))
"""
    with scratch_file() as written:
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, f"/proc/{os.getpid()}/fd/{written.fileno()}", cwd=ROOT
        )
        await _until(lambda: os.fstat(written.fileno()).st_size > 0)
        written.seek(0)
        child = psutil.Process(int(written.read()))
        parent.send_signal(signal.SIGKILL)
        await parent.wait()
        await asyncio.to_thread(psutil.wait_procs, [child], 10)
        assert not child.is_running()


async def test_few_run_at_once_and_the_others_wait_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    most = 0
    converse = running._converse

    async def counted(order: Order) -> bytes:
        nonlocal most
        most = max(most, 1 + len(children()))
        return await converse(order)

    monkeypatch.setattr(running, "_converse", counted)
    outcomes = await asyncio.gather(*(misbehave("read_the_source") for _ in range(12)))
    assert [outcome for outcome, _ in outcomes] == ["DONE"] * 12
    assert 1 <= most <= running.CHILDREN_AT_ONCE


async def test_a_full_queue_and_a_slow_one_ask_to_come_again() -> None:
    places = Places(at_once=1, waiting=1, seconds=0.05)
    async with places.take():
        slow = asyncio.create_task(_take(places))
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError):
            await _take(places)
        with pytest.raises(UnavailableError):
            await slow
    await _take(places)


async def test_whoever_is_cancelled_in_the_queue_gives_the_place_back() -> None:
    places = Places(at_once=1, waiting=5, seconds=60)
    async with places.take():
        waiting = [asyncio.create_task(_take(places)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        waiting[1].cancel()
    await waiting[2]
    await _take(places)
    assert [one.cancelled() for one in waiting] == [True, True, False]


async def _take(places: Places) -> None:
    async with places.take():
        pass


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - nobody tells us what another process has done
            await asyncio.sleep(0.01)
