"""Reading is cheap: one statement, however much is asked and however much there is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from core.selection import SelectedField, Selection
from core.tickets import new_ticket
from models.actors import Actor, AgentActor, CitizenActor
from models.attachments import ExchangeAttachment
from models.database import Row, counted
from models.procedures import Procedure
from resolvers import catalogue
from resolvers.accounts import me
from resolvers.desk import desk
from resolvers.nodes import node
from resolvers.procedures import municipality, procedure_categories, procedures
from resolvers.requests import request, request_by_ticket
from tests.factories import (
    holder_of,
    id_of,
    make_agent,
    make_citizen,
    make_event,
    make_exchange,
    make_request,
)
from tests.file_rows import make_attachment, make_document, make_file, make_receipt

FILE = Selection.of("name", "media_type", "size", "sha256", "scan", "url", "preview")
DOCUMENT = Selection.of("id", "title", "kind", "valid_until", file=FILE, used_by=Selection.of("id", "status"))
ATTACHMENT = Selection.of("id", "title", "field", "added_by", "editable", file=FILE, copied_from=DOCUMENT)
EXCHANGE = Selection.of("id", "body", "author_name", "read_state", "posted_at", attachments=ATTACHMENT)
EVENT = Selection.of(
    "id", "cursor", "description", "actor", "status", exchange=EXCHANGE, attachment=ATTACHMENT
)
REQUEST = Selection.merged(
    [
        *Selection.of(
            "id", "ticket", "status", "version", "contact", "answers", "problems", "summary", "steps", "claimed",
            "permitted_actions", "unread_exchange_count", "appointments", attachments=ATTACHMENT, receipt=FILE,
            procedure=Selection.of("title", category=Selection.of("title")),
            assignee=Selection.of("display_name"),
            history=Selection.of("total_count", nodes=EVENT),
        ).fields,
        SelectedField("exchanges", {"last": 10}, Selection.of("total_count", nodes=EXCHANGE)),
        SelectedField("exchanges", {"first": 2}, Selection.of(nodes=Selection.of(request=Selection.of("status")))),
    ]
)  # fmt: skip
REQUESTS = SelectedField("requests", {"first": 100}, Selection.of("total_count", nodes=REQUEST))
MANY = 60

Question = Callable[[], Awaitable[Row | None]]


async def statements(question: Question) -> tuple[int, Row]:
    await catalogue.current()
    with counted() as count:
        row = await question()
    assert row is not None
    return count.value, row


async def make_busy_request(procedure: Procedure, citizen: CitizenActor, agent: AgentActor) -> None:
    sent = await make_request(procedure, citizen=citizen)
    sent.assignee_id = agent.agent_id
    await sent.save(update_fields=["assignee_id"])
    file = await make_file(sent.id.bytes)
    document = await make_document(citizen, file)
    piece = await make_attachment(sent, file, copied_from_id=document.id)
    await make_receipt(sent, file)
    for author in ("CITIZEN", "MUNICIPALITY", "CITIZEN"):
        exchange = await make_exchange(sent, author=author)
        await ExchangeAttachment(exchange_id=exchange.id, attachment_id=piece.id).save(force_create=True)
        await make_event(sent, data={"status": "SUBMITTED", "attachment": str(piece.id)})


@pytest.mark.parametrize("side", ["me", "desk"])
async def test_lists_with_all_below_them(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor, side: str
) -> None:
    space = Selection.of("used_bytes", "quota_bytes", documents=Selection.of("total_count", nodes=DOCUMENT))
    mine = Selection.merged(
        [*Selection.of("username", "profile", "unread_exchange_count", storage=space).fields, REQUESTS]
    )
    theirs = Selection.merged(
        [
            *Selection.of(
                "unread_exchange_count",
                agent=Selection.of("display_name"),
                agents=Selection.of("id", "role"),
                procedures=Selection.of(nodes=Selection.of("slug")),
                parked_mails=Selection.of("total_count", nodes=Selection.of("recipient")),
            ).fields,
            REQUESTS,
        ]
    )
    question: Question = {
        "me": lambda: me(citizen, selection=mine),
        "desk": lambda: desk(agent, selection=theirs),
    }[side]
    await make_busy_request(procedure, citizen, agent)
    few, row = await statements(question)
    assert len(row[REQUESTS.key]["nodes"]) == 1
    for _ in range(MANY - 1):
        await make_busy_request(procedure, citizen, agent)
    many, row = await statements(question)
    nodes = row[REQUESTS.key]["nodes"]
    assert (len(nodes), row[REQUESTS.key]["total_count"]) == (MANY, MANY)
    assert {node["history"]["total_count"] for node in nodes} == {3}
    assert {len(node["attachments"]) for node in nodes} == {1}
    assert all(event["attachment"]["file"]["url"] for node in nodes for event in node["history"]["nodes"])
    assert all(node["receipt"]["url"] for node in nodes)
    assert few == many == 1


@pytest.mark.parametrize("exchanges", [1, 60])
async def test_one_request_with_all_below_it(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor, exchanges: int
) -> None:
    ticket = new_ticket()
    sent = await make_request(procedure, citizen=citizen, ticket=ticket)
    for _ in range(exchanges):
        await make_exchange(sent)
        await make_event(sent)
    handler = await make_agent("HANDLER", procedures=[procedure])
    actors: list[Actor] = [citizen, agent, handler, holder_of(sent)]
    for actor in actors:
        for question in (
            lambda actor=actor: request(actor, id=id_of(sent), selection=REQUEST),
            lambda actor=actor: node(actor, id=id_of(sent), selection=REQUEST),
            lambda actor=actor: request_by_ticket(actor, ticket=ticket, selection=REQUEST),
        ):
            count, row = await statements(question)
            assert count == 1
            assert row["history"]["total_count"] == exchanges


async def test_the_catalogue_takes_none(procedure: Procedure, citizen: CitizenActor) -> None:
    page = Selection.of(nodes=Selection.of("title", "steps", category=Selection.of("title")))
    await catalogue.current()
    with counted() as count:
        await municipality(citizen, selection=Selection.of("name"))
        await procedure_categories(citizen, selection=Selection.of("title", procedures=page))
        await procedures(citizen, search="acte", category=None, first=20, after=None, selection=page)
    assert count.value == 0


async def test_a_question_too_wide_for_one_function_call(procedure: Procedure) -> None:
    """PostgreSQL takes 100 arguments at most: the columns of a wide row are put together of several calls."""
    citizen = await make_citizen()
    sent = await make_request(procedure, citizen=citizen)
    await make_exchange(sent)
    wide = Selection(
        tuple(
            SelectedField("exchanges", {"first": number}, Selection.of("total_count", nodes=EXCHANGE))
            for number in range(1, 61)
        )
    )
    count, row = await statements(lambda: request(citizen, id=id_of(sent), selection=wide))
    assert count == 1
    assert [row[field.key]["total_count"] for field in wide] == [1] * 60
