"""The GraphQL endpoint: GET and POST here, event streams through sse.py, WebSockets through websocket.py."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from dataclasses import dataclass

import strawberry
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.http.websocket_origin import normalize_origin

from core.errors import CallError, ForbiddenError, RateLimitedError, UnauthenticatedError, UnavailableError
from core.i18n import Language, Text, negotiate
from core.settings import Settings
from espace.cors import open_to_allowed_origins
from espace.early_answer import EarlyAnswer, WatchedBody
from espace.graphql.charging import charge, charge_upload
from espace.graphql.door import CSRF_HEADER, Authenticate, Door, sender_of_files
from espace.graphql.envelope import (
    EVENT_STREAM,
    GRAPHQL_RESPONSE,
    JSON,
    Envelope,
    RefusedEnvelopeError,
    choose_media_type,
    prefers_page,
    read_envelope,
)
from espace.graphql.multipart import (
    carries_files,
    read_boundary,
    read_operation,
    reading_parts,
    receive_files,
)
from espace.graphql.observation import log_refusal, observed
from espace.graphql.page import graphiql
from espace.graphql.responses import answer, change_cookie, refusal
from espace.graphql.sse import EventStreamResponse
from espace.graphql.websocket import Connection
from models.database import counted
from schema.context import Context, CookieChange
from schema.execution import Answer, Engine, MalformedOperationError, Operation
from schema.limits import Limits
from schema.masking import (
    MALFORMED_OPERATION,
    describe_call_error,
    describe_defect,
    describe_malformed,
    malformed,
)
from uploads.receiving import Seats

_METHODS = {"Allow": "GET, POST"}


def graphql_app(
    schema: strawberry.Schema,
    settings: Settings,
    *,
    authenticate: Authenticate,
    limits: Limits | None = None,
    seats: Seats | None = None,
) -> ASGIApp:
    """The ASGI application for `Route("/graphql", ...)` and `WebSocketRoute("/graphql", ...)`, one for both.

    `authenticate` turns a credential into an actor. `seats` are those of the process, for bodies with files,
    where other addresses take such bodies too. Pages of `settings.allowed_origins` may call with
    credentials; raises ValueError where one of them is not an origin.
    """
    for origin in settings.allowed_origins:
        if normalize_origin(origin) is None:
            raise ValueError(f"allowed_origins: {origin!r} is not an origin such as https://example.fr")
    engine = Engine(
        schema,
        limits=limits or Limits(introspection=settings.development),
        development=settings.development,
    )
    seats = seats or Seats(settings.uploads_at_once)
    view = GraphQLView(engine, Door(settings, authenticate), settings, seats)
    return open_to_allowed_origins(
        view,
        settings,
        methods=["GET", "POST"],
        headers=["Authorization", "Content-Type", "Accept", "Accept-Language", CSRF_HEADER],
        exposed=["Retry-After", "Server-Timing"],
    )


@dataclass(frozen=True, slots=True)
class _Admission:
    """A caller who was let in before the operation was known, and the statements that it took."""

    context: Context
    statements: int


class GraphQLView:
    """One schema at one address."""

    def __init__(self, engine: Engine, door: Door, settings: Settings, seats: Seats) -> None:
        self.engine = engine
        self.door = door
        self.settings = settings
        self.seats = seats
        self.development = settings.development
        self.maximum_bytes = settings.graphql_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            websocket = WebSocket(scope, receive, send)
            await Connection(self.engine, self.door, websocket, maximum_bytes=self.maximum_bytes).serve()
            return
        body = WatchedBody(receive)
        request = Request(scope, body)
        response = await self.respond(request)
        if not body.ended and carries_files(request):
            response = EarlyAnswer(response, body)
        await response(scope, receive, send)

    async def respond(self, request: Request) -> ASGIApp:
        """The answer to one request, whatever happens: nothing is raised."""
        language = negotiate(request.headers.get("accept-language"))
        media_type = JSON
        try:
            if request.method not in ("GET", "POST"):
                raise RefusedEnvelopeError(405, _WRONG_METHOD, _METHODS)
            if self._asks_for_page(request):
                return graphiql()
            media_type = choose_media_type(request.headers.get("accept"))
            if request.method == "POST":
                self.door.check_forgery(request)
                if carries_files(request):
                    return await self._execute_with_files(request, language, media_type)
            envelope = await read_envelope(request, self.maximum_bytes)
            operation = self.engine.prepare(envelope.document, envelope.operation_name)
            _check_transport(operation, request.method, media_type)
            if media_type == EVENT_STREAM:
                context = await self.door.admit(request, language, "sse")
                await charge(context, operation)
                return EventStreamResponse(self._stream(operation, envelope, context))
            return await self._execute(request, operation, envelope, language, media_type)
        except RefusedEnvelopeError as error:
            return refusal(
                [malformed(error.text, language)], _without_stream(media_type), error.status, error.headers
            )
        except MalformedOperationError as error:
            if error.stage != "variables":  # Otherwise the operation has left its own line.
                log_refusal("sse" if media_type == EVENT_STREAM else "http")
            errors = describe_malformed(error.errors, language)
            if media_type == EVENT_STREAM:
                return EventStreamResponse(_single({"errors": errors}))
            return refusal(errors, media_type, _status_of(error, media_type))
        except CallError as error:
            status, headers = _status_of_call(error)
            return refusal(
                [describe_call_error(error, language)], _without_stream(media_type), status, headers
            )
        except Exception as error:  # noqa: BLE001 - the last resort: nothing internal is ever shown
            described = describe_defect(error, language, verbose=self.development)
            return refusal([described], _without_stream(media_type), 500)

    def _asks_for_page(self, request: Request) -> bool:
        return (
            self.development
            and request.method == "GET"
            and "query" not in request.query_params
            and prefers_page(request.headers.get("accept"))
        )

    async def _execute_with_files(self, request: Request, language: Language, media_type: str) -> ASGIApp:
        """The caller is let in, and has a seat, before the body is read; the files last as long as the answer takes."""
        if media_type == EVENT_STREAM:
            raise RefusedEnvelopeError(406, _NO_STREAM_WITH_FILES)
        boundary = read_boundary(request, self.settings.upload_request_bytes)
        with counted() as at_door:
            context = await self.door.admit(request, language, "http")
            await charge_upload(context)
        admission = _Admission(context, at_door.value)
        with self.seats.take(sender_of_files(context.actor)), ExitStack() as files:
            async with reading_parts(request, boundary, self.settings, context) as parts:
                envelope, places = await read_operation(parts, self.maximum_bytes)
                operation = self.engine.prepare(envelope.document, envelope.operation_name)
                _check_transport(operation, request.method, media_type)
                await receive_files(parts, places, files, self.settings.upload_file_bytes)
            return await self._execute(request, operation, envelope, language, media_type, admission)

    async def _execute(
        self,
        request: Request,
        operation: Operation,
        envelope: Envelope,
        language: Language,
        media_type: str,
        admission: _Admission | None = None,
    ) -> ASGIApp:
        with observed(operation, "http") as whole:
            if admission:
                context = admission.context
                whole.count.value += admission.statements
            else:
                context = await self.door.admit(request, language, "http")
            await charge(context, operation)
            at_door = whole.statements
            executor = self.engine.bind(operation, envelope.variables, context)
            result = await self.engine.execute(executor)
            whole.outcome = result.outcome
            whole.answers = 1
        response = answer(result.payload(), media_type)
        response.headers["Content-Language"] = context.language
        wait = _longest_wait(result)
        if wait:
            response.headers["Retry-After"] = str(wait)
        if self.development:
            response.headers["Server-Timing"] = ", ".join(
                (
                    f'sql;desc="{whole.statements - at_door}"',
                    f'door;desc="{at_door}"',
                    f"total;dur={whole.milliseconds:.1f}",
                )
            )
        if context.cookie_change:
            change_cookie(response, self.door.cookie_name, context.cookie_change, secure=not self.development)
        if context.forgets_pending_identity:
            name = self.door.pending_identity_cookie_name
            change_cookie(response, name, CookieChange(None), secure=not self.development)
        return response

    async def _stream(
        self, operation: Operation, envelope: Envelope, context: Context
    ) -> AsyncGenerator[object, None]:
        with observed(operation, "sse") as whole:
            try:
                executor = self.engine.bind(operation, envelope.variables, context)
            except MalformedOperationError as error:
                whole.outcome = MALFORMED_OPERATION
                yield {"errors": describe_malformed(error.errors, context.language)}
                return
            async with aclosing(self.engine.answers(operation, executor)) as answers:
                async for result in answers:
                    whole.answers += 1
                    yield result.payload()
                    whole.outcome = result.outcome


def _check_transport(operation: Operation, method: str, media_type: str) -> None:
    if method == "GET" and operation.kind == "mutation":
        raise RefusedEnvelopeError(405, _NO_MUTATION_BY_GET, {"Allow": "POST"})
    if operation.kind == "subscription" and media_type != EVENT_STREAM:
        raise RefusedEnvelopeError(400, _NO_PLAIN_SUBSCRIPTION)


def _longest_wait(result: Answer) -> int:
    """Seconds after which all fields that met a limit may be asked for again; 0 where none did."""
    waits = (error.get("extensions", {}).get("retryAfterSeconds", 0) for error in result.errors)
    return max(waits, default=0)


def _without_stream(media_type: str) -> str:
    """A refused event stream is answered in JSON: the client reads why in the body."""
    return JSON if media_type == EVENT_STREAM else media_type


def _status_of(error: MalformedOperationError, media_type: str) -> int:
    """GraphQL over HTTP has `application/json` answer 200 to a bad document in a good envelope."""
    return 400 if media_type == GRAPHQL_RESPONSE or error.stage == "choice" else 200


def _status_of_call(error: CallError) -> tuple[int, dict[str, str]]:
    if isinstance(error, UnauthenticatedError):
        return 401, {"WWW-Authenticate": "Bearer"}
    if isinstance(error, ForbiddenError):
        return 403, {}
    if isinstance(error, RateLimitedError):
        return 429, {"Retry-After": str(error.retry_after_seconds)}
    if isinstance(error, UnavailableError):
        return 503, {"Retry-After": "2"}
    return 400, {}


async def _single(payload: object) -> AsyncGenerator[object, None]:
    yield payload


_WRONG_METHOD = Text(
    fr="Ce serveur accepte GET et POST.",
    en="This server takes GET and POST.",
)
_NO_MUTATION_BY_GET = Text(
    fr="Une mutation s’envoie par POST.",
    en="Send a mutation by POST.",
)
_NO_STREAM_WITH_FILES = Text(
    fr="Ce serveur répond à une requête avec des fichiers en application/graphql-response+json ou application/json.",
    en="This server answers a request with files in application/graphql-response+json or application/json.",
)
_NO_PLAIN_SUBSCRIPTION = Text(
    fr="Un abonnement se suit par WebSocket (graphql-transport-ws) ou avec Accept: text/event-stream.",
    en="Follow a subscription over a WebSocket (graphql-transport-ws) or with Accept: text/event-stream.",
)
