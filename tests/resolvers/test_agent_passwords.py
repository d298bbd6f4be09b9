"""Agents' own passwords: the old one proves who asks, and nobody else stays logged in."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from core.errors import InvalidCredentialsError, UnauthenticatedError, ValidationError
from core.passwords import verify_password
from core.selection import Selection
from core.settings import Settings
from models.accounts import Session
from models.actors import AgentActor
from models.database import fetch, fetch_one
from models.ids import encode
from resolvers import agent_access, agent_passwords
from resolvers.agent_passwords import change_password
from resolvers.desk_agents import AgentToSave, save_agent
from resolvers.events import desk_events
from resolvers.session_watch import while_logged_in
from tests.factories import PASSWORD, make_agent, make_session

ANOTHER = "Hirondelle-sous-le-toit-9"
A_THIRD = "Tournesol-au-guichet-7"
ID = Selection.of("id")


@pytest.fixture
async def agent(database: Settings) -> AgentActor:
    return await make_agent("HANDLER", username="martin")


async def change(agent: AgentActor, current: str, password: str) -> None:
    row = await change_password(agent, current_password=current, password=password, selection=ID)
    assert row["id"] == encode("Agent", agent.agent_id)


async def opens(password: str) -> bool:
    row = await fetch_one("SELECT password_hash FROM credential WHERE username = 'martin'")
    assert row is not None
    return await verify_password(row["password_hash"], password)


async def happened() -> list[tuple[str, UUID | None]]:
    rows = await fetch("SELECT kind, by_id FROM security_event ORDER BY created_at")
    return [(row["kind"], row["by_id"]) for row in rows]


async def test_it_takes_the_place_of_the_one_before(agent: AgentActor) -> None:
    await change(agent, PASSWORD, ANOTHER)
    assert await opens(ANOTHER)
    assert not await opens(PASSWORD)
    assert await happened() == [("PASSWORD_CHANGED", agent.agent_id)]


async def test_all_that_is_wrong_is_told_and_nothing_is_changed(agent: AgentActor) -> None:
    with pytest.raises(InvalidCredentialsError):
        await change(agent, "un autre", ANOTHER)
    for password, told in (("martin", "username"), (PASSWORD, "not the current one")):
        with pytest.raises(ValidationError) as refused:
            await change(agent, PASSWORD, password)
        assert {problem.path for problem in refused.value.problems} == {"password"}
        assert told in " ".join(problem.text.in_("en") for problem in refused.value.problems)
    assert await opens(PASSWORD)
    assert await happened() == []


async def test_other_sessions_end_and_what_they_follow(agent: AgentActor) -> None:
    credential = await fetch_one("SELECT id FROM credential WHERE username = 'martin'")
    assert credential is not None
    other = await make_session(credential["id"])
    elsewhere = AgentActor(
        agent_id=agent.agent_id, session_id=other.id, role="HANDLER", display_name=agent.display_name
    )
    followed = while_logged_in(elsewhere, desk_events(elsewhere, after=None, selection=ID))
    waiting = asyncio.ensure_future(anext(followed))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await change(agent, PASSWORD, ANOTHER)
    with pytest.raises(UnauthenticatedError):
        await asyncio.wait_for(waiting, 5)
    assert [session.id for session in await Session.all()] == [agent.session_id]


async def test_of_two_at_once_one_is_done(agent: AgentActor) -> None:
    """Both have proved the password before either has changed it."""
    tried = [change(agent, PASSWORD, ANOTHER), change(agent, PASSWORD, A_THIRD)]
    results = await asyncio.gather(*tried, return_exceptions=True)
    assert [type(result) for result in results if result is not None] == [InvalidCredentialsError]
    assert await opens(ANOTHER) != await opens(A_THIRD)
    assert len(await happened()) == 1


async def test_an_administrator_has_the_last_word(agent: AgentActor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has proved a password that was taken away meanwhile does not get in by it."""
    administrator = await make_agent("ADMINISTRATOR")
    prove = agent_access.prove_password

    async def proved_before(agent: AgentActor, password: str) -> object:
        known = await prove(agent, password)
        given = AgentToSave(
            display_name="Martin", role="HANDLER", procedures=(), active=True, username=None, password=A_THIRD
        )
        await save_agent(administrator, id=encode("Agent", agent.agent_id), agent=given, selection=ID)
        return known

    monkeypatch.setattr(agent_passwords, "prove_password", proved_before)
    with pytest.raises(InvalidCredentialsError):
        await change(agent, PASSWORD, ANOTHER)
    assert await opens(A_THIRD)
    assert await happened() == [("PASSWORD_RESET", administrator.agent_id)]
