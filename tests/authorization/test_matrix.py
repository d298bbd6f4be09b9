"""Every field of every type, asked for by every kind of caller in every way; every mutation, on what is others'."""

from __future__ import annotations

import pytest
from graphql import GraphQLObjectType

from tests.authorization.calling import SCHEMA, Callers
from tests.authorization.changes import Changes
from tests.authorization.expectations import CHANGES, FIELDS, may_see
from tests.authorization.kinds import RESTRICTED, Kind
from tests.authorization.survey import Survey

pytestmark = pytest.mark.timeout(900)  # The survey is taken once, before the first test that needs it.

WITHOUT_VALUE = {
    ("LogInSuccess", "agent"),
    ("CreateAccountSuccess", "partnerProblem"),
    ("UnlinkPartnerSuccess", "partnerLinks"),
}
"""Fields of a success that the call of the expectations has no value for."""
FOLLOWED = {"Notification"}
"""Types that only a subscription answers (test_subscriptions.py)."""


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_of_caller_gets_what_is_for_it_and_nothing_else(survey: Survey, kind: Kind) -> None:
    """Whatever it asks for, tries to change, follows, and at whatever door it knocks."""
    looks = [look for look, _ in survey.looks if look.kind is kind]

    wrong = [
        f"{name}: {line}"
        for name, lines in survey.wrong.items()
        if name.startswith(f"{kind}:")
        for line in lines
    ]
    assert not wrong, "\n".join(wrong)
    assert len(looks) > (40 if kind not in RESTRICTED else 8)
    assert len({look.name for look in looks}) == len(looks)


def test_every_field_is_shown_to_whom_the_expectations_say(survey: Survey) -> None:
    expected = {
        (kind, type_, name)
        for type_, fields in FIELDS.items()
        if type_ not in FOLLOWED
        for names in fields.values()
        for name in names.split()
        for kind in may_see(type_, name)
    }

    assert survey.seen - expected == set()
    assert expected - survey.seen == set()
    assert len(Kind) > 9


async def test_whoever_may_call_a_mutation_is_let_in(callers: Callers) -> None:
    changes = Changes(callers)

    assert [line for kind in Kind for line in await changes.let_in(kind)] == []


def test_what_others_are_refused_is_done_for_whose_it_is(survey: Survey) -> None:
    """Otherwise the refusals would say little: the calls might be unsound."""
    successes = {change.success for change in CHANGES if change.by is not None} - {"Boolean"}
    fields = {(type_, name) for type_ in successes for name in _fields(type_)}
    assert survey.shown >= fields - WITHOUT_VALUE


def _fields(type_: str) -> list[str]:
    named = SCHEMA.type_map[type_]
    assert isinstance(named, GraphQLObjectType)
    return list(named.fields)
