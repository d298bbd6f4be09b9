"""Citizens' accounts: opening one, confirming its address, reading and changing it."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from uuid import UUID

from tortoise.exceptions import IntegrityError

from core.clock import now
from core.errors import (
    FieldProblem,
    ForbiddenError,
    NotAllowedError,
    NotFoundError,
    PartnerError,
    UsernameTakenError,
    ValidationError,
)
from core.i18n import Text
from core.password_rules import password_problems
from core.passwords import hash_password
from core.selection import Selection
from core.settings import get_settings
from models.accounts import Account, Credential, normalised_username
from models.actors import Actor, CitizenActor
from models.contact import Contact, check_contact
from models.database import Row, fetch, fetch_one, violated_constraint
from models.email_confirmation import read_confirmation_token
from resolvers import captcha as captchas
from resolvers import catalogue
from resolvers.captcha import CaptchaAnswer, Passed
from resolvers.mail_limits import count_confirmation
from resolvers.partner_links import WantedLink, credential_problems, link_new_account
from resolvers.reading.accounts import account_part
from resolvers.reading.shape import read_one, reading_for
from resolvers.work import Work, unit_of_work

USERNAME = re.compile(r"[^\W_][\w.@-]{2,39}")
SUGGESTIONS = 3
PROVED_BY_TOKEN = frozenset({"id", "username", "email_confirmed_at", "created_at"})
"""What whoever reads the mailbox may know of the account: less than its citizen, since an address may be mistyped."""

_USERNAME_ADVICE = Text(
    fr="Le nom d’utilisateur compte de 3 à 40 caractères : lettres, chiffres, point, tiret, tiret bas ou arobase.",
    en="A username has 3 to 40 characters: letters, digits, dot, hyphen, underscore or at sign.",
)


@dataclass(frozen=True, slots=True)
class CreatedAccount:
    """The account stands even where the partner's link does not."""

    account: Row
    partner_problem: PartnerError | None


async def me(actor: Actor, *, selection: Selection) -> Row | None:
    """The caller's own account; None for anyone but a citizen who is logged in."""
    if not isinstance(actor, CitizenActor):
        return None
    return await read_account(actor, actor.account_id, selection)


async def create_account(
    actor: Actor,
    *,
    username: str,
    password: str,
    profile: Contact,
    captcha: CaptchaAnswer,
    partner: WantedLink | None,
    selection: Selection,
) -> CreatedAccount:
    """Opens an account, mails a confirmation to its address, and links it to a partner where that is wanted.

    `selection` is what is asked of the account, which stands even where the partner says no or nothing.

    Raises ValidationError, CaptchaError, UsernameTakenError, RateLimitedError. A taken username costs a try of the
    captcha, not the captcha: the person chooses another one and sends the same code again.
    """
    username = normalised_username(username)
    contact, problems = check_contact(
        profile, today=await catalogue.today(), prefix="profile", email_required=True
    )
    about = known_of(profile, (await catalogue.current()).municipality.name)
    problems = [*username_problems(username), *password_problems(password, username, about=about), *problems]
    problems += credential_problems(partner.credentials, "partner.") if partner else []
    ValidationError.raise_for(problems)
    assert contact is not None
    challenge = await captchas.check(captcha, "CREATE_ACCOUNT")
    await count_confirmation(actor, contact.email or "")
    password_hash = await hash_password(password)
    try:
        account_id = await _open(actor, username, password_hash, contact, challenge)
    except IntegrityError as error:
        if violated_constraint(error) != "credential_username_unique":
            raise
        await captchas.spend_try(challenge)
        raise UsernameTakenError(await free_usernames(username)) from error
    problem = await link_new_account(account_id, partner) if partner else None
    owner = CitizenActor(account_id=account_id, session_id=account_id, language=actor.language)
    row = await read_account(owner, account_id, selection)
    assert row is not None
    return CreatedAccount(row, problem)


async def confirm_email(actor: Actor, *, token: str, selection: Selection) -> Row:
    """Confirms the address that the token was mailed to; again and again the same answer. Temporary passwords that went
    to the one before are worth nothing any more.

    Raises NotFoundError where the token is none of ours, has expired, or the account has another address by now;
    ForbiddenError where more is asked of the account than PROVED_BY_TOKEN by anyone but its citizen.
    """
    confirmed = read_confirmation_token(token)
    is_owner = confirmed and isinstance(actor, CitizenActor) and actor.account_id == confirmed[0]
    if not is_owner and not selection.names <= PROVED_BY_TOKEN:
        raise ForbiddenError(
            Text(
                fr="Connectez-vous pour lire votre compte : ce lien ne fait que confirmer l’adresse.",
                en="Log in to read your account: this link only confirms the address.",
            )
        )
    row = confirmed and await fetch_one(
        "WITH confirmed AS ("
        "UPDATE account a SET email_confirmed_at = coalesce(a.email_confirmed_at, now()), former_email = NULL "
        "FROM account before WHERE before.id = a.id AND a.id = $1 AND lower(a.email) = lower($2) "
        "AND a.closed_at IS NULL RETURNING a.id, before.former_email"
        "), overtaken AS ("
        "DELETE FROM temporary_password t USING credential c, confirmed d "
        "WHERE c.id = t.credential_id AND c.account_id = d.id AND d.former_email IS NOT NULL"
        ") SELECT id FROM confirmed",
        *confirmed,
    )
    if not row:
        raise NotFoundError(
            Text(
                fr="Ce lien de confirmation n’est pas ou n’est plus valable. Connectez-vous pour en recevoir un autre.",
                en="This confirmation link is not or no longer valid. Log in to get another one.",
            )
        )
    owner = CitizenActor(account_id=row["id"], session_id=row["id"], language=actor.language)
    account = await read_account(owner, row["id"], selection)
    assert account is not None
    return account


async def resend_confirmation(actor: Actor, *, selection: Selection) -> Row:
    """Mails the confirmation once more. Raises NotAllowedError once the address is confirmed, RateLimitedError."""
    assert isinstance(actor, CitizenActor)
    await _mail_confirmation(actor)
    row = await read_account(actor, actor.account_id, selection)
    assert row is not None
    return row


async def update_profile(actor: Actor, *, profile: Contact, selection: Selection) -> Row:
    """Replaces the profile. Another e-mail address has to be confirmed again; the one before is told of it.

    Raises ValidationError, RateLimitedError.
    """
    assert isinstance(actor, CitizenActor)
    contact, problems = check_contact(profile, today=await catalogue.today(), email_required=True)
    ValidationError.raise_for(problems)
    assert contact is not None
    await _replace_profile(actor, contact)
    row = await read_account(actor, actor.account_id, selection)
    assert row is not None
    return row


async def read_account(actor: Actor, account_id: UUID, selection: Selection) -> Row | None:
    """An account by its id, for somebody who is known to own it."""
    reading = await reading_for(actor)
    a = reading.alias("a")
    part = account_part(reading, selection, a)
    return await read_one(reading, part, f"account {a} WHERE {a}.id = {reading.bind(account_id, 'uuid')}")


def known_of(profile: Contact, commune: str) -> list[str]:
    """What others may know of somebody, and would try first in a password."""
    address, born = profile.address, profile.birth_date
    known = [profile.first_name, profile.last_name, profile.email, commune]
    known += [address.city, address.postal_code] if address else []
    known += [f"{born:%Y}", f"{born:%d%m%Y}", f"{born:%d%m%y}", f"{born:%Y%m%d}"] if born else []
    return [text for text in known if text]


def username_problems(username: str) -> list[FieldProblem]:
    return [] if USERNAME.fullmatch(username) else [FieldProblem("username", _USERNAME_ADVICE)]


@unit_of_work
async def _open(
    work: Work, actor: Actor, username: str, password_hash: str, contact: Contact, challenge: Passed
) -> UUID:
    await captchas.consume(challenge, "CREATE_ACCOUNT")
    account = await create_account_rows(username, password_hash, contact, actor.language)
    work.mail("email_confirmation", account.email, actor.language, account_id=account.id)
    return account.id


async def create_account_rows(
    username: str, password_hash: str | None, contact: Contact, language: str
) -> Account:
    """The rows of a new account, in the transaction under way. One without a password gets an identity in it, too."""
    account = Account(
        profile=contact.to_json(),
        email=contact.email or "",
        language=language,
        storage_quota_bytes=get_settings().storage_quota_bytes,
    )
    await account.save(force_create=True)
    credential = Credential(username=username, password_hash=password_hash, account_id=account.id)
    await credential.save(force_create=True)
    return account


@unit_of_work
async def _mail_confirmation(work: Work, actor: CitizenActor) -> None:
    row = await fetch_one(
        "SELECT email, email_confirmed_at FROM account WHERE id = $1 FOR NO KEY UPDATE", actor.account_id
    )
    assert row is not None
    if row["email_confirmed_at"] is not None:
        raise NotAllowedError(
            Text(
                fr="Votre adresse de courriel est déjà confirmée.",
                en="Your e-mail address is confirmed already.",
            )
        )
    await count_confirmation(actor, row["email"])
    work.mail("email_confirmation", row["email"], actor.language, account_id=actor.account_id)


@unit_of_work
async def _replace_profile(work: Work, actor: CitizenActor, contact: Contact) -> None:
    row = await fetch_one("SELECT * FROM account WHERE id = $1 FOR NO KEY UPDATE", actor.account_id)
    assert row is not None
    account = Account._init_from_db(**row)
    before, account.email = account.email, contact.email or ""
    account.profile = contact.to_json()
    if before.lower() != account.email.lower():
        await count_confirmation(actor, account.email)
        if account.email_confirmed_at is not None:
            account.former_email = before
        account.email_confirmed_at = None
        work.mail("email_confirmation", account.email, actor.language, account_id=account.id)
        # Whoever reads the old ones learns of it, in case it is somebody else who did it.
        for address in dict.fromkeys(filter(None, (before, account.former_email))):
            if address.lower() != account.email.lower():
                work.mail("email_changed", address, actor.language, account_id=account.id)
    await account.save(update_fields=["profile", "email", "email_confirmed_at", "former_email"])


async def free_usernames(taken: str) -> list[str]:
    """A few usernames near this one that nobody has now."""
    stem = taken[:34]
    year = now().year
    drawn = [f"{stem}{secrets.randbelow(90) + 10}" for _ in range(2 * SUGGESTIONS)]
    candidates = [f"{stem}.{year % 100}", *dict.fromkeys(drawn), f"{stem}-{secrets.randbelow(9000) + 1000}"]
    rows = await fetch(
        "SELECT candidate FROM unnest($1::text[]) WITH ORDINALITY AS c (candidate, place) "
        "WHERE NOT EXISTS (SELECT 1 FROM credential WHERE lower(username) = lower(candidate)) "
        "ORDER BY place LIMIT $2",
        candidates,
        SUGGESTIONS,
    )
    return [row["candidate"] for row in rows]
