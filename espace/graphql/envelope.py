"""From bytes to an operation to run: what may stand around a document, checked before the document is
looked at.

Follows GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/). Whatever is wrong answers
4xx with a well formed error, whatever media type was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from starlette.requests import ClientDisconnect, Request

from core.i18n import Text

JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"

MAXIMUM_NESTING = 50


class RefusedEnvelopeError(Exception):
    """The request is not one of an operation. `status` is the HTTP status; `headers` go with it."""

    def __init__(self, status: int, text: Text, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text.en)
        self.status = status
        self.text = text
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a client asks to run."""

    document: str
    operation_name: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)


async def read_envelope(request: Request, maximum_bytes: int) -> Envelope:
    """The envelope of a GET or POST request. Raises RefusedEnvelopeError (400, 413, 415)."""
    if request.method == "GET":
        return check_envelope(_from_query(request))
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    if media_type.strip().lower() != JSON:
        raise RefusedEnvelopeError(415, _WRONG_MEDIA_TYPE)
    charset = parameters.lower().partition("charset=")[2].split(";")[0].strip(" \"'")
    if charset not in ("", "utf-8", "utf8"):
        raise RefusedEnvelopeError(415, _WRONG_MEDIA_TYPE)
    return check_envelope(parse_json(await _read_body(request, maximum_bytes)))


def parse_json(body: bytes | str) -> object:
    """The value of a JSON text in UTF-8. Raises RefusedEnvelopeError."""
    try:
        return json.loads(body.decode() if isinstance(body, bytes) else body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors.
        raise RefusedEnvelopeError(400, _NOT_JSON) from None


def check_envelope(value: object) -> Envelope:
    """The envelope in a JSON value. Raises RefusedEnvelopeError; members that are unknown are ignored."""
    if isinstance(value, list):
        raise RefusedEnvelopeError(400, _NO_BATCHES)
    if not isinstance(value, dict):
        raise RefusedEnvelopeError(400, _NOT_AN_OBJECT)
    document = value.get("query")
    operation_name = value.get("operationName")
    variables = value.get("variables")
    extensions = value.get("extensions")
    if not isinstance(document, str) or not document:
        raise RefusedEnvelopeError(400, _WRONG_QUERY)
    if operation_name is not None and not isinstance(operation_name, str):
        raise RefusedEnvelopeError(400, _WRONG_OPERATION_NAME)
    if variables is not None and not isinstance(variables, dict):
        raise RefusedEnvelopeError(400, _WRONG_VARIABLES)
    if extensions is not None and not isinstance(extensions, dict):
        raise RefusedEnvelopeError(400, _WRONG_EXTENSIONS)
    _check_text(document)
    _check_values(variables or {})
    return Envelope(document, operation_name or None, variables or {})


def choose_media_type(accept: str | None) -> str:
    """The media type to answer with, by the Accept header: `application/json` where the client does not say.

    An event stream is only ever sent where it is named. Raises RefusedEnvelopeError (406).
    """
    best: tuple[float, int, str] | None = None
    for position, part in enumerate((accept or "*/*")[:1000].split(",")):
        media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
        offered = _OFFERED.get(media_range)
        quality = _quality(parameters)
        if offered and quality > 0 and (best is None or quality > best[0]):
            best = (quality, position, offered)
    if best is None:
        raise RefusedEnvelopeError(406, _NOT_ACCEPTABLE)
    return best[2]


def prefers_page(accept: str | None) -> bool:
    """Whether a browser asks for a page to look at rather than for an answer."""
    return "text/html" in (accept or "").lower()


_OFFERED = {
    JSON: JSON,
    "application/*": JSON,
    "*/*": JSON,
    GRAPHQL_RESPONSE: GRAPHQL_RESPONSE,
    EVENT_STREAM: EVENT_STREAM,
}


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


async def _read_body(request: Request, maximum_bytes: int) -> bytes:
    """The body, never holding more than the limit, whatever Content-Length says or leaves out."""
    refuse_declared_size(request, maximum_bytes)
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > maximum_bytes:
                refuse_size(maximum_bytes)
    except ClientDisconnect:
        raise RefusedEnvelopeError(400, _NOT_JSON) from None  # Nobody is there to read it.
    return bytes(body)


def refuse_declared_size(request: Request, maximum_bytes: int, text: Text | None = None) -> None:
    """Raises RefusedEnvelopeError (413) where Content-Length already says that the body is too large."""
    if (declared_size(request) or 0) > maximum_bytes:
        refuse_size(maximum_bytes, text)


def declared_size(request: Request) -> int | None:
    """Content-Length, where there is one."""
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isdecimal() else None


def refuse_size(maximum_bytes: int, text: Text | None = None) -> NoReturn:
    """Raises RefusedEnvelopeError (413): with `text`, if one is given, in the place of a sentence for programmers."""
    too_large = text or _TOO_LARGE.format(limit=maximum_bytes // 1024)
    raise RefusedEnvelopeError(413, too_large, {"Connection": "close"})


def _from_query(request: Request) -> dict[str, object]:
    members: dict[str, object] = dict(request.query_params)
    for name in ("variables", "extensions"):
        text = members.get(name)
        if isinstance(text, str):
            members[name] = parse_json(text) if text else None
    return members


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _check_values(variables: dict[str, Any]) -> None:
    """Refuse what no column can hold (U+0000, half a surrogate pair) and what no input type needs (deep
    nesting).
    """
    pending: list[tuple[object, int]] = [(variables, 0)]
    while pending:
        value, depth = pending.pop()
        if depth > MAXIMUM_NESTING:
            raise RefusedEnvelopeError(400, _TOO_NESTED)
        if isinstance(value, str):
            _check_text(value)
        elif isinstance(value, list):
            pending.extend((item, depth + 1) for item in value)
        elif isinstance(value, dict):
            for name, member in value.items():
                _check_text(name)
                pending.append((member, depth + 1))


def _check_text(text: str) -> None:
    if "\0" in text:
        raise RefusedEnvelopeError(400, _NOT_TEXT)
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise RefusedEnvelopeError(400, _NOT_TEXT) from None


_WRONG_MEDIA_TYPE = Text(
    fr="Envoyez l’opération en application/json, encodée en UTF-8 ; avec des fichiers, en multipart/form-data.",
    en="Send the operation as application/json, encoded in UTF-8; with files, as multipart/form-data.",
)
_NOT_ACCEPTABLE = Text(
    fr="Ce serveur répond en application/graphql-response+json, application/json ou text/event-stream.",
    en="This server answers application/graphql-response+json, application/json or text/event-stream.",
)
_TOO_LARGE = Text(
    fr="La requête dépasse {limit} Kio.",
    en="The request is larger than {limit} KiB.",
)
_NOT_JSON = Text(
    fr="La requête n’est pas du JSON encodé en UTF-8.",
    en="The request is not JSON encoded in UTF-8.",
)
_NOT_AN_OBJECT = Text(
    fr="La requête doit être un objet JSON avec un membre « query ».",
    en='The request must be a JSON object with a member "query".',
)
_NO_BATCHES = Text(
    fr="Envoyez une seule opération par requête.",
    en="Send one operation a request.",
)
_WRONG_QUERY = Text(
    fr="« query » doit être un document GraphQL, en texte.",
    en='"query" must be a GraphQL document, as a string.',
)
_WRONG_OPERATION_NAME = Text(
    fr="« operationName » doit être un texte ou null.",
    en='"operationName" must be a string or null.',
)
_WRONG_VARIABLES = Text(
    fr="« variables » doit être un objet ou null.",
    en='"variables" must be an object or null.',
)
_WRONG_EXTENSIONS = Text(
    fr="« extensions » doit être un objet ou null.",
    en='"extensions" must be an object or null.',
)
_NOT_TEXT = Text(
    fr="La requête contient un caractère qui n’est pas du texte Unicode.",
    en="The request holds a character that is not Unicode text.",
)
_TOO_NESTED = Text(
    fr="Les variables sont trop imbriquées.",
    en="The variables are nested too deeply.",
)
