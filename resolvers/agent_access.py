"""What every change of an agent's access does: prove who asks, end sessions, write down what happened."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from core.errors import InvalidCredentialsError
from core.passwords import verify_password
from models.actors import Actor, AgentActor, RestrictedActor
from models.database import Row, execute, fetch_one
from models.second_factors import SecurityEvent
from resolvers.work import Work

EventKind = Literal[
    "PASSWORD_CHANGED",
    "PASSWORD_RESET",
    "SECOND_FACTOR_ENABLED",
    "SECOND_FACTOR_DISABLED",
    "SECOND_FACTOR_RESET",
    "RECOVERY_CODES_RENEWED",
    "RECOVERY_CODE_USED",
]


def agent_of(actor: Actor) -> AgentActor:
    """The agent who asks, also one who has to enrol a second factor first."""
    who = actor.who if isinstance(actor, RestrictedActor) else actor
    assert isinstance(who, AgentActor)
    return who


async def prove_password(agent: AgentActor, password: str) -> Row:
    """The agent's credential, if the password is theirs. Raises InvalidCredentialsError."""
    row = await fetch_one(
        "SELECT id, username, password_hash FROM credential WHERE agent_id = $1", agent.agent_id
    )
    if not await verify_password(row["password_hash"] if row else None, password):
        raise InvalidCredentialsError
    assert row is not None
    return row


async def end_sessions(work: Work, agent_id: UUID, *, but: UUID | None = None) -> None:
    work.wake("sessions")
    await execute(
        "DELETE FROM session s USING credential c WHERE c.id = s.credential_id AND c.agent_id = $1 "
        "AND s.id IS DISTINCT FROM $2",
        agent_id,
        but,
    )


async def note(kind: EventKind, agent_id: UUID, by: UUID | None) -> None:
    """`by`: None where the operator did it, from a terminal."""
    await SecurityEvent(kind=kind, agent_id=agent_id, by_id=by).save(force_create=True)
