"""Wrong type, absent, and not yours all answer None."""

from __future__ import annotations

import pytest

from core.selection import Selection
from models.actors import Actor, AgentActor, CitizenActor, Visitor
from models.ids import decode, encode, new_id
from models.mail import Mail
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers.nodes import node
from tests.factories import (
    holder_of,
    id_of,
    make_agent,
    make_captcha,
    make_citizen,
    make_exchange,
    make_procedure,
    make_request,
)
from tests.file_rows import make_attachment, make_document, make_file

KINDS = (
    "ServiceRequest", "Exchange", "Account", "Session", "Agent", "Captcha", "Procedure", "ProcedureCategory",
    "Schedule", "ParkedMail", "Attachment", "StoredDocument", "PartnerLink", "Nonsense",
)  # fmt: skip


async def seen(actor: Actor, id: str) -> bool:
    row = await node(actor, id=id, selection=Selection.of("id"))
    if row is not None:
        known = decode(id)
        assert known is not None
        assert (row["id"], row["__typename"]) == (id, known[0])
    return row is not None


async def who_sees(id: str, actors: dict[str, Actor]) -> set[str]:
    return {name for name, actor in actors.items() if await seen(actor, id)}


async def test_who_sees_what(procedure: Procedure, citizen: CitizenActor, agent: AgentActor) -> None:
    sent = await make_request(procedure, citizen=citizen)
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    hidden = await make_procedure("hidden", state="DRAFT")
    actors: dict[str, Actor] = {
        "visitor": Visitor(),
        "ticket": holder_of(sent),
        "owner": citizen,
        "stranger": await make_citizen(),
        "agent": agent,
        "handler": await make_agent("HANDLER"),
    }
    agents = {"agent", "handler"}
    everybody = set(actors)

    assert await who_sees(id_of(sent), actors) == {"ticket", "owner", "agent"}
    assert await who_sees(id_of(draft), actors) == {"owner"}
    assert await who_sees(id_of(await make_exchange(sent)), actors) == {"ticket", "owner", "agent"}
    assert await who_sees(id_of(citizen), actors) == {"owner"}
    assert await who_sees(encode("Session", citizen.session_id), actors) == {"owner"}
    assert await who_sees(encode("Session", agent.session_id), actors) == {"agent"}
    assert await who_sees(id_of(agent), actors) == agents
    assert await who_sees(id_of(procedure), actors) == everybody
    assert await who_sees(id_of(hidden), actors) == agents
    assert await who_sees(encode("ProcedureCategory", procedure.category_id), actors) == everybody
    assert await who_sees((await make_captcha("CREATE_ACCOUNT")).captcha, actors) == everybody
    document = await make_document(citizen, file := await make_file())
    assert await who_sees(id_of(document), actors) == {"owner"}
    assert await who_sees(id_of(await make_attachment(sent, file)), actors) == {"ticket", "owner", "agent"}
    assert await who_sees(id_of(await make_attachment(draft, file)), actors) == {"owner"}
    assert await who_sees(await mail_about(sent), actors) == {"agent"}
    assert await who_sees(await mail_about(sent, state="PENDING"), actors) == set()
    assert await who_sees(await mail_about(None), actors) == {"agent"}


async def mail_about(request: ServiceRequest | None, *, state: str = "PARKED") -> str:
    mail = Mail(
        template="x",
        recipient="x@example.fr",
        language="fr",
        message_id=str(new_id()),
        request_id=request.id if request else None,
        state=state,
    )
    await mail.save(force_create=True)
    return encode("ParkedMail", mail.id)


@pytest.mark.parametrize("kind", KINDS)
async def test_absent_and_of_the_wrong_type(
    procedure: Procedure, citizen: CitizenActor, agent: AgentActor, kind: str
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    file = await make_file()
    rows = (
        sent,
        procedure,
        await make_exchange(sent),
        await make_attachment(sent, file),
        await make_document(citizen, file),
    )
    for actor in (citizen, agent):
        assert not await seen(actor, encode(kind, new_id()))
        assert not await seen(actor, encode(kind, file.id))
        for row in rows:
            if type(row).__name__ != kind:
                assert not await seen(actor, encode(kind, row.id))


@pytest.mark.parametrize("id", ["", "x", "\0", "é", "a" * 5_000])
async def test_what_is_no_id(citizen: CitizenActor, id: str) -> None:
    assert not await seen(citizen, id)
