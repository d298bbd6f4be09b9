"""One line of log for each operation:

what ran, how long, how many statements, how it ended. Never what it held.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from core.errors import CallError
from models.asyncpg_backend import StatementCount
from models.database import counted
from schema.execution import MalformedOperationError, Operation
from schema.masking import INTERNAL, MALFORMED_OPERATION

logger = logging.getLogger("espace.graphql")

_LONGEST_NAME = 80


@dataclass(slots=True)
class Observation:
    """Figures of one operation, growing while the block of `observed` lasts."""

    count: StatementCount
    outcome: str = "CANCELLED"
    answers: int = 0
    _started: float = field(default_factory=time.perf_counter)

    @property
    def statements(self) -> int:
        return self.count.value

    @property
    def milliseconds(self) -> float:
        return (time.perf_counter() - self._started) * 1000


@contextmanager
def observed(operation: Operation, transport: str) -> Iterator[Observation]:
    """Measures the block and logs it, also where it is cancelled (outcome CANCELLED)."""
    with counted() as count:
        observation = Observation(count)
        try:
            yield observation
        except CallError as error:
            observation.outcome = error.code
            raise
        except MalformedOperationError:
            observation.outcome = MALFORMED_OPERATION
            raise
        except Exception:
            observation.outcome = INTERNAL
            raise
        finally:
            name = (operation.name or "anonymous")[:_LONGEST_NAME]
            milliseconds = round(observation.milliseconds, 1)
            logger.info(
                "%s %s over %s: %s ms, %s statements, %s",
                operation.kind,
                name,
                transport,
                milliseconds,
                observation.statements,
                observation.outcome,
                extra={
                    "operation": name,
                    "kind": operation.kind,
                    "transport": transport,
                    "milliseconds": milliseconds,
                    "statements": observation.statements,
                    "answers": observation.answers,
                    "outcome": observation.outcome,
                },
            )


def log_refusal(transport: str) -> None:
    """The line of a document that names no operation to run: malformed, invalid or too large."""
    logger.info(
        "a document over %s: %s",
        transport,
        MALFORMED_OPERATION,
        extra={"transport": transport, "outcome": MALFORMED_OPERATION},
    )
