from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.dates import local, months_later


def test_an_instant_by_the_clock_of_the_municipality() -> None:
    instant = datetime(2026, 12, 31, 23, 5, tzinfo=UTC)
    assert f"{local(instant, 'Europe/Paris'):%d %H:%M}" == "01 00:05"
    assert f"{local(instant, 'America/Martinique'):%d %H:%M}" == "31 19:05"


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 11, 23), 2, date(2027, 1, 23)),
        (date(2026, 12, 31), 2, date(2027, 2, 28)),
        (date(2027, 12, 31), 2, date(2028, 2, 29)),
        (date(2026, 8, 31), 1, date(2026, 9, 30)),
    ],
)
def test_some_months_later(day: date, months: int, expected: date) -> None:
    assert months_later(day, months) == expected


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 24))
def test_it_is_always_that_many_months(day: date, months: int) -> None:
    later = months_later(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day <= day.day
