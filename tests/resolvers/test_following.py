"""Following the event log: whoever is cut off and resumes misses nothing and sees nothing twice."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

import pytest
import pytest_asyncio

from core.errors import ForbiddenError, MalformedError, NotFoundError
from core.selection import Selection
from core.settings import Settings
from models.actors import AgentActor, CitizenActor, Visitor
from models.database import Row, close, initialise
from models.events import RequestEvent
from models.ids import encode
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers import events
from resolvers.event_tail import event_tail
from resolvers.events import desk_events, notifications, request_events
from resolvers.exchanges import mark_exchanges_read, post_exchange
from resolvers.reading.pages import encode_cursor
from resolvers.sessions import log_out
from tests.factories import (
    holder_of,
    id_of,
    make_agent,
    make_citizen,
    make_event,
    make_procedure,
    make_request,
)

EVENT = Selection.of("id", "cursor", "__typename", exchange=Selection.of("body"))
NOTIFICATION = Selection.of("cursor", "unread_exchange_count", event=EVENT)
WRITERS = 50
EXCHANGES_EACH = 3

Follow = Callable[[str | None], AsyncGenerator[Row, None]]


@pytest_asyncio.fixture
async def patient_database(settings: Settings) -> AsyncIterator[None]:
    """Fifty writers on two processors may wait longer than people would."""
    await initialise(settings.model_copy(update={"database_timeout_seconds": 60.0}))
    yield
    await close()


async def say(actor: Any, request: ServiceRequest, body: str = "Bonjour") -> str:
    row = await post_exchange(
        actor,
        request=id_of(request),
        body=body,
        attachments=[],
        idempotency_key=None,
        selection=Selection.of("id"),
    )
    id: str = row["id"]
    return id


async def some(stream: AsyncGenerator[Row, None], count: int, *, within: float = 5.0) -> list[Row]:
    """The next `count` messages of a stream, which is then left."""
    found: list[Row] = []
    async with asyncio.timeout(within), aclosing(stream) as messages:
        async for message in messages:
            found.append(message)
            if len(found) == count:
                break
    return found


async def follow_with_cuts(follow: Follow, last_id: asyncio.Future[str], seed: int) -> list[str]:
    """Ids of the events met from the start of the log to the one in `last_id`, cut off again and again."""
    chance = random.Random(seed)
    met: list[str] = []
    cursor = encode_cursor([0])

    async def listen() -> None:
        nonlocal cursor
        async with aclosing(follow(cursor)) as messages:
            async for message in messages:
                event = message.get("event", message)
                if event is not None:
                    met.append(event["id"])
                cursor = message["cursor"]

    while not (last_id.done() and met and met[-1] == last_id.result()):
        task = asyncio.create_task(listen())
        await asyncio.sleep(chance.choice([0.002, 0.02, 0.2]) * chance.random())
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled(), task.exception()
    return met


async def test_cut_off_at_random_moments_while_fifty_write(patient_database: None) -> None:
    procedure, agent, citizen = await make_procedure(), await make_agent(), await make_citizen()
    requests = [await make_request(procedure, citizen=citizen) for _ in range(10)]
    strange = await make_request(procedure, citizen=await make_citizen())

    async def write(number: int) -> None:
        for _ in range(EXCHANGES_EACH):
            target = strange if number % 10 == 9 else requests[number % 9]
            await say(agent if number % 2 else holder_of(target), target, f"{number}")

    last_of_all: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    followers: list[Follow] = [
        lambda after: desk_events(agent, after=after, selection=EVENT),
        lambda after: notifications(citizen, after=after, selection=NOTIFICATION),
        lambda after: request_events(citizen, request=id_of(requests[0]), after=after, selection=EVENT),
    ]
    tasks = [
        asyncio.create_task(follow_with_cuts(follow, last_of_all, seed))
        for seed, follow in enumerate([*followers, *followers])
    ]
    await asyncio.gather(*(write(number) for number in range(WRITERS)))
    await say(agent, requests[0], "The last one.")
    written = await RequestEvent.all().order_by("position")
    last_of_all.set_result(encode("RequestEvent", written[-1].id))
    met = await asyncio.wait_for(asyncio.gather(*tasks), 60)

    def ids(concerned: Callable[[RequestEvent], bool]) -> list[str]:
        return [encode("RequestEvent", event.id) for event in written if concerned(event)]

    all_of_them = ids(lambda event: True)
    citizens = ids(lambda event: event.request_id != strange.id)
    of_one = ids(lambda event: event.request_id == requests[0].id)
    assert len(all_of_them) == WRITERS * EXCHANGES_EACH + 1
    assert len(all_of_them) > len(citizens) > len(of_one) > 1
    assert met == [all_of_them, citizens, of_one] * 2


async def test_an_event_arrives_at_once(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    stream = request_events(citizen, request=id_of(sent), after=None, selection=EVENT)
    async with aclosing(stream) as messages:
        for number in range(3):
            coming = asyncio.ensure_future(anext(messages))
            await asyncio.sleep(0.1)
            said_at = time.monotonic()
            await say(agent, sent, f"{number}")
            row = await asyncio.wait_for(coming, 5)
            assert time.monotonic() - said_at < 0.5
            assert (row["__typename"], row["exchange"]["body"]) == ("ExchangePosted", f"{number}")


async def test_what_another_process_wrote_arrives_without_a_wake_up(
    procedure: Procedure, citizen: CitizenActor
) -> None:
    """Redis is away and nobody rings: the tail looks for itself every second."""
    sent = await make_request(procedure, citizen=citizen)
    coming = asyncio.create_task(
        some(request_events(citizen, request=id_of(sent), after=None, selection=EVENT), 1)
    )
    await asyncio.sleep(0.3)
    event = await make_event(sent)
    (row,) = await coming
    assert row["id"] == encode("RequestEvent", event.id)


async def test_without_a_cursor_only_what_comes(procedure: Procedure, citizen: CitizenActor) -> None:
    sent = await make_request(procedure, citizen=citizen)
    await make_event(sent)
    coming = asyncio.create_task(
        some(request_events(citizen, request=id_of(sent), after=None, selection=EVENT), 1)
    )
    await asyncio.sleep(0.1)
    await say(citizen, sent)
    (row,) = await coming
    assert row["__typename"] == "ExchangePosted"


async def test_a_long_replay_comes_whole(procedure: Procedure, citizen: CitizenActor) -> None:
    """More than what is read at once."""
    sent = await make_request(procedure, citizen=citizen)
    made = [await make_event(sent) for _ in range(2 * events.AT_ONCE + 30)]
    stream = request_events(citizen, request=id_of(sent), after=encode_cursor([0]), selection=EVENT)
    rows = await some(stream, len(made))
    assert [row["id"] for row in rows] == [encode("RequestEvent", event.id) for event in made]


async def test_the_first_notification_gives_the_counts(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    exchange = await say(agent, sent)
    (first,) = await some(notifications(citizen, after=None, selection=NOTIFICATION), 1)
    assert (first["event"], first["unread_exchange_count"]) == (None, 1)

    await say(agent, sent, "Encore")
    await mark_exchanges_read(citizen, request=id_of(sent), up_to=exchange, selection=Selection.of("version"))
    again, posted, read = await some(notifications(citizen, after=first["cursor"], selection=NOTIFICATION), 3)
    assert (again["event"], again["cursor"]) == (None, first["cursor"])
    assert (posted["event"]["__typename"], read["event"]["__typename"]) == ("ExchangePosted", "ExchangesRead")
    assert read["unread_exchange_count"] == 1
    rest = await some(notifications(citizen, after=posted["cursor"], selection=NOTIFICATION), 2)
    assert rest[1]["event"]["id"] == read["event"]["id"]


async def test_each_sees_what_they_may(procedure: Procedure, citizen: CitizenActor) -> None:
    other = await make_procedure("other")
    handler = await make_agent("HANDLER", procedures=[procedure])
    hidden = await make_event(await make_request(other))
    shown = await make_event(await make_request(procedure, citizen=citizen))
    start = encode_cursor([0])
    (row,) = await some(desk_events(handler, after=start, selection=EVENT), 1)
    assert row["id"] == encode("RequestEvent", shown.id)
    rows = await some(desk_events(await make_agent(), after=start, selection=EVENT), 2)
    assert [row["id"] for row in rows] == [encode("RequestEvent", event.id) for event in (hidden, shown)]


async def test_whoever_may_not_follow(procedure: Procedure, citizen: CitizenActor, agent: AgentActor) -> None:
    sent = await make_request(procedure, citizen=citizen)
    for stranger in (Visitor(), await make_citizen(), holder_of(await make_request(procedure))):
        with pytest.raises(NotFoundError):
            await some(request_events(stranger, request=id_of(sent), after=None, selection=EVENT), 1)
        with pytest.raises(ForbiddenError):
            await some(desk_events(stranger, after=None, selection=EVENT), 1)
    with pytest.raises(ForbiddenError):
        await some(notifications(agent, after=None, selection=NOTIFICATION), 1)


@pytest.mark.parametrize("cursor", ["", "x", "é", encode_cursor(["x"]), encode_cursor([str(2**64)])])
async def test_a_cursor_that_we_did_not_give_out(
    procedure: Procedure, citizen: CitizenActor, cursor: str
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    with pytest.raises(MalformedError):
        await some(request_events(citizen, request=id_of(sent), after=cursor, selection=EVENT), 1)
    with pytest.raises(MalformedError):
        await some(notifications(citizen, after=cursor, selection=NOTIFICATION), 1)


async def test_whose_session_has_ended_reads_nothing_any_more(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor
) -> None:
    """Even before anybody has noticed that it has."""
    sent = await make_request(procedure, citizen=citizen)
    followers = [
        asyncio.create_task(some(stream, 1, within=1))
        for stream in (
            request_events(citizen, request=id_of(sent), after=None, selection=EVENT),
            desk_events(agent, after=None, selection=EVENT),
            request_events(holder_of(sent), request=id_of(sent), after=None, selection=EVENT),
        )
    ]
    await asyncio.sleep(0.1)
    await log_out(citizen)
    await log_out(agent)
    await say(holder_of(sent), sent)
    told = await asyncio.gather(*followers, return_exceptions=True)
    assert [type(outcome) for outcome in told] == [TimeoutError, TimeoutError, list]


async def test_who_leaves_leaves_nothing_behind(procedure: Procedure, citizen: CitizenActor) -> None:
    tail = event_tail()
    before = len(tail._followers)
    await make_event(await make_request(procedure, citizen=citizen))
    await some(notifications(citizen, after=encode_cursor([0]), selection=NOTIFICATION), 2)
    assert len(tail._followers) == before == 0
    assert tail._task is None


async def test_the_tail_outlives_what_goes_wrong_with_it(
    procedure: Procedure, citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look that fails, in whatever way, is one look that fails."""
    monkeypatch.setattr("resolvers.event_tail.LOOK_EVERY_SECONDS", 0.1)
    tail = event_tail()
    look = type(tail)._look
    failures = iter([RuntimeError("unforeseen")])

    async def sometimes(self: Any, position: int | None) -> int:
        for failure in failures:
            raise failure
        return await look(self, position)

    monkeypatch.setattr(type(tail), "_look", sometimes)
    sent = await make_request(procedure, citizen=citizen)
    coming = asyncio.create_task(
        some(request_events(citizen, request=id_of(sent), after=None, selection=EVENT), 1)
    )
    await asyncio.sleep(0.2)
    await say(citizen, sent)
    assert len(await coming) == 1
