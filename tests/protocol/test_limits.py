"""What one operation may ask for, and how long it takes to say no."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from graphql import GraphQLSchema, get_introspection_query, parse, validate
from graphql import build_schema as build_from_sdl

from models.actors import Visitor
from schema.build import build_schema
from schema.context import CallFacts, Context
from schema.execution import Engine, MalformedOperationError
from schema.limits import LimitError, Limits, find_excesses
from tests.journeys.documents import documents
from tests.protocol.sample import sample_schema

SCHEMA = build_from_sdl(
    """
    type Query {
      item: Item plain: [Item!]! items(first: Int = 20, last: Int): Items! open(first: Int): Items!
    }
    type Item { name: String unreadExchangeCount: Int! items(first: Int = 20, last: Int): Items! query: Query }
    type Items { edges: [Edge!]! nodes: [Item!]! pageInfo: PageInfo! totalCount: Int! }
    type Edge { node: Item! cursor: String! }
    type PageInfo { hasNextPage: Boolean! }
    """
)


def bomb(fragments: int, spread: str = "...F{n} ...F{n}") -> str:
    """Fragments that each spread the next one twice."""
    chain = " ".join(f"fragment F{n} on Query {{ {spread.format(n=n + 1)} }}" for n in range(fragments - 1))
    return f"{{ ...F0 }} {chain} fragment F{fragments - 1} on Query {{ item {{ name }} }}"


def excesses(document: str, limits: Limits | None = None, schema: GraphQLSchema = SCHEMA) -> list[str]:
    return [error.message for error in find_excesses(schema, parse(document), limits or Limits())]


def cost(document: str) -> int:
    """The least cost limit that lets the document pass."""
    low, high = 0, 10_000_000
    while low < high:
        middle = (low + high) // 2
        if excesses(document, Limits(cost=middle)):
            low = middle + 1
        else:
            high = middle
    return low


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{ item { name } }", 2),
        ("{ __typename item { __typename } }", 1),
        ("{ plain { name } }", 5 * 2),
        ("{ items { nodes { name } } }", 1 + 20 * 2),
        ("{ items { edges { node { name } } } }", 1 + 20 * 3),
        ("{ items(first: 3) { nodes { name } pageInfo { hasNextPage } totalCount } }", 1 + 3 * 2 + 2 + 10),
        ("{ items(first: 3, last: 7) { nodes { name } } }", 1 + 7 * 2),
        ("{ items(first: 0) { nodes { name } } }", 1),
        ("{ items(first: -5) { nodes { name } } }", 1),
        ("{ items(first: 5000) { nodes { name } } }", 1 + 100 * 2),
        ("{ open { nodes { name } } }", 1 + 100 * 2),
        ("{ items(first: null) { nodes { name } } }", 1 + 100 * 2),
        ("query($n: Int) { items(first: $n) { nodes { name } } }", 1 + 100 * 2),
        ("query($n: Int = 3) { items(first: $n) { nodes { name } } }", 1 + 100 * 2),
        ("{ items(first: 4) { nodes { items(first: 5) { nodes { name } } } } }", 1 + 4 * (1 + 1 + 5 * 2)),
        ("{ items(first: 4) { ...P } } fragment P on Items { nodes { name } totalCount }", 1 + 4 * 2 + 10),
        ("{ items(first: 4) { ... on Items { nodes { ...I } } } } fragment I on Item { name }", 1 + 4 * 2),
        ("{ item { ...I } other: item { ...I } } fragment I on Item { name }", 4),
        ("{ items(first: 4) { nodes { items(first: 0) { totalCount } } } }", 1 + 4 * (1 + 1 + 10)),
        ("{ items(first: 4) { nodes { items(first: 0) { number: totalCount } } } }", 1 + 4 * (1 + 1 + 10)),
        ("{ items(first: 4) { nodes { unreadExchangeCount } } }", 1 + 4 * (1 + 10)),
        ("{ items(first: 9999999999) { nodes { name } } }", 1 + 100 * 2),
        (f"{{ items(first: {'9' * 5_000}) {{ nodes {{ name }} }} }}", 1 + 100 * 2),
        (f"{{ items(first: -{'9' * 5_000}) {{ nodes {{ name }} }} }}", 1 + 100 * 2),
        (f"query($n: Int = {'9' * 5_000}) {{ items(first: $n) {{ nodes {{ name }} }} }}", 1 + 100 * 2),
    ],
    ids=lambda value: str(value)[:80],
)
def test_a_page_multiplies_what_is_below_it(document: str, expected: int) -> None:
    assert cost(document) == expected


@pytest.mark.parametrize(
    ("document", "limits", "expected"),
    [
        ("{ item { query { item { name } } } }", Limits(depth=4), 0),
        ("{ item { query { item { name } } } }", Limits(depth=3), 1),
        ("{ item { ...I } } fragment I on Item { query { item { name } } }", Limits(depth=3), 1),
        ("{ a: item { name } b: item { name } }", Limits(aliases=2), 0),
        ("{ a: item { b: name } ...Q } fragment Q on Query { item { c: name } }", Limits(aliases=2), 1),
        (
            "{ a: item { name } ... { b: item { name } } ...Q } fragment Q on Query { item { name } }",
            Limits(root_fields=3),
            0,
        ),
        (
            "{ a: item { name } ... { b: item { name } } ...Q } fragment Q on Query { item { name } }",
            Limits(root_fields=2),
            1,
        ),
        (
            "fragment A on Query { item { name } } fragment B on Query { item { name } } { ...A ...B }",
            Limits(fragments=1),
            1,
        ),
        ("{ ...Absent unknown { deeper(first: 3) { still } } }", Limits(depth=3), 0),
        ("{ ...Absent unknown { deeper(first: 3) { still } } }", Limits(depth=2), 1),
    ],
)
def test_each_limit_counts_with_fragments_expanded(document: str, limits: Limits, expected: int) -> None:
    assert len(excesses(document, limits)) == expected


@pytest.mark.parametrize(
    ("document", "comparisons"),
    [
        ("{ item { name } }", 0),
        ("{ item { name } item { name } }", 4),
        ("{ item { name name name } }", 2 * 3),
        ("{ item { name ... on Item { name } ... { name } } }", 2 * 3),
        ("{ item { a: name b: name } }", 0),
        ("{ item { ...I ...I } } fragment I on Item { name }", 0),
        ("{ item { ...I name } } fragment I on Item { name }", 2),
        ("{ item { ...I ...J } } fragment I on Item { name } fragment J on Item { name }", 2),
    ],
)
def test_what_validation_would_compare_is_limited(document: str, comparisons: int) -> None:
    assert excesses(document, Limits(repetitions=comparisons)) == []
    if comparisons:
        assert len(excesses(document, Limits(repetitions=comparisons - 1))) == 1


HOSTILE = {
    "one field, repeated": "{ item {" + " name" * 2_900 + " } }",
    "one field with many below it, repeated": "{ item {" + (" item {" + " name" * 45 + " }") * 60 + " } }",
    "fragments that hold the same": "{"
    + "".join(f" ...F{n}" for n in range(99))
    + " }"
    + "".join(f" fragment F{n} on Query {{" + " __typename" * 20 + " }" for n in range(99)),
    "many fragments": "{ ...F0 }" + "".join(f" fragment F{n} on Query {{ hello }}" for n in range(300)),
}


@pytest.mark.parametrize("document", HOSTILE.values(), ids=HOSTILE)
def test_validation_never_sees_what_would_hold_it_up(document: str, counted: Counter[str]) -> None:
    with pytest.raises(MalformedOperationError):
        make_engine().prepare(document, None)
    assert counted == {"parse": 1}


@pytest.mark.parametrize(
    "document",
    [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { ...B item { name } } fragment B on Query { ...A }",
        "{ ...A } fragment A on Query { item { query { ...A } } }",
    ],
)
def test_fragments_that_spread_themselves_are_left_to_validation(document: str) -> None:
    assert excesses(document) == []
    with pytest.raises(MalformedOperationError):
        make_engine().prepare(document, None)


def make_engine(limits: Limits | None = None) -> Engine:
    return Engine(sample_schema(), limits=limits or Limits(), development=False)


@pytest.mark.parametrize(
    "document",
    [
        bomb(100),
        bomb(100, "a: item {{ name }} ...F{n} b: item {{ name }} ...F{n}"),
        bomb(100, "...F{n} ...F{n} ...F{n} ...F{n}"),
    ],
    ids=["twice", "with aliases", "four times"],
)
def test_a_bomb_is_refused_as_fast_as_its_text_is_read(document: str) -> None:
    """Under 20 ms on an idle machine; here at most a few times what parsing alone takes on this one."""
    engine = make_engine()

    def timed_parse() -> float:
        started = time.perf_counter()
        parse(document)
        return time.perf_counter() - started

    def timed_refusal() -> float:
        started = time.perf_counter()
        with pytest.raises(MalformedOperationError):
            engine.prepare(document, None)
        return time.perf_counter() - started

    assert min(timed_refusal() for _ in range(5)) < 5 * min(timed_parse() for _ in range(5))


def test_the_time_to_weigh_grows_with_the_text_alone() -> None:
    def weigh(fragments: int) -> float:
        document = parse(bomb(fragments))
        started = time.perf_counter()
        find_excesses(SCHEMA, document, Limits(fragments=10_000))
        return time.perf_counter() - started

    small, large = (min(weigh(size) for _ in range(5)) for size in (200, 2000))
    assert large < 40 * small


def test_a_long_document_is_not_read_to_its_end() -> None:
    with pytest.raises(MalformedOperationError) as refused:
        make_engine().prepare("{ " + "hello " * 100_000 + "}", None)
    assert refused.value.stage == "document"


@pytest.mark.parametrize("opening", ["{ item ", "query($a: [", "{ hello(name: ["])
def test_a_document_nested_thousands_of_levels_deep_is_refused(opening: str) -> None:
    with pytest.raises(MalformedOperationError):
        make_engine(Limits(tokens=1_000_000)).prepare(opening * 10_000, None)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a document was parsed and validated."""
    calls: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            calls[name] += 1
            return function(*arguments, **options)

        return call

    monkeypatch.setattr("schema.execution.parse", counting("parse", parse))
    monkeypatch.setattr("schema.execution.validate", counting("validate", validate))
    return calls


async def test_a_document_seen_before_is_neither_parsed_nor_validated_again(counted: Counter[str]) -> None:
    engine = make_engine()
    document = "query A($n: String!) { hello(name: $n) } query B { hello }"
    for name, variables, greeting in (
        ("A", {"n": "x"}, "hello x"),
        ("A", {"n": "y"}, "hello y"),
        ("B", {}, "hello world"),
    ):
        executor = engine.bind(
            engine.prepare(document, name), variables, Context(Visitor(), CallFacts("http"))
        )
        assert (await engine.execute(executor)).data == {"hello": greeting}
    assert counted == {"parse": 1, "validate": 1}


def test_the_documents_kept_are_few_and_the_latest(counted: Counter[str]) -> None:
    engine = Engine(sample_schema(), limits=Limits(), development=False, cached_documents=2)
    for name in "ABACA":
        engine.prepare(f"query {name} {{ hello }}", None)
    assert counted["parse"] == 3
    engine.prepare("query B { hello }", None)
    assert counted["parse"] == 4


def test_the_documents_kept_are_limited_in_size_together(counted: Counter[str]) -> None:
    engine = Engine(sample_schema(), limits=Limits(), development=False, cached_characters=100)
    small, large = "query A { hello }", "query B { hello }" + " " * 200
    for document in (small, small, large, large, small):
        engine.prepare(document, None)
    assert counted["parse"] == 4


def test_what_was_refused_is_not_kept(counted: Counter[str]) -> None:
    engine = make_engine()
    for _ in range(2):
        with pytest.raises(MalformedOperationError):
            engine.prepare("{ nothing }", None)
    assert counted["parse"] == 2


FULLEST_PAGE = """
query Fullest($id: ID!) {
  request(id: $id) {
    id ticket status version claimed permittedActions createdAt submittedAt
    procedure { title requiresAccount category { title } }
    contact { firstName lastName email mobilePhone address { lines postalCode city country } }
    steps { kind title help body fields { ...Asked ... on ChoiceField { multiple options { value label } } } }
    answers { __typename ... on TextAnswer { field text } ... on ChoiceAnswer { field choices { value label } } }
    problems { path message }
    summary { step title lines { label value } }
    attachments { id title editable file { name size url } }
    exchanges { totalCount nodes { id body author authorName postedAt readAt readState attachments { title } } }
    history { pageInfo { hasNextPage endCursor } nodes { __typename id } }
  }
}
fragment Asked on FormField { key label help required visibleWhen { field operator values } }
"""

FULLEST_LIST = """
query List($after: String) {
  me {
    id username unreadExchangeCount
    requests(first: 20, after: $after) {
      totalCount
      pageInfo { hasNextPage endCursor }
      nodes {
        id ticket status version updatedAt unreadExchangeCount procedure { title slug }
        history(first: 20) { nodes { __typename id } }
        exchanges(last: 20) { totalCount nodes { id body author postedAt readState } }
      }
    }
  }
}
"""


EXAMPLES = {asked.name: asked.text for asked in documents()}
ALLOWED = {"page": FULLEST_PAGE, "list": FULLEST_LIST, "GraphiQL": get_introspection_query(), **EXAMPLES}


@pytest.mark.parametrize("document", ALLOWED.values(), ids=ALLOWED)
def test_the_fullest_pages_of_a_portal_and_graphiql_stay_well_below_the_limits(document: str) -> None:
    most = Limits()
    half = replace(most, tokens=1_500, depth=14, cost=most.cost // 2, repetitions=most.repetitions // 2)
    Engine(build_schema(), limits=half, development=True).prepare(document, None)


def nested(asked: str, page: int) -> str:
    """What is asked for each of 95 times `page` objects, all within one request."""
    inner = f"exchanges(first: {page}) {{ nodes {{ request {{ {asked} }} }} }}"
    return f'{{ requestByTicket(ticket: "x") {{ exchanges(first: 95) {{ nodes {{ request {{ {inner} }} }} }} }} }}'


THOUSANDS_OF_COUNTS = {
    "totals": "a: exchanges(first: 0) { totalCount }",
    "totals under other names": "a: exchanges(first: 0) { b: totalCount }",
    "unread": "unreadExchangeCount",
    "pages": "exchanges(last: 1) { nodes { id } }",
}


@pytest.mark.parametrize("asked", THOUSANDS_OF_COUNTS.values(), ids=THOUSANDS_OF_COUNTS)
def test_thousands_of_counts_in_one_operation_are_refused(asked: str) -> None:
    with pytest.raises(MalformedOperationError) as refused:
        Engine(build_schema(), limits=Limits(), development=True).prepare(nested(asked, 100), None)
    assert [type(error) for error in refused.value.errors] == [LimitError]


def test_it_is_the_counts_that_are_too_many() -> None:
    engine = Engine(build_schema(), limits=Limits(), development=True)
    engine.prepare(nested("id status version", 30), None)
    with pytest.raises(MalformedOperationError):
        engine.prepare(nested("unreadExchangeCount", 30), None)
