"""What lasts ends with its session: within a second, whoever ended it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import pytest

from core.errors import UnauthenticatedError
from core.selection import Selection
from core.settings import Settings
from models.accounts import Credential, Session
from models.actors import Actor, CitizenActor, TicketHolder
from models.database import execute, fetch
from models.ids import encode, new_id
from resolvers import session_watch as module
from resolvers.session_watch import SessionWatch, session_watch, while_logged_in
from resolvers.sessions import log_out, revoke_other_sessions, revoke_session
from tests.factories import make_citizen, make_session

End = Callable[[CitizenActor, CitizenActor], Awaitable[object]]


async def silence() -> AsyncGenerator[int, None]:
    """One thing, then nothing for ever."""
    yield 1
    await asyncio.Event().wait()


async def everything(actor: Actor, rows: AsyncGenerator[int, None], told: list[int]) -> None:
    async with aclosing(while_logged_in(actor, rows)) as messages:
        async for message in messages:
            told.append(message)  # noqa: PERF401 - each as it comes


async def another_session(citizen: CitizenActor, *, days: float = 1) -> CitizenActor:
    credential = await Credential.get(account_id=citizen.account_id)
    session = await make_session(credential.id, days=days)
    return CitizenActor(account_id=citizen.account_id, session_id=session.id)


ENDS: dict[str, End] = {
    "logged out": lambda lost, _: log_out(lost),
    "revoked": lambda lost, other: revoke_session(
        other, session=encode("Session", lost.session_id), selection=Selection.of("id")
    ),
    "others revoked": lambda _, other: revoke_other_sessions(other, selection=Selection.of("id")),
    "by another process, which nobody heard": lambda lost, _: execute(
        "DELETE FROM session WHERE id = $1", lost.session_id
    ),
}


@pytest.mark.parametrize("way", ENDS)
async def test_it_ends_within_a_second(citizen: CitizenActor, way: str) -> None:
    lost, told, others = await another_session(citizen), [0], [0]
    following = asyncio.create_task(everything(lost, silence(), told))
    going_on = asyncio.create_task(everything(citizen, silence(), others))
    await asyncio.sleep(0.2)
    ended_at = time.monotonic()
    await ENDS[way](lost, citizen)
    with pytest.raises(UnauthenticatedError):
        await asyncio.wait_for(following, 5)
    assert time.monotonic() - ended_at < 1
    assert told == others == [0, 1]
    await asyncio.sleep(0.6)
    assert not going_on.done()
    going_on.cancel()


async def test_it_ends_where_the_session_expires(citizen: CitizenActor) -> None:
    short = await another_session(citizen, days=0.4 / 86_400)
    with pytest.raises(UnauthenticatedError):
        await asyncio.wait_for(everything(short, silence(), []), 2)


async def test_without_the_watch_it_would_go_on(
    citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control of the tests above."""

    async def blind(self: SessionWatch) -> None:
        pass

    monkeypatch.setattr(SessionWatch, "_look", blind)
    following = asyncio.create_task(everything(citizen, silence(), []))
    await asyncio.sleep(0.1)
    await log_out(citizen)
    await asyncio.sleep(1.5)
    assert not following.done()
    following.cancel()


async def test_a_thousand_that_follow_cost_one_statement_a_look(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    async def counting(sql: str, *values: object) -> list[dict[str, object]]:
        looks.append(len(values[0]))  # type: ignore[arg-type]
        return await fetch(sql, *values)

    monkeypatch.setattr(module, "fetch", counting)
    citizen = await make_citizen()
    credential = await Credential.get(account_id=citizen.account_id)
    sessions = [Session(credential_id=credential.id, token_digest=new_id().bytes) for _ in range(1_000)]
    for session in sessions:
        session.expires_at = session.created_at.replace(year=session.created_at.year + 1)
    await Session.bulk_create(sessions)
    following = [
        asyncio.create_task(
            everything(CitizenActor(account_id=citizen.account_id, session_id=session.id), silence(), [])
        )
        for session in sessions
    ]
    await asyncio.sleep(1.2)
    assert looks[-1] == 1_000
    assert len(looks) <= 5
    await revoke_other_sessions(citizen, selection=Selection.of("id"))
    outcomes = await asyncio.wait_for(asyncio.gather(*following, return_exceptions=True), 5)
    assert {type(outcome) for outcome in outcomes} == {UnauthenticatedError}
    assert session_watch()._task is None


async def test_what_fails_once_is_looked_at_again(
    citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, failures = SessionWatch._look, iter([RuntimeError("unforeseen")])

    async def sometimes(self: SessionWatch) -> None:
        for failure in failures:
            raise failure
        await look(self)

    monkeypatch.setattr(SessionWatch, "_look", sometimes)
    following = asyncio.create_task(everything(citizen, silence(), []))
    await asyncio.sleep(0.1)
    await log_out(citizen)
    with pytest.raises(UnauthenticatedError):
        await asyncio.wait_for(following, 2)


async def test_what_ends_by_itself_ends_and_what_is_left_is_closed(citizen: CitizenActor) -> None:
    closed: list[bool] = []

    async def three() -> AsyncGenerator[int, None]:
        try:
            for number in range(3):
                yield number
        finally:
            closed.append(True)

    for actor in (citizen, TicketHolder(request_id=new_id())):
        told: list[int] = []
        await everything(actor, three(), told)
        assert told == [0, 1, 2]
        rows = while_logged_in(actor, three())
        assert await anext(rows) == 0
        await rows.aclose()
    assert closed == [True] * 4
    assert not session_watch()._followers
    assert session_watch()._task is None


async def test_who_leaves_while_nothing_comes_leaves_nothing_behind(citizen: CitizenActor) -> None:
    left: list[bool] = []

    async def waiting() -> AsyncGenerator[int, None]:
        try:
            await asyncio.Event().wait()
            yield 1
        finally:
            left.append(True)

    following = asyncio.create_task(everything(citizen, waiting(), []))
    await asyncio.sleep(0.1)
    following.cancel()
    await asyncio.wait([following])
    assert following.cancelled()
    assert left == [True]
    assert not session_watch()._followers
