"""How many bodies are taken in at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from core.errors import UnavailableError
from core.i18n import Text

SEATS_OF_ONE = 10


class Seats:
    """Those of one process: `at_once` in all, and at most `of_one` for one sender."""

    def __init__(self, at_once: int, of_one: int = SEATS_OF_ONE) -> None:
        self._at_once = at_once
        self._of_one = of_one
        self._taken: Counter[Hashable] = Counter()

    @property
    def taken(self) -> int:
        return self._taken.total()

    @contextmanager
    def take(self, sender: Hashable) -> Iterator[None]:
        """A seat while the block lasts. Raises UnavailableError where there is none left: nobody waits for one."""
        if self._taken[sender] >= self._of_one or self.taken >= self._at_once:
            if not self._taken[sender]:
                del self._taken[sender]
            raise UnavailableError(_NO_SEAT)
        self._taken[sender] += 1
        try:
            yield
        finally:
            self._taken[sender] -= 1
            if not self._taken[sender]:
                del self._taken[sender]


_NO_SEAT = Text(
    fr="Trop de fichiers sont en cours d’envoi. Réessayez dans quelques instants.",
    en="Too many files are being sent. Try again shortly.",
)
