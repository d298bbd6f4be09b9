"""Logging in with an identity of a provider: what it opens, how an account gets one, and how it loses it.

Only what the provider proves, its own name for the person, ever finds an account. That an e-mail address, a name or a
date of birth is the same links nothing: an identity is linked by whoever knows the account's password.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import orjson
from tortoise.exceptions import IntegrityError

from core.clock import now
from core.errors import (
    FieldProblem,
    InvalidCredentialsError,
    NotAllowedError,
    NotFoundError,
    UsernameTakenError,
    ValidationError,
)
from core.event_bus import event_bus
from core.i18n import Language, Text
from core.keys import hmac_digest, new_token, seal, token_digest, unseal
from core.openid import Person
from core.password_rules import password_problems
from core.passwords import hash_password
from core.selection import Selection
from core.settings import get_settings
from models.accounts import Session, normalised_username
from models.actors import Actor, AgentActor, CitizenActor, RestrictedActor
from models.contact import Contact, check_contact
from models.database import Row, execute, fetch_one, violated_constraint
from models.email_address import normalised_email
from models.identities import Identity, PendingIdentity
from models.ids import decode_as, new_id
from resolvers import catalogue
from resolvers.accounts import create_account_rows, free_usernames, known_of, username_problems
from resolvers.mail_limits import count_confirmation
from resolvers.reading.accounts import identity_list
from resolvers.reading.shape import read_value, reading_for
from resolvers.sessions import LoggedIn, open_with_identity, prove_password, read_logged_in
from resolvers.work import Work, unit_of_work

PENDING = timedelta(minutes=15)
"""How long somebody who is new has to open an account, or to link one."""

PERSON, ID_TOKEN = "openid person", "openid id token"
USERNAME_STEM = 30

_NO_PENDING = Text(
    fr="Cette identification a expiré ou a déjà servi. Identifiez-vous de nouveau.",
    en="This identification has expired, or was used already. Identify yourself again.",
)
_LINKED_ALREADY = Text(
    fr="Cette identité ouvre déjà un compte. Identifiez-vous de nouveau pour y entrer.",
    en="This identity already opens an account. Identify yourself again to enter it.",
)
_HAS_ONE_ALREADY = Text(
    fr="Une autre identité de {provider} ouvre déjà ce compte. Détachez-la d’abord, dans Mon compte.",
    en="Another identity of {provider} already opens this account. Unlink it first, in your account.",
)
_LAST_WAY_IN = Text(
    fr="C’est le seul moyen d’entrer dans ce compte. Choisissez d’abord un mot de passe : « Mot de passe oublié ».",
    en="This is the only way into this account. Choose a password first: link “Forgotten password”.",
)
_BOTH_OR_NEITHER = Text(
    fr="Indiquez un nom d’utilisateur et un mot de passe, ou aucun des deux.",
    en="Give a username and a password, or neither.",
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a log-in with an identity came to: `token` is that of a session, or of a pending identity."""

    token: str
    expires_at: datetime
    is_known: bool


async def spend_login(state: str) -> bool:
    """Takes the answer to a log-in, once: of any number at once, and ever after, one is told True."""
    taken = await fetch_one(
        "INSERT INTO spent_login (id, state, expires_at) VALUES ($1, $2, $3) "
        "ON CONFLICT (state) DO NOTHING RETURNING id",
        new_id(),
        token_digest(state),
        now() + timedelta(hours=1),
    )
    return taken is not None


async def arrive(person: Person, *, issuer: str, provider: str, user_agent: str | None) -> Arrival:
    """A session, where the identity opens an account; otherwise a pending identity.

    Raises NotAllowedError where the account is closed.
    """
    subject = hmac_digest("openid subject", f"{issuer}\0{person.subject}".encode())
    token = new_token()
    session = await _enter(subject, person, token, user_agent)
    if session is not None:
        return Arrival(token, session.expires_at, is_known=True)
    known = {**asdict(person), "id_token": None, "subject": None}
    pending = PendingIdentity(
        token_digest=token_digest(token),
        issuer=issuer,
        provider=provider,
        subject=subject,
        acr=person.acr,
        amr=list(person.amr),
        person=seal(PERSON, orjson.dumps(known)),
        id_token=seal(ID_TOKEN, person.id_token.encode()),
        expires_at=now() + PENDING,
    )
    await pending.save(force_create=True)
    return Arrival(token, pending.expires_at, is_known=False)


async def pending_identity(token: str | None) -> Row | None:
    """Who has logged in and has no account yet, in this browser; None where nobody has, or it is too late."""
    pending = token and await fetch_one(
        "SELECT provider, person, expires_at FROM pending_identity WHERE token_digest = $1 AND expires_at > now()",
        token_digest(token),
    )
    if not pending:
        return None
    person = orjson.loads(unseal(PERSON, bytes(pending["person"])))
    return {
        "provider": pending["provider"],
        "first_name": person["given_name"],
        "last_name": person["family_name"],
        "birth_date": _date(person["birth_date"]),
        "email": normalised_email(person["email"]) if person["email"] else None,
        "expires_at": pending["expires_at"],
    }


async def create_account_with_identity(
    actor: Actor,
    *,
    pending: str | None,
    profile: Contact,
    username: str | None,
    password: str | None,
    user_agent: str | None,
    selection: Selection,
) -> LoggedIn:
    """Opens an account for whoever has just logged in at the provider, and a session. No captcha: they are a person.

    Without username and password the account gets a username of its own and no password. Raises ValidationError,
    UsernameTakenError, NotFoundError (nobody is pending), NotAllowedError (linked meanwhile), RateLimitedError.
    """
    contact, problems = check_contact(
        profile, today=await catalogue.today(), prefix="profile", email_required=True
    )
    about = known_of(profile, (await catalogue.current()).municipality.name)
    problems = [*_credential_problems(username, password, about), *problems]
    ValidationError.raise_for(problems)
    assert contact is not None
    if await pending_identity(pending) is None or pending is None:
        raise NotFoundError(_NO_PENDING)
    await count_confirmation(actor, contact.email or "")
    password_hash = await hash_password(password) if password else None
    token = new_token()
    chosen = normalised_username(username) if username else None
    while True:
        name = chosen or await _username_for(contact)
        try:
            session, account_id = await _open(actor, pending, name, password_hash, contact, token, user_agent)
            break
        except IntegrityError as error:
            match violated_constraint(error):
                case "credential_username_unique" if chosen:
                    raise UsernameTakenError(await free_usernames(chosen)) from error
                case "credential_username_unique":
                    continue
                case "identity_subject_unique":
                    raise NotAllowedError(_LINKED_ALREADY) from error
            raise
    owner = CitizenActor(account_id=account_id, session_id=session.id, language=actor.language)
    return await read_logged_in(owner, session, token, selection)


async def link_identity(
    actor: Actor,
    *,
    pending: str | None,
    username: str,
    password: str,
    user_agent: str | None,
    selection: Selection,
) -> LoggedIn:
    """Has the pending identity open the account whose username and password these are, from now on; and a session.

    Raises InvalidCredentialsError (agents' too: they have no account), NotFoundError (nobody is pending),
    NotAllowedError (linked meanwhile, the account has one of this provider, or is closed).
    """
    credential = await prove_password(username, password)
    if credential["account_id"] is None:
        raise InvalidCredentialsError
    token = new_token()
    try:
        session = await _link(actor, pending, credential, token, user_agent)
    except IntegrityError as error:
        match violated_constraint(error):
            case "identity_subject_unique":
                raise NotAllowedError(_LINKED_ALREADY) from error
            case "identity_one_a_provider":
                provider = get_settings().openid_name
                raise NotAllowedError(_HAS_ONE_ALREADY.format(provider=provider)) from error
        raise
    owner = CitizenActor(account_id=credential["account_id"], session_id=session.id, language=actor.language)
    return await read_logged_in(owner, session, token, selection)


async def unlink_identity(actor: Actor, *, identity: str, selection: Selection) -> list[Row]:
    """Has an identity of the caller's account open it no more, and ends the other sessions that it has opened.

    Those that are left. Raises NotFoundError, and NotAllowedError where nobody could log in any more.
    """
    assert isinstance(actor, CitizenActor)
    await _unlink(actor, decode_as("Identity", identity))
    reading = await reading_for(actor)
    account = reading.bind(actor.account_id, "uuid")
    rows: list[Row] = await read_value(reading, identity_list(reading, selection, account))
    return rows


async def leave(actor: Actor) -> str | None:
    """Ends the session that the caller is in. The provider's token, where it was opened with an identity."""
    if not isinstance(actor, (CitizenActor, AgentActor, RestrictedActor)):
        return None
    left = await fetch_one("DELETE FROM session WHERE id = $1 RETURNING id_token", actor.session_id)
    await event_bus().wake("sessions")
    if left is None or left["id_token"] is None:
        return None
    return unseal(ID_TOKEN, bytes(left["id_token"])).decode()


@unit_of_work
async def _enter(
    work: Work, subject: bytes, person: Person, token: str, user_agent: str | None
) -> Session | None:
    # The row stays locked: whoever unlinks it ends this session, too.
    known = await fetch_one(
        "UPDATE identity SET last_used_at = now(), acr = $2, amr = $3::jsonb WHERE subject = $1 "
        "RETURNING id, account_id",
        subject,
        person.acr,
        orjson.dumps(person.amr).decode(),
    )
    if known is None:
        return None
    credential = await fetch_one("SELECT * FROM credential WHERE account_id = $1", known["account_id"])
    if credential is None:
        return None
    sealed = seal(ID_TOKEN, person.id_token.encode())
    return await open_with_identity(credential, token, user_agent, identity_id=known["id"], id_token=sealed)


@unit_of_work
async def _open(
    work: Work,
    actor: Actor,
    pending: str,
    username: str,
    password_hash: str | None,
    contact: Contact,
    token: str,
    user_agent: str | None,
) -> tuple[Session, UUID]:
    taken = await _take(pending)
    account = await create_account_rows(username, password_hash, contact, actor.language)
    work.mail("email_confirmation", account.email, actor.language, account_id=account.id)
    credential = await fetch_one("SELECT * FROM credential WHERE account_id = $1", account.id)
    assert credential is not None
    return await _open_with(taken, credential, token, user_agent), account.id


@unit_of_work
async def _link(
    work: Work, actor: Actor, pending: str | None, credential: Row, token: str, user_agent: str | None
) -> Session:
    same = await fetch_one(
        "SELECT a.email, a.former_email, a.language FROM credential c JOIN account a ON a.id = c.account_id "
        "WHERE c.id = $1 AND c.password_hash = $2 FOR SHARE OF c",
        credential["id"],
        credential["password_hash"],
    )
    if same is None:
        raise InvalidCredentialsError
    session = await _open_with(await _take(pending), credential, token, user_agent)
    _tell(work, "identity_linked", same, credential["account_id"])
    return session


async def _take(pending: str | None) -> Row:
    """The pending identity, used up. Raises NotFoundError."""
    taken = pending and await fetch_one(
        "DELETE FROM pending_identity WHERE token_digest = $1 AND expires_at > now() RETURNING *",
        token_digest(pending),
    )
    if not taken:
        raise NotFoundError(_NO_PENDING)
    return taken


async def _open_with(taken: Row, credential: Row, token: str, user_agent: str | None) -> Session:
    identity = Identity(
        account_id=credential["account_id"],
        issuer=taken["issuer"],
        provider=taken["provider"],
        subject=bytes(taken["subject"]),
        acr=taken["acr"],
        amr=orjson.loads(taken["amr"]),
    )
    await identity.save(force_create=True)
    id_token = bytes(taken["id_token"])
    return await open_with_identity(credential, token, user_agent, identity_id=identity.id, id_token=id_token)


@unit_of_work
async def _unlink(work: Work, actor: CitizenActor, id: UUID | None) -> None:
    # The account first: of the last two identities one stays, whoever asks at the same moment.
    account = await fetch_one(
        "SELECT email, former_email, language FROM account WHERE id = $1 FOR NO KEY UPDATE", actor.account_id
    )
    assert account is not None
    identity = await fetch_one(
        "SELECT i.id, c.password_hash IS NOT NULL AS has_password, "
        "(SELECT count(*) FROM identity WHERE account_id = $2) AS identities "
        "FROM identity i JOIN credential c ON c.account_id = i.account_id "
        "WHERE i.id = $1 AND i.account_id = $2 FOR UPDATE OF i",
        id,
        actor.account_id,
    )
    if identity is None:
        raise NotFoundError
    if not identity["has_password"] and identity["identities"] == 1:
        raise NotAllowedError(_LAST_WAY_IN)
    await execute("DELETE FROM session WHERE identity_id = $1 AND id <> $2", identity["id"], actor.session_id)
    work.wake("sessions")
    await execute("DELETE FROM identity WHERE id = $1", identity["id"])
    _tell(work, "identity_unlinked", account, actor.account_id)


def _tell(work: Work, template: str, account: Row, account_id: UUID) -> None:
    """By mail, also to the last address that was proved: whoever has changed it since may be somebody else."""
    for address in dict.fromkeys(filter(None, (account["email"], account["former_email"]))):
        work.mail(template, address, _language(account["language"]), account_id=account_id)


def _credential_problems(
    username: str | None, password: str | None, about: Collection[str]
) -> list[FieldProblem]:
    if not username and not password:
        return []
    if not username or not password:
        return [FieldProblem("password" if username else "username", _BOTH_OR_NEITHER)]
    name = normalised_username(username)
    return [*username_problems(name), *password_problems(password, name, about=about)]


async def _username_for(contact: Contact) -> str:
    """`jeanne.durand`, or one like it that nobody has."""
    decomposed = unicodedata.normalize("NFKD", f"{contact.first_name}.{contact.last_name}".lower())
    stem = "".join(c for c in decomposed if c.isascii() and (c.isalnum() or c in ".-"))[:USERNAME_STEM]
    stem = stem.strip(".-") if len(stem.strip(".-")) > 2 else "citoyen"
    (free, *_) = [name for name in [stem] if not await _is_taken(name)] or await free_usernames(stem)
    return free


async def _is_taken(username: str) -> bool:
    return bool(await fetch_one("SELECT id FROM credential WHERE lower(username) = lower($1)", username))


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _language(text: str) -> Language:
    return "en" if text == "en" else "fr"
