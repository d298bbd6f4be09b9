"""Who is at the door: from a header, a cookie or a connection_init payload to an actor, once a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from starlette.requests import HTTPConnection
from strawberry.http.websocket_origin import is_same_origin, normalize_origin

from core.errors import ForbiddenError, UnauthenticatedError
from core.i18n import Language, Text
from core.limits import count, remember
from core.limits.declared import TICKET
from core.settings import Settings
from models.actors import (
    Actor,
    AgentActor,
    CitizenActor,
    PartnerActor,
    RestrictedActor,
    TicketHolder,
    Visitor,
)
from schema.context import CallFacts, Context, CookieChange, Transport
from schema.counting import ticket_key

CSRF_HEADER = "X-Requested-With"

_CSRF_TEXT = Text(
    fr="Une requête qui porte le cookie de session doit porter l’en-tête X-Requested-With.",
    en="A request with the session cookie needs the header X-Requested-With.",
)
_ORIGIN_TEXT = Text(
    fr="Ce site ne peut pas ouvrir de connexion avec le cookie de session.",
    en="This site may not open a connection with the session cookie.",
)
_WHOSE_FILES_TEXT = Text(
    fr="Pour envoyer des fichiers, connectez-vous ou indiquez le numéro de votre demande.",
    en="To send files, log in or give the ticket of your request.",
)
_NO_FILES_TEXT = Text(
    fr="Les partenaires ne peuvent pas envoyer de fichiers.",
    en="Partners may not send files.",
)


class Authenticate(Protocol):
    """Turns a credential into an actor.

    Raises UnauthenticatedError where it is unknown, expired or revoked.
    """

    async def __call__(self, *, bearer: str | None, ticket: str | None, language: Language) -> Actor: ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller shows. `from_cookie` tells that the browser added it by itself."""

    bearer: str | None = None
    ticket: str | None = None
    from_cookie: bool = False


def session_cookie_name(settings: Settings) -> str:
    """The `__Host-` prefix keeps other hosts of the same domain from planting one; it needs HTTPS, hence
    production.
    """
    return "session" if settings.development else "__Host-session"


def pending_identity_cookie_name(settings: Settings) -> str:
    """Who has logged in at an identity provider and has no account yet (resolvers/identities.py)."""
    return "identity" if settings.development else "__Host-identity"


def sender_of_files(actor: Actor) -> UUID:
    """Whose files they are: an account, an agent, or the request of a ticket.

    Raises UnauthenticatedError for a visitor and ForbiddenError for a partner, or for who has a duty first: no
    operation of theirs takes files.
    """
    match actor:
        case CitizenActor():
            return actor.account_id
        case AgentActor():
            return actor.agent_id
        case TicketHolder():
            return actor.request_id
        case RestrictedActor():
            raise ForbiddenError
        case PartnerActor():
            raise ForbiddenError(_NO_FILES_TEXT)
        case RestrictedActor():
            raise ForbiddenError
        case Visitor():
            raise UnauthenticatedError(_WHOSE_FILES_TEXT)


def read_credentials(authorization: str | None, cookie: str | None) -> Credentials:
    """The Authorization header, else the cookie. Raises UnauthenticatedError for a header of another kind."""
    if authorization is None:
        return Credentials(bearer=cookie, from_cookie=True) if cookie else Credentials()
    scheme, _, value = authorization.strip().partition(" ")
    value = value.strip()
    if value and scheme.lower() == "bearer":
        return Credentials(bearer=value)
    if value and scheme.lower() == "ticket":
        return Credentials(ticket=value)
    raise UnauthenticatedError


class Door:
    """Lets callers in. Made once for an application."""

    def __init__(self, settings: Settings, authenticate: Authenticate) -> None:
        self.cookie_name = session_cookie_name(settings)
        self.pending_identity_cookie_name = pending_identity_cookie_name(settings)
        self.origins = frozenset(normalize_origin(origin) for origin in settings.allowed_origins)
        self._authenticate = authenticate

    def check_forgery(self, connection: HTTPConnection) -> None:
        """A POST with a cookie of ours must carry a header that no other site's form can send.

        Raises ForbiddenError. (OWASP, Cross-Site Request Forgery Prevention, custom request headers.)
        """
        ours = {self.cookie_name, self.pending_identity_cookie_name}
        if not ours.isdisjoint(connection.cookies) and CSRF_HEADER not in connection.headers:
            raise ForbiddenError(_CSRF_TEXT)

    def check_origin(self, connection: HTTPConnection) -> None:
        """A WebSocket that counts on the cookie must be opened by our own pages, or by those of allowed
        origins.

        Browsers apply no CORS to WebSockets, hence this. Raises ForbiddenError.
        """
        origin = connection.headers.get("origin")
        if origin is None or is_same_origin(origin, connection.headers.get("host")):
            return
        if normalize_origin(origin) not in self.origins:
            raise ForbiddenError(_ORIGIN_TEXT)

    async def admit(self, connection: HTTPConnection, language: Language, transport: Transport) -> Context:
        """The context of one operation. A cookie that is no longer good makes a visitor, and is taken back.

        Raises UnauthenticatedError for a header that is not good, and RateLimitedError for too many tickets.
        """
        credentials = self.credentials_of(connection, connection.headers)
        facts = CallFacts(
            transport=transport,
            address=connection.client.host if connection.client else None,
            user_agent=connection.headers.get("user-agent"),
            pending_identity=connection.cookies.get(self.pending_identity_cookie_name),
        )
        try:
            actor = await self.identify(credentials, language, facts.address)
        except UnauthenticatedError:
            if not credentials.from_cookie:
                raise
            return Context(Visitor(language=language), facts, cookie_change=CookieChange(None))
        return Context(actor, facts)

    def credentials_of(self, connection: HTTPConnection, headers: Mapping[str, str]) -> Credentials:
        return read_credentials(headers.get("authorization"), connection.cookies.get(self.cookie_name))

    async def identify(self, credentials: Credentials, language: Language, address: str | None) -> Actor:
        """Who calls from `address`. Raises UnauthenticatedError, and RateLimitedError for too many tickets."""
        if credentials.bearer is None and credentials.ticket is None:
            return Visitor(language=language)
        ticket = credentials.ticket
        looked_up = None if ticket is None else ticket_key(ticket)
        is_familiar = looked_up is not None and await count(TICKET, address=address, subject=looked_up)
        actor = await self._authenticate(bearer=credentials.bearer, ticket=ticket, language=language)
        if looked_up is not None and not is_familiar:
            await remember(TICKET, address=address, subject=looked_up)
        return actor
