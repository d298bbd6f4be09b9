"""Closing an account, and undoing it while its days of grace last.

A closed account is out of reach at once: its sessions end, and nobody logs into it, by whatever way: a trigger sees to
that. All that it holds is kept for the grace, so that whoever was wrong, or was wronged, gets everything back; then
resolvers/erasure.py erases it. Requests that were sent go on: they are the mairie's business, and open by their ticket.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from tortoise.exceptions import IntegrityError

from core.clock import now
from core.errors import (
    InvalidCredentialsError,
    NotAllowedError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from core.i18n import Language, Text
from core.passwords import verify_password
from core.settings import get_settings
from core.wording import readable_date
from models.accounts import normalised_username
from models.actors import Actor, AgentActor, CitizenActor
from models.database import Row, execute, fetch_one, violated_constraint
from resolvers import catalogue
from resolvers.data_exports import drop_export
from resolvers.work import Work, unit_of_work
from uploads.storing import throw_away

_CLOSED = Text(
    fr="Ce compte a été fermé. Ses données seront effacées le {day} ; d’ici là, la mairie peut le rouvrir : {contact}.",
    en="This account was closed: its data will be erased on {day}. Until then the mairie can reopen it: {contact}.",
)
_BEING_ERASED = Text(
    fr="Ce compte a été fermé, et ses données sont effacées. Vous pouvez en créer un autre.",
    en="This account was closed, and its data are erased. You can create another one.",
)
_IDENTIFY_AGAIN = Text(
    fr="Ce compte n’a pas de mot de passe. Identifiez-vous de nouveau, puis fermez-le dans le quart d’heure qui suit.",
    en="This account has no password. Identify yourself again, then close it within a quarter of an hour.",
)
_NONE_TO_RESTORE = Text(
    fr="Aucun compte fermé ne porte ce nom d’utilisateur, ou le délai pour le rouvrir est passé.",
    en="No closed account has this username, or it is too late to restore it.",
)
_NONE_TO_CLOSE = Text(
    fr="Aucun compte citoyen ne porte ce nom d’utilisateur.", en="No citizen's account has this username."
)

JUST_NOW = timedelta(minutes=15)
"""How long having identified oneself at a provider stands for a password, where there is none."""

logger = logging.getLogger(__name__)


async def delete_account(actor: Actor, *, password: str) -> datetime:
    """Closes the caller's account; when its data will be erased. All its sessions end, this one too.

    An account that has no password is closed by whoever has just identified themselves at the provider.
    Raises InvalidCredentialsError, NotAllowedError (identify again first), RateLimitedError.
    """
    assert isinstance(actor, CitizenActor)
    known = await fetch_one(
        "SELECT c.password_hash, s.identity_id IS NOT NULL AND s.created_at > now() - $2::interval AS just_identified "
        "FROM session s JOIN credential c ON c.id = s.credential_id WHERE s.id = $1",
        actor.session_id,
        JUST_NOW,
    )
    if known is None:
        raise UnauthenticatedError
    if known["password_hash"] is None:
        if not known["just_identified"]:
            raise NotAllowedError(_IDENTIFY_AGAIN)
    elif not await verify_password(known["password_hash"], password):
        raise InvalidCredentialsError
    return await _close(actor.account_id, actor.language)


async def close_account(username: str) -> datetime:
    """The same by the operator, for somebody who asked for it by letter. Raises NotFoundError."""
    account = await fetch_one(
        "SELECT a.id, a.language FROM account a JOIN credential c ON c.account_id = a.id "
        "WHERE lower(c.username) = lower($1)",
        normalised_username(username),
    )
    if account is None:
        raise NotFoundError(_NONE_TO_CLOSE)
    return await _close(account["id"], account["language"])


async def restore_account(by: Actor | Literal["OPERATOR"], *, username: str) -> str:
    """Opens a closed account again, as it was, but for its sessions; its username. Its citizen is told by mail.

    Raises NotFoundError where there is none, or its days of grace are over.
    """
    account_id, restored = await _restore(normalised_username(username))
    # Who undoes a closing does it for somebody else, whom they have to know: this is what can be looked up.
    who = f"agent {by.agent_id}" if isinstance(by, AgentActor) else "the operator"
    logger.info("account %s restored by %s", account_id, who)
    return restored


async def refuse_closed(credential: Row) -> None:
    """Raises NotAllowedError where the account of this credential (of `resolvers.sessions.find_credential`) is closed.

    For whoever has shown its password: until when, and whom to ask.
    """
    if credential["closed_at"] is not None:
        raise await _closed_refusal(credential["erasure_at"])


@asynccontextmanager
async def refused_if_closed(credential_id: UUID) -> AsyncIterator[None]:
    """Around whatever opens a session. Raises NotAllowedError where the account was closed at this very moment."""
    try:
        yield
    except IntegrityError as error:
        if violated_constraint(error) != "session_of_open_account":
            raise
        account = await fetch_one(
            "SELECT a.erasure_at FROM account a JOIN credential c ON c.account_id = a.id WHERE c.id = $1",
            credential_id,
        )
        if account is None or account["erasure_at"] is None:
            raise UnavailableError from error  # Restored or erased since: the same call again is told which.
        raise await _closed_refusal(account["erasure_at"]) from error


async def _closed_refusal(erasure_at: datetime) -> NotAllowedError:
    if erasure_at <= now():
        return NotAllowedError(_BEING_ERASED)
    municipality = (await catalogue.current()).municipality
    day = erasure_at.astimezone(ZoneInfo(municipality.timezone)).date()
    contact = municipality.contact_email
    readable = Text(fr=readable_date(day, "fr"), en=readable_date(day, "en"))
    return NotAllowedError(_CLOSED.format(day=readable, contact=contact))


async def _close(account_id: UUID, language: Language) -> datetime:
    erasure_at, export = await _write_closing(account_id, language)
    # It could not be fetched any more. Left behind, it would go with the sweep.
    if export is not None:
        await throw_away(export)
    return erasure_at


@unit_of_work
async def _write_closing(work: Work, account_id: UUID, language: Language) -> tuple[datetime, str | None]:
    """When the data will be erased, and the address of an export that nobody can fetch any more.

    Closing again changes nothing, and answers the same.
    """
    account = await _lock(account_id)
    closed_at = now()
    erasure_at: datetime = account["erasure_at"] or closed_at + timedelta(
        days=get_settings().account_grace_days
    )
    if account["closed_at"] is None:
        await execute(
            "UPDATE account SET closed_at = $2, erasure_at = $3 WHERE id = $1",
            account_id,
            closed_at,
            erasure_at,
        )
        _tell(work, "account_closed", account, language)
    await execute(
        "DELETE FROM session s USING credential c WHERE c.id = s.credential_id AND c.account_id = $1",
        account_id,
    )
    work.wake("sessions")
    return erasure_at, await drop_export(account_id)


async def _lock(account_id: UUID) -> Row:
    """Whoever opens a session at this moment has it already, or waits and is refused."""
    account = await fetch_one(
        "SELECT id, email, former_email, closed_at, erasure_at FROM account WHERE id = $1 FOR NO KEY UPDATE",
        account_id,
    )
    if account is None:
        raise NotFoundError(_NONE_TO_CLOSE)
    return account


@unit_of_work
async def _restore(work: Work, username: str) -> tuple[UUID, str]:
    # By the clock as it is once the row is ours, not as it was when the transaction began: the erasure may have begun.
    account = await fetch_one(
        "UPDATE account a SET closed_at = NULL, erasure_at = NULL FROM credential c "
        "WHERE c.account_id = a.id AND lower(c.username) = lower($1) AND a.erasure_at > clock_timestamp() "
        "RETURNING a.id, a.email, a.former_email, a.language, c.username",
        username,
    )
    if account is None:
        raise NotFoundError(_NONE_TO_RESTORE)
    _tell(work, "account_restored", account, account["language"])
    return account["id"], account["username"]


def _tell(work: Work, template: str, account: Row, language: Language) -> None:
    """By mail, also to the last address that was proved: whoever has changed it since may be somebody else."""
    for address in dict.fromkeys(filter(None, (account["email"], account["former_email"]))):
        work.mail(template, address, language, account_id=account["id"])
