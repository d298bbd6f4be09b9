"""Processes that die by SIGKILL where a plan says so: at an exact point of what they do, at an exact byte, or at a
random moment after it.

A zygote has imported everything, and forks a process for each death: hundreds of them take seconds. What such a
process runs is the real thing; the functions in which it may die only say, before they begin, where it stands.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial, wraps
from pathlib import Path
from typing import Any, NoReturn

from models.asyncpg_backend import CommitsOrTells
from tests.stack import ROOT
from uploads.storing.folder import Folder

LIMIT_SECONDS = 280
PATIENCE_SECONDS = 20.0
"""Who has not come to its point by then is killed wherever it is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a process dies: the `times`-th time that it comes to `stage`.

    There at once; or, where it is "storing", once that `part` of the bytes of the blob are written; or up to `seconds`
    later, which are up to the killer.
    """

    number: int
    opening: str
    stage: str
    times: int = 1
    part: float | None = None
    seconds: float | None = None


@dataclass(slots=True)
class Death:
    """How a process died. `stages`: those it had come to, in order; `said`: what else it had to say before."""

    plan: Plan
    process: int
    stages: list[str] = field(default_factory=list)
    said: list[Any] = field(default_factory=list)


class Doom:
    """A doomed process's own knowledge of where it is to die."""

    def __init__(self, plan: Plan, told: int) -> None:
        self.plan = plan
        self._told = told
        self._times = plan.times
        self._bytes: int | None = None
        self._write = os.write

    def say(self, **what: Any) -> None:
        """Something that the killer is to remember: once this returns, it does."""
        self._write(self._told, json.dumps(what).encode() + b"\n")

    def reached(self, stage: str) -> bool:
        """Whether it is here that the process is to die, though not at once."""
        self.say(stage=stage)
        if stage != self.plan.stage:
            return False
        self._times -= 1
        if self._times == 0 and self.plan.seconds is None and self.plan.part is None:
            die()
        return self._times == 0

    def announce(self, owner: Any, name: str, before: str, after: str | None = None) -> None:
        """Has a function, wherever `owner` is asked for it, say where the process stands."""
        real = getattr(owner, name)
        if inspect.iscoroutinefunction(real):

            @wraps(real)
            async def announced(*arguments: Any, **named: Any) -> Any:
                self.reached(before)
                result = await real(*arguments, **named)
                if after is not None:
                    self.reached(after)
                return result

            setattr(owner, name, announced)
        else:

            @wraps(real)
            def announced_at_once(*arguments: Any, **named: Any) -> Any:
                self.reached(before)
                result = real(*arguments, **named)
                if after is not None:
                    self.reached(after)
                return result

            setattr(owner, name, announced_at_once)

    def watch_store(self) -> None:
        """Has the store say where it stands, and die in the midst of a blob."""
        real = Folder.write

        def write(folder: Folder, address: str, pieces: Iterator[bytes]) -> None:
            if not self.reached("storing") or self.plan.part is None:
                return real(folder, address, pieces)
            encrypted = list(pieces)
            self._bytes = int(self.plan.part * sum(map(len, encrypted)))
            return real(folder, address, iter(encrypted))

        setattr(Folder, "write", write)  # noqa: B010 - no type checker likes it otherwise
        os.write = self._write_until_the_end
        self.announce(os, "rename", "moving", "moved")
        self.announce(Folder, "delete", "throwing away", "thrown away")

    def watch_database(self) -> None:
        self.announce(CommitsOrTells, "commit", "committing", "committed")

    def _write_until_the_end(self, descriptor: int, content: Any) -> int:
        if self._bytes is None:
            return self._write(descriptor, content)
        if len(content) >= self._bytes:
            self._write(descriptor, memoryview(content)[: self._bytes])
            die()
        written = self._write(descriptor, content)
        self._bytes -= written
        return written


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


Life = Callable[[Doom, Mapping[str, Any]], None]
"""What a process does: it is given the `order`, with its `lane` of `lanes`, in each of which one lives at a time."""


async def kill_all(
    program: str,
    plans: Sequence[Plan],
    order: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    at_once: int = 2,
) -> list[Death]:
    """Has `python -m PROGRAM`, whose last line is `run(life)`, live and die once for each plan; what became of it."""
    errand = {"plans": [asdict(plan) for plan in plans], "order": dict(order), "at_once": at_once}
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", program],
        input=json.dumps(errand),
        env={"PATH": os.environ["PATH"], **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-5_000:]
    deaths: dict[int, Death] = {}
    by_number = {plan.number: plan for plan in plans}
    for line in done.stdout.splitlines():
        told = json.loads(line)
        number = told.pop("number")
        if "process" in told:
            deaths[number] = Death(by_number[number], told["process"])
        elif "stage" in told:
            deaths[number].stages.append(told["stage"])
        else:
            deaths[number].said.append(told)
    assert deaths.keys() == by_number.keys()
    return list(deaths.values())


def run(life: Life) -> None:
    """The zygote: a killer for each lane, which lets one process after the other live, and die."""
    errand = json.load(sys.stdin)
    plans = [Plan(**plan) for plan in errand["plans"]]
    lanes = []
    for lane in range(errand["at_once"]):
        order = {**errand["order"], "lane": lane, "lanes": errand["at_once"]}
        lanes.append(os.fork())
        if lanes[-1] == 0:
            _end_with(partial(_kill_each, life, plans[lane :: errand["at_once"]], order))
    ended = [os.waitpid(process, 0)[1] for process in lanes]
    sys.exit(any(ended))


def _kill_each(life: Life, plans: Sequence[Plan], order: Mapping[str, Any]) -> None:
    for plan in plans:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _end_with(partial(life, Doom(plan, writer), order))
        os.close(writer)
        _tell(plan, {"process": child})
        _watch(plan, reader, child)
        os.close(reader)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != -signal.SIGKILL:
            raise RuntimeError(f"{plan} ended by itself with {status}")


def _watch(plan: Plan, reader: int, child: int) -> None:
    """Kills where that is up to us; returns once everything that the process had to say is told on."""
    heard, deadline, times = b"", time.monotonic() + PATIENCE_SECONDS, plan.times
    is_killed = False
    while True:
        ready, _, _ = select.select([reader], [], [], max(0.0, deadline - time.monotonic()))
        if not ready and not is_killed:
            os.kill(child, signal.SIGKILL)
            is_killed, deadline = True, time.monotonic() + PATIENCE_SECONDS
            continue
        more = os.read(reader, 1 << 16)
        if not more:
            return
        *lines, heard = (heard + more).split(b"\n")
        for line in lines:
            told = json.loads(line)
            _tell(plan, told)
            times -= told.get("stage") == plan.stage
            if plan.seconds is not None and times == 0 and not is_killed:
                deadline = min(deadline, time.monotonic() + plan.seconds)


def _tell(plan: Plan, what: Mapping[str, Any]) -> None:
    os.write(1, json.dumps({"number": plan.number, **what}).encode() + b"\n")


def _end_with(what: Callable[[], None]) -> NoReturn:
    status = 1
    try:
        what()
        status = 0
    except BaseException:  # noqa: BLE001 - it is told, and the process ends with it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def left_over(processes: set[int]) -> list[str]:
    """Children of those processes that still run, though these are dead: sandboxes say whose they are."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # It has ended.
        if (
            b"uploads.sandbox" in words
            and json.loads(words[words.index(b"uploads.sandbox") + 1])["parent"] in processes
        ):
            found.append(folder.name)
    return found
