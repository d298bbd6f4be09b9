"""What the sandbox is told and what it answers. It starts with every child, so it imports next to nothing."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Literal

Outcome = Literal[
    "DONE",
    "UNREADABLE",
    "PASSWORD",
    "TOO_MANY_PIXELS",
    "TOO_MANY_PAGES",
    "EXPANDS",
    "RESULT_TOO_LARGE",
]


class RefusedError(Exception):
    """Raised by a task whose file is not taken, with the outcome that says why."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome: Outcome = outcome


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use. `seconds` is by the clock and is watched from outside, the rest is up to the kernel."""

    memory_bytes: int = 1024 * 1024 * 1024
    processor_seconds: int = 20
    seconds: float = 30.0
    output_bytes: int = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Order:
    """One task: `module:function`, called as `function(source, target, **parameters)` with two open files.

    `source` and `target` are file descriptors that the child was given; `parent` is the process that it ends with.
    """

    task: str
    source: int
    target: int
    parent: int
    limits: Limits
    threads: bool
    parameters: dict[str, str | int] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Order:
        values = json.loads(text)
        return cls(**values | {"limits": Limits(**values["limits"])})
