"""Logging in and out with an identity provider: the addresses that browsers are sent to, and come back to.

    GET  /openid/login        → the provider, and a cookie that ties its answer to this browser
    GET  /openid/callback     → a page of the front end, with a session or a pending identity as a cookie
    POST /openid/logout       → the provider, the session being ended
    GET  /openid/logged-out   → the front end
    GET  /openid/error        what went wrong, for people

Decisions are resolvers/identities.py's, the protocol is core/openid's. Whatever goes wrong ends at /openid/error with a
code of ours: nothing that came from outside is ever shown, and nobody is sent anywhere but to the provider, to a page
that the operator has named, or here.
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from core.clock import now
from core.errors import (
    ForbiddenError,
    NotAllowedError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)
from core.i18n import Language, Text, negotiate
from core.keys import new_token
from core.limits import count
from core.limits.declared import OPENID
from core.openid import (
    COOKIE_LIFETIME,
    OpenIdError,
    Person,
    Provider,
    StartedLogin,
    current_provider,
    read_login,
    seal_login,
    start,
)
from core.openid import Reason as ProvidersReason
from core.settings import Settings
from espace.graphql.door import Credentials, Door
from espace.graphql.responses import PROTECTION, change_cookie
from espace.pages import render
from resolvers.identities import arrive, leave, spend_login
from resolvers.sessions import authenticate
from schema.context import CookieChange

SECONDS = 3.0
"""The longest that the provider holds a browser up, all calls to it together."""

MOST_COOKIES = 5
"""Log-ins that a browser may have under way: the oldest go, or headers would grow too long."""

LONGEST_CODE = 2_000
LONGEST_PATH = 300
NAME_LENGTH = 16

Reason = Literal[ProvidersReason, "OTHER_BROWSER", "ACCOUNT_CLOSED", "TOO_MANY", "UNAVAILABLE"]
_STATE = re.compile(r"[A-Za-z0-9_-]{43}")
_PATH = re.compile(r"/|(?:/[A-Za-z0-9_-]+)+")
_ERRORS: Mapping[str, Reason] = {
    "access_denied": "ACCESS_DENIED",
    "temporarily_unavailable": "PROVIDER_UNREACHABLE",
    "server_error": "PROVIDER_UNREACHABLE",
}
"""What providers answer in the place of a code (RFC 6749, 4.1.2.1). All else is PROVIDER_REFUSED."""

_PROBLEMS: Mapping[Reason, Text] = {
    "ACCESS_DENIED": Text(
        fr="Vous n’avez pas terminé l’identification. Recommencez, ou connectez-vous avec votre nom d’utilisateur.",
        en="You did not finish identifying yourself. Begin again, or log in with your username.",
    ),
    "EXPIRED": Text(
        fr="Cette identification a expiré ou a déjà servi. Recommencez depuis la page d’accueil.",
        en="This identification has expired, or was used already. Begin again from the home page.",
    ),
    "OTHER_BROWSER": Text(
        fr="Cette identification n’a pas été commencée dans ce navigateur, ou il refuse les cookies. "
        "Recommencez depuis la page d’accueil.",
        en="This identification was not begun in this browser, or it refuses cookies. "
        "Begin again from the home page.",
    ),
    "PROVIDER_UNREACHABLE": Text(
        fr="{provider} ne répond pas. Réessayez dans quelques minutes, ou connectez-vous avec votre nom d’utilisateur.",
        en="{provider} does not answer. Try again in some minutes, or log in with your username.",
    ),
    "PROVIDER_REFUSED": Text(
        fr="{provider} a refusé l’identification. Réessayez plus tard ; si cela continue, prévenez la mairie.",
        en="{provider} has refused the identification. Try again later; if it goes on, tell the mairie.",
    ),
    "NOT_TRUSTED": Text(
        fr="La réponse de {provider} n’a pas pu être vérifiée. Recommencez ; si cela continue, prévenez la mairie.",
        en="The answer of {provider} could not be verified. Begin again; if it goes on, tell the mairie.",
    ),
    "ACCOUNT_CLOSED": Text(
        fr="Ce compte a été fermé. Pour le rouvrir avant que ses données soient effacées, contactez la mairie.",
        en="This account was closed. To open it again before its data are erased, contact the mairie.",
    ),
    "TOO_MANY": Text(
        fr="Trop de tentatives. Réessayez dans quelques minutes.",
        en="Too many attempts. Try again in some minutes.",
    ),
    "UNAVAILABLE": Text(
        fr="Le service est momentanément indisponible. Réessayez dans quelques instants.",
        en="The service is unavailable for the moment. Try again shortly.",
    ),
}
_TITLE = Text(fr="Identification impossible", en="Identification failed")
_HOME = Text(fr="Retour à l’accueil", en="Back to the home page")
_OTHER_SITE = Text(fr="Déconnectez-vous depuis ce site.", en="Log out from this site.")

logger = logging.getLogger("espace.openid")


class ProblemError(Exception):
    """Ends a log-in at /openid/error."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


def make_openid_routes(settings: Settings) -> list[BaseRoute]:
    """None where no provider is set."""
    provider = current_provider() if settings.openid_issuer else None
    if provider is None:
        return []
    view = OpenIdView(settings, provider)
    return [
        Route("/openid/login", view.log_in, methods=["GET"]),
        Route("/openid/callback", view.call_back, methods=["GET"]),
        Route("/openid/logout", view.log_out, methods=["POST"]),
        Route("/openid/logged-out", view.logged_out, methods=["GET"]),
        Route("/openid/error", view.show_error, methods=["GET"]),
    ]


class OpenIdView:
    """The log-ins of one application."""

    def __init__(self, settings: Settings, provider: Provider) -> None:
        self.settings = settings
        self.provider = provider
        self._door = Door(settings, authenticate)
        self._secure = not settings.development
        self._prefix = "__Host-openid-" if self._secure else "openid-"

    async def log_in(self, request: Request) -> Response:
        """To the provider."""
        return await self._guarded(request, self._begin)

    async def call_back(self, request: Request) -> Response:
        """From the provider. Its answer is taken once, and only in the browser that was sent there."""
        return await self._guarded(request, self._end)

    async def log_out(self, request: Request) -> Response:
        """Ends the session here, then at the provider, if it was opened there.

        The cookie does not come along with another site's form (SameSite), so nobody is logged out by others.
        """
        origin = request.headers.get("origin")
        try:
            # A page without referrer sends no origin, either.
            if origin != "null":
                self._door.check_origin(request)
            id_token = await self._leave(request)
        except ForbiddenError:
            return PlainTextResponse(_OTHER_SITE.in_(_language(request)), 403, headers=PROTECTION)
        except UnavailableError:
            return self._problem("UNAVAILABLE")
        response = _redirect(await self._way_out(id_token))
        change_cookie(response, self._door.cookie_name, CookieChange(None), secure=self._secure)
        return response

    async def logged_out(self, _: Request) -> Response:
        """Whoever comes here has no session any more, whatever `state` they bring: nothing hangs on it."""
        return _redirect(f"{self.settings.public_url}/")

    async def show_error(self, request: Request) -> Response:
        language = _language(request)
        code = request.query_params.get("code", "")
        reason: Reason = next((known for known in _PROBLEMS if known == code), "UNAVAILABLE")
        page = render(
            "problem.html",
            language=language,
            title=_TITLE.in_(language),
            text=_PROBLEMS[reason].format(provider=self.provider.name).in_(language),
            code=reason,
            home=_HOME.in_(language),
            public_url=self.settings.public_url,
        )
        policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
        headers = {**PROTECTION, "Content-Security-Policy": policy, "Content-Language": language}
        return HTMLResponse(page, headers=headers)

    async def _begin(self, request: Request) -> Response:
        login = start(now(), return_to=self._return_to(request.query_params.get("return")))
        async with asyncio.timeout(SECONDS):
            url = await self.provider.authorization_url(login, language=_language(request))
        response = _redirect(url)
        under_way = [name for name in request.cookies if name.startswith(self._prefix)]
        for name in under_way[: max(0, len(under_way) - MOST_COOKIES + 1)]:
            self._forget(response, name)
        response.set_cookie(
            self._cookie_name(login.state),
            seal_login(login),
            max_age=int(COOKIE_LIFETIME.total_seconds()),
            path="/",
            secure=self._secure,
            httponly=True,
            # Lax: it comes along as the provider sends the browser back.
            samesite="lax",
        )
        return response

    async def _end(self, request: Request) -> Response:
        answer = _read_answer(request)
        login = self._login_of(request, answer["state"])
        try:
            person = await self._identify(login, answer)
            arrival = await arrive(
                person,
                issuer=self.provider.issuer,
                provider=self.provider.name,
                user_agent=request.headers.get("user-agent"),
            )
        except OpenIdError as error:
            logger.warning("a log-in at the provider failed: %s (%s)", error.reason, error)
            response = self._problem(error.reason)
        except ProblemError as error:
            response = self._problem(error.reason)
        except NotAllowedError:
            response = self._problem("ACCOUNT_CLOSED")
        else:
            change = CookieChange(arrival.token, arrival.expires_at)
            if arrival.is_known:
                response = _redirect(f"{self.settings.public_url}{login.return_to}")
                change_cookie(response, self._door.cookie_name, change, secure=self._secure)
            else:
                response = _redirect(f"{self.settings.public_url}{self.settings.openid_identity_path}")
                name = self._door.pending_identity_cookie_name
                change_cookie(response, name, change, secure=self._secure)
        self._forget(response, self._cookie_name(login.state))
        return response

    async def _identify(self, login: StartedLogin, answer: Mapping[str, str]) -> Person:
        """Raises OpenIdError, ProblemError."""
        if not await spend_login(login.state):
            raise ProblemError("EXPIRED")
        if "error" in answer:
            raise ProblemError(_ERRORS.get(answer["error"], "PROVIDER_REFUSED"))
        code = answer.get("code", "")
        if not 0 < len(code) <= LONGEST_CODE:
            raise ProblemError("PROVIDER_REFUSED")
        async with asyncio.timeout(SECONDS):
            return await self.provider.identify(code, login, issuer=answer.get("iss"))

    def _login_of(self, request: Request, state: str) -> StartedLogin:
        """The log-in that this browser began under this state. Raises ProblemError."""
        cookie = request.cookies.get(self._cookie_name(state))
        if cookie is None:
            raise ProblemError("OTHER_BROWSER")
        login = read_login(cookie, now())
        if login is None:
            raise ProblemError("EXPIRED")
        if not hmac.compare_digest(login.state.encode(), state.encode()):
            raise ProblemError("OTHER_BROWSER")
        return login

    async def _leave(self, request: Request) -> str | None:
        cookie = request.cookies.get(self._door.cookie_name)
        credentials = Credentials(bearer=cookie, from_cookie=True)
        try:
            actor = await self._door.identify(credentials, _language(request), None)
        except UnauthenticatedError:
            return None
        return await leave(actor)

    async def _way_out(self, id_token: str | None) -> str:
        home = f"{self.settings.public_url}/"
        if id_token is None:
            return home
        try:
            async with asyncio.timeout(SECONDS):
                return await self.provider.logout_url(id_token, state=new_token()) or home
        except (OpenIdError, TimeoutError):
            # The session has ended here, which is what was asked.
            logger.warning("the provider could not be told of a log-out")
            return home

    async def _guarded(self, request: Request, respond: Callable[[Request], Awaitable[Response]]) -> Response:
        """The answer, or the way to the page that says what went wrong."""
        if request.method != "GET":  # Starlette has HEAD go with it: it would use the answer up.
            return PlainTextResponse("", 405, headers={"Allow": "GET"})
        try:
            await count(OPENID, address=request.client.host if request.client else None)
            return await respond(request)
        except ProblemError as error:
            return self._problem(error.reason)
        except OpenIdError as error:
            logger.warning("no log-in at the provider could begin: %s (%s)", error.reason, error)
            return self._problem(error.reason)
        except TimeoutError:
            logger.warning("the provider did not answer within %g s", SECONDS)
            return self._problem("PROVIDER_UNREACHABLE")
        except RateLimitedError:
            return self._problem("TOO_MANY")
        except UnavailableError:
            return self._problem("UNAVAILABLE")

    def _return_to(self, wanted: str | None) -> str:
        """A page of the front end that the operator has named, or one below it; the first of them for all else."""
        paths = self.settings.openid_return_paths
        if not wanted or len(wanted) > LONGEST_PATH or not _PATH.fullmatch(wanted):
            return paths[0]
        is_named = any(wanted == path or (path != "/" and wanted.startswith(f"{path}/")) for path in paths)
        return wanted if is_named else paths[0]

    def _cookie_name(self, state: str) -> str:
        """One for each log-in, so that two tabs do not get into each other's way."""
        return f"{self._prefix}{state[:NAME_LENGTH]}"

    def _forget(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path="/", secure=self._secure, httponly=True, samesite="lax")

    def _problem(self, reason: Reason) -> Response:
        return _redirect(f"{self.settings.public_url}/openid/error?code={reason}")


def _read_answer(request: Request) -> dict[str, str]:
    """The provider's answer: each member at most once (RFC 6749, 3.1). Raises ProblemError."""
    members = request.query_params.multi_items()
    answer = dict(members)
    if len(answer) != len(members):
        raise ProblemError("PROVIDER_REFUSED")
    if not _STATE.fullmatch(answer.get("state", "")):
        raise ProblemError("OTHER_BROWSER")
    return answer


def _redirect(url: str) -> Response:
    return RedirectResponse(url, 303, headers=PROTECTION)


def _language(request: Request) -> Language:
    return negotiate(request.headers.get("accept-language"))
