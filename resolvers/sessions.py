"""Logging in and out, and who a token or a ticket stands for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from core.api_tokens import looks_like_api_token
from core.clock import now
from core.errors import InvalidCredentialsError, NotFoundError, UnauthenticatedError
from core.event_bus import event_bus
from core.i18n import Language, Text
from core.keys import new_token, token_digest
from core.limits import count, remember
from core.limits.declared import SECOND_FACTOR
from core.passwords import hash_password, needs_rehash, verify_password
from core.selection import Selection
from core.settings import get_settings
from core.tickets import parse_ticket, ticket_digest
from models.accounts import Session, normalised_username
from models.actors import Actor, AgentActor, CitizenActor, RestrictedActor, TicketHolder, Visitor
from models.database import Row, execute, fetch_one, transaction
from models.ids import decode_as
from models.temporary_password import find_temporary_password
from resolvers.closing import refuse_closed, refused_if_closed
from resolvers.new_passwords import CHANGE_LIFETIME, use_temporary_password
from resolvers.partner_tokens import partner_of_token
from resolvers.reading.accounts import account_part, session_list, session_part
from resolvers.reading.agents import agent_part
from resolvers.reading.shape import Part, Shape, read_value, reading_for
from resolvers.second_factors import confirmed_factor, spend_code

CITIZEN_LIFETIME = timedelta(days=14)
AGENT_LIFETIME = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=5)
"""How exact `lastSeenAt` is: not worth a write at every call."""

USER_AGENT_LIMIT = 300

_WHO = """
SELECT s.id AS session_id, s.last_seen_at, s.temporary_password_id, c.account_id, c.agent_id, g.role, g.display_name,
    lower(a.email) AS confirmed_email, f.id AS second_factor_id
FROM session s JOIN credential c ON c.id = s.credential_id LEFT JOIN agent g ON g.id = c.agent_id
    LEFT JOIN second_factor f ON f.agent_id = c.agent_id AND f.confirmed_at IS NOT NULL
    LEFT JOIN account a ON a.id = c.account_id AND a.email_confirmed_at IS NOT NULL
WHERE s.token_digest = $1 AND s.expires_at > now()
"""


_NO_SUCH_TICKET = Text(
    fr="Ce numéro de ticket n’est pas le bon. Vérifiez-le dans le courriel d’accusé de réception.",
    en="This ticket number is not right. Check it in the acknowledgement e-mail.",
)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A new session: the token is known here and to the caller, and nowhere else."""

    token: str
    expires_at: datetime
    session: Row
    account: Row | None
    agent: Row | None
    must_change_password: bool
    """The session is good for changing the password, and for nothing else until that is done."""
    must_enrol: bool
    """The same, for enrolling a second factor."""


async def authenticate(*, bearer: str | None, ticket: str | None, language: Language) -> Actor:
    """Who calls with this token, of a session or of a partner, or ticket number; a visitor with neither.

    Raises UnauthenticatedError where the token or the ticket is not, or no longer, good.
    """
    if bearer is not None and looks_like_api_token(bearer):
        return await partner_of_token(bearer, language)
    if bearer is not None:
        return await _actor_of_token(bearer, language)
    if ticket is not None:
        return await _holder_of_ticket(ticket, language)
    return Visitor(language=language)


async def log_in(
    actor: Actor,
    *,
    username: str,
    password: str,
    user_agent: str | None,
    selection: Selection,
    one_time_code: str | None = None,
    address: str | None = None,
) -> LoggedIn:
    """Opens a session for a citizen or an agent. `selection` is that of LogInSuccess.

    With a mailed temporary password it is a session for changing it, and no account is answered.

    Raises InvalidCredentialsError, in the same time whether or not the username exists; NotAllowedError, to whoever
    knows the password, where the account is closed. For an agent with a second factor `one_time_code` is its code, or a
    recovery code: raises SecondFactorRequiredError where it is missing or not good, and RateLimitedError where too many
    were tried. `address` is where the caller is, for that limit.
    """
    token = new_token()
    session = None
    while session is None:
        credential, temporary = await _prove(username, password)
        await refuse_closed(credential)
        session = _new_session(credential, token, user_agent, temporary)
        async with refused_if_closed(credential["id"]):
            if temporary is not None:
                await use_temporary_password(actor, credential, session)
            elif credential["agent_id"] is not None:
                is_open = await _open_for_agent(session, credential, one_time_code, address)
                session = session if is_open else None
            elif not await _open(session, credential["password_hash"]):
                session = None
    if temporary is None and needs_rehash(credential["password_hash"]):
        await _rehash(credential, password)
    who = actor_of({**credential, "session_id": session.id}, actor.language)
    return await read_logged_in(who, session, token, selection, must_enrol=_must_enrol(who, credential))


async def read_logged_in(
    who: CitizenActor | AgentActor,
    session: Session,
    token: str,
    selection: Selection,
    *,
    must_enrol: bool = False,
) -> LoggedIn:
    """A session that was just opened, as whoever opened it may read it. `selection` is that of LogInSuccess."""
    row = await _read(who, session, selection)
    return LoggedIn(
        token,
        session.expires_at,
        row["session"],
        row["account"],
        row["agent"],
        must_change_password=session.temporary_password_id is not None,
        must_enrol=must_enrol,
    )


async def prove_password(username: str, password: str) -> Row:
    """The credential, if the password is its own: a mailed one will not do.

    Raises InvalidCredentialsError, after the same work whether or not the username exists.
    """
    credential = await find_credential(username)
    if not await verify_password(credential["password_hash"] if credential else None, password):
        raise InvalidCredentialsError
    assert credential is not None
    return credential


async def open_with_identity(
    credential: Row, token: str, user_agent: str | None, *, identity_id: UUID, id_token: bytes
) -> Session:
    """A session that an identity opens, in the transaction under way. `id_token` is sealed.

    Raises NotAllowedError where the account is closed.
    """
    account = await fetch_one(
        "SELECT closed_at, erasure_at FROM account WHERE id = $1 FOR SHARE", credential["account_id"]
    )
    if account is not None:
        await refuse_closed(account)
    session = _new_session(credential, token, user_agent, None)
    session.identity_id, session.id_token = identity_id, id_token
    await session.save(force_create=True)
    return session


async def _prove(username: str, password: str) -> tuple[Row, UUID | None]:
    """The credential, and the mail that brought the password, where it was a temporary one.

    Raises InvalidCredentialsError, after the same work whether or not the username exists.
    """
    credential = await find_credential(username)
    is_right = await verify_password(credential["password_hash"] if credential else None, password)
    mailed = credential["temporary_password_ids"] if credential else []
    temporary = find_temporary_password(password, mailed)
    if credential is None or not (is_right or temporary):
        raise InvalidCredentialsError
    return credential, None if is_right else temporary


def _new_session(credential: Row, token: str, user_agent: str | None, temporary: UUID | None) -> Session:
    at = now()
    lifetime = AGENT_LIFETIME if credential["agent_id"] else CITIZEN_LIFETIME
    return Session(
        credential_id=credential["id"],
        token_digest=token_digest(token),
        user_agent=user_agent[:USER_AGENT_LIMIT] if user_agent else None,
        created_at=at,
        expires_at=at + (lifetime if temporary is None else CHANGE_LIFETIME),
        temporary_password_id=temporary,
    )


async def _open(session: Session, password_hash: str) -> bool:
    """Writes the session down, unless the password was changed, or its hash made anew, since it was checked.

    Whoever changes the password ends the sessions there are: none that knew the old one is opened meanwhile.
    """
    opened = await fetch_one(
        "INSERT INTO session (id, credential_id, token_digest, user_agent, created_at, last_seen_at, expires_at) "
        "SELECT $3, id, $4, $5, $6, $6, $7 FROM credential WHERE id = $1 AND password_hash = $2 FOR SHARE "
        "RETURNING id",
        session.credential_id,
        password_hash,
        session.id,
        session.token_digest,
        session.user_agent,
        session.created_at,
        session.expires_at,
    )
    return opened is not None


async def _open_for_agent(session: Session, credential: Row, code: str | None, address: str | None) -> bool:
    """The same, and whoever confirms a second factor ends the sessions there are, too: none is opened without
    meanwhile. The code is used up with the session that it opens, or not at all.
    """
    agent = str(credential["agent_id"])
    tried = code if credential["second_factor_id"] is not None else None
    is_familiar = tried is not None and await count(SECOND_FACTOR, address=address, subject=agent)
    async with transaction():
        if not await _open(session, credential["password_hash"]):
            return False
        # A statement of its own, which sees what whoever held the credential's lock has confirmed.
        factor = await confirmed_factor(credential["agent_id"])
        if factor is not None:
            await spend_code(factor, tried)
        credential["second_factor_id"] = factor["id"] if factor else None
    if tried is not None and not is_familiar:
        await remember(SECOND_FACTOR, address=address, subject=agent)
    return True


async def _rehash(credential: Row, password: str) -> None:
    await execute(
        "UPDATE credential SET password_hash = $2 WHERE id = $1 AND password_hash = $3",
        credential["id"],
        await hash_password(password),
        credential["password_hash"],
    )


async def find_credential(username: str) -> Row | None:
    """The credential of a citizen or an agent, with the agent's role, name and second factor: what `actor_of` takes."""
    return await fetch_one(
        "SELECT c.*, g.role, g.display_name, a.closed_at, a.erasure_at, f.id AS second_factor_id, "
        "ARRAY(SELECT id FROM temporary_password WHERE credential_id = c.id AND expires_at > now()) "
        "AS temporary_password_ids FROM credential c LEFT JOIN agent g ON g.id = c.agent_id "
        "LEFT JOIN account a ON a.id = c.account_id "
        "LEFT JOIN second_factor f ON f.agent_id = c.agent_id AND f.confirmed_at IS NOT NULL "
        "WHERE lower(c.username) = lower($1)",
        normalised_username(username),
    )


async def log_out(actor: Actor) -> None:
    """Ends the session that the caller is in."""
    if isinstance(actor, (CitizenActor, AgentActor, RestrictedActor)):
        await execute("DELETE FROM session WHERE id = $1", actor.session_id)
        await event_bus().wake("sessions")


async def revoke_session(actor: Actor, *, session: str, selection: Selection) -> list[Row]:
    """Ends one of the caller's own sessions; the ones that are left. Raises NotFoundError."""
    assert isinstance(actor, (CitizenActor, AgentActor))
    owned = "(SELECT mine.credential_id FROM session mine WHERE mine.id = $2)"
    gone = await execute(
        f"DELETE FROM session WHERE id = $1 AND credential_id = {owned}",
        decode_as("Session", session),
        actor.session_id,
    )
    if not gone:
        raise NotFoundError
    await event_bus().wake("sessions")
    return await _sessions(actor, selection)


async def revoke_other_sessions(actor: Actor, *, selection: Selection) -> list[Row]:
    """Ends all of the caller's sessions but the one that asks; the one that is left."""
    assert isinstance(actor, (CitizenActor, AgentActor))
    await execute(
        "DELETE FROM session USING session mine WHERE mine.id = $1 "
        "AND session.credential_id = mine.credential_id AND session.id <> mine.id",
        actor.session_id,
    )
    await event_bus().wake("sessions")
    return await _sessions(actor, selection)


async def _sessions(actor: CitizenActor | AgentActor, selection: Selection) -> list[Row]:
    """The caller's own, as `session_list` has them."""
    reading = await reading_for(actor)
    c = reading.alias("c")
    column = "account_id" if isinstance(actor, CitizenActor) else "agent_id"
    owner = actor.account_id if isinstance(actor, CitizenActor) else actor.agent_id
    credential = f"(SELECT {c}.id FROM credential {c} WHERE {c}.{column} = {reading.bind(owner, 'uuid')})"
    rows: list[Row] = await read_value(reading, session_list(reading, selection, credential))
    return rows


async def _actor_of_token(token: str, language: Language) -> Actor:
    row = await fetch_one(_WHO, token_digest(token))
    if row is None:
        raise UnauthenticatedError
    if now() - row["last_seen_at"] > SEEN_EVERY:
        await execute("UPDATE session SET last_seen_at = now() WHERE id = $1", row["session_id"])
    return _with_duty(actor_of(row, language), row)


def actor_of(row: Row, language: Language) -> CitizenActor | AgentActor:
    """Who the owner of a credential is in the session `session_id`."""
    if row["agent_id"] is None:
        return CitizenActor(
            account_id=row["account_id"],
            session_id=row["session_id"],
            language=language,
            confirmed_email=row.get("confirmed_email"),
        )
    return AgentActor(
        agent_id=row["agent_id"],
        session_id=row["session_id"],
        role=row["role"],
        display_name=row["display_name"],
        language=language,
    )


def _with_duty(who: CitizenActor | AgentActor, row: Row) -> CitizenActor | AgentActor | RestrictedActor:
    """The same, as long as there is nothing that they have to do first.

    Asked at every call, so that a duty which the mairie lays down holds for sessions that are open, too.
    """
    if row["temporary_password_id"] is not None:
        return RestrictedActor(who=who, duty="CHANGE_PASSWORD")
    if _must_enrol(who, row):
        return RestrictedActor(who=who, duty="ENROL_SECOND_FACTOR")
    return who


def _must_enrol(who: CitizenActor | AgentActor, row: Row) -> bool:
    required = get_settings().agents_second_factor == "required"
    return required and isinstance(who, AgentActor) and row["second_factor_id"] is None


async def _holder_of_ticket(text: str, language: Language) -> Actor:
    ticket = parse_ticket(text)
    row = ticket and await fetch_one(
        "SELECT id FROM service_request WHERE ticket_digest = $1", ticket_digest(ticket)
    )
    if not row:
        raise UnauthenticatedError(_NO_SUCH_TICKET)
    return TicketHolder(request_id=row["id"], language=language)


async def _read(who: CitizenActor | AgentActor, opened: Session, selection: Selection) -> Row:
    """Of the account, nothing where the session is for changing the password."""
    account_id = getattr(who, "account_id", None) if opened.temporary_password_id is None else None
    session_id = opened.id
    reading = await reading_for(who)
    shape = Shape(reading, "LogInSuccess")
    s, a, g = reading.alias("s"), reading.alias("a"), reading.alias("g")
    parts = {
        "session": (session_part(reading, selection.get("session"), s, session_id), "session", s, session_id),
        "account": (
            account_part(reading, selection.get("account"), a), "account", a, account_id
        ),
        "agent": (agent_part(reading, selection.get("agent"), g), "agent", g, getattr(who, "agent_id", None)),
    }  # fmt: skip
    for name, (part, table, alias, id) in parts.items():
        where = f"{table} {alias} WHERE {alias}.id = {reading.bind(id, 'uuid')}"
        shape.child(name, Part(f"(SELECT {part.sql} FROM {where})", part.finish))
    row: Row = await read_value(reading, shape.part())
    return row
