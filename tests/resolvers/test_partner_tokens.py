"""Tokens of partner systems: what administrators may make, and what a token lets its holder do."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import timedelta

import pytest

from core.api_tokens import is_api_token, new_api_token
from core.clock import now
from core.errors import (
    ForbiddenError,
    NotAllowedError,
    NotFoundError,
    UnauthenticatedError,
    ValidationError,
)
from core.selection import Selection
from core.settings import Settings
from core.tickets import new_ticket
from models.actors import Actor, AgentActor, CitizenActor, PartnerActor
from models.database import counted, execute, fetch, fetch_one
from models.ids import encode
from models.partner_tokens import SCOPES, PartnerToken
from models.procedures import Procedure
from resolvers import slot_changes
from resolvers.accounts import me
from resolvers.desk import change_request_status, desk
from resolvers.exchanges import mark_exchanges_read, post_exchange
from resolvers.nodes import node
from resolvers.partner_tokens import create_partner_token, revoke_partner_token
from resolvers.requests import request, request_by_ticket
from resolvers.session_watch import while_logged_in
from resolvers.sessions import authenticate
from tests.factories import (
    JEANNE,
    id_of,
    make_agent,
    make_partner,
    make_procedure,
    make_request,
    make_schedule,
)

ALL_PATHS = ["name", "scopes", "procedures", "expiresAt"]
TOKEN = Selection.of(
    "id", "name", "scopes", "created_at", "expires_at", "last_used_at", procedures=Selection.of("slug")
)


async def _create(agent: Actor, **changed: object) -> tuple[dict[str, object], str]:
    given: dict[str, object] = {
        "name": "Espace Famille",
        "scopes": ["READ_REQUESTS"],
        "procedures": [],
        "expires_at": now() + timedelta(days=30),
        **changed,
    }
    return await create_partner_token(agent, **given, selection=TOKEN)  # type: ignore[arg-type]


async def test_a_token_is_shown_once_and_kept_as_its_digest(agent: AgentActor, procedure: Procedure) -> None:
    row, token = await _create(agent, scopes=["READ_CHANGES", "READ_REQUESTS"], procedures=["acte-naissance"])
    assert is_api_token(token)
    assert (row["name"], row["scopes"]) == ("Espace Famille", ["READ_REQUESTS", "READ_CHANGES"])
    assert row["procedures"] == [{**row["procedures"][0], "slug": "acte-naissance"}]  # type: ignore[index]
    assert row["last_used_at"] is None

    partner = await authenticate(bearer=token, ticket=None, language="en")
    assert partner == PartnerActor(
        token_id=(await PartnerToken.get()).id,
        name="Espace Famille",
        scopes=frozenset({"READ_REQUESTS", "READ_CHANGES"}),
        procedure_ids=frozenset({procedure.id}),
        language="en",
    )
    stored = await fetch_one("SELECT t::text AS row FROM partner_token t")
    assert stored is not None
    assert token not in stored["row"]
    assert token.encode().hex() not in stored["row"]


async def test_whoever_calls_costs_one_statement_and_is_noted_now_and_then(agent: AgentActor) -> None:
    _, token = await _create(agent)
    statements = []
    for _ in range(3):
        with counted() as count:
            await authenticate(bearer=token, ticket=None, language="fr")
        statements.append(count.value)
    assert statements == [1, 1, 1]
    first = (await PartnerToken.get()).last_used_at
    assert first is not None
    await execute("UPDATE partner_token SET last_used_at = now() - interval '6 minutes'")
    await authenticate(bearer=token, ticket=None, language="fr")
    last = (await PartnerToken.get()).last_used_at
    assert last is not None
    assert last >= first


async def test_what_is_no_token_costs_no_look_up(database: Settings) -> None:
    token = new_api_token()
    mistyped = token[:-1] + ("A" if token[-1] != "A" else "B")
    with counted() as count, pytest.raises(UnauthenticatedError):
        await authenticate(bearer=mistyped, ticket=None, language="fr")
    assert count.value == 0
    with pytest.raises(UnauthenticatedError):
        await authenticate(bearer=token, ticket=None, language="fr")


async def test_it_ends_when_it_expires_and_when_it_is_revoked(agent: AgentActor) -> None:
    (row, token), (_, other) = await _create(agent), await _create(agent, name="Autre")
    left = await revoke_partner_token(agent, token=str(row["id"]), selection=TOKEN)
    assert [one["name"] for one in left] == ["Autre"]
    with pytest.raises(UnauthenticatedError):
        await authenticate(bearer=token, ticket=None, language="fr")
    with pytest.raises(NotFoundError):
        await revoke_partner_token(agent, token=str(row["id"]), selection=TOKEN)
    await authenticate(bearer=other, ticket=None, language="fr")
    await execute("UPDATE partner_token SET expires_at = now()")
    with pytest.raises(UnauthenticatedError):
        await authenticate(bearer=other, ticket=None, language="fr")


@pytest.mark.parametrize(
    ("changed", "paths"),
    [
        ({"name": "  "}, ["name"]),
        ({"name": "x" * 101}, ["name"]),
        ({"name": "a\u202eb"}, ["name"]),
        ({"scopes": []}, ["scopes"]),
        ({"scopes": ["WRITE_REQUESTS"]}, ["scopes"]),
        ({"scopes": ["WRITE_REQUESTS", "MANAGE_WEBHOOKS"]}, ["scopes", "scopes"]),
        ({"procedures": ["acte-naissance", "unknown"]}, ["procedures"]),
        ({"procedures": ["acte-naissance"] * 201}, ["procedures"]),
        ({"expires_at": now() - timedelta(minutes=1)}, ["expiresAt"]),
        ({"expires_at": now() + timedelta(days=367)}, ["expiresAt"]),
        ({"name": "", "scopes": [], "procedures": ["x"], "expires_at": now()}, ALL_PATHS),
    ],
)  # fmt: skip
async def test_every_mistake_is_named(
    changed: dict[str, object], paths: list[str], agent: AgentActor, procedure: Procedure
) -> None:
    with pytest.raises(ValidationError) as raised:
        await _create(agent, **changed)
    assert [problem.path for problem in raised.value.problems] == paths
    assert await PartnerToken.all().count() == 0


async def test_administrators_see_tokens_and_handlers_do_not(agent: AgentActor) -> None:
    row, _ = await _create(agent)
    handler = await make_agent("HANDLER")
    wanted = Selection.of(partner_tokens=TOKEN)
    for actor, names in ((agent, ["Espace Famille"]), (handler, [])):
        seen = await desk(actor, selection=wanted)
        assert seen is not None
        assert [one["name"] for one in seen["partner_tokens"]] == names
        found = await node(actor, id=str(row["id"]), selection=Selection.of("name"))
        assert (found is not None) is bool(names)


async def test_a_subscription_ends_with_its_token(agent: AgentActor) -> None:
    partner = await make_partner()
    schedule = await make_schedule()
    today = now().date()
    stream = while_logged_in(
        partner,
        slot_changes.slot_changes(
            partner, schedule=id_of(schedule), first=today, last=today, selection=Selection.of("id")
        ),
    )
    async with aclosing(stream):
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        id = encode("PartnerToken", partner.token_id)
        await revoke_partner_token(agent, token=id, selection=Selection.of("id"))
        with pytest.raises(UnauthenticatedError):
            await asyncio.wait_for(waiting, 2)


async def test_requests_take_the_scope_and_are_those_of_its_procedures(procedure: Procedure) -> None:
    ticket = new_ticket()
    sent = await make_request(procedure, ticket=ticket)
    other = await make_request(await make_procedure())
    draft = await make_request(procedure, status="DRAFT")
    wanted = Selection.of("id", "status", "answers", "contact")
    partner = await make_partner("READ_REQUESTS", procedures=[procedure])
    row = await request(partner, id=id_of(sent), selection=wanted)
    assert row is not None
    assert row["contact"]["email"] == JEANNE.email
    assert await request_by_ticket(partner, ticket=ticket, selection=wanted) == row
    for hidden in (other, draft):
        assert await request(partner, id=id_of(hidden), selection=wanted) is None
    for scopes in (("READ_CHANGES",), ("READ_CHANGES", "MANAGE_WEBHOOKS")):
        blind = await make_partner(*scopes)
        assert await request(blind, id=id_of(sent), selection=Selection.of("id")) is None
        assert await request_by_ticket(blind, ticket=ticket, selection=Selection.of("id")) is None
        with pytest.raises(ForbiddenError, match="READ_REQUESTS"):
            await request(blind, id=id_of(sent), selection=wanted)


async def test_no_partner_reads_a_ticket_nor_is_anybody_else(procedure: Procedure) -> None:
    """Whoever holds a ticket acts as the citizen does."""
    sent, partner = await make_request(procedure), await make_partner()
    for wanted in (
        Selection.of("ticket"),
        Selection.of(history=Selection.of(nodes=Selection.of(request=Selection.of("ticket")))),
    ):
        with pytest.raises(ForbiddenError, match="act"):
            await request(partner, id=id_of(sent), selection=wanted)
    assert await me(partner, selection=Selection.of("id")) is None
    assert await desk(partner, selection=Selection.of("event_cursor")) is None


async def test_a_partner_with_the_scope_answers_for_the_mairie(
    procedure: Procedure, citizen: CitizenActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    partner = await make_partner(name="Logiciel d’état civil")
    wanted = Selection.of("id", "author", "author_name", "read_state")
    posted = await post_exchange(
        partner, request=id_of(sent), body="Bonjour", attachments=[], idempotency_key="1", selection=wanted
    )
    assert (posted["author"], posted["author_name"]) == ("PARTNER", "Logiciel d’état civil")
    assert posted["read_state"] == "SENT_UNREAD"
    again = await post_exchange(
        partner, request=id_of(sent), body="Bonjour", attachments=[], idempotency_key="1", selection=wanted
    )
    assert again["id"] == posted["id"]

    # The citizen receives it as they do what the mairie writes, and reads it.
    read = Selection.of("unread_exchange_count", exchanges=Selection.of(nodes=wanted))
    row = await request(citizen, id=id_of(sent), selection=read)
    assert row is not None
    assert row["unread_exchange_count"] == 1
    assert [one["read_state"] for one in row["exchanges"]["nodes"]] == ["RECEIVED_UNREAD"]
    account = await me(citizen, selection=Selection.of("unread_exchange_count"))
    assert account is not None
    assert account["unread_exchange_count"] == 1
    _, marked = await mark_exchanges_read(
        citizen, request=id_of(sent), up_to=posted["id"], selection=Selection.of("version")
    )
    assert marked == 1

    changed = await change_request_status(
        partner,
        request=id_of(sent),
        version=sent.version,
        status="ACCEPTED",
        reason="L’acte est prêt.",
        selection=Selection.of("status", "permitted_actions"),
    )
    assert changed["status"] == "ACCEPTED"
    assert changed["permitted_actions"] == ["POST_EXCHANGE", "CHANGE_STATUS"]
    actors = await fetch("SELECT kind, actor FROM request_event ORDER BY position")
    assert [(row["kind"], row["actor"]) for row in actors] == [
        ("ExchangePosted", "PARTNER"),
        ("ExchangesRead", "CITIZEN"),
        ("RequestStatusChanged", "PARTNER"),
    ]
    mails = await fetch("SELECT template FROM mail ORDER BY id")
    assert [row["template"] for row in mails] == ["new_exchange", "status_changed"]


async def test_writing_takes_the_scope_and_the_states_that_agents_need(procedure: Procedure) -> None:
    sent, closed = await make_request(procedure), await make_request(procedure, status="CANCELLED")
    reader = await make_partner("READ_REQUESTS")
    writer = await make_partner("READ_REQUESTS", "WRITE_REQUESTS", procedures=[procedure])
    elsewhere = await make_partner("READ_REQUESTS", "WRITE_REQUESTS", procedures=[await make_procedure()])

    async def write(partner: PartnerActor, target: object) -> None:
        await post_exchange(
            partner,
            request=id_of(target),  # type: ignore[arg-type]
            body="Bonjour",
            attachments=[],
            idempotency_key=None,
            selection=Selection.of("id"),
        )

    async def decide(partner: PartnerActor, target: object) -> None:
        await change_request_status(
            partner,
            request=id_of(target),  # type: ignore[arg-type]
            version=1,
            status="ACCEPTED",
            reason=None,
            selection=Selection.of("id"),
        )

    for change in (write, decide):
        with pytest.raises(ForbiddenError, match="WRITE_REQUESTS"):
            await change(reader, sent)
        with pytest.raises(NotFoundError):
            await change(elsewhere, sent)
        with pytest.raises(NotAllowedError):
            await change(writer, closed)
    assert await fetch("SELECT id FROM request_event") == []


def test_every_scope_is_tried() -> None:
    assert set(SCOPES) == {"READ_REQUESTS", "WRITE_REQUESTS", "READ_CHANGES", "MANAGE_WEBHOOKS"}
