"""Forms: what a procedure asks, and what the answers come to. Pure: nothing here reads a clock, a file or the
database.

    read_definition     what an administrator or a data file writes -> FormDefinition, or every mistake
    parse_answers       what a citizen sends -> canonical JSON to store, and every problem
    visible_fields      the fields that are asked, given the answers so far
    problems            what still keeps a draft from being submitted
    summary             Le récapitulatif
    step_rows, answer_rows   rows of the contract's types Step and Answer
"""

from __future__ import annotations

from models.forms.answers import answer_rows, merge_answers, parse_answers
from models.forms.completeness import problems
from models.forms.conditions import visible_fields
from models.forms.definition import FileField, FormDefinition, FormField
from models.forms.kinds import AppointmentPolicy, ConditionOperator, ProcedureState, StepKind
from models.forms.reading import check_definition, check_readable_fields, read_definition
from models.forms.steps import STEP_TITLES, step_rows
from models.forms.summary import AppointmentLine, summary
from models.forms.values import (
    AddressValue,
    Answers,
    AnswerValue,
    BooleanValue,
    ChoicesValue,
    DateValue,
    NumberValue,
    TextValue,
)

__all__ = [
    "STEP_TITLES",
    "AddressValue",
    "AnswerValue",
    "Answers",
    "AppointmentLine",
    "AppointmentPolicy",
    "BooleanValue",
    "ChoicesValue",
    "ConditionOperator",
    "DateValue",
    "FileField",
    "FormDefinition",
    "FormField",
    "NumberValue",
    "ProcedureState",
    "StepKind",
    "TextValue",
    "answer_rows",
    "check_definition",
    "check_readable_fields",
    "merge_answers",
    "parse_answers",
    "problems",
    "read_definition",
    "step_rows",
    "summary",
    "visible_fields",
]
