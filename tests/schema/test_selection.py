"""What resolvers learn of an operation. Documents are not validated here."""

from itertools import pairwise
from time import perf_counter
from typing import Any

import pytest
from graphql import (
    GraphQLField,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    execute_sync,
    graphql_sync,
    parse,
)

from core.errors import MalformedError
from core.selection import SelectedField, Selection
from schema.selection import arguments_of, selection_below, snake_case

SCHEMA = """
type Query { request: Request node: Node answer: [Answer] }
interface Node { id: ID! }
enum Status { OPEN CLOSED }
input Filter { status: [Status!] isUnread: Boolean text: String = "all" }
type Request implements Node {
  id: ID! createdAt: String procedure: Procedure owner: Request
  exchanges(first: Int = 50, after: String, filter: Filter): Exchanges
}
type Exchanges { totalCount: Int nodes: [Exchange] }
type Exchange implements Node { id: ID! body: String request: Request }
type Procedure implements Node { id: ID! title: String }
union Answer = Exchange | Procedure
"""


class Asked:
    """Executes operations whose root field answers null, and keeps the selection it was asked for."""

    def __init__(self) -> None:
        self.schema: GraphQLSchema = build_schema(SCHEMA)
        self.selections: list[Selection] = []
        assert self.schema.query_type is not None
        for field in self.schema.query_type.fields.values():
            self._listen(field)

    def _listen(self, field: GraphQLField) -> None:
        def resolve(_: None, info: GraphQLResolveInfo[Any]) -> None:
            self.selections.append(selection_below(info))

        field.resolve = resolve

    def __call__(self, document: str, **variables: Any) -> Selection:
        result = execute_sync(self.schema, parse(document), variable_values=variables)
        if result.errors:
            raise result.errors[0].original_error or result.errors[0]
        return self.selections[-1]


@pytest.fixture
def asked() -> Asked:
    return Asked()


def tree(selection: Selection) -> dict[str, Any]:
    return {field.key: tree(field.selection) for field in selection}


def test_names_are_those_of_rows_and_typename_is_left_out(asked: Asked) -> None:
    selection = asked("{ request { __typename createdAt procedure { id title } } }")

    assert tree(selection) == {"created_at": {}, "procedure": {"id": {}, "title": {}}}


def test_aliases_with_other_arguments_are_told_apart_and_same_ones_merged(asked: Asked) -> None:
    selection = asked(
        """{ request {
            new: exchanges(first: 2) { totalCount }
            same: exchanges(first: 2, after: null) { nodes { id } }
            all: exchanges { nodes { body } }
        } }"""
    )

    assert selection.all("exchanges") == [
        SelectedField("exchanges", {"first": 2}, Selection.of("total_count", nodes=Selection.of("id"))),
        SelectedField("exchanges", {"first": 50}, Selection.of(nodes=Selection.of("body"))),
    ]


def test_arguments_are_narrow_values_with_defaults_for_what_is_left_out_or_null(asked: Asked) -> None:
    selection = asked(
        """query ($first: Int, $filter: Filter, $absent: String) {
            request { exchanges(first: $first, filter: $filter, after: $absent) { totalCount } }
        }""",
        first=None,
        filter={"status": ["OPEN"], "isUnread": True},
    )

    (exchanges,) = selection.fields
    assert exchanges.arguments == {
        "first": 50,
        "filter": {"status": ["OPEN"], "is_unread": True, "text": "all"},
    }


def test_fragments_and_type_conditions_are_flattened(asked: Asked) -> None:
    selection = asked(
        """
        query {
          answer { ... on Exchange { body ...Outer } ... on Procedure { title } ... { ... on Node { id } } }
        }
        fragment Outer on Exchange { request { ...Inner createdAt } }
        fragment Inner on Node { id ... on Request { procedure { title } } }
        """
    )

    assert tree(selection) == {
        "id": {},
        "title": {},
        "body": {},
        "request": {"created_at": {}, "id": {}, "procedure": {"title": {}}},
    }


@pytest.mark.parametrize(("shown", "names"), [(True, {"id", "created_at"}), (False, {"id", "procedure"})])
def test_skip_and_include_are_applied(asked: Asked, shown: bool, names: set[str]) -> None:
    selection = asked(
        """query ($shown: Boolean!) { request {
            id createdAt @include(if: $shown) ...More @skip(if: $shown)
            ... @include(if: false) { owner { id } }
        } }
        fragment More on Request { procedure { id } }""",
        shown=shown,
    )

    assert selection.names == names


@pytest.mark.parametrize("first", [-1, 101])
def test_a_page_out_of_bounds_is_refused_by_the_name_of_its_argument(asked: Asked, first: int) -> None:
    with pytest.raises(MalformedError, match=rf"first must be between 0 and 100; {first} is not"):
        asked("query ($first: Int) { request { exchanges(first: $first) { totalCount } } }", first=first)


def test_fragments_that_double_themselves_cost_what_they_weigh(asked: Asked) -> None:
    depth = 40
    fragments = "\n".join(
        f"fragment F{i} on Request {{ ...F{n} ...F{n} owner {{ id ...F{n} }} owner {{ ...F{n} }} }}"
        for i, n in pairwise(range(depth + 1))
    )
    document = f"{{ request {{ ...F0 }} }} {fragments} fragment F{depth} on Request {{ id }}"
    started = perf_counter()

    selection = asked(document)

    assert perf_counter() - started < 0.5
    assert "owner" in selection


def test_both_sides_compute_the_same_key(asked: Asked) -> None:
    keys: list[str] = []
    request_type: Any = asked.schema.type_map["Request"]

    def resolve(_: Any, info: GraphQLResolveInfo[Any], **__: Any) -> None:
        arguments = arguments_of(info)
        keys.append(SelectedField(snake_case(info.field_name), arguments, Selection()).key)

    request_type.fields["exchanges"].resolve = resolve
    document = """query ($n: Int = 3, $status: [Status!]) { request {
        a: exchanges(after: "é", first: $n) { totalCount }
        b: exchanges(filter: {status: $status, isUnread: false}) { totalCount }
        c: exchanges { totalCount }
    } }"""
    selection = asked(document, status=["OPEN", "CLOSED"])
    assert asked.schema.query_type is not None
    asked.schema.query_type.fields["request"].resolve = lambda *_: {}

    assert graphql_sync(asked.schema, document, variable_values={"status": ["OPEN", "CLOSED"]}).errors is None
    assert keys == [field.key for field in selection]
    assert len(set(keys)) == 3
