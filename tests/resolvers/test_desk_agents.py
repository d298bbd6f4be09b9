"""Agents written at the desk: who may log in, what they handle, and a mairie that keeps an administrator."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.errors import (
    NotAllowedError,
    NotFoundError,
    UnauthenticatedError,
    UsernameTakenError,
    ValidationError,
)
from core.selection import Selection
from models.actors import AgentActor
from models.database import Row, fetch, fetch_one
from models.ids import decode_as, encode, new_id
from models.procedures import Procedure
from resolvers.desk import desk
from resolvers.desk_agents import AgentToSave, save_agent
from resolvers.events import desk_events
from resolvers.session_watch import while_logged_in
from tests.factories import id_of, make_agent, make_citizen, make_session

PASSWORD = "Un-agent-de-la-mairie-7"
ID = Selection.of("id")
SELECTION = Selection.of("id", "display_name", "role", "active", "username", procedures=Selection.of("slug"))


def an_agent(**changed: Any) -> AgentToSave:
    given = {
        "display_name": "Inès Roy",
        "role": "HANDLER",
        "procedures": (),
        "active": True,
        "username": "ines",
        "password": PASSWORD,
        **changed,
    }
    return AgentToSave(**given)


async def save(actor: AgentActor, agent: AgentToSave, id: str | None = None) -> dict[str, Any]:
    return await save_agent(actor, id=id, agent=agent, selection=SELECTION)


async def sessions_of(username: str) -> list[Row]:
    return await fetch(
        "SELECT s.id FROM session s JOIN credential c ON c.id = s.credential_id WHERE c.username = $1",
        username,
    )


async def test_an_agent_comes_changes_and_leaves(administrator: AgentActor, procedure: Procedure) -> None:
    made = await save(administrator, an_agent(procedures=[procedure.slug]))
    assert made == {
        "__typename": "Agent",
        "id": made["id"],
        "display_name": "Inès Roy",
        "role": "HANDLER",
        "active": True,
        "username": "ines",
        "procedures": [{"__typename": "Procedure", **made["procedures"][0]}],
    }
    assert [each["slug"] for each in made["procedures"]] == [procedure.slug]
    credential = await fetch_one("SELECT id FROM credential WHERE username = 'ines'")
    assert credential is not None
    await make_session(credential["id"])
    renamed = await save(
        administrator, an_agent(display_name="Inès Roy-Martin", username=None, password=None), made["id"]
    )
    assert (renamed["display_name"], renamed["username"]) == ("Inès Roy-Martin", "ines")
    assert renamed["procedures"] == []
    assert len(await sessions_of("ines")) == 1
    await save(administrator, an_agent(username=None), made["id"])
    assert await sessions_of("ines") == []
    await make_session(credential["id"])
    gone = await save(administrator, an_agent(active=False), made["id"])
    assert (gone["active"], gone["username"], gone["display_name"]) == (False, None, "Inès Roy")
    assert await sessions_of("ines") == []
    back = await save(administrator, an_agent(), made["id"])
    assert (back["id"], back["active"]) == (made["id"], True)


@pytest.mark.parametrize("way", ["another role", "another password", "no longer active"])
async def test_what_an_agent_follows_ends_with_what_they_were(administrator: AgentActor, way: str) -> None:
    other = await make_agent(username="ines")
    following = asyncio.create_task(
        anext(while_logged_in(other, desk_events(other, after=None, selection=ID)))
    )
    await asyncio.sleep(0.2)
    changed = {
        "another role": an_agent(username=None, password=None),
        "another password": an_agent(username=None, role="ADMINISTRATOR"),
        "no longer active": an_agent(username=None, password=None, active=False),
    }
    # As it was, it goes on.
    await save(administrator, an_agent(username=None, password=None, role="ADMINISTRATOR"), id_of(other))
    assert len(await sessions_of("ines")) == 1
    await save(administrator, changed[way], id_of(other))
    with pytest.raises(UnauthenticatedError):
        await asyncio.wait_for(following, 5)
    assert await sessions_of("ines") == []


async def test_every_problem_at_once(administrator: AgentActor) -> None:
    with pytest.raises(ValidationError) as refused:
        await save(
            administrator,
            an_agent(display_name=" ", username=None, password="court", procedures=["nulle-part"]),
        )
    assert {problem.path for problem in refused.value.problems} == {
        "displayName",
        "username",
        "password",
        "procedures.0",
    }


async def test_a_username_is_one_persons(administrator: AgentActor) -> None:
    await make_citizen("jeanne")
    with pytest.raises(UsernameTakenError):
        await save(administrator, an_agent(username="Jeanne"))
    assert await fetch("SELECT 1 FROM agent WHERE display_name = 'Inès Roy'") == []


async def test_an_administrator_is_left(administrator: AgentActor) -> None:
    own = an_agent(username=None, password=None, role="HANDLER")
    for change in (own, an_agent(username=None, password=None, role="ADMINISTRATOR", active=False)):
        with pytest.raises(NotAllowedError):
            await save(administrator, change, id_of(administrator))
    other = await make_agent()
    outcomes = await asyncio.gather(
        save(administrator, own, id_of(administrator)),
        save(administrator, own, id_of(other)),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NotAllowedError", "dict"]
    left = await fetch("SELECT 1 FROM agent WHERE role = 'ADMINISTRATOR'")
    assert len(left) == 1


async def test_nobody_is_not_found(administrator: AgentActor) -> None:
    for unknown in ("x", encode("Agent", new_id()), encode("Procedure", new_id())):
        with pytest.raises(NotFoundError):
            await save(administrator, an_agent(), unknown)


async def test_usernames_are_for_administrators(administrator: AgentActor) -> None:
    agent = await make_agent("HANDLER")
    selection = Selection.of(agents=Selection.of("id", "username", "active"))
    for actor, known in ((administrator, True), (agent, False)):
        row = await desk(actor, selection=selection)
        assert row is not None
        assert {decode_as("Agent", each["id"]) for each in row["agents"]} == {
            administrator.agent_id,
            agent.agent_id,
        }
        assert all((each["username"] is not None) is known for each in row["agents"])
        assert all(each["active"] for each in row["agents"])
