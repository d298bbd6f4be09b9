"""Answers as they come in, and as they go out."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.address import Address
from models.forms import (
    AddressValue,
    AnswerValue,
    BooleanValue,
    ChoicesValue,
    DateValue,
    NumberValue,
    TextValue,
    answer_rows,
    merge_answers,
    parse_answers,
)
from tests.models.forms_samples import every_type

FORM = every_type()
ADDRESS = Address(("12 rue des Lilas",), "49000", "Angers")
KINDS: list[AnswerValue] = [
    TextValue("texte"),
    NumberValue(3),
    BooleanValue(True),
    DateValue(date(2026, 11, 23)),
    ChoicesValue(("house",)),
    AddressValue(ADDRESS),
]


def parsed(key: str, value: AnswerValue | None) -> Any:
    changes, problems = parse_answers(FORM, [(key, value)])
    assert problems == [], problems
    return changes[key]


def refused(key: str, value: AnswerValue | None) -> dict[str, str]:
    changes, problems = parse_answers(FORM, [(key, value)])
    assert key not in changes
    assert problems
    return {problem.path: problem.text.en for problem in problems}


@pytest.mark.parametrize(
    ("key", "value", "stored"),
    [
        ("detail", TextValue("  deux\t mots\n"), "deux mots"),
        ("detail", TextValue("e\u0301te\u0301"), "été"),
        ("detail", TextValue("   "), None),
        ("story", TextValue("\r\nun \r\ndeux\r\r\n"), "un\ndeux"),
        ("plate", TextValue("AB-123-CD"), "AB-123-CD"),
        ("people", NumberValue(3.0), 3),
        ("surface", NumberValue(0.5), 0.5),
        ("surface", NumberValue(12.0), 12),
        ("day", DateValue(date(2026, 11, 23)), "2026-11-23"),
        ("urgent", BooleanValue(False), False),
        ("home", ChoicesValue(("flat",)), ["flat"]),
        ("home", ChoicesValue(()), None),
        ("days", ChoicesValue(("other", "house", "other")), ["house", "other"]),
        ("mail", TextValue(" Jeanne@EXEMPLE.fr "), "Jeanne@exemple.fr"),
        ("mail", TextValue(""), None),
        ("phone", TextValue("06.39.98.12.34"), "+33639981234"),
        ("phone", TextValue("+32 470 12 34 56"), "+32470123456"),
        ("place", AddressValue(ADDRESS), ADDRESS.to_json()),
        ("people", None, None),
    ],
)
def test_what_is_kept(key: str, value: AnswerValue | None, stored: Any) -> None:
    kept = parsed(key, value)
    assert kept == stored
    assert type(kept) is type(stored)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("detail", TextValue("x" * 21)),
        ("story", TextValue("x" * 4001)),
        ("story", TextValue("x" * 1_000_000)),
        ("detail", TextValue("nul\0")),
        ("detail", TextValue("\ud800")),
        ("detail", TextValue("\u202egnp.exe")),
        ("plate", TextValue("ab-123-cd")),
        ("plate", TextValue("AB-123-CDE")),
        ("plate", TextValue("A٣-123-CD")),
        ("people", NumberValue(2.5)),
        ("people", NumberValue(0)),
        ("people", NumberValue(21)),
        ("surface", NumberValue(float("nan"))),
        ("surface", NumberValue(float("inf"))),
        ("surface", NumberValue(1e16)),
        ("day", DateValue(date(2025, 12, 31))),
        ("day", DateValue(date(2027, 1, 1))),
        ("home", ChoicesValue(("castle",))),
        ("home", ChoicesValue(("house", "flat"))),
        ("mail", TextValue("jeanne@")),
        ("mail", TextValue("é@exemple.fr")),
        ("mail", TextValue("a@b.fr\nBcc: c@d.fr")),
        ("phone", TextValue("12")),
        ("phone", TextValue("00 00 00 00 00")),
        ("proof", TextValue("file.pdf")),
    ],
)
def test_what_is_refused(key: str, value: AnswerValue) -> None:
    assert list(refused(key, value)) == [key]


def test_what_is_told_says_what_to_do_in_both_languages() -> None:
    _, problems = parse_answers(FORM, [("people", NumberValue(21)), ("day", DateValue(date(2025, 1, 1)))])
    assert [(problem.text.fr, problem.text.en) for problem in problems] == [
        ("Indiquez un nombre d’au plus 20.", "Give a number of at most 20."),
        ("Indiquez une date à partir du 1er janvier 2026.", "Give a date from 1 January 2026 on."),
    ]


@pytest.mark.parametrize("field", FORM.fields, ids=lambda field: field.key)
def test_a_field_takes_one_kind_of_value_only(field: Any) -> None:
    suits = {
        "text": TextValue,
        "email": TextValue,
        "phone": TextValue,
        "number": NumberValue,
        "boolean": BooleanValue,
        "date": DateValue,
        "choice": ChoicesValue,
        "address": AddressValue,
    }
    for value in KINDS:
        if not isinstance(value, suits.get(field.type, ())):
            assert list(refused(field.key, value)) == [field.key]


def test_every_problem_is_told_at_once_and_what_is_right_is_kept() -> None:
    bad_address = Address((), "1", "", "FR")
    changes, problems = parse_answers(
        FORM,
        [
            ("home", ChoicesValue(("house",))),
            ("people", NumberValue(0)),
            ("place", AddressValue(bad_address)),
            ("ghost", TextValue("x")),
            ("home", ChoicesValue(("flat",))),
            ("\ud800" * 100, None),
        ],
    )
    assert changes == {"home": ["house"]}
    assert [problem.path for problem in problems] == [
        "people", "place.lines", "place.postalCode", "place.city", "ghost", "home", "\\ud800" * 60,
    ]  # fmt: skip
    assert all(problem.path.encode() and problem.text.fr.encode() for problem in problems)


def test_merging_takes_answers_back() -> None:
    assert merge_answers({"a": 1, "b": False}, {"a": None, "c": []}) == {"b": False, "c": []}


def test_rows_of_every_type() -> None:
    raw: list[tuple[str, AnswerValue | None]] = [
        ("urgent", BooleanValue(False)),
        ("home", ChoicesValue(("house",))),
        ("detail", TextValue("un")),
        ("people", NumberValue(3)),
        ("day", DateValue(date(2026, 11, 23))),
        ("mail", TextValue("a@exemple.fr")),
        ("place", AddressValue(ADDRESS)),
    ]
    changes, problems = parse_answers(FORM, raw)
    assert problems == []
    assert answer_rows(FORM, changes) == [
        {"__typename": "ChoiceAnswer", "field": "home", "choices": [{"value": "house", "label": "Maison"}]},
        {"__typename": "TextAnswer", "field": "detail", "text": "un"},
        {"__typename": "NumberAnswer", "field": "people", "number": 3.0},
        {"__typename": "DateAnswer", "field": "day", "date": date(2026, 11, 23)},
        {"__typename": "BooleanAnswer", "field": "urgent", "boolean": False},
        {"__typename": "TextAnswer", "field": "mail", "text": "a@exemple.fr"},
        {"__typename": "AddressAnswer", "field": "place", "address": ADDRESS.to_json()},
    ]


@given(
    st.lists(
        st.tuples(
            st.one_of(st.sampled_from([field.key for field in FORM.fields]), st.text(max_size=5)),
            st.one_of(
                st.none(),
                st.builds(TextValue, st.text(max_size=30)),
                st.builds(NumberValue, st.floats()),
                st.builds(BooleanValue, st.booleans()),
                st.builds(DateValue, st.dates()),
                st.builds(
                    ChoicesValue, st.lists(st.sampled_from(["house", "flat", "x"]), max_size=3).map(tuple)
                ),
                st.builds(
                    AddressValue,
                    st.builds(
                        Address,
                        st.lists(st.text(max_size=8), max_size=8).map(tuple),
                        st.text(max_size=6),
                        st.text(max_size=6),
                        st.sampled_from(["FR", "BE", "x"]),
                    ),
                ),
            ),
        ),
        max_size=12,
    )
)
def test_whatever_is_sent_is_either_kept_or_told(raw: list[tuple[str, AnswerValue | None]]) -> None:
    changes, problems = parse_answers(FORM, raw)
    assert changes.keys() <= {field.key for field in FORM.fields}
    told = {problem.path.split(".")[0] for problem in problems}
    for key, _ in raw:
        assert key in changes or told
    stored = merge_answers({}, changes)
    assert {row["field"] for row in answer_rows(FORM, stored)} == stored.keys()
    # What was kept once is kept again: it is canonical.
    back: list[tuple[str, AnswerValue | None]] = [
        (key, TextValue(value)) for key, value in stored.items() if isinstance(value, str) and key != "day"
    ]
    assert parse_answers(FORM, back) == ({key: stored[key] for key, _ in back}, [])
