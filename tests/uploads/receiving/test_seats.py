from __future__ import annotations

from contextlib import ExitStack

import pytest

from core.errors import UnavailableError
from uploads.receiving import Seats


def test_there_are_so_many_seats_and_so_many_for_one() -> None:
    seats = Seats(at_once=5, of_one=2)
    with ExitStack() as taken:
        for sender in ("a", "a", "b", "b"):
            taken.enter_context(seats.take(sender))
        with pytest.raises(UnavailableError), seats.take("a"):
            pass
        taken.enter_context(seats.take("c"))
        with pytest.raises(UnavailableError), seats.take("d"):
            pass
        assert seats.taken == 5
    assert seats.taken == 0


def test_a_seat_is_free_again_whatever_happens_and_senders_are_forgotten() -> None:
    seats = Seats(at_once=1)
    with pytest.raises(ValueError, match="broken"), seats.take("a"):
        raise ValueError("broken")
    with seats.take("b"), pytest.raises(UnavailableError), seats.take("c"):
        pass
    assert not seats._taken
