"""When somebody is reminded: on the day before by the calendar, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.reminders import first_reminder, is_another_day, reminder_time

PARIS = ZoneInfo("Europe/Paris")
HALF_HOUR = timedelta(minutes=30)
INSTANTS = st.datetimes(datetime(2025, 1, 1), datetime(2036, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


def _here(instant: datetime) -> datetime:
    return instant.astimezone(PARIS)


@pytest.mark.parametrize("hour", [0, 9, 18, 23])
def test_every_half_hour_of_eleven_years_is_reminded_of_on_the_day_before_at_the_hour(hour: int) -> None:
    start, end = datetime(2024, 12, 31, 23, tzinfo=UTC), datetime(2035, 12, 31, 23, tzinfo=UTC)
    looked_at = 0
    while start < end:
        reminded = _here(reminder_time(start, "Europe/Paris", hour))
        assert reminded.date() == _here(start).date() - timedelta(days=1), start
        assert reminded.time() == time(hour), start
        assert reminded < start
        looked_at += 1
        start += HALF_HOUR
    assert looked_at > 190_000


@pytest.mark.parametrize(
    ("start", "reminded", "hours"),
    [
        # In spring the clocks skip an hour between the two, in autumn they repeat one.
        (datetime(2027, 3, 28, 9, tzinfo=PARIS), datetime(2027, 3, 27, 17, tzinfo=UTC), 14),
        (datetime(2027, 10, 31, 9, tzinfo=PARIS), datetime(2027, 10, 30, 16, tzinfo=UTC), 16),
        # The night itself, on either side of the change.
        (datetime(2027, 3, 28, 3, 30, tzinfo=PARIS), datetime(2027, 3, 27, 17, tzinfo=UTC), 8.5),
        (datetime(2027, 10, 31, 2, 30, fold=1, tzinfo=PARIS), datetime(2027, 10, 30, 16, tzinfo=UTC), 9.5),
    ],
)
def test_the_day_before_a_change_of_the_clocks(start: datetime, reminded: datetime, hours: float) -> None:
    assert reminder_time(start, "Europe/Paris", 18) == reminded
    # Subtracting in one zone would ignore the change (PEP 495).
    assert start.astimezone(UTC) - reminded == timedelta(hours=hours)


def test_an_hour_that_is_skipped_is_an_hour_later_and_one_that_is_repeated_the_first() -> None:
    the_day_after_spring = datetime(2027, 3, 29, 9, tzinfo=PARIS)
    assert _here(reminder_time(the_day_after_spring, "Europe/Paris", 2)).hour == 3
    the_day_after_autumn = datetime(2027, 11, 1, 9, tzinfo=PARIS)
    assert reminder_time(the_day_after_autumn, "Europe/Paris", 2) == datetime(2027, 10, 31, 0, tzinfo=UTC)


@given(INSTANTS, st.timedeltas(timedelta(0), timedelta(days=9)), st.integers(0, 23))
def test_what_is_booked_on_the_day_before_is_reminded_of_at_once_and_never_in_the_past(
    at: datetime, ahead: timedelta, hour: int
) -> None:
    start = at + ahead
    reminded = first_reminder(start, "Europe/Paris", hour, at)
    days_ahead = (_here(start).date() - _here(at).date()).days
    assert reminded == (at if days_ahead <= 1 else reminder_time(start, "Europe/Paris", hour))
    assert at <= reminded <= start


@given(INSTANTS, INSTANTS)
def test_another_day_is_one_of_the_calendar(start: datetime, previous: datetime) -> None:
    assert is_another_day(start, previous, "Europe/Paris") == (
        f"{_here(start):%Y%m%d}" != f"{_here(previous):%Y%m%d}"
    )


def test_two_instants_of_one_day_may_be_two_days_in_utc() -> None:
    early, late = datetime(2027, 6, 30, 22, 30, tzinfo=UTC), datetime(2027, 7, 1, 7, tzinfo=UTC)
    assert not is_another_day(early, late, "Europe/Paris")
    assert is_another_day(early, late, "UTC")
