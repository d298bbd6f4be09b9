"""Agents' own passwords: the first is an administrator's, who hands it over and is not to know it for long."""

from __future__ import annotations

from core.errors import InvalidCredentialsError, ValidationError
from core.password_rules import another_password_problems
from core.passwords import hash_password
from core.selection import Selection
from models.actors import Actor, AgentActor
from models.database import Row, execute
from resolvers.agent_access import agent_of, end_sessions, note, prove_password
from resolvers.reading.agents import read_agent
from resolvers.work import Work, unit_of_work


async def change_password(actor: Actor, *, current_password: str, password: str, selection: Selection) -> Row:
    """Gives the caller another password; their other sessions end, and it is written down.

    Raises InvalidCredentialsError, ValidationError.
    """
    agent = agent_of(actor)
    known = await prove_password(agent, current_password)
    ValidationError.raise_for(another_password_problems(password, current_password, known["username"]))
    await _change(agent, known, await hash_password(password))
    row = await read_agent(actor, agent.agent_id, selection)
    assert row is not None
    return row


@unit_of_work
async def _change(work: Work, agent: AgentActor, known: Row, password_hash: str) -> None:
    # By the password that was proved: an administrator who sets one in the same moment has the last word.
    if not await execute(
        "UPDATE credential SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
        known["id"],
        known["password_hash"],
        password_hash,
    ):
        raise InvalidCredentialsError
    await end_sessions(work, agent.agent_id, but=agent.session_id)
    await note("PASSWORD_CHANGED", agent.agent_id, agent.agent_id)
