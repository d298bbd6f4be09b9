"""Which fields are asked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.forms import FormDefinition, visible_fields
from models.forms.definition import BooleanField, Condition
from models.forms.kinds import ConditionOperator
from tests.models.forms_samples import OPTIONS, form


def asked(definition: FormDefinition, answers: dict[str, Any]) -> list[str]:
    return [field.key for field in visible_fields(definition, answers)]


def when(key: str, field: str, operator: str, *values: str) -> dict[str, Any]:
    return {
        "key": key,
        "type": "boolean",
        "visible_when": [{"field": field, "operator": operator, "values": list(values)}],
    }


@pytest.mark.parametrize(
    ("kind", "operator", "values", "holding", "failing"),
    [
        ("text", "EQUALS", ["x"], ["x"], ["X", "y"]),
        ("text", "IN", ["x", "y"], ["x", "y"], ["z"]),
        ("text", "NOT_EQUALS", ["x"], ["y"], ["x"]),
        ("number", "EQUALS", ["3"], [3, 3.0], [4, 3.5]),
        ("number", "NOT_EQUALS", ["3.0"], [4], [3]),
        ("number", "GREATER_THAN", ["12"], [13, 12.5], [12, 9]),
        ("number", "LESS_THAN", ["12"], [9, -1], [12, 100]),
        ("date", "EQUALS", ["2026-11-23"], ["2026-11-23"], ["2026-11-24"]),
        ("date", "GREATER_THAN", ["2026-11-23"], ["2026-11-24"], ["2026-11-23", "2025-12-31"]),
        ("date", "LESS_THAN", ["2026-11-23"], ["2025-12-31"], ["2026-11-23"]),
        ("boolean", "EQUALS", ["true"], [True], [False]),
        ("boolean", "EQUALS", ["false"], [False], [True]),
        ("boolean", "NOT_EQUALS", ["true"], [False], [True]),
        ("choice", "EQUALS", ["flat"], [["flat"], ["house", "flat"]], [["house"]]),
        ("choice", "IN", ["flat", "other"], [["other"]], [["house"]]),
        ("choice", "NOT_EQUALS", ["flat"], [["house"]], [["flat"], ["house", "flat"]]),
        ("email", "IS_ANSWERED", [], ["a@example.org"], []),
        ("boolean", "IS_ANSWERED", [], [False, True], []),
        ("number", "IS_ANSWERED", [], [0], []),
    ],
)
def test_operators(
    kind: str, operator: str, values: list[str], holding: list[Any], failing: list[Any]
) -> None:
    source: dict[str, Any] = {"key": "source", "type": kind}
    if kind == "choice":
        source |= {"options": OPTIONS, "multiple": True}
    definition = form(source, when("target", "source", operator, *values))
    assert [answer for answer in holding if "target" not in asked(definition, {"source": answer})] == []
    assert [answer for answer in failing if "target" in asked(definition, {"source": answer})] == []
    assert asked(definition, {}) == ["source"]


def test_all_conditions_have_to_hold() -> None:
    definition = form(
        {"key": "a", "type": "boolean"},
        {"key": "b", "type": "number"},
        {
            "key": "c",
            "type": "text",
            "visible_when": [
                {"field": "a", "operator": "EQUALS", "values": [True]},
                {"field": "b", "operator": "GREATER_THAN", "values": [2]},
            ],
        },
    )
    assert "c" in asked(definition, {"a": True, "b": 3})
    assert "c" not in asked(definition, {"a": True, "b": 2})
    assert "c" not in asked(definition, {"a": False, "b": 3})


def test_an_answer_that_is_hidden_counts_as_none() -> None:
    definition = form(
        {"key": "a", "type": "boolean"},
        when("b", "a", "EQUALS", "true"),
        when("c", "b", "IS_ANSWERED"),
        when("d", "c", "IS_ANSWERED"),
    )
    kept = {"b": True, "c": True, "d": True}
    assert asked(definition, {"a": True} | kept) == ["a", "b", "c", "d"]
    assert asked(definition, {"a": False} | kept) == ["a"]
    assert asked(definition, kept) == ["a"]


def test_a_circle_is_never_asked_and_ends() -> None:
    def on(key: str, other: str) -> BooleanField:
        condition = Condition(field=other, operator=ConditionOperator.IS_ANSWERED)
        return BooleanField(key=key, label=key, visible_when=(condition,))

    definition = FormDefinition(body="x", fields=(on("a", "b"), on("b", "a")))
    assert asked(definition, {"a": True, "b": True}) == []


FIELDS = 8


@st.composite
def chains(draw: st.DrawFn) -> FormDefinition:
    """Boolean fields whose conditions point backwards, put in any order."""
    fields = []
    for number in range(FIELDS):
        sources = draw(st.lists(st.integers(0, number - 1), max_size=2, unique=True)) if number else []
        fields.append(
            {
                "key": f"f{number}",
                "type": "boolean",
                "visible_when": [
                    {"field": f"f{source}", "operator": "EQUALS", "values": [draw(st.booleans())]}
                    for source in sources
                ],
            }
        )
    return form(*draw(st.permutations(fields)))


@given(chains(), st.dictionaries(st.sampled_from([f"f{n}" for n in range(FIELDS)]), st.booleans()))
def test_answers_of_hidden_fields_change_nothing(
    definition: FormDefinition, answers: dict[str, bool]
) -> None:
    shown = asked(definition, answers)
    pruned = {key: value for key, value in answers.items() if key in shown}
    assert asked(definition, pruned) == shown
    assert shown == [field.key for field in definition.fields if field.key in shown]
    for field in definition.fields:
        holds = all(
            condition.field in shown
            and condition.field in answers
            and answers[condition.field] == (condition.values[0] == "true")
            for condition in field.visible_when
        )
        assert (field.key in shown) == holds
