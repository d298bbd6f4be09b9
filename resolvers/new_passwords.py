"""Mot de passe oublié ? Asked for here, answered by a worker, used at the next log-in.

Asking does the same whether or not there is such an account: what was typed is sealed, and kept for a worker to look at
(docs/decisions/0014). The password itself is nowhere at rest: see models/temporary_password.py.
"""

from __future__ import annotations

import logging
import random
from datetime import datetime, timedelta
from uuid import UUID

from core.clock import now
from core.errors import InvalidCredentialsError
from core.i18n import Language, Text
from core.keys import new_token, seal, unseal
from core.passwords import hash_password, normalised
from models.accounts import NewPasswordRequest, Session
from models.actors import Actor
from models.database import Row, execute, fetch, fetch_one
from models.email_address import LONGEST, normalised_email
from models.temporary_password import LIFETIME, TEMPLATE
from resolvers import captcha as captchas
from resolvers.captcha import CaptchaAnswer, Passed
from resolvers.mail_limits import may_mail_new_password
from resolvers.work import Work, unit_of_work

SEAL = "new password request"

MOST_ACCOUNTS = 5
"""Accounts that one address may be of and that are all answered: a family's, say. The latest opened, of more."""

MOST_DELAY = timedelta(seconds=3)
"""A worker looks at some moment within it: whoever measures how busy we are just after asking learns nothing."""

CHANGE_LIFETIME = timedelta(minutes=30)
"""How long whoever has used a temporary password has to choose another one."""

ANSWER = Text(
    fr="Si un compte correspond à ce que vous avez indiqué, un courriel part à son adresse. Il contient un mot de "
    "passe provisoire, valable 10 minutes et une seule fois ; d’ici là, votre mot de passe actuel reste valable. "
    "Rien reçu ? Vérifiez les courriels indésirables, puis ce que vous avez saisi, ou contactez la mairie.",
    en="If there is an account for what you gave, an e-mail is on its way to its address. It holds a temporary "
    "password, good for 10 minutes and for one use; until then, your present password goes on working. Nothing came? "
    "Look at your junk mail, then at what you typed, or contact the mairie.",
)

logger = logging.getLogger(__name__)


async def request_new_password(
    actor: Actor, *, username_or_email: str, captcha: CaptchaAnswer | None
) -> Text:
    """What to tell the person, whether or not there is such an account. Raises CaptchaError."""
    challenge = await captchas.check(captcha, "REQUEST_PASSWORD")
    await _ask(actor.language, username_or_email, challenge)
    return ANSWER


@unit_of_work
async def _ask(work: Work, language: Language, username_or_email: str, challenge: Passed) -> None:
    await captchas.consume(challenge, "REQUEST_PASSWORD")
    typed = normalised(username_or_email).strip()[:LONGEST]
    due_at = now() + MOST_DELAY * random.random()  # noqa: S311
    request = NewPasswordRequest(typed=seal(SEAL, typed.encode()), language=language, due_at=due_at)
    await request.save(force_create=True)


@unit_of_work
async def answer_request(work: Work, id: UUID) -> None:
    """Mails what was asked for to the accounts that were meant; doing it twice mails once."""
    request = await fetch_one("DELETE FROM new_password_request WHERE id = $1 RETURNING typed, language", id)
    if request is None:
        return
    try:
        typed = unseal(SEAL, request["typed"]).decode()
    except ValueError:
        logger.warning("a new password was asked for under another secret key")
        return
    for account in await _meant(typed):
        proved = account["email"] if account["is_confirmed"] else account["former_email"]
        if not await may_mail_new_password(proved or account["email"]):
            continue
        # To an address that nobody has confirmed goes no password: it may be a stranger's, mistyped.
        work.mail(
            TEMPLATE if proved else "new_password_unconfirmed",
            proved or account["email"],
            request["language"],
            account_id=account["id"],
        )


async def _meant(typed: str) -> list[Row]:
    """The accounts with this username, or this address, or whose last confirmed address this is, unless closed."""
    return await fetch(
        "SELECT id, email, former_email, email_confirmed_at IS NOT NULL AS is_confirmed FROM account WHERE id IN ("
        "SELECT account_id FROM credential WHERE lower(username) = lower($1) "
        "UNION SELECT id FROM account WHERE lower(email) = lower($2) "
        "UNION SELECT id FROM account WHERE lower(former_email) = lower($2)) "
        "AND closed_at IS NULL ORDER BY id DESC LIMIT $3",
        typed,
        normalised_email(typed) or typed,
        MOST_ACCOUNTS,
    )


async def begin_lifetime(mail_id: UUID, taken_at: datetime) -> None:
    """The mail server has taken the mail: its password can be used from now on, for ten minutes from then.

    Not where it went to an address that is the account's no more: another one was confirmed while it waited.
    """
    await execute(
        "INSERT INTO temporary_password (id, credential_id, expires_at) "
        "SELECT m.id, c.id, $2 FROM mail m JOIN account a ON a.id = m.account_id "
        "JOIN credential c ON c.account_id = a.id "
        "WHERE m.id = $1 AND lower(m.recipient) IN (lower(a.email), lower(a.former_email)) "
        "ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at",
        mail_id,
        taken_at + LIFETIME,
    )


async def use_temporary_password(actor: Actor, credential: Row, session: Session) -> None:
    """Opens `session`, which is for choosing another password only (`temporary_password_id` says so).

    From then on neither the temporary password nor the one before opens anything, and all other sessions have ended.
    Raises InvalidCredentialsError where somebody else was faster.
    """
    # The hash of what nobody knows, rather than none: whoever tries is compared with something.
    await _use(actor, credential, session, await hash_password(new_token()))


@unit_of_work
async def _use(work: Work, actor: Actor, credential: Row, session: Session, nobodys: str) -> None:
    used = await fetch_one(
        "DELETE FROM temporary_password WHERE id = $1 AND expires_at > now() RETURNING id",
        session.temporary_password_id,
    )
    if used is None:
        raise InvalidCredentialsError
    changed = await fetch_one(
        "UPDATE credential c SET password_hash = $2 FROM account a WHERE c.id = $1 AND a.id = c.account_id "
        "RETURNING a.email, a.former_email",
        credential["id"],
        nobodys,
    )
    if changed is None:
        raise InvalidCredentialsError
    await execute("DELETE FROM temporary_password WHERE credential_id = $1", credential["id"])
    await execute("DELETE FROM session WHERE credential_id = $1", credential["id"])
    await session.save(force_create=True)
    for address in dict.fromkeys(filter(None, (changed["email"], changed["former_email"]))):
        work.mail("temporary_password_used", address, actor.language, account_id=credential["account_id"])
    work.wake("sessions")
