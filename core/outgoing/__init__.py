"""Calls to addresses that others have chosen: partner systems, and where they want to be told of events.

Whoever may choose an address could choose one that only this machine reaches: its own services, those of its network,
what a cloud tells its machines about their credentials. Hence all outgoing HTTP goes through `call`, which looks at an
address as written (`targets`), at every address that its name leads to (`addresses`), and connects to one of those that
it has looked at: the name is not asked a second time, and the answer sends us nowhere else.

    OutgoingError
    ├── TargetRefusedError       we do not call that
    ├── UnreachableError         nobody there, or nobody whose certificate is that of the name
    ├── OutOfTimeError
    └── AnswerRefusedError       not HTTP, or longer than was asked for
"""

from core.outgoing.calling import Answer, call
from core.outgoing.errors import (
    AnswerRefusedError,
    OutgoingError,
    OutOfTimeError,
    TargetRefusedError,
    UnreachableError,
)
from core.outgoing.targets import Target, read_target

__all__ = [
    "Answer",
    "AnswerRefusedError",
    "OutOfTimeError",
    "OutgoingError",
    "Target",
    "TargetRefusedError",
    "UnreachableError",
    "call",
    "read_target",
]
