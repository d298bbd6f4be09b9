"""From a rule to slots: the hours are those of the clock on the wall, whatever the clocks do."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.openings import Opening, public_holidays, spans

PARIS = ZoneInfo("Europe/Paris")
WEEK = frozenset(range(5))
EVERY_DAY = frozenset(range(7))


def on_the_wall(
    openings: list[Opening], minutes: int, first: date, last: date, **options: frozenset[date]
) -> list[str]:
    found = spans(openings, minutes, first, last, timezone="Europe/Paris", **options)
    return [f"{start.astimezone(PARIS):%m-%d %H:%M}–{end.astimezone(PARIS):%H:%M}" for start, end in found]


def test_a_rule_over_some_days() -> None:
    morning = Opening(frozenset({0, 2}), time(9), time(9, 50))
    evening = Opening(frozenset({2}), time(17), time(17, 20))
    week = on_the_wall([morning, evening], 20, date(2026, 6, 1), date(2026, 6, 7))
    assert week == [
        "06-01 09:00–09:20",
        "06-01 09:20–09:40",  # What is left until 09:50 is no slot.
        "06-03 09:00–09:20",
        "06-03 09:20–09:40",
        "06-03 17:00–17:20",
    ]


def test_the_last_day_is_included_and_days_may_be_left_out() -> None:
    opening = [Opening(EVERY_DAY, time(9), time(10))]
    days = on_the_wall(
        opening, 60, date(2026, 4, 30), date(2026, 5, 2), left_out=frozenset({date(2026, 5, 1)})
    )
    assert days == ["04-30 09:00–10:00", "05-02 09:00–10:00"]


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 29), 3), (date(2026, 3, 30), 4), (date(2026, 10, 25), 5), (date(2026, 10, 26), 4)],
)
def test_where_the_clocks_change_the_night_has_an_hour_more_or_less(day: date, hours: int) -> None:
    night = list(spans([Opening(EVERY_DAY, time(1), time(5))], 60, day, day, timezone="Europe/Paris"))
    assert len(night) == hours
    assert night[0][0].astimezone(PARIS).time() == time(1)
    assert night[-1][1].astimezone(PARIS).time() == time(5)
    assert all(end - start == timedelta(hours=1) for start, end in night)
    assert [start for start, _ in night[1:]] == [end for _, end in night[:-1]]


def test_across_both_changes_the_morning_starts_at_nine() -> None:
    found = spans(
        [Opening(EVERY_DAY, time(9), time(9, 20))],
        20,
        date(2026, 1, 1),
        date(2026, 12, 31),
        timezone="Europe/Paris",
    )
    starts = [start for start, _ in found]
    assert len(starts) == 365
    assert {start.astimezone(PARIS).time() for start in starts} == {time(9)}
    assert {start.astimezone(UTC).hour for start in starts} == {7, 8}


@given(
    first=st.dates(date(2025, 1, 1), date(2035, 12, 1)),
    days=st.integers(0, 20),
    start=st.integers(0, 22),
    length=st.integers(1, 60),
    minutes=st.integers(1, 240),
)
def test_slots_lie_within_their_opening_and_follow_each_other(
    first: date, days: int, start: int, length: int, minutes: int
) -> None:
    opening = Opening(WEEK, time(start), time(start, length - 1) if length > 1 else time(start + 1))
    last = first + timedelta(days=days)
    found = list(spans([opening], minutes, first, last, timezone="Europe/Paris"))
    for begin, end in found:
        assert end - begin == timedelta(minutes=minutes)
        day = begin.astimezone(PARIS).date()
        assert first <= day <= last
        assert day.weekday() in WEEK
        opens = datetime.combine(day, opening.start, PARIS).astimezone(UTC)
        closes = datetime.combine(day, opening.end, PARIS).astimezone(UTC)
        assert opens <= begin < end <= closes
        assert (begin - opens) % timedelta(minutes=minutes) == timedelta()
    assert all(later[0] >= earlier[1] for earlier, later in itertools.pairwise(found))


def test_the_public_holidays_of_france() -> None:
    """Code du travail, L. 3133-1, with Easter Monday, Ascension and Whit Monday of 2026."""
    eleven = {
        (1, 1), (4, 6), (5, 1), (5, 8), (5, 14), (5, 25), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25),
    }  # fmt: skip
    year = date(2026, 1, 1), date(2026, 12, 31)
    assert {(day.month, day.day) for day in public_holidays(*year, "78000")} == eleven
    assert {(day.month, day.day) for day in public_holidays(*year, None)} == eleven
    for postal_code in ("67000", "68100", "57000"):
        assert {(day.month, day.day) for day in public_holidays(*year, postal_code)} == eleven | {
            (4, 3),
            (12, 26),
        }


@pytest.mark.parametrize(
    ("postal_code", "day"),
    [
        ("97110", date(2026, 5, 27)),
        ("97200", date(2026, 5, 22)),
        ("97300", date(2026, 6, 10)),
        ("97400", date(2026, 12, 20)),
        ("97600", date(2026, 4, 27)),
        ("97133", date(2026, 10, 9)),
        ("97150", date(2026, 5, 28)),
    ],
)
def test_overseas_there_is_one_more(postal_code: str, day: date) -> None:
    """Code du travail, L. 3422-2."""
    year = date(2026, 1, 1), date(2026, 12, 31)
    assert public_holidays(*year, postal_code) == public_holidays(*year, "75001") | {day}


def test_public_holidays_of_a_span_over_new_year() -> None:
    found = public_holidays(date(2026, 12, 20), date(2027, 1, 5), "67000")
    assert found == {date(2026, 12, 25), date(2026, 12, 26), date(2027, 1, 1)}
