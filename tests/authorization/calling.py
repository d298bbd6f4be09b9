"""The application as every kind of caller meets it: real headers, real bytes, and a look at each answer for what must
not be in it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import httpx
from graphql import GraphQLSchema
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message

from core.settings import Settings
from espace import calendar, captcha, captcha_audio, tus
from espace.files import make_file_routes
from espace.graphql import graphql_app
from models.actors import Actor
from resolvers.sessions import authenticate
from schema.build import build_schema
from schema.limits import Limits
from tests.authorization.kinds import Kind
from tests.authorization.world import World

ADDRESS = "http://mairie.example"
BUILT = build_schema()
SCHEMA: GraphQLSchema = BUILT._schema
WIDE = Limits(
    tokens=10**7, fragments=10**6, depth=50, aliases=10**6, root_fields=10**6, cost=10**15, repetitions=10**9
)
"""The matrix asks for more at once than anybody may."""


@dataclass(frozen=True, repr=False)
class Reply:
    """What came back, and what in it should not have."""

    kind: Kind
    response: httpx.Response
    leaks: list[str]

    @property
    def answer(self) -> dict[str, Any]:
        """The only answer; the first one of a stream."""
        if not self.response.headers["content-type"].startswith("text/event-stream"):
            return cast("dict[str, Any]", self.response.json())
        first = next(line for line in self.response.text.splitlines() if line.startswith("data: "))
        return cast("dict[str, Any]", json.loads(first.removeprefix("data: ")))

    @property
    def data(self) -> dict[str, Any]:
        return self.answer.get("data") or {}

    @property
    def codes(self) -> list[str]:
        return [error["extensions"]["code"] for error in self.answer.get("errors", ())]


@dataclass(repr=False)
class Callers:
    """All kinds of caller of one world."""

    world: World
    http: httpx.AsyncClient
    application: ASGIApp
    asked: int = field(default=0)

    async def ask(
        self,
        kind: Kind,
        document: str,
        variables: Mapping[str, str] | None = None,
        *,
        opened: str | None = None,
        by_ticket: str | None = None,
    ) -> Reply:
        """The answer to a document; of a subscription, one that ends by itself. `opened` is a request that it gives the
        ticket of; `by_ticket`, one whose ticket is all that they call with."""
        self.asked += 1
        credentials = self.world.headers[kind]
        if by_ticket is not None:
            credentials = {"Authorization": f"Ticket {self.world.requests[by_ticket].ticket}"}
        accept = {"Accept": "text/event-stream"} if document.startswith("subscription") else {}
        response = await self.http.post(
            "/graphql",
            json={"query": document, "variables": variables},
            headers={**credentials, **accept},
        )
        self.http.cookies.clear()  # Each kind has its own, whatever somebody was given.
        return self.reply(kind, response, opened)

    async def open_websocket(self, headers: Mapping[str, str]) -> bool:
        """Whether a WebSocket that is opened with these headers, and nothing else, comes to be somebody's."""
        coming: list[Message] = [
            {"type": "websocket.connect"},
            {"type": "websocket.receive", "text": '{"type": "connection_init"}'},
            {"type": "websocket.disconnect", "code": 1000},
        ]
        told: list[Message] = []

        async def receive() -> Message:
            return coming.pop(0) if len(coming) > 1 else coming[0]

        async def send(message: Message) -> None:
            told.append(message)

        scope = {
            "type": "websocket",
            "path": "/graphql",
            "query_string": b"",
            "subprotocols": ["graphql-transport-ws"],
            "client": ("127.0.0.1", 1),
            "headers": [
                (name.lower().encode(), value.encode())
                for name, value in {"host": "mairie.example", **headers}.items()
            ],
        }
        await self.application(scope, receive, send)
        return any("connection_ack" in message.get("text", "") for message in told)

    def reply(self, kind: Kind, response: httpx.Response, opened: str | None = None) -> Reply:
        content = response.content + repr(response.headers.raw).encode()
        return Reply(kind, response, self.world.secrets.leaks(kind, content, opened))


def application(settings: Settings) -> Starlette:
    """Every door that there is."""
    graphql = graphql_app(BUILT, settings, authenticate=authenticate, limits=WIDE)
    return Starlette(
        routes=[
            Route("/graphql", graphql),
            WebSocketRoute("/graphql", graphql),
            *tus.routes(settings, authenticate=authenticate),
            *make_file_routes(settings),
            *calendar.routes,
            *captcha.routes,
            *captcha_audio.routes,
        ]
    )


async def actor_of(headers: Mapping[str, str]) -> Actor:
    """Who calls with these credentials, for what is made for somebody rather than asked by them."""
    scheme, _, value = headers["Authorization"].partition(" ")
    bearer, ticket = (value, None) if scheme == "Bearer" else (None, value)
    return await authenticate(bearer=bearer, ticket=ticket, language="fr")


@asynccontextmanager
async def calling(settings: Settings, world: World) -> AsyncIterator[Callers]:
    made = application(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url=ADDRESS) as http:
        yield Callers(world, http, made)
