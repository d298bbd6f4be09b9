"""A real OpenID provider (oidc-provider, run by Node), somebody who may stand in between, and browsers.

`provider`    the process; `between` is the address that everybody knows it under
`between`     hands on what is sent to it: counts it, holds it up, changes it where a test says so
`app`         the API with this provider set, on a database of the test's own
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import httpx
import pytest
import pytest_asyncio
from joserfc.jwk import ECKey, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from core.settings import Settings, get_settings
from espace.asgi import make_app
from espace.processes import start_child, stop_child
from models.database import close, initialise
from models.municipality import Municipality
from resolvers import catalogue
from schema.build import build_schema
from tests.journeys.documents import document
from tests.node import node_for
from tests.serving import serving
from tests.stack import free_port

FOLDER = Path(__file__).parent
PUBLIC_URL = "http://localhost:8000"
CLIENT_ID, CLIENT_SECRET = "the mairie", "a secret of the mairie & of the provider, 100 % long"

PEOPLE = {
    "jeanne": {
        "given_name": "Jeanne Marie",
        "family_name": "DURAND",
        "email": "jeanne@example.org",
        "birthdate": "1980-02-29",
    },
    "bare": {},
    "sure": {"given_name": "Ada", "acr": "eidas2"},
    "unsure": {"given_name": "Ada", "acr": "eidas0"},
}
CLIENT = {
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "redirect_uris": [f"{PUBLIC_URL}/openid/callback"],
    "post_logout_redirect_uris": [f"{PUBLIC_URL}/openid/logged-out"],
    "subject_type": "pairwise",
    "token_endpoint_auth_method": "client_secret_post",
    "id_token_signed_response_alg": "ES256",
    "userinfo_signed_response_alg": "ES256",
}
PLAIN = "another mairie"
PLAIN_CLIENT = {
    **CLIENT,
    "client_id": PLAIN,
    "token_endpoint_auth_method": "client_secret_basic",
    "id_token_signed_response_alg": "RS256",
    "userinfo_signed_response_alg": None,
}
"""Signed by RSA, the user info as JSON, the client's secret in a header."""

KEY = ECKey.generate_key("P-256", {"kid": "first", "use": "sig", "alg": "ES256"})
RSA = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig", "alg": "RS256"})

_STATEMENTS = re.compile(r'(?:sql|door);desc="(\d+)"')
most: dict[str, int] = {}
"""Statements that documents made at most, over all tests."""

Change = Callable[[dict[str, Any]], dict[str, Any] | str]


@dataclass
class Between:
    """What stands between everybody and the provider. As it is made, it changes nothing."""

    port: int
    calls: Counter[str] = field(default_factory=Counter)
    slow: float = 0.0
    """Seconds that each answer takes."""
    status: int = 0
    """What is answered instead, where it is set."""
    changes: dict[str, Change] = field(default_factory=dict)
    """By path, of an answer: its JSON, or what is no JSON under the name `token`."""
    forms: dict[str, Callable[[dict[str, str]], dict[str, str]]] = field(default_factory=dict)
    """By path, of what is sent."""

    async def __call__(self, request: Request) -> Response:
        self.calls[request.url.path] += 1
        await asyncio.sleep(self.slow)
        if self.status:
            return Response("no", self.status)
        body = await request.body()
        change_form = self.forms.get(request.url.path)
        if change_form:
            form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
            body = urlencode(change_form(form)).encode()
        headers = [(k, v) for k, v in request.headers.items() if k not in ("content-length", "connection")]
        query = f"?{request.url.query}" if request.url.query else ""
        url = f"http://127.0.0.1:{self.port}{request.url.path}{query}"
        async with httpx.AsyncClient() as http:  # One each: it would keep cookies.
            answer = await http.request(request.method, url, headers=headers, content=body)
        content, change = answer.content, self.changes.get(request.url.path)
        media_type = answer.headers.get("content-type")
        if change and answer.status_code == 200:
            is_json = (media_type or "").startswith("application/json")
            changed = change(answer.json() if is_json else {"token": answer.text})
            content = (json.dumps(changed) if isinstance(changed, dict) else changed).encode()
        response = Response(content, answer.status_code)
        dropped = (b"content-length", b"transfer-encoding", b"connection", b"content-encoding")
        response.raw_headers = [(k.lower(), v) for k, v in answer.headers.raw if k.lower() not in dropped]
        response.headers["content-length"] = str(len(content))
        return response


@dataclass(frozen=True)
class Provider:
    """The process. `issuer` is the address of who stands in between."""

    issuer: str
    port: int
    process: subprocess.Popen[bytes]

    async def use_keys(self, *keys: ECKey | RSAKey) -> None:
        """Signs with these from now on."""
        private = [key.as_dict(private=True) for key in keys]
        async with httpx.AsyncClient() as http:
            response = await http.post(f"http://127.0.0.1:{self.port}/keys", json=private)
        assert response.status_code == 200


@contextlib.asynccontextmanager
async def provider_process(
    log: Path, clients: list[dict[str, Any]], *, port: int, issuer: str
) -> AsyncIterator[subprocess.Popen[bytes]]:
    """The provider, ready, for as long as the block lasts."""
    settings = {
        "issuer": issuer,
        "port": port,
        "clients": clients,
        "keys": [KEY.as_dict(private=True), RSA.as_dict(private=True)],
        "people": PEOPLE,
    }
    with log.open("ab") as output:
        process = start_child(
            [node_for(FOLDER), "provider.mjs", json.dumps(settings)],
            environment=_environment(),
            folder=FOLDER,
            output=output,
        )
    try:
        await _ready(port, process, log)
        yield process
    finally:
        stop_child(process, signal.SIGTERM, 5)


@pytest_asyncio.fixture(scope="session")
async def standing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Provider, list[Between]]]:
    """The provider for the whole session, and who stands in between now."""
    port, log = free_port(), tmp_path_factory.mktemp("openid") / "provider.log"
    clients = [CLIENT, {name: value for name, value in PLAIN_CLIENT.items() if value}]
    present: list[Between] = []

    async def hand_on(request: Request) -> Response:
        return await present[0](request)

    def make(_: str) -> ASGIApp:
        return Starlette(routes=[Route("/{path:path}", hand_on, methods=["GET", "POST"])])

    async with (
        serving(make) as issuer,
        provider_process(log, clients, port=port, issuer=issuer) as process,
    ):
        yield Provider(issuer, port, process), present


@pytest_asyncio.fixture
async def between(standing: tuple[Provider, list[Between]]) -> Between:
    provider, present = standing
    present[:] = [Between(provider.port)]
    return present[0]


@pytest_asyncio.fixture
async def provider(standing: tuple[Provider, list[Between]], between: Between) -> AsyncIterator[Provider]:
    yield standing[0]
    await standing[0].use_keys(KEY, RSA)


@pytest.fixture
def settings_of_openid(
    provider: Provider, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Settings]:
    for name, value in {
        "ISSUER": provider.issuer,
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
    }.items():
        monkeypatch.setenv(f"ESPACE_OPENID_{name}", value)
    get_settings.cache_clear()
    yield get_settings()
    get_settings.cache_clear()


@pytest_asyncio.fixture
async def app(settings_of_openid: Settings, monkeypatch: pytest.MonkeyPatch) -> Starlette:
    monkeypatch.setattr("espace.asgi.build_schema", _schema)
    patience(monkeypatch, 60)  # The machine of the tests is busy.
    await Municipality.create(name="Commune", contact_email="mairie@commune.example", timezone="Europe/Paris")
    catalogue.forget()
    return make_app(settings_of_openid)


_schema = cache(build_schema)


def patience(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """How long the provider may take from now on."""
    for name in ("espace.openid.SECONDS", "core.openid.provider.SECONDS"):
        monkeypatch.setattr(name, seconds)


class Browser:
    """One browser: cookies of its own for the mairie and for the provider, no script. Pages that are not ours to serve
    are where it stops.
    """

    def __init__(self, app: Starlette, *, language: str = "fr") -> None:
        self.here = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC_URL)
        self.there = httpx.AsyncClient(limits=httpx.Limits(max_keepalive_connections=0), timeout=20)
        self.headers = {"Accept-Language": language, "User-Agent": "Browser of a test"}
        self.seen: list[str] = []
        self.made = 0
        """Statements of the last answer."""

    async def step(self, url: str, method: str = "GET", **options: Any) -> httpx.Response:
        """One request, without following where it leads."""
        self.seen.append(url)
        client = self.here if url.startswith(f"{PUBLIC_URL}/") else self.there
        headers = {**self.headers, **options.pop("headers", {})}
        response = await client.request(method, url, headers=headers, follow_redirects=False, **options)
        assert response.status_code < 500, f"{url}: {response.text}"
        return response

    async def go(self, url: str, *, until: str | None = None, method: str = "GET", **options: Any) -> str:
        """Follows redirects, and says where they end: at a page, or at an address that starts with `until`."""
        for _ in range(12):
            if until is not None and url.startswith(until):
                return url
            response = await self.step(url, method, **options)
            method, options = "GET", {}
            if "location" not in response.headers:
                return url
            url = urljoin(url, response.headers["location"])
        raise AssertionError(f"led around: {self.seen}")

    async def to_provider(self, *, back_to: str | None = None) -> str:
        """From the button to the provider's page; its address. Whoever is still logged in there is sent back already:
        the address of the answer.
        """
        query = f"?return={back_to}" if back_to else ""
        return await self.go(f"{PUBLIC_URL}/openid/login{query}", until=f"{PUBLIC_URL}/openid/callback")

    async def answer(self, page: str, who: str = "jeanne") -> str:
        """Logs in on the provider's page: the address of ours that it sends the browser to."""
        return page if page.startswith(PUBLIC_URL) else await self.go(f"{page}/as/{who}", until=PUBLIC_URL)

    async def log_in(self, who: str = "jeanne", *, back_to: str | None = None) -> str:
        """All of it; the page where it ends."""
        return await self.go(await self.answer(await self.to_provider(back_to=back_to), who))

    async def run(self, name: str, **variables: Any) -> Any:
        """A document of client-examples/operations, held to the statements that it states."""
        asked = document(name)
        answer = await self.ask(asked.text, **variables)
        assert self.made <= asked.statements, f"{name} made {self.made} statements of {asked.statements}"
        most[name] = max(self.made, most.get(name, 0))
        return answer

    async def ask(self, document: str, headers: dict[str, str] | None = None, **variables: Any) -> Any:
        """What GraphQL answers, as the page's script would ask it: the value of its only field, or the errors."""
        response = await self.here.post(
            "/graphql",
            json={"query": document, "variables": variables},
            headers={**self.headers, "X-Requested-With": "test", **(headers or {})},
        )
        self.made = sum(map(int, _STATEMENTS.findall(response.headers.get("server-timing", ""))))
        answer = response.json()
        if answer.get("errors"):
            return [error["extensions"]["code"] for error in answer["errors"]]
        (value,) = answer["data"].values()
        return value

    async def me(self) -> Any:
        return await self.ask(
            "{ me { username hasPassword profile { firstName email } identities { id provider acr amr } "
            "sessions { current identityProvider } } }"
        )

    def cookies(self) -> dict[str, str]:
        return {cookie.name: cookie.value or "" for cookie in self.here.cookies.jar}

    async def close(self) -> None:
        await self.here.aclose()
        await self.there.aclose()


@pytest_asyncio.fixture
async def open_browser(app: Starlette) -> AsyncIterator[Callable[..., Browser]]:
    """Makes browsers, and closes them."""
    opened: list[Browser] = []

    def make(**options: Any) -> Browser:
        browser = Browser(app, **options)
        opened.append(browser)
        return browser

    yield make
    for browser in opened:
        await browser.close()


@pytest.fixture
def browser(open_browser: Callable[..., Browser]) -> Browser:
    return open_browser()


def problem_of(url: str) -> str | None:
    """The code that a log-in ended with; None where it did not end at the page of problems."""
    parts = urlsplit(url)
    if f"{parts.scheme}://{parts.netloc}{parts.path}" != f"{PUBLIC_URL}/openid/error":
        return None
    return parse_qs(parts.query)["code"][0]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ESPACE_")}


def read_log(log: Path) -> str:
    return log.read_text()


async def _ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    async with asyncio.timeout(30):
        while True:
            assert process.poll() is None, read_log(log)
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture
async def patient(app: Starlette, settings_of_openid: Settings) -> None:
    """Nobody is told to come again because many wait for each other, and the machine of the tests is busy."""
    await close()
    await initialise(settings_of_openid.model_copy(update={"database_timeout_seconds": 60.0}))
