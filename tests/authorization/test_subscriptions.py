"""Whoever follows is told of what exists for them, and of nothing else: what happened before, and what happens now."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest_asyncio

from core.settings import get_settings
from models.events import RequestEvent
from models.ids import encode, new_id
from resolvers.reading.pages import encode_cursor
from tests.authorization.asking import Documents, take_apart
from tests.authorization.calling import SCHEMA, Callers, application
from tests.authorization.expectations import FIELDS
from tests.authorization.kinds import AGENTS, CITIZENS, PARTIES, VISITORS, Kind
from tests.authorization.world import Filed
from tests.factories import make_event
from tests.serving import serving

START = encode_cursor([0])
Listening = asyncio.Queue[dict[str, Any]]
QUIET_SECONDS = 1.5
"""How long one who has heard all that is meant for them goes on listening: longer than the log is looked at again."""


@pytest_asyncio.fixture
async def address(callers: Callers) -> AsyncIterator[str]:
    async with serving(lambda _: application(get_settings())) as address:
        yield address


@asynccontextmanager
async def following(address: str, callers: Callers, kind: Kind, document: str) -> AsyncIterator[Listening]:
    """The answers of a subscription over server-sent events, as they come."""
    answers: Listening = asyncio.Queue()

    async def read() -> None:
        headers = {**callers.world.headers[kind], "Accept": "text/event-stream"}
        async with (
            httpx.AsyncClient(timeout=60) as http,
            http.stream("POST", f"{address}/graphql", json={"query": document}, headers=headers) as response,
        ):
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    assert callers.world.secrets.leaks(kind, line.encode()) == []
                    answers.put_nowait(json.loads(line.removeprefix("data: ")))

    reading = asyncio.create_task(read())
    try:
        yield answers
        assert not reading.done(), "a subscription ended by itself"
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def heard(meant: Mapping[Listening, int]) -> list[list[dict[str, Any]]]:
    """What each hears: as many answers as are meant for them, and whatever else comes soon after."""
    found = [
        [await asyncio.wait_for(answers.get(), 30) for _ in range(count)] for answers, count in meant.items()
    ]
    await asyncio.sleep(QUIET_SECONDS)
    return [
        told + [answers.get_nowait() for _ in range(answers.qsize())]
        for told, answers in zip(found, meant, strict=True)
    ]


async def happen_everywhere(requests: Mapping[str, Filed]) -> dict[str, Filed]:
    """Something happens to every request, drafts included; the requests by the ids of the events."""
    made = {}
    for filed in requests.values():
        event = await make_event(filed.row, "RequestClaimed")
        made[encode("RequestEvent", event.id)] = filed
    return made


async def earlier_events() -> dict[str, Any]:
    return {encode("RequestEvent", event.id): event.request_id for event in await RequestEvent.all()}


async def test_nobody_hears_of_what_is_not_theirs(callers: Callers, address: str) -> None:
    """From the beginning of the log, then live: exactly the events of the requests that exist for the caller, and of
    each field of the notification a value."""
    world, documents = callers.world, Documents(SCHEMA)
    event = documents.all_of(SCHEMA.type_map["RequestEvent"], 1)
    notification = documents.all_of(SCHEMA.type_map["Notification"], 2)
    before = await earlier_events()
    of_row = {filed.row.id: filed for filed in world.requests.values()}
    meant: dict[str, set[Kind]] = {id: set(of_row[row].reach) for id, row in before.items()}
    follows = {
        **dict.fromkeys(sorted(AGENTS), f'deskEvents(after: "{START}") {event}'),
        **dict.fromkeys(sorted(CITIZENS), f'notifications(after: "{START}") {notification}'),
    }
    queues: dict[Kind, Listening] = {}
    async with asyncio.timeout(100), AsyncExitStack() as stack:
        for kind, asked in follows.items():
            queues[kind] = await stack.enter_async_context(
                following(address, callers, kind, f"subscription {{ {asked} }}")
            )
        meant |= {id: set(filed.reach) for id, filed in (await happen_everywhere(world.requests)).items()}
        mine = {kind: {id for id, reach in meant.items() if kind in reach} for kind in queues}
        counts = {queue: len(mine[kind]) + (kind in CITIZENS) for kind, queue in queues.items()}
        for kind, told in zip(queues, await heard(counts), strict=True):
            assert {id for answer in told for id in ids_of(answer)} == mine[kind], kind
            if kind in CITIZENS:
                seen = {
                    (type_, name) for answer in told for type_, name, value in take_apart(answer) if value
                }
                assert {name for type_, name in seen if type_ == "Notification"} == set(
                    " ".join(FIELDS["Notification"].values()).split()
                )


async def test_a_request_is_followed_by_those_for_whom_it_exists(callers: Callers, address: str) -> None:
    """Others are told that there is none, as if there were none; for its own, it tells nothing of other requests."""
    world = callers.world
    event = Documents(SCHEMA).all_of(SCHEMA.type_map["RequestEvent"], 1)
    absent = encode("ServiceRequest", new_id())
    for kind in sorted(PARTIES):
        hidden = [world.things[filed.name].id for filed in world.requests.values() if kind not in filed.reach]
        answers = [
            (
                await callers.ask(kind, f'subscription {{ requestEvents(request: "{id}") {event} }}')
            ).response.text
            for id in (absent, *hidden)
        ]
        assert len(set(answers)) == 1, kind
        assert "FORBIDDEN" in answers[0]
    async with asyncio.timeout(100), AsyncExitStack() as stack:
        queues = {}
        for name in ("owner submitted", "other submitted", "held", "other held"):
            for kind in sorted(world.requests[name].reach & PARTIES):
                arguments = f'request: "{world.things[name].id}", after: "{START}"'
                asked = f"subscription {{ requestEvents({arguments}) {event} }}"
                queues[name, kind] = await stack.enter_async_context(following(address, callers, kind, asked))
        before = await earlier_events()
        made = await happen_everywhere(world.requests)
        mine = {
            name: {id for id, row in before.items() if row == world.requests[name].row.id}
            | {id for id, filed in made.items() if filed.name == name}
            for name, _ in queues
        }
        counts = {queue: len(mine[name]) for (name, _), queue in queues.items()}
        for (name, kind), told in zip(queues, await heard(counts), strict=True):
            assert {id for answer in told for id in ids_of(answer)} == mine[name], (name, kind)


async def test_whoever_may_not_follow_is_told_so(callers: Callers) -> None:
    """Whatever they would follow (which kinds those are, the expectations say)."""
    thing = callers.world.things["owner submitted"]
    for kind in sorted(set(Kind) - PARTIES):
        reply = await callers.ask(kind, f'subscription {{ requestEvents(request: "{thing.id}") {{ id }} }}')
        assert reply.codes == ["UNAUTHENTICATED" if kind in VISITORS else "FORBIDDEN"]


def ids_of(answer: Any) -> set[str]:
    """The ids of all events in an answer."""
    if isinstance(answer, dict):
        own = {value for key, value in answer.items() if key.endswith("__id__0")}
        return own.union(*(ids_of(value) for value in answer.values()))
    return set()
