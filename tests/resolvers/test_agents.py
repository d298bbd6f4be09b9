"""Agents, as the operator makes and changes them."""

from __future__ import annotations

import pytest

from core.errors import UsernameTakenError, ValidationError
from core.selection import Selection
from models.accounts import Agent, AgentProcedure, Credential, Session
from models.actors import CitizenActor, Visitor
from models.procedures import Procedure
from resolvers.agents import save_agent
from resolvers.sessions import log_in
from tests.factories import PASSWORD, make_procedure, make_session

OTHER_PASSWORD = "Autre-Demonstration-2027"


async def test_saving_again_changes_the_same_agent(procedure: Procedure) -> None:
    await make_procedure("other")
    made = await save_agent(
        username="martin", password=PASSWORD, display_name="M. Martin", role="HANDLER", procedures=None
    )
    assert await AgentProcedure.filter(agent_id=made).count() == 2
    await make_session((await Credential.get()).id)

    changed = await save_agent(
        username=" MARTIN",
        password=OTHER_PASSWORD,
        display_name="Mme Martin",
        role="ADMINISTRATOR",
        procedures=[procedure.slug],
    )

    assert changed == made
    assert await Session.all().count() == 0
    agent = await Agent.get()
    assert (agent.display_name, agent.role) == ("Mme Martin", "ADMINISTRATOR")
    assert [link.procedure_id for link in await AgentProcedure.all()] == [procedure.id]
    opened = await log_in(
        Visitor(),
        username="martin",
        password=OTHER_PASSWORD,
        user_agent=None,
        selection=Selection.of(agent=Selection.of("display_name")),
    )
    assert opened.agent is not None
    assert opened.agent["display_name"] == "Mme Martin"


async def test_every_mistake_at_once_and_nothing_saved(procedure: Procedure) -> None:
    with pytest.raises(ValidationError) as raised:
        await save_agent(
            username="x",
            password="short",
            display_name="X",
            role="HANDLER",
            procedures=["absent", procedure.slug],
        )
    assert [problem.path for problem in raised.value.problems] == ["username", "password", "procedures"]
    assert await Agent.all().count() == 0


async def test_a_citizens_username_stays_theirs(procedure: Procedure, citizen: CitizenActor) -> None:
    with pytest.raises(UsernameTakenError):
        await save_agent(username="Marie", password=PASSWORD, display_name="Marie", role="HANDLER")
    assert await Agent.all().count() == 0
