"""Keyset pages: walked either way, every row once, also while rows are added."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from core.errors import MalformedError
from core.selection import SelectedField, Selection
from models.actors import AgentActor, CitizenActor, Visitor
from models.database import Row, execute
from models.ids import decode
from models.procedures import Procedure
from resolvers.accounts import me
from resolvers.desk import desk
from resolvers.procedures import procedures
from resolvers.reading.pages import encode_cursor
from resolvers.requests import request
from tests.factories import id_of, make_agent, make_event, make_exchange, make_procedure, make_request

PAGE = Selection.of(
    edges=Selection.of("cursor", node=Selection.of("id")),
    page_info=Selection.of("has_next_page", "has_previous_page", "start_cursor", "end_cursor"),
)

Read = Callable[..., Awaitable[Row]]


def page_of(name: str, read: Callable[[Selection], Awaitable[Row | None]]) -> Read:
    """Reads one page of a nested connection, by its arguments."""

    async def one(**arguments: Any) -> Row:
        given = {key: value for key, value in arguments.items() if value is not None}
        field = SelectedField(name, given, PAGE)
        row = await read(Selection((field,)))
        assert row is not None
        page: Row = row[field.key]
        return page

    return one


async def walk(
    read: Read, *, backward: bool = False, between: Callable[[], Awaitable[Any]] | None = None
) -> list[str]:
    """Ids in the order of the connection, page by page of 7."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await (read(last=7, before=cursor) if backward else read(first=7, after=cursor))
        ids = [edge["node"]["id"] for edge in page["edges"]]
        found = [*ids, *found] if backward else [*found, *ids]
        info = page["page_info"]
        assert info["has_previous_page" if not backward else "has_next_page"] is (cursor is not None)
        if not info["has_previous_page" if backward else "has_next_page"]:
            return found
        assert len(ids) == 7
        cursor = info["start_cursor" if backward else "end_cursor"]
        if between is not None:
            await between()


def newest_first(ids: list[str]) -> list[str]:
    """Of those made in one millisecond, any may be the first."""
    return sorted(ids, key=lambda one: decode(one) or ("", UUID(int=0)), reverse=True)


async def test_mes_demandes(procedure: Procedure, citizen: CitizenActor) -> None:
    async def add() -> str:
        return id_of(await make_request(procedure, citizen=citizen))

    ids = [await add() for _ in range(30)]
    read = page_of("requests", lambda wanted: me(citizen, selection=wanted))
    assert await walk(read, between=add) == newest_first(ids)


async def test_the_desk(procedure: Procedure, agent: AgentActor) -> None:
    """Many submitted in one instant, too: the id decides between them."""

    async def add() -> str:
        return id_of(await make_request(procedure))

    ids = [await add() for _ in range(30)]
    await execute(
        "UPDATE service_request SET submitted_at = date_trunc('second', now()) - interval '5 seconds'"
    )
    read = page_of("requests", lambda wanted: desk(agent, selection=wanted))
    assert await walk(read, between=add) == newest_first(ids)


async def test_exchanges_either_way(procedure: Procedure, citizen: CitizenActor) -> None:
    sent = await make_request(procedure, citizen=citizen)

    async def add() -> str:
        return id_of(await make_exchange(sent))

    ids = [await add() for _ in range(30)]
    read = page_of("exchanges", lambda wanted: request(citizen, id=id_of(sent), selection=wanted))
    assert await walk(read, backward=True, between=add) == ids
    ids = await walk(read)
    forward = await walk(read, between=add)
    assert forward[: len(ids)] == ids
    assert len(set(forward)) == len(forward) > len(ids)


async def test_history(procedure: Procedure, citizen: CitizenActor) -> None:
    sent = await make_request(procedure, citizen=citizen)
    for _ in range(20):
        await make_event(sent)
    read = page_of("history", lambda wanted: request(citizen, id=id_of(sent), selection=wanted))
    before = await walk(read)
    assert len(set(before)) == 20
    assert await walk(read, backward=True) == before
    after = await walk(read, between=lambda: make_event(sent))
    assert after[:20] == before
    assert len(set(after)) == len(after)


async def test_the_catalogue(procedure: Procedure) -> None:
    for _ in range(20):
        await make_procedure()

    async def read(**arguments: Any) -> Row:
        return await procedures(
            Visitor(),
            search=None,
            category=None,
            first=arguments["first"],
            after=arguments["after"],
            selection=Selection.of(nodes=Selection.of("id")),
        )

    ids = await walk(read)
    assert len(set(ids)) == len(ids) == 21


@pytest.mark.parametrize(("asked", "given"), [(0, 0), (1, 1), (100, 100), (1_000, 100), (None, 50)])
async def test_how_many_a_page_has(
    procedure: Procedure, citizen: CitizenActor, asked: int | None, given: int
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    await execute(
        "INSERT INTO exchange (id, request_id, number, author, author_name, body, posted_at) "
        "SELECT gen_random_uuid(), $1, n, 'CITIZEN', 'X', 'X', now() FROM generate_series(1, 120) AS n",
        sent.id,
    )
    read = page_of("exchanges", lambda wanted: request(citizen, id=id_of(sent), selection=wanted))
    page = await read(first=asked)
    assert len(page["nodes"]) == given
    assert page["page_info"]["has_next_page"]


async def test_an_empty_page(procedure: Procedure, citizen: CitizenActor) -> None:
    page = await page_of("requests", lambda wanted: me(citizen, selection=wanted))()
    assert page["nodes"] == page["edges"] == []
    assert page["page_info"] == {
        "has_next_page": False,
        "has_previous_page": False,
        "start_cursor": None,
        "end_cursor": None,
    }


CURSORS = [
    "", "x", "é", "\0", "W10", "bnVsbA", "a" * 5_000,
    *(
        encode_cursor(values)
        for values in (
            [], [1, 2, 3], ["x"], [None], [[1]], [True], [str(2**70)], [1.5], ["1\0"], ["'"],
            ["x", "y"], ["2026-01-01T00:00:00", "01890a5d-ac96-774b-bcce-b302099a8057"],
            ["0001-01-01T00:00:00+23:00", "01890a5d-ac96-774b-bcce-b302099a8057"],
        )
    ),
]  # fmt: skip


async def test_cursors_that_we_did_not_give_out(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    connections = [
        page_of("requests", lambda wanted: me(citizen, selection=wanted)),
        page_of("requests", lambda wanted: desk(agent, selection=wanted)),
        page_of("exchanges", lambda wanted: request(citizen, id=id_of(sent), selection=wanted)),
        page_of("history", lambda wanted: request(citizen, id=id_of(sent), selection=wanted)),
    ]
    for read in connections:
        for cursor in CURSORS:
            with pytest.raises(MalformedError):
                await read(first=7, after=cursor)


async def test_a_page_of_which_nothing_is_asked_but_its_type(agent: AgentActor) -> None:
    """Visibility and filters have bound their values by then: PostgreSQL refuses values that a statement lacks."""
    handler = await make_agent("HANDLER", procedures=[])
    filtered = SelectedField("requests", {"filter": {"search": "a"}}, Selection.of())
    for actor in (agent, handler):
        row = await desk(actor, selection=Selection((filtered, *Selection.of("parked_mails").fields)))
        assert row is not None
        assert row[filtered.key]["nodes"] == row["parked_mails"]["nodes"] == []


async def test_a_cursor_is_looked_at_even_where_only_the_count_is_asked(citizen: CitizenActor) -> None:
    field = SelectedField("requests", {"after": "xx"}, Selection.of("total_count"))
    with pytest.raises(MalformedError):
        await me(citizen, selection=Selection((field,)))
