"""Who may call what, over real HTTP: whoever may not is told so, and nothing happened."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from core.keys import token_digest
from models.ids import encode, new_id
from schema.build import build_schema
from schema.callers import RESTRICTED, Caller
from schema.fields import ROOT_FIELDS, RootField
from tests.journeys.client import Client
from tests.journeys.documents import document
from tests.journeys.stories import contact, file_request, open_account, partner_token, post
from tests.schema.everything import smallest_operation
from tests.stack import Stack

KINDS = list(Caller)
UNRESTRICTED = [kind for kind in KINDS if kind not in RESTRICTED]
SCHEMA = build_schema()._schema
REFUSALS = {"UNAUTHENTICATED", "FORBIDDEN"}

Snapshot = dict[str, asyncpg.Record]


@pytest_asyncio.fixture
async def stack(running_stack: Stack) -> Stack:
    """Without a worker: nobody but the callers is to change anything."""
    await running_stack.recover(worker=False)
    return running_stack


@asynccontextmanager
async def watched(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    """The database, to see what the callers change."""
    assert not stack.worker.running
    connection = await asyncpg.connect(stack.servers.postgres.url())
    try:
        yield connection
    finally:
        await connection.close()


async def snapshot(database: asyncpg.Connection) -> Snapshot:
    """How many rows each table has, and a digest of all that they hold."""
    tables = await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert len(tables) > 12
    # All in one statement: there are hundreds of looks.
    looks = " UNION ALL ".join(
        f"SELECT '{name}' AS name, count(*), coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') "
        f'FROM "{name}" t'
        for (name,) in tables
    )
    return {row["name"]: row for row in await database.fetch(looks)}


async def caller_of_kind(stack: Stack, kind: Caller) -> Client:
    match kind:
        case Caller.TICKET_HOLDER:
            holder = Client(stack.api)
            await file_request(holder)
            return holder
        case Caller.CITIZEN:
            return await Client(stack.api).log_in("citoyen1")
        case Caller.AGENT:
            return await Client(stack.api).log_in("agent")
        case Caller.ADMINISTRATOR:
            return await Client(stack.api).log_in("admin")
        case Caller.PARTNER:
            administrator = await Client(stack.api).log_in("admin")
            created = await administrator.change("CreatePartnerToken", input=partner_token())
            partner = Client(stack.api, f"Bearer {created['token']}")
            await partner.run("PartnerWebhooks")  # That its token was used is noted by now.
            return partner
        case Caller.MUST_CHANGE_PASSWORD:
            return await who_must_change_the_password(stack)
        case Caller.MUST_ENROL:
            strict = await stack.start_api(ESPACE_AGENTS_SECOND_FACTOR="required")
            return await Client(strict).log_in("agent")
        case _:
            return Client(stack.api)


async def who_must_change_the_password(stack: Stack) -> Client:
    """In a session as a temporary password opens it (how it does: test_new_password.py)."""
    citizen, _ = await open_account(stack.api)
    connection = await asyncpg.connect(stack.servers.postgres.url())
    try:
        await connection.execute(
            "UPDATE session SET temporary_password_id = gen_random_uuid(), expires_at = created_at + interval '30 min' "
            "WHERE token_digest = $1",
            token_digest((citizen.authorization or "").removeprefix("Bearer ")),
        )
    finally:
        await connection.close()
    return citizen


async def codes_of(caller: Client, root: RootField) -> set[str]:
    """The codes of the errors that the smallest call of a root field meets."""
    query = smallest_operation(root, SCHEMA)
    accept = {"Accept": "text/event-stream"} if root.operation == "subscription" else {}
    response = await caller.send(query, {"upload": None} if "$upload" in query else None, accept)
    if response.headers["content-type"].startswith("text/event-stream"):
        return {code for code in ("UNAVAILABLE", "NOT_FOUND", *REFUSALS) if f'"{code}"' in response.text}
    return {error["extensions"]["code"] for error in response.json().get("errors", ())}


@pytest.mark.parametrize("kind", KINDS)
async def test_whoever_may_not_call_a_field_is_told_so_and_nothing_happens(
    stack: Stack, kind: Caller
) -> None:
    caller = await caller_of_kind(stack, kind)
    refused = [root for root in ROOT_FIELDS if kind not in root.callers]
    expected = "UNAUTHENTICATED" if kind is Caller.VISITOR else "FORBIDDEN"

    async with watched(stack) as database:
        before = await snapshot(database)
        for root in refused:
            codes = await codes_of(caller, root)
            # Files cannot be sent yet: an operation that takes one is not even sound.
            wanted = {"MALFORMED_OPERATION"} if "upload" in smallest_operation(root, SCHEMA) else {expected}
            assert codes == wanted, root.name
            assert await snapshot(database) == before, root.name
    assert len(refused) > 10


@pytest.mark.parametrize("kind", UNRESTRICTED)
async def test_whoever_may_call_a_field_is_let_in(stack: Stack, kind: Caller) -> None:
    """With arguments that name nothing; subscriptions, which would go on, are followed in other journeys."""
    caller = await caller_of_kind(stack, kind)
    permitted = [
        root
        for root in ROOT_FIELDS
        if kind in root.callers and root.operation != "subscription" and root.name != "log_out"
    ]

    for root in permitted:
        assert not await codes_of(caller, root) & REFUSALS, root.name
    assert len(permitted) > (2 if kind in RESTRICTED else 15)


async def test_each_side_is_null_for_the_others(stack: Stack) -> None:
    sides = {}
    for kind in UNRESTRICTED:
        caller = await caller_of_kind(stack, kind)
        answer = (await caller.send("{ me { id } desk { agent { id } } partner { name } }")).json()["data"]
        sides[kind] = {name for name, side in answer.items() if side is not None}

    assert sides == {
        Caller.VISITOR: set(),
        Caller.TICKET_HOLDER: set(),
        Caller.CITIZEN: {"me"},
        Caller.AGENT: {"desk"},
        Caller.ADMINISTRATOR: {"desk"},
        Caller.PARTNER: {"partner"},
    }


@pytest.mark.parametrize("kind", [*KINDS, "other citizen"])
async def test_what_is_somebody_elses_answers_as_what_does_not_exist(
    stack: Stack, kind: Caller | str
) -> None:
    """Byte for byte. Agents and partners see what was submitted: for them it is a draft, and a session."""
    owner, _ = await open_account(stack.api)
    agent = await Client(stack.api).log_in("agent")
    request = (await file_request(owner))["id"]
    exchange = (await post(agent, request, "Bonjour."))["id"]
    session = (await owner.run("MySessions"))["sessions"][0]["id"]
    draft = (await owner.change("StartRequest", procedure="encombrants"))["request"]["id"]
    account = (await owner.run("MyAccount"))["id"]
    if kind == "other citizen":
        caller, _ = await open_account(stack.api)
    else:
        assert isinstance(kind, Caller)
        caller = await caller_of_kind(stack, kind)
    hidden = [("ServiceRequest", draft), ("Session", session), ("Account", account)]
    if kind not in (Caller.AGENT, Caller.ADMINISTRATOR, Caller.PARTNER):
        hidden += [("ServiceRequest", request), ("Exchange", exchange)]

    async with watched(stack) as database:
        before = await snapshot(database)
        for type_, id in hidden:
            absent = encode(type_, new_id())
            for query, variables in attempts(type_, id, exchange):
                answers = []
                for tried in (id, absent):
                    response = await caller.send(query, {**variables, "id": tried})
                    assert b"MALFORMED_OPERATION" not in response.content, query
                    answers.append((response.status_code, response.content.replace(tried.encode(), b"id")))
                assert answers[0] == answers[1], (type_, query, answers)
        assert await snapshot(database) == before


def attempts(type_: str, id: str, exchange: str) -> list[tuple[str, dict[str, Any]]]:
    """All that can be done with an object by its id, given as the variable `id`."""
    anything: tuple[str, dict[str, Any]] = ("query ($id: ID!) { node(id: $id) { __typename id } }", {})
    if type_ == "Session":
        return [anything, (with_id("RevokeSession", "session"), {})]
    if type_ != "ServiceRequest":
        return [anything]
    return [
        anything,
        (with_id("RequestPage"), {}),
        (with_id("UpdateRequest"), {"version": 1, "contact": contact(), "answers": []}),
        (with_id("SubmitRequest"), {"version": 1}),
        (with_id("CancelRequest"), {}),
        (with_id("PostExchange"), {"body": "Bonjour.", "idempotencyKey": uuid4().hex}),
        (with_id("MarkExchangesRead"), {"upTo": exchange}),
        (with_id("ChangeRequestStatus"), {"version": 2, "status": "ACCEPTED"}),
        (with_id("AssignRequest"), {"agent": None}),
    ]


def with_id(name: str, variable: str = "request") -> str:
    """The document with its variable renamed to `id`."""
    return document(name).text.replace(f"${variable}", "$id")
