"""Every field of every type, asked for by every kind of caller in every way; every mutation, on what is others'."""

from __future__ import annotations

import pytest
from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_composite_type

from tests.authorization.calling import SCHEMA, Callers
from tests.authorization.changes import Changes
from tests.authorization.expectations import CHANGES, FIELDS, REFUSED_FIELDS, may_see
from tests.authorization.kinds import RESTRICTED, Kind
from tests.authorization.survey import Survey
from tests.authorization.world import NO_NODES
from tests.schema.everything import least

pytestmark = pytest.mark.timeout(900)  # The survey is taken once, before the first test that needs it.

WITHOUT_VALUE = {
    ("LogInSuccess", "agent"),
    ("CreateAccountSuccess", "partnerProblem"),
    ("UnlinkPartnerSuccess", "partnerLinks"),
    ("UnlinkIdentitySuccess", "identities"),
    ("DeleteWebhookSuccess", "webhooks"),
}
"""Fields of a success that the call of the expectations has no value for."""
FOLLOWED = {"Notification"}
"""Types that only a subscription answers (test_subscriptions.py)."""


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_of_caller_gets_what_is_for_it_and_nothing_else(survey: Survey, kind: Kind) -> None:
    """Whatever it asks for, tries to change, follows, and at whatever door it knocks."""
    looks = [taken.look for taken in survey.looks if taken.look.kind is kind]

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


@pytest.mark.parametrize("kind", [Kind.OWNER, Kind.ADMINISTRATOR, Kind.PARTNER])
async def test_every_field_can_be_asked_for_alone(callers: Callers, kind: Kind) -> None:
    """A statement is made of what is asked: what else it would be made of must not be missed."""
    things = {thing.type: thing for thing in callers.world.things.values() if kind in thing.reach}
    asked = [
        f'node(id: "{thing.id}") {{ ... on {type_} {{ {name}{least(field)} {below} }} }}'
        for type_, thing in things.items()
        if isinstance(named := SCHEMA.type_map.get(type_), GraphQLObjectType) and type_ not in NO_NODES
        for name, field in named.fields.items()
        if kind not in REFUSED_FIELDS.get(f"{type_}.{name}", ())
        for below in _selections(kind, field)
    ]
    wrong = [(one, codes) for one in asked if (codes := (await callers.ask(kind, f"{{ {one} }}")).codes)]

    assert wrong == []
    assert len(asked) > 50


def _selections(kind: Kind, field: GraphQLField) -> list[str]:
    """Nothing below a field but each one of the leaves that there are, in turn."""
    type_ = get_named_type(field.type)
    if not is_composite_type(type_):
        return [""]
    if not isinstance(type_, GraphQLObjectType):
        return ["{ __typename }"]
    leaves = [
        name
        for name, one in type_.fields.items()
        if not is_composite_type(get_named_type(one.type))
        and kind not in REFUSED_FIELDS.get(f"{type_.name}.{name}", ())
    ]
    return ["{ __typename }", *(f"{{ {name} }}" for name in leaves)]


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
