"""Logging in and out, for citizens and agents alike."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry

import resolvers.sessions
from core.errors import ForbiddenError
from core.i18n import Text
from core.limits.declared import LOG_IN
from schema.agents import Agent
from schema.callers import AGENTS, CITIZENS, PEOPLE, RESTRICTED
from schema.connections import Node
from schema.counting import Counted, name_key
from schema.declare import enumeration, input_object, output
from schema.errors import (
    InvalidCredentialsError,
    NotAllowedError,
    NotFoundError,
    SecondFactorRequiredError,
)
from schema.fields import Info, mutation, selection_of
from schema.rows import Row

if TYPE_CHECKING:
    from schema.accounts import Account

NO_COOKIE_HERE = Text(
    fr="Aucun cookie ne peut être posé sur cette connexion : demandez delivery: TOKEN.",
    en="No cookie can be set on this connection: ask for delivery: TOKEN.",
)


@output
class Session(Node):
    """One place where somebody is logged in."""

    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    user_agent: str | None
    """What the browser or program said of itself when it logged in."""
    identity_provider: str | None
    """Where it was opened with an identity, and not with a password: the provider's name. To log out, send the browser
    to `IdentityProvider.logOutUrl` by POST, so that the provider is told, too.
    """
    current: bool
    """True for the session that asks."""


@enumeration
class SessionDelivery(StrEnum):
    """How a session reaches whoever logged in."""

    COOKIE = "COOKIE"
    """An HttpOnly cookie; `token` is null."""
    TOKEN = "TOKEN"  # noqa: S105 - the name of a way
    """`token` in the answer, for the Authorization header."""


@input_object()
class LogInInput:
    username: str
    password: str
    delivery: SessionDelivery = SessionDelivery.COOKIE
    one_time_code: str | None = strawberry.UNSET
    """Of an agent with a second factor: the code that their authenticator program shows, or a recovery code."""


@output
class LogInSuccess:
    session: Session
    token: str | None
    """Null with delivery COOKIE."""
    account: Annotated["Account", strawberry.lazy("schema.accounts")] | None
    """Null where an agent logged in, and as long as the password has to be changed."""
    agent: Agent | None
    """Null where a citizen logged in."""
    must_change_password: bool
    """Logged in with the mailed temporary password: nothing but changeCredentials is allowed until it is
    changed.
    """
    must_enrol_second_factor: bool
    """The mairie asks its agents for a second factor, and this one has none: nothing but enrolSecondFactor and
    confirmSecondFactor is allowed until they have.
    """


@output
class RevokeSessionSuccess:
    sessions: list[Session]
    """Those that are left."""


@mutation(
    LogInSuccess,
    refusals=(InvalidCredentialsError, SecondFactorRequiredError, NotAllowedError),
    callers=PEOPLE,
    limits=(Counted(LOG_IN, subject=lambda given: name_key(given["input"].username)),),
)
async def log_in(info: Info, input: LogInInput) -> Row:
    """Opens a session. With delivery COOKIE, which only an HTTP answer can carry, the cookie is set by this
    answer. An agent with a second factor also gives its code. NotAllowedError: the account was closed, and says when it
    is erased; it is told to who knows the password.
    """
    context = info.context
    by_cookie = input.delivery is SessionDelivery.COOKIE
    if by_cookie and not context.can_set_cookies:
        raise ForbiddenError(NO_COOKIE_HERE)
    opened = await resolvers.sessions.log_in(
        context.actor,
        username=input.username,
        password=input.password,
        user_agent=context.facts.user_agent,
        one_time_code=input.one_time_code or None,
        address=context.facts.address,
        selection=selection_of(info),
    )
    if by_cookie:
        context.keep_session(opened.token, opened.expires_at)
    return {
        "session": opened.session,
        "token": None if by_cookie else opened.token,
        "account": opened.account,
        "agent": opened.agent,
        "must_change_password": opened.must_change_password,
        "must_enrol_second_factor": opened.must_enrol,
    }


@mutation(bool, callers=PEOPLE | RESTRICTED)
async def log_out(info: Info) -> bool:
    """Ends the caller's session, and takes its cookie back. True also for whoever was not logged in."""
    await resolvers.sessions.log_out(info.context.actor)
    info.context.forget_session()
    return True


@mutation(RevokeSessionSuccess, refusals=(NotFoundError,), callers=CITIZENS | AGENTS)
async def revoke_session(info: Info, session: strawberry.ID) -> Row:
    """Ends one of the caller's sessions, wherever it is. What it follows ends within a second."""
    left = await resolvers.sessions.revoke_session(
        info.context.actor, session=session, selection=selection_of(info, "sessions")
    )
    return {"sessions": left}


@mutation(RevokeSessionSuccess, callers=CITIZENS | AGENTS)
async def revoke_other_sessions(info: Info) -> Row:
    """Ends all of the caller's sessions but this one, wherever they are."""
    left = await resolvers.sessions.revoke_other_sessions(
        info.context.actor, selection=selection_of(info, "sessions")
    )
    return {"sessions": left}
