from __future__ import annotations

import time
from datetime import timedelta
from statistics import median

import pytest

from core import passwords
from core.clock import now
from core.errors import InvalidCredentialsError, NotFoundError, UnauthenticatedError
from core.keys import token_digest
from core.passwords import hash_password
from core.selection import Selection
from core.settings import Settings
from core.tickets import new_ticket
from models.accounts import Credential, Session
from models.actors import Actor, AgentActor, CitizenActor, TicketHolder, Visitor
from models.ids import encode, new_id
from models.procedures import Procedure
from resolvers.sessions import (
    AGENT_LIFETIME,
    CITIZEN_LIFETIME,
    LoggedIn,
    authenticate,
    log_in,
    log_out,
    revoke_other_sessions,
    revoke_session,
)
from tests.factories import PASSWORD, make_citizen, make_request, make_session

OPENED = Selection.of(
    account=Selection.of("username", sessions=Selection.of("id", "current")),
    agent=Selection.of("display_name", "role"),
    session=Selection.of("id", "current", "user_agent", "expires_at"),
)


async def enter(username: str, password: str = PASSWORD, *, user_agent: str | None = "Firefox") -> LoggedIn:
    return await log_in(
        Visitor(language="en"), username=username, password=password, user_agent=user_agent, selection=OPENED
    )


async def actor_of(token: str) -> Actor:
    return await authenticate(bearer=token, ticket=None, language="en")


async def test_a_citizen_logs_in(citizen: CitizenActor) -> None:
    opened = await enter(" MARIE ")
    assert opened.account is not None
    assert opened.account["username"] == "marie"
    assert [session["current"] for session in opened.account["sessions"]] == [True, False]
    assert opened.agent is None
    assert (opened.session["current"], opened.session["user_agent"]) == (True, "Firefox")
    assert abs(opened.expires_at - now() - CITIZEN_LIFETIME) < timedelta(minutes=1)
    actor = await actor_of(opened.token)
    assert isinstance(actor, CitizenActor)
    assert (actor.account_id, actor.language) == (citizen.account_id, "en")


async def test_an_agent_logs_in_for_a_day_of_work(agent: AgentActor) -> None:
    opened = await enter("martin")
    assert opened.account is None
    assert opened.agent == {"__typename": "Agent", "display_name": "Agent Martin", "role": "ADMINISTRATOR"}
    assert abs(opened.expires_at - now() - AGENT_LIFETIME) < timedelta(minutes=1)
    actor = await actor_of(opened.token)
    assert isinstance(actor, AgentActor)
    assert (actor.agent_id, actor.role) == (agent.agent_id, "ADMINISTRATOR")


async def test_the_token_is_kept_as_its_digest_only(citizen: CitizenActor) -> None:
    opened = await enter("marie", user_agent="x" * 1_000)
    stored = await Session.all().order_by("-id").first()
    assert stored is not None
    assert bytes(stored.token_digest) == token_digest(opened.token)
    assert opened.token.encode() not in bytes(stored.token_digest)
    assert stored.user_agent == "x" * 300


@pytest.mark.parametrize(
    ("username", "password"),
    [("marie", "wrong"), ("marie", ""), ("marie", PASSWORD.upper()), ("absent", PASSWORD), ("", "")],
)
async def test_wrong_credentials_say_nothing_more(
    citizen: CitizenActor, username: str, password: str
) -> None:
    with pytest.raises(InvalidCredentialsError):
        await enter(username, password)
    assert await Session.all().count() == 1


async def test_an_absent_user_costs_the_same_work(citizen: CitizenActor) -> None:
    await Credential.all().update(password_hash=await hash_password(PASSWORD))
    await enter("marie")

    async def milliseconds(username: str) -> float:
        started_at = time.perf_counter()
        with pytest.raises(InvalidCredentialsError):
            await enter(username, "wrong password")
        return (time.perf_counter() - started_at) * 1_000

    times = [(await milliseconds("marie"), await milliseconds("absent")) for _ in range(15)]
    known, absent = median(one for one, _ in times), median(other for _, other in times)
    assert 0.6 < absent / known < 1.6


async def test_a_username_is_the_same_however_the_keyboard_sends_it(database: Settings) -> None:
    await make_citizen(username="rené")
    opened = await enter("rene\u0301")
    assert opened.account is not None
    assert opened.account["username"] == "rené"


async def test_an_old_hash_is_made_anew_at_the_next_log_in(citizen: CitizenActor) -> None:
    before = (await Credential.get()).password_hash
    assert before is not None
    assert passwords.needs_rehash(before)
    await enter("marie")
    after = (await Credential.get()).password_hash
    assert after is not None
    assert not passwords.needs_rehash(after)
    await enter("marie")


async def test_tokens_of_nobody(citizen: CitizenActor) -> None:
    opened = await enter("marie")
    for token in ("", "x", opened.token[:-1], opened.token + "x", opened.token.swapcase(), "\0", "é"):
        with pytest.raises(UnauthenticatedError):
            await actor_of(token)


async def test_no_bytes_of_a_header_are_more_than_a_credential_of_nobody(database: Settings) -> None:
    for text in (bytes(range(256)).decode("latin-1"), *(chr(byte) * 20 for byte in range(256))):
        for bearer, ticket in ((text, None), (None, text)):
            with pytest.raises(UnauthenticatedError):
                await authenticate(bearer=bearer, ticket=ticket, language="fr")


async def test_a_session_that_has_expired(citizen: CitizenActor) -> None:
    credential = await Credential.get()
    session = await make_session(credential.id, token="the token", days=-0.001)
    with pytest.raises(UnauthenticatedError):
        await actor_of("the token")
    opened = await enter("marie")
    assert opened.account is not None
    assert encode("Session", session.id) not in [row["id"] for row in opened.account["sessions"]]


async def test_when_it_was_last_seen_is_written_now_and_then(citizen: CitizenActor) -> None:
    credential = await Credential.get()
    for minutes, written in ((1, False), (10, True)):
        seen_at = now() - timedelta(minutes=minutes)
        session = await make_session(credential.id, token=f"token {minutes}")
        await Session.filter(id=session.id).update(last_seen_at=seen_at)
        await actor_of(f"token {minutes}")
        assert ((await Session.get(id=session.id)).last_seen_at != seen_at) is written


async def test_logging_out_ends_that_session_only(citizen: CitizenActor) -> None:
    first, second = await enter("marie"), await enter("marie")
    actor = await actor_of(first.token)
    await log_out(actor)
    with pytest.raises(UnauthenticatedError):
        await actor_of(first.token)
    assert isinstance(await actor_of(second.token), CitizenActor)
    await log_out(Visitor())


async def test_a_citizen_revokes_a_session_of_theirs(citizen: CitizenActor) -> None:
    lost, kept = await enter("marie"), await enter("marie")
    rows = await revoke_session(
        await actor_of(kept.token), session=lost.session["id"], selection=Selection.of("id", "current")
    )
    assert [row["current"] for row in rows] == [True, False]
    assert rows[0]["id"] == kept.session["id"]
    with pytest.raises(UnauthenticatedError):
        await actor_of(lost.token)


async def test_all_others_are_revoked_at_once(citizen: CitizenActor, agent: AgentActor) -> None:
    lost, kept = [await enter("marie") for _ in range(3)], await enter("marie")
    rows = await revoke_other_sessions(await actor_of(kept.token), selection=Selection.of("id", "current"))
    assert [(row["id"], row["current"]) for row in rows] == [(kept.session["id"], True)]
    for opened in lost:
        with pytest.raises(UnauthenticatedError):
            await actor_of(opened.token)
    assert isinstance(await actor_of(kept.token), CitizenActor)
    assert await Session.filter(id=agent.session_id).exists()


async def test_nobody_elses_session_is_revoked(citizen: CitizenActor, agent: AgentActor) -> None:
    for session in (
        encode("Session", agent.session_id),
        encode("Session", new_id()),
        encode("Account", citizen.session_id),
        "x",
    ):
        with pytest.raises(NotFoundError):
            await revoke_session(citizen, session=session, selection=Selection.of("id"))
    assert await Session.all().count() == 2


async def test_a_ticket_in_any_writing(procedure: Procedure) -> None:
    ticket = new_ticket()
    request = await make_request(procedure, ticket=ticket)
    for typed in (ticket, ticket.lower(), ticket.replace("-", ""), f" {ticket.replace('-', ' ')} "):
        actor = await authenticate(bearer=None, ticket=typed, language="fr")
        assert actor == TicketHolder(request_id=request.id, language="fr")
    for typed in ("", "x", new_ticket(), ticket[:-1]):
        with pytest.raises(UnauthenticatedError):
            await authenticate(bearer=None, ticket=typed, language="fr")


async def test_with_neither_somebody_is_a_visitor() -> None:
    assert await authenticate(bearer=None, ticket=None, language="en") == Visitor(language="en")
