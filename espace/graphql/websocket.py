"""graphql-transport-ws: many operations on one WebSocket.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. Strawberry's handler (0.341) is not used:
it shares one context between all operations of a connection, parses each operation anew, and closes with
1006 on a message that is not an object.

Close codes are the protocol's: 4400 a message that is malformed or not Unicode text, or too many malformed
documents in a row; 4401 an operation before connection_init; 4403 credentials that are not good; 4406 another
subprotocol; 4408 no connection_init in time; 4409 an id in use; 4429 a second connection_init; 4500 a defect,
or a database that is away. 1009 (RFC 6455) is a message that is too big.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLFormattedError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from core.errors import CallError, ForbiddenError, UnauthenticatedError
from core.i18n import Language, Text, negotiate
from espace.graphql.charging import charge
from espace.graphql.door import Credentials, Door
from espace.graphql.envelope import Envelope, RefusedEnvelopeError, check_envelope
from espace.graphql.observation import log_refusal, observed
from espace.graphql.responses import encode
from models.actors import Visitor
from schema.context import CallFacts, Context
from schema.execution import Engine, MalformedOperationError, Operation
from schema.masking import (
    describe_call_error,
    describe_defect,
    describe_malformed,
    malformed,
)

PROTOCOL = "graphql-transport-ws"
INITIALISATION_SECONDS = 10.0
MAXIMUM_OPERATIONS = 50
MAXIMUM_MALFORMED = 100
"""Malformed documents in a row: a client that sends more is broken or hostile, and each costs us milliseconds."""

_LONGEST_ID = 200
_LONGEST_REASON = 123  # Bytes of UTF-8: RFC 6455, 5.5.

_TOO_MANY_OPERATIONS = Text(
    fr="Au plus {limit} opérations à la fois sur une connexion.",
    en="At most {limit} operations at a time on one connection.",
)


class ClosedError(Exception):
    """The connection ends here: a close code of the protocol and its reason (English, cut to 123 bytes)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:_LONGEST_REASON].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who initialised the connection: what they showed, which every operation shows again.

    A session that was revoked meanwhile is thus worth nothing from the next operation on.
    """

    credentials: Credentials
    language: Language
    facts: CallFacts


class Connection:
    """One WebSocket, from its handshake to its end."""

    def __init__(
        self,
        engine: Engine,
        door: Door,
        websocket: WebSocket,
        *,
        maximum_bytes: int,
        initialisation_seconds: float = INITIALISATION_SECONDS,
    ) -> None:
        self.engine = engine
        self.door = door
        self.websocket = websocket
        self.maximum_bytes = maximum_bytes
        self.initialisation_seconds = initialisation_seconds
        self.caller: _Caller | None = None
        self.operations: dict[str, asyncio.Task[None]] = {}
        self.malformed_in_a_row = 0

    async def serve(self) -> None:
        """Serve the connection until either side ends it; every operation has ended when this returns."""
        offered = PROTOCOL in self.websocket.scope["subprotocols"]
        await self.websocket.accept(subprotocol=PROTOCOL if offered else None)
        try:
            ending = await self._converse() if offered else ClosedError(4406, "Subprotocol not acceptable")
        finally:
            tasks = list(self.operations.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if ending and self.websocket.client_state is not WebSocketState.DISCONNECTED:
            await self.websocket.close(ending.code, ending.reason)

    async def _converse(self) -> ClosedError | None:
        """Handle messages until the end of the connection; why we end it, or None where the client left."""
        try:
            await self._initialise()
            while True:
                await self._handle(await self._receive())
        except ClosedError as error:
            return error
        except WebSocketDisconnect:
            return None
        except Exception as error:  # noqa: BLE001 - the last resort: close with a code, log the defect
            describe_defect(error, "en", verbose=self.engine.development)
            return ClosedError(4500, "Internal server error")

    async def _initialise(self) -> None:
        try:
            async with asyncio.timeout(self.initialisation_seconds):
                message = await self._receive()
                while message["type"] in ("ping", "pong"):
                    await self._handle(message)
                    message = await self._receive()
        except TimeoutError:
            raise ClosedError(4408, "Connection initialisation timeout") from None
        if message["type"] != "connection_init":
            raise ClosedError(4401, "Unauthorized")
        payload = message.get("payload")
        if payload is not None and not isinstance(payload, dict):
            raise ClosedError(4400, "Invalid connection_init payload")
        self.caller = await self._admit(payload or {})
        await self._send({"type": "connection_ack"})

    async def _admit(self, payload: dict[str, Any]) -> _Caller:
        """Payload members have the names of the HTTP headers, which count where the payload lacks them."""
        headers: Mapping[str, str] = {
            **{name: self.websocket.headers[name] for name in _HEADERS if name in self.websocket.headers},
            **{
                name.lower(): value
                for name, value in payload.items()
                if name.lower() in _HEADERS and isinstance(value, str)
            },
        }
        language = negotiate(headers.get("accept-language"))
        client = self.websocket.client
        facts = CallFacts(
            "websocket", client.host if client else None, self.websocket.headers.get("user-agent")
        )
        try:
            caller = _Caller(self.door.credentials_of(self.websocket, headers), language, facts)
            if caller.credentials.from_cookie:
                self.door.check_origin(self.websocket)
            await self._context(caller)
        except (UnauthenticatedError, ForbiddenError):
            raise ClosedError(4403, "Forbidden") from None
        except CallError as error:
            raise ClosedError(4500, error.text.en) from None
        return caller

    async def _context(self, caller: _Caller) -> Context:
        """The context of one operation; that of a visitor where the cookie is no longer good."""
        try:
            actor = await self.door.identify(caller.credentials, caller.language, caller.facts.address)
        except UnauthenticatedError:
            if not caller.credentials.from_cookie:
                raise
            actor = Visitor(language=caller.language)
        return Context(actor, caller.facts)

    async def _handle(self, message: dict[str, Any]) -> None:
        match message["type"]:
            case "ping":
                await self._send({"type": "pong"})
            case "pong":
                pass
            case "subscribe":
                await self._subscribe(_id_of(message), message.get("payload"))
            case "complete":
                task = self.operations.pop(_id_of(message), None)
                if task:
                    task.cancel()
            case "connection_init":
                raise ClosedError(4429, "Too many initialisation requests")
            case _:
                raise ClosedError(4400, "Unknown message type")

    async def _subscribe(self, operation_id: str, payload: object) -> None:
        if self.caller is None:
            raise ClosedError(4401, "Unauthorized")
        if operation_id in self.operations:
            raise ClosedError(4409, f"Subscriber for {operation_id} already exists")
        language = self.caller.language
        if len(self.operations) >= MAXIMUM_OPERATIONS:
            text = _TOO_MANY_OPERATIONS.format(limit=MAXIMUM_OPERATIONS)
            await self._refuse(operation_id, [malformed(text, language)])
            return
        try:
            envelope = check_envelope(payload)
        except RefusedEnvelopeError as error:
            raise ClosedError(4400, error.text.en) from None
        try:
            operation = self.engine.prepare(envelope.document, envelope.operation_name)
        except MalformedOperationError as error:
            log_refusal("websocket")
            await self._refuse(operation_id, describe_malformed(error.errors, language))
            self.malformed_in_a_row += 1
            if self.malformed_in_a_row >= MAXIMUM_MALFORMED:
                raise ClosedError(4400, "Too many malformed documents") from None
            return
        self.malformed_in_a_row = 0
        running = self._run(operation_id, operation, envelope, self.caller)
        self.operations[operation_id] = asyncio.create_task(running)

    async def _run(
        self, operation_id: str, operation: Operation, envelope: Envelope, caller: _Caller
    ) -> None:
        """The task of one operation. Its id is free again before its last message leaves."""
        errors: list[GraphQLFormattedError] = []
        try:
            with observed(operation, "websocket") as whole:
                context = await self._context(caller)
                await charge(context, operation)
                executor = self.engine.bind(operation, envelope.variables, context)
                async with aclosing(self.engine.answers(operation, executor)) as answers:
                    async for answer in answers:
                        whole.answers += 1
                        whole.outcome = answer.outcome
                        await self._send({"id": operation_id, "type": "next", "payload": answer.payload()})
        except MalformedOperationError as error:
            errors = describe_malformed(error.errors, caller.language)
        except CallError as error:
            errors = [describe_call_error(error, caller.language)]
        except WebSocketDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - a defect of one operation leaves the others running
            errors = [describe_defect(error, caller.language, verbose=self.engine.development)]
        if self.operations.get(operation_id) is not asyncio.current_task():
            return  # The client has completed it meanwhile, and may have given its id to another.
        del self.operations[operation_id]
        with suppress(WebSocketDisconnect):
            if errors:
                await self._refuse(operation_id, errors)
            else:
                await self._send({"id": operation_id, "type": "complete"})

    async def _refuse(self, operation_id: str, errors: list[GraphQLFormattedError]) -> None:
        await self._send({"id": operation_id, "type": "error", "payload": errors})

    async def _receive(self) -> dict[str, Any]:
        """The next message: an object with a `type`, all of it Unicode text. Anything else closes with 4400."""
        # Messages that wait already suspend nothing: without this, whoever sends many keeps everybody else waiting.
        await asyncio.sleep(0)
        event = await self.websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1005))
        text = event.get("text")
        if text is None:
            raise ClosedError(4400, "WebSocket message type must be text")
        if len(text.encode("utf-8", "surrogatepass")) > self.maximum_bytes:
            raise ClosedError(1009, "Message too big")
        try:
            # Unlike json's, it refuses half a surrogate pair, which could be neither hashed nor sent back.
            message = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise ClosedError(4400, "WebSocket message must be valid JSON") from None
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise ClosedError(4400, "WebSocket message must be an object with a type")
        return message

    async def _send(self, message: dict[str, Any]) -> None:
        await self.websocket.send_text(encode(message).decode())


_HEADERS = ("authorization", "accept-language")


def _id_of(message: dict[str, Any]) -> str:
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not 0 < len(operation_id) <= _LONGEST_ID:
        raise ClosedError(4400, "A message of this type needs an id")
    return operation_id
