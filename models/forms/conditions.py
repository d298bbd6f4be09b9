"""Which fields of a form are asked, given the answers so far."""

from __future__ import annotations

from datetime import date
from typing import Any

from models.forms.definition import Condition, FormDefinition, FormField
from models.forms.kinds import ConditionOperator
from models.forms.values import Answers


def visible_fields(definition: FormDefinition, answers: Answers) -> list[FormField]:
    """The fields that are asked, in the form's order. A field that is not asked counts as unanswered for the
    others, even where an answer from before is still kept."""
    by_key = {field.key: field for field in definition.fields}
    known: dict[str, bool] = {}

    def is_visible(key: str) -> bool:
        if key not in known:
            # A circle, which reading refuses, would end here: none of its fields is asked.
            known[key] = False
            known[key] = all(holds(condition) for condition in by_key[key].visible_when)
        return known[key]

    def holds(condition: Condition) -> bool:
        field = by_key.get(condition.field)
        return (
            field is not None
            and field.key in answers
            and is_visible(field.key)
            and _compares(condition, field, answers[field.key])
        )

    return [field for field in definition.fields if is_visible(field.key)]


def _compares(condition: Condition, field: FormField, answer: Any) -> bool:
    if condition.operator is ConditionOperator.IS_ANSWERED:
        return True
    given = [_comparable(field, each) for each in (answer if field.type == "choice" else [answer])]
    values = [_comparable(field, value) for value in condition.values]
    match condition.operator:
        case ConditionOperator.EQUALS | ConditionOperator.IN:
            return any(each in values for each in given)
        case ConditionOperator.NOT_EQUALS:
            return not any(each in values for each in given)
        case ConditionOperator.GREATER_THAN:
            return bool(given[0] > values[0])
        case ConditionOperator.LESS_THAN:
            return bool(given[0] < values[0])


def _comparable(field: FormField, value: Any) -> Any:
    """An answer, or a value of a condition, as what its field's type compares by."""
    match field.type:
        case "number":
            return float(value)
        case "date":
            return date.fromisoformat(value)
        case "boolean":
            return value if isinstance(value, bool) else value == "true"
        case _:
            return value
