"""Agents' second factor: enrolled and confirmed by its first code, asked for at each log-in, and taken away again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from core.clock import now
from core.errors import (
    FieldProblem,
    NotAllowedError,
    NotFoundError,
    SecondFactorRequiredError,
    ValidationError,
)
from core.i18n import Text
from core.keys import hmac_digest, seal, unseal
from core.limits import count
from core.limits.declared import SECOND_FACTOR
from core.one_time_codes import (
    new_recovery_codes,
    new_secret,
    parse_recovery_code,
    picture,
    provisioning_uri,
    step_of,
)
from core.selection import Selection
from core.settings import get_settings
from models.accounts import normalised_username
from models.actors import Actor, AgentActor
from models.database import Row, execute, fetch_one
from models.ids import decode_as, new_id
from resolvers import catalogue
from resolvers.agent_access import agent_of, end_sessions, note, prove_password
from resolvers.reading.agents import read_agent
from resolvers.work import Work, unit_of_work

OFFER = timedelta(minutes=10)
"""How long an enrolment waits for its first code."""

_ENABLED_ALREADY = Text(
    fr="Vous avez déjà un second facteur. Pour en changer, désactivez-le d’abord.",
    en="You already have a second factor. To change it, disable it first.",
)
_NOTHING_OFFERED = Text(
    fr="Aucun enregistrement n’attend de code, ou il a expiré : recommencez l’enregistrement.",
    en="No enrolment waits for a code, or it has expired: begin again.",
)
_WRONG_CODE = Text(
    fr="Ce code n’est pas le bon. Vérifiez l’heure du téléphone, puis tapez le code affiché maintenant.",
    en="This code is wrong. Check the clock of the telephone, then type the code shown now.",
)
_NONE_ENABLED = Text(
    fr="Vous n’avez pas de second facteur.",
    en="You have no second factor.",
)
_REQUIRED_HERE = Text(
    fr="La mairie demande un second facteur à ses agents : il ne peut pas être désactivé. "
    "Pour changer de téléphone, demandez à un administrateur de le réinitialiser.",
    en="The mairie asks its agents for a second factor: it cannot be disabled. "
    "To change telephones, ask an administrator to reset it.",
)
_NOT_ONES_OWN = Text(
    fr="Votre propre second facteur se désactive avec votre mot de passe et un code.",
    en="Your own second factor is disabled with your password and a code.",
)
_NONE_OF_THEIRS = Text(
    fr="Cet agent n’a pas de second facteur.",
    en="This agent has no second factor.",
)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator program is to know; shown once."""

    secret: str
    uri: str
    picture: str
    expires_at: datetime


async def enrol(actor: Actor, *, password: str) -> Enrolment:
    """Offers a new secret, until it is confirmed with its first code; an earlier offer is worth nothing any more.

    Raises InvalidCredentialsError, NotAllowedError where there is a second factor, RateLimitedError.
    """
    agent = agent_of(actor)
    username = (await prove_password(agent, password))["username"]
    secret = new_secret()
    row = await fetch_one(
        "INSERT INTO second_factor (id, agent_id, secret, last_step, offered_at) VALUES ($1, $2, $3, 0, $4) "
        "ON CONFLICT (agent_id) DO UPDATE SET secret = excluded.secret, offered_at = excluded.offered_at "
        "WHERE second_factor.confirmed_at IS NULL RETURNING offered_at",
        new_id(),
        agent.agent_id,
        seal(_purpose(agent.agent_id), secret.encode("ascii")),
        now(),
    )
    if row is None:
        raise NotAllowedError(_ENABLED_ALREADY)
    uri = provisioning_uri(
        secret, username=username, issuer=(await catalogue.current()).municipality.name or "Espace Citoyens"
    )
    return Enrolment(secret, uri, picture(uri), row["offered_at"] + OFFER)


async def confirm(actor: Actor, *, code: str) -> list[str]:
    """Enables what was offered, and ends the agent's other sessions, which were opened without. Ten recovery codes.

    Raises NotAllowedError where nothing is offered, ValidationError for a wrong code.
    """
    return await _confirm(agent_of(actor), code)


async def renew_recovery_codes(
    actor: Actor, *, password: str, one_time_code: str, address: str | None
) -> list[str]:
    """Ten new recovery codes; the old ones are worth nothing any more.

    Raises InvalidCredentialsError, SecondFactorRequiredError, NotAllowedError where there is no second factor.
    """
    agent = agent_of(actor)
    await prove_password(agent, password)
    await count(SECOND_FACTOR, address=address, subject=str(agent.agent_id))
    return await _renew(agent, one_time_code)


async def disable(actor: Actor, *, password: str, one_time_code: str, address: str | None) -> None:
    """Takes the caller's second factor away.

    Raises InvalidCredentialsError, SecondFactorRequiredError, and NotAllowedError where there is none, or where the
    mairie requires one.
    """
    agent = agent_of(actor)
    if get_settings().agents_second_factor == "required":
        raise NotAllowedError(_REQUIRED_HERE)
    await prove_password(agent, password)
    await count(SECOND_FACTOR, address=address, subject=str(agent.agent_id))
    await _disable(agent, one_time_code)


async def reset(actor: Actor, *, agent: str, password: str, selection: Selection) -> Row:
    """An administrator takes away the second factor of an agent who has lost theirs, and ends their sessions.

    `password` is the administrator's, `selection` what is asked of the agent. Raises InvalidCredentialsError,
    NotFoundError, NotAllowedError (one's own; there is none), RateLimitedError.
    """
    administrator = agent_of(actor)
    await prove_password(administrator, password)
    id = decode_as("Agent", agent)
    if id == administrator.agent_id:
        raise NotAllowedError(_NOT_ONES_OWN)
    if id is None or not await fetch_one("SELECT id FROM agent WHERE id = $1", id):
        raise NotFoundError
    if not await _reset(id, administrator.agent_id):
        raise NotAllowedError(_NONE_OF_THEIRS)
    row = await read_agent(actor, id, selection)
    assert row is not None
    return row


async def reset_by_operator(username: str) -> bool:
    """The same from a terminal. False where no agent of that name has a second factor."""
    row = await fetch_one(
        "SELECT agent_id FROM credential WHERE lower(username) = lower($1) AND agent_id IS NOT NULL",
        normalised_username(username),
    )
    return row is not None and await _reset(row["agent_id"], None)


async def confirmed_factor(agent_id: UUID) -> Row | None:
    """What a log-in of this agent has to prove; None where they have no second factor."""
    return await fetch_one(
        "SELECT id, agent_id, secret FROM second_factor WHERE agent_id = $1 AND confirmed_at IS NOT NULL",
        agent_id,
    )


async def spend_code(factor: Row, typed: str | None) -> None:
    """Uses a code up, in the transaction of what it is for: of any number at once, one succeeds.

    `typed` is a code of the authenticator program or a recovery code. Raises SecondFactorRequiredError.
    """
    if not typed:
        raise SecondFactorRequiredError(code_rejected=False)
    step = step_of(_unsealed(factor), typed, now())
    if step is not None and await _spend_step(factor["id"], step):
        return
    code = parse_recovery_code(typed)
    if code is not None and await _spend_recovery_code(factor["id"], code):
        await note("RECOVERY_CODE_USED", factor["agent_id"], factor["agent_id"])
        return
    raise SecondFactorRequiredError(code_rejected=True)


async def _spend_step(factor_id: UUID, step: int) -> bool:
    # One statement: whoever comes second waits for the row, and finds its step used.
    return bool(
        await execute(
            "UPDATE second_factor SET last_step = $2 WHERE id = $1 AND last_step < $2", factor_id, step
        )
    )


async def _spend_recovery_code(factor_id: UUID, code: str) -> bool:
    return bool(
        await execute(
            "DELETE FROM recovery_code WHERE second_factor_id = $1 AND digest = $2",
            factor_id,
            _recovery_digest(factor_id, code),
        )
    )


@unit_of_work
async def _confirm(work: Work, agent: AgentActor, code: str) -> list[str]:
    await _let_nobody_in(agent.agent_id)
    factor = await fetch_one(
        "SELECT id, agent_id, secret FROM second_factor "
        "WHERE agent_id = $1 AND confirmed_at IS NULL AND offered_at > $2 FOR UPDATE",
        agent.agent_id,
        now() - OFFER,
    )
    if factor is None:
        raise NotAllowedError(_NOTHING_OFFERED)
    step = step_of(_unsealed(factor), code, now())
    if step is None:
        raise ValidationError([FieldProblem("code", _WRONG_CODE)])
    await execute(
        "UPDATE second_factor SET confirmed_at = now(), last_step = $2 WHERE id = $1", factor["id"], step
    )
    await end_sessions(work, agent.agent_id, but=agent.session_id)
    await note("SECOND_FACTOR_ENABLED", agent.agent_id, agent.agent_id)
    return await _write_recovery_codes(factor["id"])


@unit_of_work
async def _renew(work: Work, agent: AgentActor, code: str) -> list[str]:
    factor = await _own_factor(agent)
    await spend_code(factor, code)
    await execute("DELETE FROM recovery_code WHERE second_factor_id = $1", factor["id"])
    await note("RECOVERY_CODES_RENEWED", agent.agent_id, agent.agent_id)
    return await _write_recovery_codes(factor["id"])


@unit_of_work
async def _disable(work: Work, agent: AgentActor, code: str) -> None:
    factor = await _own_factor(agent)
    await spend_code(factor, code)
    await execute("DELETE FROM second_factor WHERE id = $1", factor["id"])
    await note("SECOND_FACTOR_DISABLED", agent.agent_id, agent.agent_id)


@unit_of_work
async def _reset(work: Work, agent_id: UUID, by: UUID | None) -> bool:
    await _let_nobody_in(agent_id)
    if not await execute("DELETE FROM second_factor WHERE agent_id = $1", agent_id):
        return False
    # Who has the telephone may be in one of them.
    await end_sessions(work, agent_id)
    await note("SECOND_FACTOR_RESET", agent_id, by)
    return True


async def _own_factor(agent: AgentActor) -> Row:
    factor = await confirmed_factor(agent.agent_id)
    if factor is None:
        raise NotAllowedError(_NONE_ENABLED)
    return factor


async def _write_recovery_codes(factor_id: UUID) -> list[str]:
    codes = new_recovery_codes()
    digests = [_recovery_digest(factor_id, code) for code in map(parse_recovery_code, codes) if code]
    await execute(
        "INSERT INTO recovery_code (id, second_factor_id, digest) "
        "SELECT one.id, $1, one.digest FROM unnest($2::uuid[], $3::bytea[]) AS one (id, digest)",
        factor_id,
        [new_id() for _ in digests],
        digests,
    )
    return codes


async def _let_nobody_in(agent_id: UUID) -> None:
    """Until the transaction ends: who logs in now has their session before, or proves what holds after."""
    await fetch_one("SELECT id FROM credential WHERE agent_id = $1 FOR NO KEY UPDATE", agent_id)


def _purpose(agent_id: UUID) -> str:
    """A key for each agent: a secret that is put in another's row opens nothing."""
    return f"second factor {agent_id}"


def _unsealed(factor: Row) -> str:
    return unseal(_purpose(factor["agent_id"]), bytes(factor["secret"])).decode("ascii")


def _recovery_digest(factor_id: UUID, code: str) -> bytes:
    return hmac_digest("recovery code", factor_id.bytes + code.encode("ascii"))
