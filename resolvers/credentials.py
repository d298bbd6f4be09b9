"""Modifier les identifiants de mon compte citoyen."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import orjson
from tortoise.exceptions import IntegrityError

from core.clock import now
from core.errors import (
    FieldProblem,
    InvalidCredentialsError,
    UnauthenticatedError,
    UsernameTakenError,
    ValidationError,
)
from core.i18n import Text
from core.password_rules import another_password_problems
from core.passwords import hash_password, verify_password
from core.selection import Selection
from models.accounts import normalised_username
from models.actors import Actor, CitizenActor, RestrictedActor
from models.contact import Contact
from models.database import Row, execute, fetch_one, violated_constraint
from models.temporary_password import find_temporary_password
from resolvers import catalogue
from resolvers.accounts import free_usernames, known_of, read_account, username_problems
from resolvers.sessions import CITIZEN_LIFETIME
from resolvers.work import Work, unit_of_work

_NOTHING = Text(
    fr="Indiquez un nouveau nom d’utilisateur, un nouveau mot de passe, ou les deux.",
    en="Give a new username, a new password, or both.",
)
_NO_PASSWORD = Text(
    fr="Choisissez un nouveau mot de passe : le mot de passe provisoire ne sert qu’une fois.",
    en="Choose a new password: the temporary one serves once.",
)


async def change_credentials(
    actor: Actor,
    *,
    current_password: str,
    username: str | None,
    password: str | None,
    selection: Selection,
) -> Row:
    """Another username, another password, or both; ends all other sessions, and mails that it was done.

    For who has logged in with a temporary password, that one is the current password, and the session is as any other
    afterwards. `selection` is what is asked of the account.

    Raises ValidationError, InvalidCredentialsError, UsernameTakenError; UnauthenticatedError where the session has
    ended meanwhile.
    """
    who = actor.who if isinstance(actor, RestrictedActor) else actor
    assert isinstance(who, CitizenActor)
    username = normalised_username(username) if username is not None else None
    known = await fetch_one(
        "SELECT c.id, c.username, c.password_hash, a.profile, s.temporary_password_id FROM session s "
        "JOIN credential c ON c.id = s.credential_id JOIN account a ON a.id = c.account_id "
        "WHERE s.id = $1 AND a.id = $2",
        who.session_id,
        who.account_id,
    )
    if known is None:
        raise UnauthenticatedError
    commune = (await catalogue.current()).municipality.name
    ValidationError.raise_for([*_problems(known, current_password, username, password, commune)])
    if not await _is_current(known, current_password):
        raise InvalidCredentialsError
    password_hash = await hash_password(password) if password is not None else None
    try:
        await _change(who, known, username, password_hash)
    except IntegrityError as error:
        if violated_constraint(error) != "credential_username_unique":
            raise
        raise UsernameTakenError(await free_usernames(username or "")) from error
    row = await read_account(who, who.account_id, selection)
    if row is None:
        raise UnauthenticatedError
    return row


def _problems(
    known: Row,
    current_password: str,
    username: str | None,
    password: str | None,
    commune: str,
) -> Iterator[FieldProblem]:
    if username is not None:
        yield from username_problems(username)
    if password is not None:
        about = known_of(Contact.from_json(orjson.loads(known["profile"])), commune)
        yield from another_password_problems(
            password, current_password, username or known["username"], about=about
        )
    elif known["temporary_password_id"] is not None:
        yield FieldProblem("password", _NO_PASSWORD)
    elif username is None:
        yield FieldProblem("username", _NOTHING)
        yield FieldProblem("password", _NOTHING)


async def _is_current(known: Row, typed: str) -> bool:
    temporary: UUID | None = known["temporary_password_id"]
    if temporary is not None:
        return find_temporary_password(typed, [temporary]) is not None
    return await verify_password(known["password_hash"], typed)


@unit_of_work
async def _change(
    work: Work, who: CitizenActor, known: Row, username: str | None, password_hash: str | None
) -> None:
    changed = await fetch_one(
        "UPDATE credential c SET username = coalesce($3, c.username), password_hash = coalesce($4, c.password_hash) "
        "FROM account a WHERE a.id = c.account_id AND c.id = $1 AND c.password_hash = $2 "
        "RETURNING a.email, a.former_email",
        known["id"],
        known["password_hash"],
        username,
        password_hash,
    )
    if changed is None:
        # Somebody has changed it meanwhile: what was typed is not the current password any more.
        raise InvalidCredentialsError
    is_still_in = await execute(
        "UPDATE session SET temporary_password_id = NULL, expires_at = CASE WHEN temporary_password_id IS NULL "
        "THEN expires_at ELSE $2 END WHERE id = $1 AND expires_at > now()",
        who.session_id,
        now() + CITIZEN_LIFETIME,
    )
    if not is_still_in:
        raise UnauthenticatedError
    await execute("DELETE FROM session WHERE credential_id = $1 AND id <> $2", known["id"], who.session_id)
    await execute("DELETE FROM temporary_password WHERE credential_id = $1", known["id"])
    for address in dict.fromkeys(filter(None, (changed["email"], changed["former_email"]))):
        work.mail("credentials_changed", address, who.language, account_id=who.account_id)
    work.wake("sessions")
