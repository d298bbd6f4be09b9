"""Agents as administrators write them at the desk: who they are, what they handle, whether they may log in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from tortoise.exceptions import IntegrityError

from core.errors import FieldProblem, NotAllowedError, NotFoundError, UsernameTakenError, ValidationError
from core.i18n import Text
from core.password_rules import password_problems
from core.passwords import hash_password
from core.selection import Selection
from models.accounts import Agent, AgentProcedure, Credential, normalised_username
from models.actors import Actor, AgentActor, AgentRole
from models.database import Row, execute, fetch, fetch_one, violated_constraint
from models.ids import decode_as
from models.plain_text import has_unprintable, one_line
from resolvers import catalogue
from resolvers.accounts import username_problems
from resolvers.agent_access import agent_of, note
from resolvers.reading.agents import agent_by_id
from resolvers.reading.shape import read_value, reading_for
from resolvers.work import Work, unit_of_work

LONGEST_NAME = 200

_NAME = Text(fr="Indiquez un nom, de 200 caractères au plus.", en="Enter a name, of at most 200 characters.")
_USERNAME_NEEDED = Text(
    fr="Indiquez le nom d’utilisateur avec lequel cet agent se connectera.",
    en="Enter the username that this agent will log in with.",
)
_PASSWORD_NEEDED = Text(
    fr="Indiquez le mot de passe avec lequel cet agent se connectera.",
    en="Enter the password that this agent will log in with.",
)
_NO_PROCEDURE = Text(fr="Aucune démarche ne s’appelle « {slug} ».", en="No procedure is called “{slug}”.")
_LAST_ADMINISTRATOR = Text(
    fr="C’est le dernier administrateur : donnez d’abord ce rôle à un autre agent.",
    en="This is the last administrator: give another agent this role first.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentToSave:
    """As it was typed. `username` and `password` are None where they stay as they are."""

    display_name: str
    role: AgentRole
    procedures: Sequence[str]
    active: bool
    username: str | None
    password: str | None


async def save_agent(actor: Actor, *, id: str | None, agent: AgentToSave, selection: Selection) -> Row:
    """Writes an agent: a new one without an `id`. Who is no longer active, or gets another password or role, is logged
    out everywhere; an agent who is gone stays as a name in what was done.

    Raises ValidationError, UsernameTakenError, NotFoundError; NotAllowedError where no administrator would be left.
    """
    agent_id = decode_as("Agent", id) if id is not None else None
    if id is not None and agent_id is None:
        raise NotFoundError
    known = await _credential(agent_id) if agent_id else None
    await _check(agent, agent_id, known)
    password_hash = await hash_password(agent.password) if agent.password else None
    try:
        saved = await _save(agent_of(actor), agent, agent_id, password_hash)
    except IntegrityError as error:
        if violated_constraint(error) != "credential_username_unique":
            raise
        raise UsernameTakenError([]) from error
    reading = await reading_for(actor)
    row: Row = await read_value(reading, agent_by_id(reading, selection, reading.bind(saved, "uuid")))
    return row


async def _credential(agent_id: UUID) -> Row | None:
    """How the agent logs in, if they may. Raises NotFoundError where there is no such agent."""
    row = await fetch_one(
        "SELECT g.id, c.username FROM agent g LEFT JOIN credential c ON c.agent_id = g.id WHERE g.id = $1",
        agent_id,
    )
    if row is None:
        raise NotFoundError
    return row if row["username"] is not None else None


async def _check(agent: AgentToSave, agent_id: UUID | None, known: Row | None) -> None:
    name = one_line(agent.display_name)
    problems = []
    if not name or len(name) > LONGEST_NAME or has_unprintable(name):
        problems.append(FieldProblem("displayName", _NAME))
    if agent.active and known is None:
        if not agent.username:
            problems.append(FieldProblem("username", _USERNAME_NEEDED))
        if not agent.password:
            problems.append(FieldProblem("password", _PASSWORD_NEEDED))
    username = normalised_username(agent.username or (known or {}).get("username") or "")
    if agent.username:
        problems += username_problems(username)
    if agent.password:
        problems += password_problems(agent.password, username)
    slugs = (await catalogue.current()).by_slug
    problems += [
        FieldProblem(f"procedures.{place}", _NO_PROCEDURE.format(slug=slug))
        for place, slug in enumerate(agent.procedures)
        if slug not in slugs
    ]
    ValidationError.raise_for(problems)


@unit_of_work
async def _save(
    work: Work, by: AgentActor, agent: AgentToSave, id: UUID | None, password_hash: str | None
) -> UUID:
    # One at a time, so that two administrators do not take the role from each other in the same moment.
    administrators = await fetch(
        "SELECT g.id FROM agent g JOIN credential c ON c.agent_id = g.id WHERE g.role = 'ADMINISTRATOR' "
        "ORDER BY g.id FOR UPDATE OF g"
    )
    stays = agent.active and agent.role == "ADMINISTRATOR"
    if not stays and [row["id"] for row in administrators] == [id]:
        raise NotAllowedError(_LAST_ADMINISTRATOR)
    name = one_line(agent.display_name)
    if id is None:
        row = Agent(display_name=name, role=agent.role)
        await row.save(force_create=True)
        id, before = row.id, agent.role
    else:
        before = await _rename(id, name, agent.role)
    # What a session follows goes by the role that it began with.
    await _save_credential(by, agent, id, password_hash, ends_sessions=before != agent.role)
    work.wake("sessions")
    await execute("DELETE FROM agent_procedure WHERE agent_id = $1", id)
    for given in await fetch("SELECT id FROM procedure WHERE slug = ANY($1)", list(agent.procedures)):
        await AgentProcedure(agent_id=id, procedure_id=given["id"]).save(force_create=True)
    return id


async def _rename(id: UUID, name: str, role: AgentRole) -> AgentRole:
    """The role before."""
    row = await fetch_one(
        "UPDATE agent g SET display_name = $2, role = $3 FROM agent before "
        "WHERE g.id = $1 AND before.id = g.id RETURNING before.role",
        id,
        name,
        role,
    )
    if row is None:
        raise NotFoundError
    before: AgentRole = row["role"]
    return before


async def _save_credential(
    by: AgentActor, agent: AgentToSave, id: UUID, password_hash: str | None, *, ends_sessions: bool
) -> None:
    if not agent.active:
        await execute("DELETE FROM credential WHERE agent_id = $1", id)
        return
    username = normalised_username(agent.username) if agent.username else None
    known = await fetch_one(
        "UPDATE credential SET username = coalesce($2, username), password_hash = coalesce($3, password_hash) "
        "WHERE agent_id = $1 RETURNING id",
        id,
        username,
        password_hash,
    )
    if known is None:
        assert username is not None
        assert password_hash is not None
        await Credential(username=username, password_hash=password_hash, agent_id=id).save(force_create=True)
        return
    if password_hash is not None:
        await note("PASSWORD_RESET", id, by.agent_id)
    if password_hash is not None or ends_sessions:
        await execute("DELETE FROM session WHERE credential_id = $1", known["id"])
