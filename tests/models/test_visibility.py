"""Which requests each kind of caller may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

import pytest_asyncio

from core.settings import Settings
from models.actors import Actor, CitizenActor, PartnerActor, TicketHolder, Visitor
from models.database import fetch
from models.procedures import Procedure
from models.requests import ServiceRequest
from models.statement import Statement
from models.visibility import visible_requests
from tests.factories import holder_of, make_agent, make_citizen, make_procedure, make_request


@dataclass
class Scene:
    """Two citizens, two procedures, and a request of each sort, by the names that the tests use."""

    given: Procedure
    other: Procedure
    marie: CitizenActor
    paul: CitizenActor
    requests: Mapping[str, ServiceRequest]

    async def seen_by(self, actor: Actor) -> set[str]:
        statement = Statement()
        condition = visible_requests(statement, actor, "r")
        rows = await fetch(f"SELECT r.id FROM service_request r WHERE {condition}", *statement.values)
        found = {row["id"] for row in rows}
        return {name for name, request in self.requests.items() if request.id in found}


@pytest_asyncio.fixture
async def scene(database: Settings) -> Scene:
    given, other = await make_procedure("given"), await make_procedure("other")
    marie, paul = await make_citizen(), await make_citizen()
    return Scene(
        given,
        other,
        marie,
        paul,
        {
            "marie's draft": await make_request(given, citizen=marie, status="DRAFT"),
            "marie's": await make_request(given, citizen=marie),
            "marie's cancelled": await make_request(given, citizen=marie, status="CANCELLED"),
            "marie's other": await make_request(other, citizen=marie),
            "paul's": await make_request(given, citizen=paul, status="ACCEPTED"),
            "unclaimed": await make_request(given),
            "unclaimed draft": await make_request(other, status="DRAFT"),
        },
    )


SUBMITTED = {"marie's", "marie's cancelled", "marie's other", "paul's", "unclaimed"}


async def test_a_visitor_sees_nothing(scene: Scene) -> None:
    assert await scene.seen_by(Visitor()) == set()


async def test_a_ticket_opens_its_request_in_any_state(scene: Scene) -> None:
    for name, request in scene.requests.items():
        assert await scene.seen_by(holder_of(request)) == {name}
    assert await scene.seen_by(TicketHolder(request_id=uuid4())) == set()


async def test_a_citizen_sees_their_own_drafts_included(scene: Scene) -> None:
    assert await scene.seen_by(scene.marie) == {
        "marie's draft",
        "marie's",
        "marie's cancelled",
        "marie's other",
    }
    assert await scene.seen_by(scene.paul) == {"paul's"}
    assert await scene.seen_by(await make_citizen()) == set()


async def test_an_administrator_sees_whatever_was_submitted(scene: Scene) -> None:
    assert await scene.seen_by(await make_agent("ADMINISTRATOR")) == SUBMITTED


async def test_a_handler_sees_the_procedures_given_to_them(scene: Scene) -> None:
    assert await scene.seen_by(await make_agent("HANDLER")) == set()
    assert await scene.seen_by(await make_agent("HANDLER", procedures=[scene.given])) == SUBMITTED - {
        "marie's other"
    }
    both = [scene.given, scene.other]
    assert await scene.seen_by(await make_agent("HANDLER", procedures=both)) == SUBMITTED


def partner(scope: str, *procedures: Procedure) -> PartnerActor:
    ids = frozenset(procedure.id for procedure in procedures)
    return PartnerActor(token_id=uuid4(), scopes=frozenset({scope}), procedure_ids=ids)


async def test_a_partner_needs_the_scope_and_sees_its_procedures(scene: Scene) -> None:
    assert await scene.seen_by(partner("POST_EXCHANGES", scene.given)) == set()
    assert await scene.seen_by(partner("READ_REQUESTS", scene.other)) == {"marie's other"}
    assert await scene.seen_by(partner("READ_REQUESTS")) == SUBMITTED
