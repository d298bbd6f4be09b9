"""What partners read of what happens: nothing twice, nothing left out, nothing that is not theirs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.errors import ForbiddenError, MalformedError
from core.selection import SelectedField, Selection
from models.actors import AgentActor, PartnerActor
from models.database import Row, counted
from models.events import RequestEvent
from models.ids import encode
from models.partner_tokens import SCOPES
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers.exchanges import post_exchange
from resolvers.partners import partner
from resolvers.requests import submit_request
from tests.factories import (
    holder_of,
    id_of,
    make_agent,
    make_captcha,
    make_event,
    make_exchange,
    make_partner,
    make_procedure,
    make_request,
    make_webhook,
)

WRITERS = 30
EXCHANGES_EACH = 4
EVENT = Selection.of("id", "cursor", "__typename", request=Selection.of("id"))


async def _page(
    actor: PartnerActor, after: str | None = None, first: int = 50, event: Selection = EVENT
) -> Row:
    arguments = {"first": first, **({"after": after} if after else {})}
    field = SelectedField(
        "changes",
        arguments,
        Selection.of(nodes=event, page_info=Selection.of("has_next_page", "end_cursor")),
    )
    row = await partner(actor, selection=Selection((field,)))
    assert row is not None
    page: Row = row[field.key]
    return page


def _ids(events: list[RequestEvent]) -> list[str]:
    return [encode("RequestEvent", event.id) for event in events]


async def test_changes_come_in_order_with_cursors_that_events_have_too(procedure: Procedure) -> None:
    actor = await make_partner()
    requests = [await make_request(procedure) for _ in range(2)]
    events = [await make_event(requests[number % 2]) for number in range(7)]
    first = await _page(actor, first=3)
    second = await _page(actor, first.get("page_info", {})["end_cursor"], first=3)
    third = await _page(actor, second["nodes"][-1]["cursor"], first=3)
    found = [*first["nodes"], *second["nodes"], *third["nodes"]]
    assert [node["id"] for node in found] == _ids(events)
    assert [page["page_info"]["has_next_page"] for page in (first, second, third)] == [True, True, False]
    empty = await _page(actor, third["nodes"][-1]["cursor"])
    assert (empty["nodes"], empty["page_info"]["end_cursor"]) == ([], None)
    with pytest.raises(MalformedError):
        await _page(actor, "nonsense")


async def test_whoever_resumes_while_thirty_write_skips_and_repeats_nothing(
    patient: None, procedure: Procedure
) -> None:
    agent, actor = await make_agent(), await make_partner(procedures=[procedure])
    strange = await make_request(await make_procedure())
    requests = [await make_request(procedure) for _ in range(6)]
    written_all = asyncio.Event()

    async def write(number: int) -> None:
        for _ in range(EXCHANGES_EACH):
            target = strange if number % 6 == 5 else requests[number % 5]
            await _say(agent if number % 2 else holder_of(target), target)

    async def read() -> list[str]:
        met: list[str] = []
        cursor, last_round = None, False
        while not last_round:
            last_round = written_all.is_set()
            more = True
            while more:
                page = await _page(actor, cursor, first=7)
                met += [node["id"] for node in page["nodes"]]
                cursor = page["page_info"]["end_cursor"] or cursor
                more = page["page_info"]["has_next_page"]
        return met

    reading = [asyncio.create_task(read()) for _ in range(3)]
    await asyncio.gather(*(write(number) for number in range(WRITERS)))
    written_all.set()
    log = await RequestEvent.exclude(request_id=strange.id).order_by("position")
    assert len(log) == (WRITERS - WRITERS // 6) * EXCHANGES_EACH
    for met in await asyncio.wait_for(asyncio.gather(*reading), 60):
        assert met == _ids(log)


async def test_a_cursor_that_is_not_committed_in_order_would_be_seen(
    patient: None, procedure: Procedure
) -> None:
    """The test above would find a gap: ids are given before the lock, and are not the order of commits."""
    agent = await make_agent()
    requests = [await make_request(procedure) for _ in range(10)]
    await asyncio.gather(*(_say(agent, request) for request in requests for _ in range(5)))
    by_position = await RequestEvent.all().order_by("position")
    assert by_position != sorted(by_position, key=lambda event: event.id)


async def test_drafts_are_nobodys_and_their_submission_is_the_first_thing(procedure: Procedure) -> None:
    actor = await make_partner()
    draft = await make_request(procedure, status="DRAFT")
    await make_event(draft, "AttachmentAdded", data={"title": "Brouillon"})
    assert (await _page(actor))["nodes"] == []

    other = await make_request(procedure, status="DRAFT")
    await submit_request(
        holder_of(other),
        request=id_of(other),
        version=1,
        captcha=await make_captcha("SUBMIT_REQUEST"),
        selection=Selection.of("id"),
    )
    (node,) = (await _page(actor))["nodes"]
    assert (node["__typename"], node["request"]["id"]) == ("RequestSubmitted", id_of(other))


async def test_only_its_procedures(procedure: Procedure) -> None:
    events = [await make_event(await make_request(await make_procedure())) for _ in range(2)]
    mine = await make_event(await make_request(procedure))
    page = await _page(await make_partner(procedures=[procedure]))
    assert [node["id"] for node in page["nodes"]] == _ids([mine])
    page = await _page(await make_partner())
    assert [node["id"] for node in page["nodes"]] == _ids([*events, mine])


async def test_what_people_wrote_takes_another_scope(procedure: Procedure) -> None:
    sent = await make_request(procedure)
    exchange = await make_exchange(sent)
    event = RequestEvent(kind="ExchangePosted", request_id=sent.id, actor="CITIZEN", exchange_id=exchange.id)
    await event.save(force_create=True)
    await make_event(sent, "AttachmentRemoved", data={"title": "Mon passeport"})
    reader = await make_partner("READ_CHANGES", "READ_REQUESTS")
    blind = await make_partner("READ_CHANGES")

    told: list[Any] = [
        Selection.of(request=Selection.of("contact")),
        Selection.of(request=Selection.of("answers")),
        Selection.of(request=Selection.of("exchanges")),
        Selection.of(request=Selection.of("assignee")),
        Selection.of(exchange=Selection.of("body")),
        Selection.of("title"),
        Selection.of("reason"),
        Selection.of(attachment=Selection.of("id")),
        Selection.of(appointment=Selection.of("id")),
        Selection.of(up_to=Selection.of("id")),
    ]
    for wanted in told:
        await _page(reader, event=wanted)
        with pytest.raises(ForbiddenError, match="READ_REQUESTS"):
            await _page(blind, event=wanted)

    harmless = Selection.of(
        "id", "cursor", "occurred_at", "actor", "description", "previous", "status", "previous_start", "start",
        request=Selection.of("id", "status", "version", "submitted_at", procedure=Selection.of("slug")),
    )  # fmt: skip
    page = await _page(blind, event=harmless)
    assert "passeport" not in str(page)
    assert [node["description"] for node in page["nodes"]] == [
        "Le demandeur a écrit un échange.",
        "Le demandeur a retiré la pièce « … ».",
    ]
    page = await _page(reader, event=harmless)
    assert page["nodes"][1]["description"] == "Le demandeur a retiré la pièce « Mon passeport »."


async def test_each_part_takes_its_scope(procedure: Procedure) -> None:
    everything = await make_partner()
    await make_webhook(everything)
    wanted = Selection.of("name", "scopes", webhooks=Selection.of("url", "state"))
    with counted() as count:
        row = await partner(everything, selection=wanted)
    assert count.value == 1
    assert row is not None
    assert (row["name"], row["scopes"]) == ("Espace Famille", list(SCOPES))
    assert [one["url"] for one in row["webhooks"]] == ["https://partner.example/events"]

    reader = await make_partner("READ_REQUESTS")
    assert await partner(reader, selection=Selection.of("name")) is not None
    for part, scope in (("changes", "READ_CHANGES"), ("webhooks", "MANAGE_WEBHOOKS")):
        with pytest.raises(ForbiddenError, match=scope):
            await partner(reader, selection=Selection.of(part))


async def test_others_have_no_such_side(agent: AgentActor) -> None:
    assert await partner(agent, selection=Selection.of("name")) is None


async def _say(actor: Any, request: ServiceRequest) -> None:
    await post_exchange(
        actor,
        request=id_of(request),
        body="Bonjour",
        attachments=[],
        idempotency_key=None,
        selection=Selection.of("id"),
    )
