"""How one object is read: which SQL makes its raw JSON, and which values are made of that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson

from core.i18n import Language
from models.actors import Actor, Party, party
from models.database import Row, fetch, fetch_json
from models.statement import Statement
from resolvers import catalogue
from resolvers.catalogue import Catalogue, StaleCatalogueError

Raw = dict[str, Any]
Finish = Callable[[Any], Any]
Finished = TypeVar("Finished")

# PostgreSQL takes 100 arguments at most to a function: 50 pairs to json_build_object.
PAIRS_AT_ONCE = 50


class Reading(Statement):
    """One statement in the making, and for whom it is read."""

    def __init__(self, actor: Actor, known: Catalogue) -> None:
        super().__init__()
        self.actor = actor
        self.catalogue = known
        self.by_ticket = False
        """Whether a request is read by its ticket number alone, whoever the actor is."""
        self.left: list[_Left] = []

    def leave(self, row: Row, key: str, make: Callable[[Reading], Part]) -> None:
        """Has `row[key]` read later: for what a row that the process knows by heart has in the database, such as the
        free slots of a schedule. See `settle`."""
        self.left.append(_Left(row, key, make))

    @property
    def language(self) -> Language:
        return self.actor.language

    @property
    def side(self) -> Party:
        return party(self.actor)


@dataclass(frozen=True, slots=True)
class Part:
    """A JSON expression, and what turns its value into a row."""

    sql: str
    finish: Finish


@dataclass(frozen=True, slots=True)
class _Left:
    row: Row
    key: str
    make: Callable[[Reading], Part]


@dataclass
class Shape:
    """One object: raw columns on one side, outputs computed of them on the other."""

    reading: Reading
    typename: str
    columns: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Finish] = field(default_factory=dict)

    def need(self, columns: Mapping[str, str]) -> None:
        """Columns to fetch, by the name under which the outputs find them."""
        self.columns.update(columns)

    def output(self, key: str, compute: Finish) -> None:
        """A value of the row, computed of the raw columns."""
        self.outputs[key] = compute

    def plain(self, key: str, sql: str) -> None:
        """A column that is a value as it stands."""
        self.columns[key] = sql
        self.outputs[key] = lambda raw: raw[key]

    def child(self, key: str, part: Part) -> None:
        """A nested object, list or page. Null stays null."""
        self.columns[key] = part.sql
        self.outputs[key] = lambda raw: None if raw[key] is None else part.finish(raw[key])

    def part(self) -> Part:
        outputs = dict(self.outputs)
        typename = self.typename

        def finish(raw: Raw) -> Row:
            row = {key: compute(raw) for key, compute in outputs.items()}
            row.setdefault("__typename", typename)
            return row

        return Part(json_object(self.reading, self.columns), finish)


def json_object(reading: Reading, columns: Mapping[str, str]) -> str:
    """`json_build_object` of the columns. Names are bound, since they may hold what a caller wrote."""
    pairs = [f"{reading.bind(name, 'text')}, {sql}" for name, sql in columns.items()]
    chunks = [pairs[i : i + PAIRS_AT_ONCE] for i in range(0, len(pairs), PAIRS_AT_ONCE)] or [[]]
    built = [f"json_build_object({', '.join(chunk)})" for chunk in chunks]
    return built[0] if len(built) == 1 else "(" + " || ".join(f"{one}::jsonb" for one in built) + ")"


async def reading_for(actor: Actor) -> Reading:
    """A statement to be made for this caller."""
    return Reading(actor, await catalogue.current())


async def read_one(reading: Reading, part: Part, source: str) -> Row | None:
    """The row of `SELECT part FROM source`, which must name one row at most; None where there is none."""
    row: Row | None = await _read(reading, part, f"SELECT {part.sql} FROM {source}")
    return row


async def read_value(reading: Reading, part: Part) -> Any:
    """The value of `SELECT part`: an expression that needs no row around it, such as a page."""
    return await _read(reading, part, f"SELECT {part.sql}")


async def read_all(reading: Reading, part: Part, source: str) -> list[Row]:
    """The rows of `SELECT part FROM source`, in its order."""
    raws = await fetch(f"SELECT {part.sql} AS raw FROM {source}", *reading.values)
    return await _finish(reading, lambda: [part.finish(orjson.loads(raw["raw"])) for raw in raws])


async def _read(reading: Reading, part: Part, statement: str) -> Any:
    raw = await fetch_json(statement, *reading.values)
    return None if raw is None else await _finish(reading, lambda: part.finish(raw))


async def _finish(reading: Reading, finish: Callable[[], Finished]) -> Finished:
    try:
        finished = finish()
    except StaleCatalogueError:
        reading.catalogue = await catalogue.refresh()
        reading.left.clear()
        finished = finish()
    await settle(reading)
    return finished


async def settle(reading: Reading) -> None:
    """Reads what was left: one statement for all of it, and one more for each level that it is nested deeper."""
    while reading.left:
        left = reading.left
        reading = Reading(reading.actor, reading.catalogue)
        parts = [one.make(reading) for one in left]
        columns = {str(i): part.sql for i, part in enumerate(parts)}
        raw = await fetch_json(f"SELECT {json_object(reading, columns)}", *reading.values)
        for i, (one, part) in enumerate(zip(left, parts, strict=True)):
            value = raw[str(i)]
            one.row[one.key] = None if value is None else part.finish(value)
