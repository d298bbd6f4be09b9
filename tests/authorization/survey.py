"""All looks, taken once, and which lines of the policies' files each of them ran through."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from tests.authorization.calling import Callers
from tests.authorization.changes import Changes
from tests.authorization.doors import Doors
from tests.authorization.following import Following
from tests.authorization.kinds import Kind
from tests.authorization.matrix import Look, Matrix
from tests.authorization.policies import Policy, watched_files
from tests.stack import ROOT

Line = tuple[str, int]


@dataclass(repr=False)
class Survey:
    """`wrong` is what was found by the name of the look and the kind; `seen` what was shown to whom."""

    wrong: dict[str, list[str]] = field(default_factory=dict)
    seen: set[tuple[Kind, str, str]] = field(default_factory=set)
    shown: set[tuple[str, str]] = field(default_factory=set)
    looks: list[tuple[Look, frozenset[Line]]] = field(default_factory=list)

    def concerned(self, policy: Policy) -> list[tuple[str, Kind]]:
        """The looks that a policy has a part in; of the callers of a root field, those of whoever may not call."""
        lines = {(str(ROOT / file), line) for file, line in policy.lines}
        return [
            (look.name, look.kind)
            for look, ran in self.looks
            if (look.name == CLOSED if not lines else not lines.isdisjoint(ran))
        ]


CLOSED = "what may not be called"


@dataclass(repr=False)
class Looks:
    """All of them, with what they come to see."""

    callers: Callers

    def __post_init__(self) -> None:
        self.matrix, self.changes = Matrix(self.callers), Changes(self.callers)

    def all(self) -> list[Look]:
        """Those that spoil the world come last."""
        sorts = (self.matrix, self.changes, Doors(self.callers), Following(self.callers))
        looks = [look for sort in sorts for kind in Kind for look in sort.looks(kind)]
        return sorted(looks, key=lambda look: look.spoils)


async def take(callers: Callers, renew: Callable[[], Awaitable[None]]) -> Survey:
    """`renew` makes the world anew: where a look has spoilt it for the next one."""
    survey, looks = Survey(), Looks(callers)
    spoilt = False
    for look in looks.all():
        found, lines = await taken(look)
        if found and spoilt:
            await renew()
            found, lines = await taken(look)
        spoilt = look.spoils
        survey.looks.append((look, lines))
        if found:
            survey.wrong[f"{look.kind}: {look.name}"] = found
    survey.seen, survey.shown = looks.matrix.seen, looks.changes.shown
    return survey


async def taken(look: Look) -> tuple[list[str], frozenset[Line]]:
    """What a look finds, and which lines it ran through. That it fails is something found, too."""
    with ran_through(watched_files()) as lines:
        try:
            found = await look.find()
        except Exception as error:  # noqa: BLE001 - a look may meet anything where something is wrong
            found = [f"failed: {error!r}"]
    return found, frozenset(lines)


@contextmanager
def ran_through(files: frozenset[str]) -> Iterator[set[Line]]:
    """The lines of these files that run in this thread meanwhile."""
    lines: set[Line] = set()

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        lines.add((frame.f_code.co_filename, frame.f_lineno))
        return local

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        return local(frame, event, argument) if frame.f_code.co_filename in files else None

    before = sys.gettrace()
    sys.settrace(enter)
    try:
        yield lines
    finally:
        sys.settrace(before)
