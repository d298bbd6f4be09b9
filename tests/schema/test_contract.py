"""Everything that the public contract promises is in the schema, under the same names and with the same
types.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    print_ast,
)

from schema import build

CONTRACT = build_schema(Path(__file__).with_name("contract.graphql").read_text(encoding="utf-8"))
OURS = build_schema(build.export())
PROMISED = sorted(name for name in CONTRACT.type_map if not name.startswith("__"))


@pytest.mark.parametrize("name", PROMISED)
def test_schema_keeps_the_contract(name: str) -> None:
    assert list(missing(CONTRACT, OURS, name)) == []


def test_a_broken_promise_is_found() -> None:
    contract = build_schema(
        "type Query { a(first: Int = 20): Int b: Int } enum E { X Y } input I { c: Int! = 1 e: ID! f: ID }"
    )
    ours = build_schema(
        "type Query { a(first: Int = 10): Int } enum E { X } input I { c: Int! d: Int! e: ID f: ID! }"
    )

    found = [problem for name in ("Query", "E", "I") for problem in missing(contract, ours, name)]

    assert found == [
        "Query.a(first): Int = 20, not Int = 10",
        "Query.b is missing",
        "E.Y is missing",
        "I.c: Int! = 1, not Int!",
        "I.f: ID, not ID!",
        "I.d is required, and not in the contract",
    ]


def missing(contract: GraphQLSchema, ours: GraphQLSchema, name: str) -> Iterator[str]:
    """What a type of the contract has that ours lacks, and what ours demands beyond it."""
    promised, built = contract.type_map[name], ours.type_map.get(name)
    if built is None or type(promised) is not type(built):
        yield f"{name} is missing"
        return
    match promised, built:
        case (GraphQLObjectType() | GraphQLInterfaceType(), GraphQLObjectType() | GraphQLInterfaceType()):
            yield from lacking(
                name, {i.name for i in promised.interfaces}, {i.name for i in built.interfaces}
            )
            yield from missing_fields(promised, built)
        case GraphQLUnionType(), GraphQLUnionType():
            yield from lacking(name, {m.name for m in promised.types}, {m.name for m in built.types})
        case GraphQLEnumType(), GraphQLEnumType():
            yield from lacking(name, set(promised.values), set(built.values))
        case GraphQLInputObjectType(), GraphQLInputObjectType():
            if promised.is_one_of != built.is_one_of:
                yield f"{name}: one_of is {built.is_one_of}"
            yield from missing_inputs(f"{name}.{{}}", promised.fields, built.fields)


def missing_fields(
    promised: GraphQLObjectType | GraphQLInterfaceType, built: GraphQLObjectType | GraphQLInterfaceType
) -> Iterator[str]:
    for name, field in promised.fields.items():
        place = f"{promised.name}.{name}"
        if name not in built.fields:
            yield f"{place} is missing"
        elif str(field.type) != str(built.fields[name].type):
            yield f"{place}: {field.type}, not {built.fields[name].type}"
        else:
            yield from missing_inputs(f"{place}({{}})", field.args, built.fields[name].args)


def missing_inputs(
    place: str,
    promised: dict[str, GraphQLArgument] | dict[str, GraphQLInputField],
    built: dict[str, GraphQLArgument] | dict[str, GraphQLInputField],
) -> Iterator[str]:
    for name, value in promised.items():
        if name not in built:
            yield f"{place.format(name)} is missing"
        elif declared(built[name]) not in (declared(value), declared(value).removesuffix("!")):
            # What the contract demands we may do without: whoever gives it is understood as before.
            yield f"{place.format(name)}: {declared(value)}, not {declared(built[name])}"
    for name, value in built.items():
        if name not in promised and str(value.type).endswith("!") and "=" not in declared(value):
            yield f"{place.format(name)} is required, and not in the contract"


def declared(value: GraphQLArgument | GraphQLInputField) -> str:
    """Type and default value, as the schema's language writes them."""
    assert value.ast_node is not None
    default = value.ast_node.default_value
    return f"{value.type} = {print_ast(default)}" if default else str(value.type)


def lacking(name: str, promised: set[str], built: set[str]) -> Iterator[str]:
    yield from (f"{name}.{member} is missing" for member in sorted(promised - built))
