"""Logging in with an identity of a provider, such as FranceConnect. The log-in itself is at addresses of its own
(`IdentityProvider.logInUrl`); here is what comes after it.
"""

from datetime import date, datetime

import strawberry

import resolvers.identities
from core.errors import ForbiddenError
from core.limits.declared import CREATE_ACCOUNT, LOG_IN
from resolvers.sessions import LoggedIn
from schema.accounts import Account, Identity
from schema.callers import CITIZENS, EVERYONE, Caller
from schema.contact import ContactInput, contact_of
from schema.counting import Counted, name_key
from schema.declare import input_object, output
from schema.errors import (
    InvalidCredentialsError,
    NotAllowedError,
    NotFoundError,
    UsernameTakenError,
    ValidationError,
)
from schema.fields import Info, mutation, query, selection_of
from schema.rows import Row
from schema.sessions import NO_COOKIE_HERE, Session

NEWCOMERS = frozenset({Caller.VISITOR, Caller.TICKET_HOLDER})


@output
class PendingIdentity:
    """Somebody who has logged in at the provider, in this browser, and has no account here yet. What the provider has
    on file fills in the form; the person may change it.
    """

    provider: str
    first_name: str | None
    last_name: str | None
    birth_date: date | None
    email: str | None
    expires_at: datetime
    """Until when createAccountWithIdentity or linkIdentity takes it."""


@input_object()
class CreateAccountWithIdentityInput:
    profile: ContactInput
    """Its e-mail is required here: the confirmation goes there."""
    username: str | None = strawberry.UNSET
    """With `password`, for whoever wants to log in without the provider, too; otherwise one is chosen."""
    password: str | None = strawberry.UNSET


@input_object()
class LinkIdentityInput:
    """Of the account that the identity is to open from now on."""

    username: str
    password: str


@output
class CreateAccountWithIdentitySuccess:
    account: Account
    session: Session


@output
class LinkIdentitySuccess:
    account: Account
    session: Session


@output
class UnlinkIdentitySuccess:
    identities: list[Identity]
    """Those that are left."""


@query(PendingIdentity | None, callers=EVERYONE)
async def pending_identity(info: Info) -> Row | None:
    """Who has just logged in at the provider and has no account here; null where nobody has, or it is too late."""
    return await resolvers.identities.pending_identity(info.context.facts.pending_identity)


@mutation(
    CreateAccountWithIdentitySuccess,
    refusals=(ValidationError, UsernameTakenError, NotFoundError, NotAllowedError),
    callers=NEWCOMERS,
    limits=(Counted(CREATE_ACCOUNT),),
)
async def create_account_with_identity(info: Info, input: CreateAccountWithIdentityInput) -> Row:
    """Opens an account for the pending identity, and a session, whose cookie this answer sets. The confirmation is sent
    to its e-mail. No captcha is asked.
    """
    _require_cookies(info)
    opened = await resolvers.identities.create_account_with_identity(
        info.context.actor,
        pending=info.context.facts.pending_identity,
        profile=contact_of(input.profile),
        username=input.username or None,
        password=input.password or None,
        user_agent=info.context.facts.user_agent,
        selection=selection_of(info),
    )
    return _logged_in(info, opened)


@mutation(
    LinkIdentitySuccess,
    refusals=(InvalidCredentialsError, NotFoundError, NotAllowedError),
    callers=NEWCOMERS | CITIZENS,
    limits=(Counted(LOG_IN, subject=lambda given: name_key(given["input"].username)),),
)
async def link_identity(info: Info, input: LinkIdentityInput) -> Row:
    """Has the pending identity open an account that there is: its password is asked, and nothing else will do. A
    session is opened, whose cookie this answer sets. The account's e-mail is told.
    """
    _require_cookies(info)
    opened = await resolvers.identities.link_identity(
        info.context.actor,
        pending=info.context.facts.pending_identity,
        username=input.username,
        password=input.password,
        user_agent=info.context.facts.user_agent,
        selection=selection_of(info),
    )
    return _logged_in(info, opened)


@mutation(UnlinkIdentitySuccess, refusals=(NotFoundError, NotAllowedError), callers=CITIZENS)
async def unlink_identity(info: Info, identity: strawberry.ID) -> Row:
    """Has an identity open the caller's account no more: never the last way in. The other sessions that it has opened
    end, and the account's e-mail is told.
    """
    left = await resolvers.identities.unlink_identity(
        info.context.actor, identity=identity, selection=selection_of(info, "identities")
    )
    return {"identities": left}


def _require_cookies(info: Info) -> None:
    if not info.context.can_set_cookies:
        raise ForbiddenError(NO_COOKIE_HERE)


def _logged_in(info: Info, opened: LoggedIn) -> Row:
    info.context.keep_session(opened.token, opened.expires_at)
    info.context.forget_pending_identity()
    return {"account": opened.account, "session": opened.session}
