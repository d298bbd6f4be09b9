"""Enums that models decide by and the schema shows hold the same members: what one gains, the other must."""

from __future__ import annotations

from typing import get_args

import pytest
from graphql import GraphQLEnumType

from models.actors import AgentRole, Party
from models.contact import Civility, ContactMethod
from models.event_texts import STATUSES
from models.forms import AppointmentPolicy, ConditionOperator, ProcedureState, StepKind
from resolvers.captcha import Purpose
from resolvers.policies import TRANSITIONS
from schema.build import build_schema

MEMBERS: dict[str, tuple[str, ...]] = {
    **{
        enum.__name__: tuple(member.value for member in enum)
        for enum in (Civility, ContactMethod, AppointmentPolicy, ConditionOperator, ProcedureState, StepKind)
    },
    "RequestStatus": tuple(STATUSES),
    "AgentRole": get_args(AgentRole),
    "Party": get_args(Party),
    "CaptchaPurpose": get_args(Purpose),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_models_and_schema_hold_the_same(name: str) -> None:
    declared = build_schema()._schema.type_map[name]
    assert isinstance(declared, GraphQLEnumType)
    assert set(declared.values) == set(MEMBERS[name])


def test_transitions_name_statuses() -> None:
    assert {*TRANSITIONS, *(status for targets in TRANSITIONS.values() for status in targets)} <= set(
        STATUSES
    )
