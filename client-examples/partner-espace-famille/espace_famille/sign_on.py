"""`/sign-on?token=…`: a citizen comes from the mairie's site, already logged in.

The token is a JWT that the mairie has signed, for one use within a minute. Its keys are published: nothing is asked of
the mairie for a token whose key is known already.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from espace_famille.settings import Settings
from espace_famille.site import keep_session, open_session, show
from espace_famille.store import Store

ALGORITHMS = ["ES256"]
KIND = "sign-on+jwt"
CLOCK_SECONDS = 10
"""How far the mairie's clock and ours may be apart."""

LONGEST_LIFETIME = 60
KEEP_KEYS_SECONDS = 3_600
ASK_AGAIN_SECONDS = 10
"""The soonest that the keys are asked for again because a token names one that is not known."""

logger = logging.getLogger(__name__)


class RefusedError(Exception):
    """Why a token opens nothing: for the log, not for whoever brings it."""


class MairieKeys:
    """The mairie's public keys, as it publishes them."""

    def __init__(self, mairie: str) -> None:
        self._url = f"{mairie}/.well-known/jwks.json"
        self._keys: KeySet | None = None
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()

    async def for_token(self, token: str) -> KeySet:
        """Keys to verify the token with. Raises RefusedError, and httpx.HTTPError where they cannot be had."""
        try:
            kid = extract_compact(token.encode()).headers().get("kid")
        except (JoseError, ValueError) as error:
            raise RefusedError("no token") from error
        # One asks; who comes meanwhile waits for what it finds.
        async with self._asking:
            await self._keep_up(kid)
        if self._keys is None:
            raise httpx.ConnectError("the mairie was asked a moment ago, in vain")
        if not self._knows(kid):
            raise RefusedError("the mairie has no such key")
        return self._keys

    async def _keep_up(self, kid: object) -> None:
        is_known = self._knows(kid)
        age = time.monotonic() - self._asked_at
        if age <= (KEEP_KEYS_SECONDS if is_known else ASK_AGAIN_SECONDS):
            return
        self._asked_at = time.monotonic()
        try:
            self._keys = await self._ask()
        except httpx.HTTPError:
            # A key that signs is told long before: what is known does while the mairie cannot be asked.
            if not is_known:
                raise

    def _knows(self, kid: object) -> bool:
        return self._keys is not None and any(key.kid == kid for key in self._keys)

    async def _ask(self) -> KeySet:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            response = await client.get(self._url)
            response.raise_for_status()
            return KeySet.import_key_set(response.json())


async def sign_on(request: Request) -> Response:
    """Opens the family's site to whoever brings a good token; each token once."""
    keys: MairieKeys = request.app.state.keys
    settings: Settings = request.app.state.settings
    token = request.query_params.get("token", "")
    try:
        claims = verify(token, await keys.for_token(token), settings)
        session = await run_in_threadpool(_enter, request.app.state.store, claims)
    except RefusedError as error:
        logger.info("a token was refused: %s", error)
        return show("refused.html", 403)
    except (httpx.HTTPError, ValueError, JoseError) as error:
        logger.warning("the mairie's keys cannot be had: %s", type(error).__name__)
        return show("unavailable.html", 503)
    return keep_session(RedirectResponse("/", 303), session, settings)


def verify(token: str, keys: KeySet, settings: Settings) -> dict[str, Any]:
    """The claims of a token that is the mairie's, for us, now. Raises RefusedError."""
    try:
        signed = jwt.decode(token, keys, algorithms=ALGORITHMS)
        if signed.header.get("typ") != KIND:
            raise RefusedError("another kind of token")
        jwt.JWTClaimsRegistry(
            leeway=CLOCK_SECONDS,
            iss={"essential": True, "value": settings.mairie},
            aud={"essential": True, "value": settings.address},
            sub={"essential": True},
            link={"essential": True},
            jti={"essential": True},
            iat={"essential": True},
            exp={"essential": True},
        ).validate(signed.claims)
    except (JoseError, ValueError) as error:
        raise RefusedError(type(error).__name__) from error
    if signed.claims["exp"] - signed.claims["iat"] > LONGEST_LIFETIME:
        raise RefusedError("it lasts too long")
    return signed.claims


def _enter(store: Store, claims: dict[str, Any]) -> str:
    """The token of a session of ours. Raises RefusedError."""
    at = time.time()
    with store.transaction() as work:
        work.execute("DELETE FROM sign_on WHERE expires_at < ?", (at,))
        try:
            # Remembered until nobody could bring it any more: past that, it is refused as expired.
            work.execute(
                "INSERT INTO sign_on (jti, expires_at) VALUES (?, ?)",
                (str(claims["jti"]), claims["exp"] + 2 * CLOCK_SECONDS),
            )
        except sqlite3.IntegrityError as error:
            raise RefusedError("it was used before") from error
        link = work.execute(
            "SELECT family_id FROM link WHERE reference = ? AND subject = ? AND ended_at IS NULL",
            (str(claims["link"]), str(claims["sub"])),
        ).fetchone()
    if link is None:
        raise RefusedError("there is no such link, or it has ended")
    return open_session(store, link["family_id"], came_from_mairie=True)
