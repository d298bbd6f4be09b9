"""What there is in the schema stands in the expectations: whoever adds a field says there who sees it."""

from __future__ import annotations

from graphql import GraphQLObjectType, get_named_type, is_union_type

from tests.authorization.calling import SCHEMA
from tests.authorization.changes import ROOTS, Changes
from tests.authorization.expectations import CHANGES, FIELDS, QUERIES, SUBSCRIPTIONS
from tests.authorization.kinds import CALLERS, Kind, Kinds

WHERE = "say in tests/authorization/expectations.py who sees it"


def object_types() -> dict[str, GraphQLObjectType]:
    """Those that hold something, rather than say what came of a mutation (test_matrix.py makes each of them)."""
    mutation = SCHEMA.mutation_type
    assert mutation is not None
    results = (get_named_type(field.type) for field in mutation.fields.values())
    outcomes = {member.name for result in results if is_union_type(result) for member in result.types}
    roots = {"Query", "Mutation", "Subscription"}
    return {
        name: type_
        for name, type_ in SCHEMA.type_map.items()
        if isinstance(type_, GraphQLObjectType)
        and not name.startswith("__")
        and name not in outcomes | roots
        and all(interface.name != "Error" for interface in type_.interfaces)
    }


def test_every_field_of_every_type_says_who_sees_it() -> None:
    types = object_types()

    assert set(FIELDS) == set(types), WHERE
    for name, fields in FIELDS.items():
        told = " ".join(fields.values()).split()
        assert sorted(told) == sorted(types[name].fields), f"{name}: {WHERE}"
    assert sum(len(type_.fields) for type_ in types.values()) > 250


def test_every_root_field_says_who_may_call_it() -> None:
    query, subscription, mutation = SCHEMA.query_type, SCHEMA.subscription_type, SCHEMA.mutation_type
    assert query is not None
    assert subscription is not None
    assert mutation is not None

    assert set(QUERIES) | {"node"} == set(query.fields), WHERE
    assert set(SUBSCRIPTIONS) == set(subscription.fields), WHERE
    assert {change.mutation for change in CHANGES} == set(mutation.fields), WHERE
    for change in CHANGES:
        assert change.by is not None, f"{change.mutation}: {WHERE}"


def test_the_schema_says_the_same_of_callers() -> None:
    may: dict[str, Kinds] = {**{change.mutation: change.may for change in CHANGES}, **SUBSCRIPTIONS}

    for field, kinds in may.items():
        declared = {kind for kind in Kind if CALLERS[kind] in ROOTS[field].callers}
        assert declared == set(kinds), field
    assert len(Kind) >= 9


def test_every_name_that_takes_an_id_is_tried_with_somebody_elses() -> None:
    """Arguments and input fields of type ID that stand in no call of the mutation."""
    untried = [
        f"{field} {name}"
        for field, calls in calls_by_field().items()
        for name in Changes.ids_taken(field)
        if not any(f'{name}: "<' in call or f'{name}: ["<' in call for call in calls)
    ]
    assert untried == []


def calls_by_field() -> dict[str, list[str]]:
    """The arguments of all calls of each mutation that is open."""
    found: dict[str, list[str]] = {}
    for change in CHANGES:
        if change.by is not None:
            found.setdefault(change.mutation, []).append(change.arguments)
    return found
