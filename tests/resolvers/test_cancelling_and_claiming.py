from __future__ import annotations

import asyncio

import pytest

from core.errors import NotAllowedError, NotFoundError, ValidationError
from core.selection import SelectedField, Selection
from core.tickets import new_ticket
from jobs.facts import facts_of, read_row
from models.actors import AgentActor, CitizenActor, Visitor
from models.database import Row
from models.events import RequestEvent
from models.mail import Mail
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers.accounts import me
from resolvers.requests import cancel_request, claim_request, request, request_by_ticket
from tests.factories import holder_of, id_of, make_citizen, make_request

SELECTION = Selection.of(
    "id", "status", "version", "archived_at", "closed_at", "claimed", "permitted_actions"
)


async def ids_of_my_requests(citizen: CitizenActor, *, archived: bool) -> list[str]:
    field = SelectedField("requests", {"archived": archived}, Selection.of(nodes=Selection.of("id")))
    row = await me(citizen, selection=Selection((field,)))
    assert row is not None
    return [node["id"] for node in row[field.key]["nodes"]]


async def test_a_draft_is_thrown_away(procedure: Procedure, citizen: CitizenActor) -> None:
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    row = await cancel_request(citizen, request=id_of(draft), reason=None, selection=SELECTION)
    assert (row["id"], row["status"], row["permitted_actions"]) == (id_of(draft), "DRAFT", [])
    assert await ServiceRequest.all().count() == 0
    with pytest.raises(NotFoundError):
        await cancel_request(citizen, request=id_of(draft), reason=None, selection=SELECTION)


@pytest.mark.parametrize("status", ["SUBMITTED", "IN_PROGRESS", "AWAITING_CITIZEN"])
async def test_an_open_request_is_cancelled_and_archived(
    procedure: Procedure, citizen: CitizenActor, status: str
) -> None:
    sent = await make_request(procedure, citizen=citizen, status=status)
    kept = await make_request(procedure, citizen=citizen)
    row = await cancel_request(citizen, request=id_of(sent), reason="  Erreur ", selection=SELECTION)
    assert (row["status"], row["version"], row["permitted_actions"]) == ("CANCELLED", 2, [])
    assert row["archived_at"] == row["closed_at"] is not None
    (event,) = await RequestEvent.all()
    assert event.kind == "RequestCancelled"
    assert event.data == {"previous": status, "status": "CANCELLED", "reason": "Erreur"}
    (mail,) = await Mail.all()
    assert (mail.template, mail.event_id) == ("status_changed", event.id)
    assert await ids_of_my_requests(citizen, archived=False) == [id_of(kept)]
    assert await ids_of_my_requests(citizen, archived=True) == [id_of(sent)]
    history = Selection.of(history=Selection.of(nodes=Selection.of("reason")))
    read = await request(citizen, id=id_of(sent), selection=history)
    assert read is not None
    assert read["history"]["nodes"][0]["reason"] == "Erreur"
    assert not facts_of(await read_row(mail.id)).has_reason, (
        "it is the mairie's reasons that a mail points to"
    )


@pytest.mark.parametrize("status", ["ACCEPTED", "REFUSED", "CANCELLED"])
async def test_a_closed_request_is_not_cancelled(
    procedure: Procedure, citizen: CitizenActor, status: str
) -> None:
    closed = await make_request(procedure, citizen=citizen, status=status)
    with pytest.raises(NotAllowedError):
        await cancel_request(citizen, request=id_of(closed), reason=None, selection=SELECTION)
    assert await RequestEvent.all().count() == 0


async def test_cancelling_is_the_citizens_affair(procedure: Procedure, agent: AgentActor) -> None:
    sent = await make_request(procedure)
    with pytest.raises(NotAllowedError):
        await cancel_request(agent, request=id_of(sent), reason=None, selection=SELECTION)
    with pytest.raises(NotFoundError):
        await cancel_request(Visitor(), request=id_of(sent), reason=None, selection=SELECTION)
    row = await cancel_request(holder_of(sent), request=id_of(sent), reason=None, selection=SELECTION)
    assert row["status"] == "CANCELLED"


@pytest.mark.parametrize("reason", ["x" * 2_001, "a\0b", "\ud800"])
async def test_a_reason_that_cannot_be(procedure: Procedure, citizen: CitizenActor, reason: str) -> None:
    sent = await make_request(procedure, citizen=citizen)
    with pytest.raises(ValidationError) as raised:
        await cancel_request(citizen, request=id_of(sent), reason=reason, selection=SELECTION)
    assert [problem.path for problem in raised.value.problems] == ["reason"]


@pytest.mark.parametrize("status", ["DRAFT", "SUBMITTED", "CANCELLED"])
async def test_a_citizen_claims_what_nobody_holds(
    procedure: Procedure, citizen: CitizenActor, status: str
) -> None:
    ticket = new_ticket()
    unclaimed = await make_request(procedure, ticket=ticket, status=status)
    assert await request(citizen, id=id_of(unclaimed), selection=SELECTION) is None
    found = await request_by_ticket(citizen, ticket=ticket, selection=SELECTION)
    assert found is not None
    assert "CLAIM" in found["permitted_actions"]
    row = await claim_request(citizen, ticket=f" {ticket.lower()} ", selection=SELECTION)
    assert row["claimed"]
    assert "CLAIM" not in row["permitted_actions"]
    assert await request(citizen, id=id_of(unclaimed), selection=SELECTION) == row
    events = [event.kind for event in await RequestEvent.all()]
    assert events == ([] if status == "DRAFT" else ["RequestClaimed"])


async def test_claiming_again_changes_nothing(procedure: Procedure, citizen: CitizenActor) -> None:
    ticket = new_ticket()
    await make_request(procedure, ticket=ticket)
    rows = [await claim_request(citizen, ticket=ticket, selection=SELECTION) for _ in range(3)]
    assert rows == [rows[0]] * 3
    assert await RequestEvent.all().count() == 1


async def test_of_twenty_accounts_at_once_one_gets_it(procedure: Procedure) -> None:
    ticket = new_ticket()
    await make_request(procedure, ticket=ticket)
    citizens = [await make_citizen() for _ in range(20)]
    outcomes: list[Row | BaseException] = await asyncio.gather(
        *(claim_request(citizen, ticket=ticket, selection=SELECTION) for citizen in citizens),
        return_exceptions=True,
    )
    winners = [
        citizen
        for citizen, outcome in zip(citizens, outcomes, strict=True)
        if not isinstance(outcome, BaseException)
    ]
    losers = [type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)]
    assert losers == [NotAllowedError] * 19
    assert [(await ServiceRequest.get()).account_id] == [winner.account_id for winner in winners]
    assert await RequestEvent.all().count() == 1


@pytest.mark.parametrize("ticket", ["", "x", "é" * 30, "KK0B-6V8A-RZVG-R1NS-R8B6"])
async def test_a_ticket_of_nothing(procedure: Procedure, citizen: CitizenActor, ticket: str) -> None:
    with pytest.raises(NotFoundError):
        await claim_request(citizen, ticket=ticket, selection=SELECTION)
    assert await request_by_ticket(citizen, ticket=ticket, selection=SELECTION) is None


async def test_somebody_elses_ticket_shows_and_permits_nothing(
    procedure: Procedure, citizen: CitizenActor
) -> None:
    ticket = new_ticket()
    await make_request(procedure, ticket=ticket, citizen=await make_citizen())
    row = await request_by_ticket(citizen, ticket=ticket, selection=SELECTION)
    assert row is not None
    assert row["permitted_actions"] == []
