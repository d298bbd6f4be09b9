"""What every resolver of the schema finds in `info.context`: who calls, in which language, from where."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from core.i18n import Language
from models.actors import Actor

__all__ = ["CallFacts", "Context", "CookieChange", "Transport"]

Transport = Literal["http", "sse", "websocket"]


@dataclass(frozen=True, slots=True)
class CallFacts:
    """How the call came in. `address` is the client's, as trusted proxies report it."""

    transport: Transport
    address: str | None = None
    user_agent: str | None = None
    pending_identity: str | None = field(default=None, repr=False)
    """The cookie of a log-in at an identity provider that has no account yet."""


@dataclass(frozen=True, slots=True)
class CookieChange:
    """What becomes of the session cookie with this answer: a token to keep until then, or nothing to keep."""

    token: str | None
    expires_at: datetime | None = None


@dataclass(slots=True)
class Context:
    """One operation of one caller. Never shared between operations, not even on one WebSocket."""

    actor: Actor
    facts: CallFacts
    cookie_change: CookieChange | None = None
    forgets_pending_identity: bool = False

    @property
    def language(self) -> Language:
        return self.actor.language

    @property
    def can_set_cookies(self) -> bool:
        """False on a WebSocket or an event stream, whose headers have left before an operation runs."""
        return self.facts.transport == "http"

    def keep_session(self, token: str, expires_at: datetime) -> None:
        """Hand the session to the browser as a cookie that scripts cannot read.

        Raises RuntimeError where no cookie can be set: ask `can_set_cookies` before a session is made.
        """
        if not self.can_set_cookies:
            raise RuntimeError(f"no cookie can be set over {self.facts.transport}")
        self.cookie_change = CookieChange(token, expires_at)

    def forget_session(self) -> None:
        """Take the session cookie back, where there can be one."""
        if self.can_set_cookies:
            self.cookie_change = CookieChange(None)

    def forget_pending_identity(self) -> None:
        """Take back the cookie of an identity that has become an account's."""
        self.forgets_pending_identity = True
