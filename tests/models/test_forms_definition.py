"""Reading a form: what is right is kept as it is, what is wrong is told, all of it, at its place."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.forms import FormDefinition, read_definition
from models.forms.patterns import PatternError, check_pattern
from tests.models.forms_samples import EVERY_TYPE, OPTIONS, every_type

TEXT = {"key": "a", "type": "text", "label": "A"}


def mistakes_in(*fields: dict[str, Any], **whole: Any) -> dict[str, str]:
    """English sentences by dotted path."""
    definition, mistakes = read_definition({"body": "x", "fields": list(fields)} | whole)
    assert (definition is None) == bool(mistakes)
    return {".".join(map(str, mistake.path)): mistake.text.en for mistake in mistakes}


def condition(field: str, operator: str, *values: object) -> dict[str, Any]:
    return {"key": "b", "type": "text", "label": "B"} | {
        "visible_when": [{"field": field, "operator": operator, "values": list(values)}]
    }


def test_a_definition_survives_storage() -> None:
    definition = every_type()
    assert FormDefinition.model_validate(definition.to_json()) == definition
    assert definition.to_json() == FormDefinition.model_validate(definition.to_json()).to_json()
    assert [field["type"] for field in definition.to_json()["fields"]] == [
        field["type"] for field in EVERY_TYPE
    ]


def test_nothing_is_converted_silently() -> None:
    found = mistakes_in(
        TEXT | {"required": "yes", "max_length": "12"},
        {"key": "n", "type": "number", "label": 3, "minimum": "0"},
        {"key": "d", "type": "date", "label": "D", "earliest": "23/11/2026"},
        body=1,
    )
    assert found == {
        "body": "A text is expected; put the value in quotes.",
        "fields.0.required": "“true” or “false” is expected.",
        "fields.0.max_length": "A whole number is expected.",
        "fields.1.label": "A text is expected; put the value in quotes.",
        "fields.1.minimum": "A number is expected.",
        "fields.2.earliest": "A date YYYY-MM-DD is expected.",
    }


def test_shapes_and_names_are_checked() -> None:
    found = mistakes_in(
        {"type": "text", "label": "A"},
        {"key": "Not A Key", "type": "text", "label": "A"},
        {"key": "c", "type": "choice", "label": "C", "options": []},
        {"key": "e", "type": "choice", "label": "E", "options": [{"value": "x"}]},
        {"key": "t", "type": "telepathy", "label": "T"},
        {"key": "u", "label": "U"},
        TEXT | {"colour": "red"},
        "text",  # type: ignore[arg-type]
        step_help={"FORMS": "x"},
        title="x",
    )
    assert found["fields.0.key"] == "“key” is missing."
    assert "a small letter first" in found["fields.1.key"]
    assert found["fields.2.options"] == "To be filled in."
    assert found["fields.3.options.0.label"] == "“label” is missing."
    assert "fields.3.options" not in found
    assert found["fields.4"].startswith("Unknown type “telepathy”; allowed are: text, number,")
    assert found["fields.5"] == "“type” is missing."
    assert found["fields.6.colour"] == "“colour” is not known here."
    assert found["fields.7"] == "A set of keys is expected."
    assert found["step_help.FORMS"].endswith("PROCEDURE, APPOINTMENT, CONTACT, FORM, SUMMARY.")
    assert found["title"] == "“title” is not known here."


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        pytest.param([TEXT, TEXT], "fields.1.key", id="duplicate key"),
        pytest.param([TEXT | {"key": "contact"}], "fields.0.key", id="reserved key"),
        pytest.param(
            [condition("nobody", "IS_ANSWERED")], "fields.0.visible_when.0.field", id="missing field"
        ),
        pytest.param(
            [TEXT | {"type": "file"}, condition("a", "IS_ANSWERED")],
            "fields.1.visible_when.0.field",
            id="on a file",
        ),
        pytest.param(
            [TEXT, condition("a", "GREATER_THAN", "1")], "fields.1.visible_when.0.operator", id="text greater"
        ),
        pytest.param(
            [TEXT | {"type": "email"}, condition("a", "EQUALS", "x")],
            "fields.1.visible_when.0.operator",
            id="email equals",
        ),
        pytest.param([TEXT, condition("a", "EQUALS")], "fields.1.visible_when.0.values", id="no value"),
        pytest.param(
            [TEXT, condition("a", "EQUALS", "x", "y")], "fields.1.visible_when.0.values", id="two values"
        ),
        pytest.param([TEXT, condition("a", "IN")], "fields.1.visible_when.0.values", id="in nothing"),
        pytest.param(
            [TEXT, condition("a", "IS_ANSWERED", "x")], "fields.1.visible_when.0.values", id="answered with"
        ),
        pytest.param(
            [TEXT | {"type": "choice", "options": OPTIONS}, condition("a", "IN", "house", "castle")],
            "fields.1.visible_when.0.values.1",
            id="no such option",
        ),
        pytest.param(
            [TEXT | {"type": "number"}, condition("a", "LESS_THAN", "NaN")],
            "fields.1.visible_when.0.values.0",
            id="not a number",
        ),
        pytest.param(
            [TEXT | {"type": "date"}, condition("a", "EQUALS", "tomorrow")],
            "fields.1.visible_when.0.values.0",
            id="not a date",
        ),
        pytest.param(
            [TEXT | {"type": "boolean"}, condition("a", "EQUALS", "oui")],
            "fields.1.visible_when.0.values.0",
            id="not a boolean",
        ),
        pytest.param(
            [TEXT | {"type": "number", "minimum": 2, "maximum": 1}], "fields.0.maximum", id="minimum above"
        ),
        pytest.param(
            [TEXT | {"type": "date", "earliest": "2026-02-01", "latest": "2026-01-01"}],
            "fields.0.latest",
            id="earliest after",
        ),
        pytest.param(
            [TEXT | {"type": "choice", "options": [OPTIONS[0], OPTIONS[0]]}],
            "fields.0.options.1.value",
            id="option twice",
        ),
        pytest.param([TEXT | {"pattern": "[a-"}], "fields.0.pattern", id="bad pattern"),
        pytest.param([TEXT | {"pattern": "[z-a]"}], "fields.0.pattern", id="range the wrong way"),
        pytest.param(
            [TEXT | {"pattern": "a", "multiline": True}], "fields.0.pattern", id="pattern over lines"
        ),
    ],
)
def test_what_contradicts_is_told(fields: list[dict[str, Any]], path: str) -> None:
    assert list(mistakes_in(*fields)) == [path]


def test_a_condition_may_point_forward_but_not_to_itself() -> None:
    later = [condition("a", "IS_ANSWERED"), TEXT]
    assert mistakes_in(*later) == {}
    itself = mistakes_in(TEXT | {"visible_when": [{"field": "a", "operator": "IS_ANSWERED"}]})
    assert list(itself) == ["fields.0.visible_when"]


def test_a_circle_names_only_those_in_it() -> None:
    def on(key: str, *needed: str) -> dict[str, Any]:
        conditions = [{"field": other, "operator": "IS_ANSWERED"} for other in needed]
        return {"key": key, "type": "text", "label": key, "visible_when": conditions}

    found = mistakes_in(
        on("a", "c"), on("b", "a"), on("c", "b"), on("hanging", "a"), on("before"), on("d", "before")
    )
    assert list(found) == ["fields.0.visible_when", "fields.1.visible_when", "fields.2.visible_when"]


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        "(a|a)*b",
        "(a|aa)+",
        "(.*)*x",
        "a?" * 30 + "a" * 30,
        "(a|b|ab){12}",
        "[a-z]*[a-z]*[a-z]*!",
        "(?=a)b",
        r"(a)\1",
        "(?P<name>a)",
        "a**",
        "a+?",
        "a{3,1}",
        "a{,}",
        "^a$",
        "(a",
        "a)",
        "[]",
        "[[a]]",
        "[a&&b]",
        "\\",
        "\\b",
    ],
)
def test_patterns_that_may_run_away_or_cannot_be_read_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        check_pattern(pattern, 200)


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ("[0-9]{14}", "12345678901234"),
        ("[A-Z]{2}-[0-9]{3}-[A-Z]{2}", "AB-123-CD"),
        (r"(?:0|\+33)[1-9](?:[ .-]?\d{2}){4}", "06 12 34 56 78"),
        (r"[A-Z]{1,2}\s?\d{1,4}(?:, [A-Z]{1,2} \d{1,4}){0,2}", "AB 12, C 3"),
        ("W[0-9]{9}|[0-9]{4}W[0-9]+", "W123456789"),
    ],
)
def test_patterns_of_the_trade_are_accepted(pattern: str, matching: str) -> None:
    assert check_pattern(pattern, 200).fullmatch(matching)


@given(
    st.recursive(
        st.sampled_from(["a", "b", "[ab]", "."]),
        lambda inner: st.one_of(
            st.builds("{}{}".format, inner, inner),
            st.builds("(?:{})".format, inner),
            st.builds("(?:{}|{})".format, inner, inner),
            st.builds("(?:{}){}".format, inner, st.sampled_from(["*", "+", "?", "{2,5}"])),
        ),
        max_leaves=12,
    ),
    st.text("ab", max_size=39),
)
def test_whatever_pattern_is_accepted_is_matched_quickly(pattern: str, text: str) -> None:
    try:
        compiled = check_pattern(pattern, 40)
    except PatternError:
        return
    started_at = time.process_time()
    compiled.fullmatch(text + "!")
    compiled.fullmatch("a" * 39 + "!")
    assert time.process_time() - started_at < 0.5


@given(st.text(max_size=60))
def test_no_pattern_breaks_the_reader(pattern: str) -> None:
    with contextlib.suppress(PatternError):
        assert check_pattern(pattern, 100).pattern == pattern
