from __future__ import annotations

import asyncio

import pytest

from core.errors import NotAllowedError, NotFoundError, ValidationError
from core.selection import Selection
from models.actors import Actor, AgentActor, CitizenActor, Visitor
from models.database import Row
from models.events import RequestEvent
from models.exchanges import Exchange
from models.ids import encode, new_id
from models.mail import Mail
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers.accounts import me
from resolvers.desk import desk
from resolvers.exchanges import mark_exchanges_read, post_exchange
from resolvers.requests import request
from tests.factories import holder_of, id_of, make_agent, make_citizen, make_exchange, make_request

SELECTION = Selection.of("id", "author", "author_name", "body", "read_state", "read_at")
THREAD = Selection.of("unread_exchange_count", exchanges=Selection.of(nodes=SELECTION))


async def post(actor: Actor, sent: ServiceRequest, body: str = "Bonjour", key: str | None = None) -> Row:
    return await post_exchange(
        actor, request=id_of(sent), body=body, attachments=[], idempotency_key=key, selection=SELECTION
    )


async def states(actor: Actor, sent: ServiceRequest) -> tuple[list[str], int]:
    row = await request(actor, id=id_of(sent), selection=THREAD)
    assert row is not None
    nodes = row["exchanges"]["nodes"]
    return [node["read_state"] for node in nodes], row["unread_exchange_count"]


async def test_both_ways(procedure: Procedure, citizen: CitizenActor, agent: AgentActor) -> None:
    sent = await make_request(procedure, citizen=citizen)
    mine = await post(citizen, sent, "  Bonjour,\r\nmerci.  ")
    assert (mine["author"], mine["author_name"]) == ("CITIZEN", "Jeanne Durand")
    assert mine["body"] == "Bonjour,\nmerci."
    assert await Mail.all().count() == 0
    theirs = await post(agent, sent, "Avec plaisir.")
    assert (theirs["author"], theirs["author_name"]) == ("MUNICIPALITY", "Agent Martin")
    (mail,) = await Mail.all()
    assert (mail.template, encode("Exchange", mail.exchange_id or new_id())) == ("new_exchange", theirs["id"])
    assert [event.kind for event in await RequestEvent.all()] == ["ExchangePosted"] * 2


async def test_the_four_read_states_from_both_sides(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    for author in ("CITIZEN", "MUNICIPALITY"):
        await make_exchange(sent, author=author, read=True)
        await make_exchange(sent, author=author)
    mine = ["SENT_READ", "SENT_UNREAD", "RECEIVED_READ", "RECEIVED_UNREAD"]
    theirs = ["RECEIVED_READ", "RECEIVED_UNREAD", "SENT_READ", "SENT_UNREAD"]
    assert await states(citizen, sent) == (mine, 1)
    assert await states(holder_of(sent), sent) == (mine, 1)
    assert await states(agent, sent) == (theirs, 1)


async def test_marking_read_up_to_one(procedure: Procedure, citizen: CitizenActor, agent: AgentActor) -> None:
    """Only what the other side wrote, only up to there, and once."""
    sent = await make_request(procedure, citizen=citizen)
    thread = [
        await make_exchange(sent, author=author)
        for author in ("MUNICIPALITY", "CITIZEN", "MUNICIPALITY", "MUNICIPALITY")
    ]

    async def mark(actor: Actor, up_to: Exchange) -> int:
        row, marked = await mark_exchanges_read(
            actor, request=id_of(sent), up_to=id_of(up_to), selection=THREAD
        )
        assert row["unread_exchange_count"] == (await states(actor, sent))[1]
        return marked

    assert await mark(citizen, thread[1]) == 1
    assert await states(citizen, sent) == (
        ["RECEIVED_READ", "SENT_UNREAD", "RECEIVED_UNREAD", "RECEIVED_UNREAD"],
        2,
    )
    assert await mark(citizen, thread[2]) == 1
    assert await mark(citizen, thread[2]) == 0
    assert await mark(agent, thread[3]) == 1
    assert await states(agent, sent) == (["SENT_READ", "RECEIVED_READ", "SENT_READ", "SENT_UNREAD"], 0)
    events = await RequestEvent.all().order_by("position")
    assert [(event.kind, event.actor) for event in events] == [
        ("ExchangesRead", "CITIZEN"),
        ("ExchangesRead", "CITIZEN"),
        ("ExchangesRead", "MUNICIPALITY"),
    ]


async def test_reading_marks_nothing(procedure: Procedure, citizen: CitizenActor) -> None:
    sent = await make_request(procedure, citizen=citizen)
    await make_exchange(sent, author="MUNICIPALITY")
    for _ in range(2):
        assert await states(citizen, sent) == (["RECEIVED_UNREAD"], 1)


async def test_counts_over_all_requests(procedure: Procedure, citizen: CitizenActor) -> None:
    handler = await make_agent("HANDLER", procedures=[procedure])
    stranger = await make_agent("HANDLER")
    for _ in range(2):
        sent = await make_request(procedure, citizen=citizen)
        await make_exchange(sent, author="MUNICIPALITY")
        for _ in range(2):
            await make_exchange(sent, author="CITIZEN")
    await make_exchange(await make_request(procedure), author="MUNICIPALITY")
    wanted = Selection.of("unread_exchange_count")
    assert await me(citizen, selection=wanted) == {"__typename": "Account", "unread_exchange_count": 2}
    for agent, count in ((handler, 4), (stranger, 0)):
        row = await desk(agent, selection=wanted)
        assert row is not None
        assert row["unread_exchange_count"] == count


async def test_thirty_at_once_are_numbered_without_gaps(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    await asyncio.gather(*(post(citizen if n % 2 else agent, sent, f"Message {n}") for n in range(30)))
    stored = await Exchange.all().order_by("number")
    assert [exchange.number for exchange in stored] == list(range(1, 31))
    assert {exchange.body for exchange in stored} == {f"Message {n}" for n in range(30)}
    events = await RequestEvent.all().order_by("position")
    assert [event.exchange_id for event in events] == [exchange.id for exchange in stored]
    assert (await ServiceRequest.get()).exchange_count == 30


async def test_with_one_key_it_is_written_once(procedure: Procedure, citizen: CitizenActor) -> None:
    sent, other = [await make_request(procedure, citizen=citizen) for _ in range(2)]
    rows = await asyncio.gather(*(post(citizen, sent, key="1") for _ in range(20)))
    assert rows == [rows[0]] * 20
    assert (await post(citizen, other, key="1"))["id"] != rows[0]["id"]
    assert (await post(citizen, sent, key="2"))["id"] != rows[0]["id"]
    assert await RequestEvent.all().count() == await Exchange.all().count() == 3


async def test_a_key_is_its_authors_own(procedure: Procedure, agent: AgentActor) -> None:
    """Two agents who happen to draw the same key have both written."""
    sent = await make_request(procedure)
    for actor in (holder_of(sent), agent, await make_agent()):
        await post(actor, sent, key="1")
    assert await Exchange.all().count() == 3


@pytest.mark.parametrize("body", ["", " \r\n ", "x" * 10_001, "a\0b", "a\u202eb", "\ud800"])
async def test_a_body_that_cannot_be(procedure: Procedure, citizen: CitizenActor, body: str) -> None:
    sent = await make_request(procedure, citizen=citizen)
    with pytest.raises(ValidationError) as raised:
        await post(citizen, sent, body)
    assert [problem.path for problem in raised.value.problems] == ["body"]


async def test_the_longest_body(procedure: Procedure, citizen: CitizenActor) -> None:
    sent = await make_request(procedure, citizen=citizen)
    assert len((await post(citizen, sent, "😀" * 10_000))["body"]) == 10_000


@pytest.mark.parametrize(
    ("status", "open_to"), [("DRAFT", "nobody"), ("ACCEPTED", "both"), ("CANCELLED", "nobody")]
)
async def test_when_it_is_open(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor, status: str, open_to: str
) -> None:
    sent = await make_request(procedure, citizen=citizen, status=status)
    for actor in (citizen, agent):
        if open_to == "both":
            assert (await post(actor, sent))["body"] == "Bonjour"
        else:
            with pytest.raises((NotAllowedError, NotFoundError)):
                await post(actor, sent)


async def test_nobody_elses(procedure: Procedure) -> None:
    sent = await make_request(procedure)
    first = await make_exchange(sent)
    handler = await make_agent("HANDLER")
    for stranger in (Visitor(), await make_citizen(), handler, holder_of(await make_request(procedure))):
        with pytest.raises(NotFoundError):
            await post(stranger, sent)
        with pytest.raises(NotFoundError):
            await mark_exchanges_read(stranger, request=id_of(sent), up_to=id_of(first), selection=THREAD)


async def test_up_to_an_exchange_of_another_request(procedure: Procedure, citizen: CitizenActor) -> None:
    sent, other = [await make_request(procedure, citizen=citizen) for _ in range(2)]
    strange = await make_exchange(other, author="MUNICIPALITY")
    for up_to in (id_of(strange), id_of(sent), encode("Exchange", new_id()), "x"):
        with pytest.raises(NotFoundError):
            await mark_exchanges_read(citizen, request=id_of(sent), up_to=up_to, selection=THREAD)


async def test_attachments_are_not_open_yet(procedure: Procedure, citizen: CitizenActor) -> None:
    sent = await make_request(procedure, citizen=citizen)
    with pytest.raises(NotFoundError):
        await post_exchange(
            citizen,
            request=id_of(sent),
            body="Voici.",
            attachments=[encode("File", new_id())],
            idempotency_key=None,
            selection=SELECTION,
        )
    assert await Exchange.all().count() == 0
