"""All looks, taken once, and which lines that policies stand in each of them ran through."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.authorization.calling import Callers
from tests.authorization.changes import Changes
from tests.authorization.doors import Doors
from tests.authorization.following import Following
from tests.authorization.kinds import Kind
from tests.authorization.matrix import Look, Matrix
from tests.authorization.meanwhile import Meanwhile
from tests.authorization.policies import Line, Policy, watched


@dataclass(frozen=True, repr=False)
class Taken:
    """A look that was taken, the lines that policies stand in and it ran through, and how long it took."""

    look: Look
    lines: frozenset[Line]
    seconds: float


@dataclass(repr=False)
class Survey:
    """`wrong` is what was found by the name of the look and the kind; `seen` what was shown to whom."""

    wrong: dict[str, list[str]] = field(default_factory=dict)
    seen: set[tuple[Kind, str, str]] = field(default_factory=set)
    shown: set[tuple[str, str]] = field(default_factory=set)
    looks: list[Taken] = field(default_factory=list)

    def concerned(self, policy: Policy) -> list[tuple[str, Kind]]:
        """The looks that a policy has a part in, the quickest first and those that spoil the world last; of the callers
        of a root field, those of whoever may not call."""
        concerned = [
            taken
            for taken in self.looks
            if (taken.look.name == CLOSED if not policy.lines else policy.lines & taken.lines)
        ]
        concerned.sort(key=lambda taken: (taken.look.spoils, taken.seconds))
        return [(taken.look.name, taken.look.kind) for taken in concerned]


CLOSED = "what may not be called"


@dataclass(repr=False)
class Looks:
    """All of them, with what they come to see."""

    callers: Callers

    def __post_init__(self) -> None:
        self.matrix, self.changes = Matrix(self.callers), Changes(self.callers)

    def all(self) -> list[Look]:
        """Those that spoil the world come last."""
        sorts = (
            self.matrix,
            self.changes,
            Doors(self.callers),
            Following(self.callers),
            Meanwhile(self.callers),
        )
        looks = [look for sort in sorts for kind in Kind for look in sort.looks(kind)]
        return sorted(looks, key=lambda look: look.spoils)


async def take(callers: Callers, renew: Callable[[], Awaitable[None]]) -> Survey:
    """`renew` makes the world anew: where a look has spoilt it for the next one."""
    survey, looks = Survey(), Looks(callers)
    spoilt = False
    with watched() as ran:
        for look in looks.all():
            ran.clear()
            started = time.perf_counter()
            found = await found_by(look)
            if found and spoilt:
                await renew()
                found = await found_by(look)
            spoilt = look.spoils
            survey.looks.append(Taken(look, frozenset(ran), time.perf_counter() - started))
            if found:
                survey.wrong[f"{look.kind}: {look.name}"] = found
    survey.seen, survey.shown = looks.matrix.seen, looks.changes.shown
    return survey


async def found_by(look: Look) -> list[str]:
    """What a look finds. That it fails is something found, too."""
    try:
        return await look.find()
    except Exception as error:  # noqa: BLE001 - a look may meet anything where something is wrong
        return [f"failed: {error!r}"]
