"""How long a hostile document, a new one and a known one take: python -m benchmarks.limits."""

import asyncio
import statistics
import time
from collections.abc import Callable

import strawberry
from graphql import parse

from models.actors import Visitor
from schema.context import CallFacts, Context
from schema.execution import Engine, MalformedOperationError
from schema.limits import Limits


@strawberry.type
class Item:
    name: str = "item"

    @strawberry.field
    def items(self, first: int = 20) -> list["Item"]:
        return [Item() for _ in range(first)]


@strawberry.type
class Query:
    @strawberry.field
    def item(self) -> Item:
        return Item()


ORDINARY = """
query Ordinary($n: Int!) { item { ...Named items(first: $n) { ...Named items(first: 2) { ...Named } } } }
fragment Named on Item { name alias: name }
"""

HOSTILE = {
    "100 fragments, each spread twice": "{ ...F0 }"
    + "".join(f" fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(99))
    + " fragment F99 on Query { item { name } }",
    "100 fragments, each spread twice, with aliases": "{ ...F0 }"
    + "".join(
        f" fragment F{n} on Item {{ a: items {{ ...F{n + 1} }} b: items {{ ...F{n + 1} }} }}"
        for n in range(99)
    )
    + " fragment F99 on Item { name }",
    "280 fragments": "{ ...F0 }"
    + "".join(f" fragment F{n} on Query {{ item {{ name }} }}" for n in range(280)),
    "one field below another 2,900 times": "{ item {" + " name" * 2_900 + " } }",
    "one field 60 times, with 45 below it": "{ item {" + (" items {" + " name" * 45 + " }") * 60 + " } }",
    "99 fragments that hold the same": "{"
    + "".join(f" ...F{n}" for n in range(99))
    + " }"
    + "".join(f" fragment F{n} on Query {{ item {{ name }}" + " __typename" * 16 + " }" for n in range(99)),
    "one field 2,900 times": "{" + " item" * 2_900 + " }",
    "100,000 fields": "{" + " item { name }" * 100_000 + " }",
    "nested 100,000 levels": "{ item " * 100_000,
}


def milliseconds(action: Callable[[], object], times: int) -> float:
    """The median of some runs."""
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        action()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


async def main() -> None:
    schema = strawberry.Schema(Query)
    engine = Engine(schema, limits=Limits(), development=False)
    print(f"{'hostile document':50} {'bytes':>9} {'refused in':>12}")
    for name, document in HOSTILE.items():

        def refuse(document: str = document) -> None:
            try:
                engine.prepare(document, None)
            except MalformedOperationError:
                return
            raise AssertionError("not refused")

        print(f"{name:50} {len(document):9} {milliseconds(refuse, 11):9.2f} ms")

    forgetful = Engine(schema, limits=Limits(), development=False, cached_documents=0)
    context = Context(Visitor(), CallFacts("http"))
    print(f"\nan ordinary document of {len(ORDINARY)} bytes")
    print(f"  parsed alone                {milliseconds(lambda: parse(ORDINARY), 101):9.3f} ms")
    print(
        f"  prepared the first time {milliseconds(lambda: forgetful.prepare(ORDINARY, None), 101):13.3f} ms"
    )
    print(
        f"  prepared when it is known   {milliseconds(lambda: engine.prepare(ORDINARY, None), 101):9.3f} ms"
    )

    async def run(engine: Engine, n: int) -> float:
        taken = []
        for _ in range(201):
            started = time.perf_counter()
            await engine.execute(engine.bind(engine.prepare(ORDINARY, None), {"n": n}, context))
            taken.append((time.perf_counter() - started) * 1000)
        return statistics.median(taken)

    for n in (1, 20):
        print(
            f"  answered, {n:2} objects: "
            f"known {await run(engine, n):.3f} ms, new {await run(forgetful, n):.3f} ms"
        )


if __name__ == "__main__":
    asyncio.run(main())
