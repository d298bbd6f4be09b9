"""A log-in under way: what only the browser that began it can show again.

`state` ties the answer to this browser: whoever is sent somebody else's answer has no cookie for it. `nonce` ties the
identity token to this log-in. The PKCE verifier ties the code to it: a code that leaks is worth nothing without.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from core.keys import new_token, seal, unseal

COOKIE_LIFETIME = timedelta(minutes=10)
PURPOSE = "openid log-in"
LONGEST_COOKIE = 2_000


@dataclass(frozen=True, slots=True)
class StartedLogin:
    """Three secrets of 256 bits, and where to go afterwards. `expires_at` counts seconds since 1970."""

    state: str
    nonce: str
    verifier: str
    return_to: str
    expires_at: int

    @property
    def challenge(self) -> str:
        """What the provider is told of the verifier: S256 (RFC 7636, 4.2)."""
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def start(now: datetime, *, return_to: str) -> StartedLogin:
    return StartedLogin(
        state=new_token(),
        nonce=new_token(),
        verifier=new_token(),
        return_to=return_to,
        expires_at=int((now + COOKIE_LIFETIME).timestamp()),
    )


def seal_login(login: StartedLogin) -> str:
    """The log-in as a cookie holds it: nobody reads it, and nobody makes one but us."""
    sealed = seal(PURPOSE, json.dumps(asdict(login)).encode())
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def read_login(cookie: str, now: datetime) -> StartedLogin | None:
    """What `seal_login` was given; None for anything else, and once it has expired."""
    if len(cookie) > LONGEST_COOKIE:
        return None
    try:
        sealed = base64.b64decode(
            cookie.encode("ascii") + b"=" * (-len(cookie) % 4), altchars=b"-_", validate=True
        )
        login = StartedLogin(**json.loads(unseal(PURPOSE, sealed)))
    except (UnicodeEncodeError, binascii.Error, ValueError, TypeError):
        return None
    return login if login.expires_at > now.timestamp() else None
