"""Agents: how the operator gives somebody at the mairie their access."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from tortoise.exceptions import IntegrityError

from core.errors import FieldProblem, UsernameTakenError, ValidationError
from core.i18n import Text
from core.password_rules import password_problems
from core.passwords import hash_password
from models.accounts import Agent, AgentProcedure, Credential, normalised_username
from models.actors import AgentRole
from models.database import execute, fetch, fetch_one, violated_constraint
from resolvers.accounts import username_problems
from resolvers.work import Work, unit_of_work


async def save_agent(
    *,
    username: str,
    password: str,
    display_name: str,
    role: AgentRole,
    procedures: Sequence[str] | None = None,
) -> UUID:
    """Makes an agent, or changes the one of that username, password included, and ends their sessions.

    None for `procedures`: all there are now.

    Raises ValidationError, and UsernameTakenError where the username is a citizen's.
    """
    username = normalised_username(username)
    problems = [*username_problems(username), *password_problems(password, username)]
    ValidationError.raise_for([*problems, *await _unknown(procedures or ())])
    try:
        return await _save(username, await hash_password(password), display_name, role, procedures)
    except IntegrityError as error:
        if violated_constraint(error) != "credential_username_unique":
            raise
        raise UsernameTakenError([]) from error


async def _unknown(procedures: Sequence[str]) -> list[FieldProblem]:
    known = {row["slug"] for row in await fetch("SELECT slug FROM procedure")} if procedures else set()
    text = Text(fr="Aucune démarche ne s’appelle « {slug} ».", en="No procedure is called “{slug}”.")
    return [FieldProblem("procedures", text.format(slug=slug)) for slug in procedures if slug not in known]


@unit_of_work
async def _save(
    work: Work,
    username: str,
    password_hash: str,
    display_name: str,
    role: AgentRole,
    procedures: Sequence[str] | None,
) -> UUID:
    known = await fetch_one(
        "UPDATE credential SET password_hash = $2 WHERE lower(username) = lower($1) AND agent_id IS NOT NULL "
        "RETURNING agent_id",
        username,
        password_hash,
    )
    if known:
        agent_id: UUID = known["agent_id"]
        await execute(
            "UPDATE agent SET display_name = $2, role = $3 WHERE id = $1", agent_id, display_name, role
        )
        await execute("DELETE FROM agent_procedure WHERE agent_id = $1", agent_id)
        # The password may be changed because somebody else knows it.
        await execute(
            "DELETE FROM session s USING credential c WHERE c.id = s.credential_id AND c.agent_id = $1",
            agent_id,
        )
        work.wake("sessions")
    else:
        agent = Agent(display_name=display_name, role=role)
        await agent.save(force_create=True)
        agent_id = agent.id
        credential = Credential(username=username, password_hash=password_hash, agent_id=agent_id)
        await credential.save(force_create=True)
    given = await fetch(
        "SELECT id FROM procedure WHERE $1::text[] IS NULL OR slug = ANY($1)",
        list(procedures) if procedures is not None else None,
    )
    for row in given:
        await AgentProcedure(agent_id=agent_id, procedure_id=row["id"]).save(force_create=True)
    return agent_id
