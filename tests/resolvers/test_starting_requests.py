from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from core.errors import AccountRequiredError, NotAllowedError, NotFoundError, ValidationError
from core.selection import Selection
from core.tickets import parse_ticket
from models.actors import Actor, CitizenActor, Visitor
from models.database import Row
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers.requests import request_by_ticket, start_request
from tests.factories import JEANNE, make_citizen, make_procedure, make_version

KEY = "0123456789abcdef"
SELECTION = Selection.of("id", "ticket", "status", "version", "contact", "claimed", "permitted_actions")


async def start(actor: Actor, slug: str = "acte-naissance", key: str | None = None) -> Row:
    return await start_request(actor, procedure=slug, idempotency_key=key, selection=SELECTION)


async def test_a_visitor_starts_a_draft_and_learns_its_ticket(procedure: Procedure) -> None:
    row = await start(Visitor())
    assert (row["status"], row["version"], row["contact"], row["claimed"]) == ("DRAFT", 1, None, False)
    assert row["permitted_actions"] == ["EDIT", "SUBMIT", "CANCEL", "ADD_ATTACHMENT"]
    found = await request_by_ticket(Visitor(), ticket=row["ticket"].lower(), selection=SELECTION)
    assert found == row


async def test_tickets_are_kept_sealed_and_differ(procedure: Procedure) -> None:
    tickets = {(await start(Visitor()))["ticket"] for _ in range(20)}
    assert len(tickets) == 20
    for stored in await ServiceRequest.all():
        for ticket in tickets:
            assert parse_ticket(ticket) == ticket
            assert ticket.encode() not in bytes(stored.ticket_sealed) + bytes(stored.ticket_digest)


async def test_a_citizen_starts_with_their_profile(procedure: Procedure, citizen: CitizenActor) -> None:
    row = await start(citizen)
    assert row["contact"] == JEANNE.to_json()
    assert row["claimed"]


async def test_a_request_keeps_the_version_it_was_started_with(procedure: Procedure) -> None:
    wanted = Selection.of("id", "ticket", procedure=Selection.of("version"), steps=Selection.of("fields"))
    row = await start_request(Visitor(), procedure=procedure.slug, idempotency_key=None, selection=wanted)
    await make_version(procedure, 2, title="Autre", fields=[])
    later = await request_by_ticket(Visitor(), ticket=row["ticket"], selection=wanted)
    assert later is not None
    assert later["steps"] == row["steps"]
    assert later["procedure"]["version"] == 2


@pytest.mark.parametrize("who", ["visitor", "citizen"])
async def test_twenty_at_once_with_one_key_make_one_draft(
    procedure: Procedure, citizen: CitizenActor, who: str
) -> None:
    actor = citizen if who == "citizen" else Visitor()
    rows = await asyncio.gather(*(start(actor, key=KEY) for _ in range(20)))
    assert rows == [rows[0]] * 20
    assert await ServiceRequest.all().count() == 1
    assert await start(actor, key=KEY) == rows[0]


async def test_another_key_makes_another_draft(procedure: Procedure) -> None:
    assert (await start(Visitor(), key=KEY))["id"] != (await start(Visitor(), key=KEY + "0"))["id"]
    assert (await start(Visitor()))["id"] != (await start(Visitor()))["id"]


async def test_a_key_is_its_owners_own(procedure: Procedure, citizen: CitizenActor) -> None:
    rows = [await start(actor, key=KEY) for actor in (Visitor(), citizen, await make_citizen())]
    assert len({row["id"] for row in rows}) == 3


@pytest.mark.parametrize("key", ["", "1", "0123456789abcde", "k" * 201])
async def test_a_visitors_key_cannot_be_guessed(procedure: Procedure, key: str) -> None:
    with pytest.raises(ValidationError) as raised:
        await start(Visitor(), key=key)
    assert [problem.path for problem in raised.value.problems] == ["idempotencyKey"]
    assert await ServiceRequest.all().count() == 0


async def test_a_citizens_key_may_be_short(procedure: Procedure, citizen: CitizenActor) -> None:
    assert (await start(citizen, key="1"))["id"] == (await start(citizen, key="1"))["id"]


async def test_the_padlock(procedure: Procedure, citizen: CitizenActor) -> None:
    await make_procedure("padlocked", requires_account=True)
    with pytest.raises(AccountRequiredError):
        await start(Visitor(), "padlocked")
    assert (await start(citizen, "padlocked"))["status"] == "DRAFT"


async def test_a_procedure_that_is_not_open(citizen: CitizenActor) -> None:
    await make_procedure("closed", state="CLOSED")
    await make_procedure("draft", state="DRAFT")
    with pytest.raises(NotAllowedError):
        await start(citizen, "closed")
    for slug in ("draft", "absent", str(uuid4()), ""):
        with pytest.raises(NotFoundError):
            await start(citizen, slug)


async def test_a_key_is_that_of_one_procedure(procedure: Procedure, citizen: CitizenActor) -> None:
    other = await make_procedure()
    first, second, again = [
        await start_request(citizen, procedure=slug, idempotency_key="k" * 20, selection=Selection.of("id"))
        for slug in (procedure.slug, other.slug, procedure.slug)
    ]
    assert first["id"] == again["id"] != second["id"]
