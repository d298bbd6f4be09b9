"""An operation that comes with files.

Follows the GraphQL multipart request specification (https://github.com/jaydenseric/graphql-multipart-request-spec)
for one operation: a field `operations`, a field `map`, then the files, in this order. The operation is known, and
may be refused, before the first byte of a file is read.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager
from typing import Any

from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request

from core.i18n import Text
from core.settings import Settings
from espace.graphql.charging import charged
from espace.graphql.envelope import (
    Envelope,
    RefusedEnvelopeError,
    check_envelope,
    declared_size,
    parse_json,
    refuse_declared_size,
    refuse_size,
)
from schema.context import Context
from uploads.receiving import (
    BodyTooLargeError,
    BodyTooSlowError,
    MalformedBodyError,
    Part,
    PartEnd,
    PartEvent,
    keep_file,
    paced,
    read_parts,
)

MULTIPART = "multipart/form-data"
MAXIMUM_FILES = 10
MEGABYTE = 1024 * 1024
MAXIMUM_PATHS = 100

_Place = tuple[dict[str, Any] | list[Any], str | int]
"""An object or a list inside the variables, and the member of it that a file is put in."""

Places = dict[str, list[_Place]]
"""Where each file goes, by the name of its part."""


def carries_files(request: Request) -> bool:
    """Whether it is a POST in multipart/form-data. The body of a GET is never looked at."""
    media_type = request.headers.get("content-type", "").partition(";")[0]
    return request.method == "POST" and media_type.strip().lower() == MULTIPART


def read_boundary(request: Request, maximum_bytes: int) -> bytes:
    """The boundary of a body that may be read. Raises RefusedEnvelopeError (400, 413, 415)."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise RefusedEnvelopeError(415, _ENCODED)
    refuse_declared_size(request, maximum_bytes, _too_large(maximum_bytes))
    boundary = parse_options_header(request.headers.get("content-type"))[1].get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        raise RefusedEnvelopeError(400, _NOT_MULTIPART)
    return boundary


@asynccontextmanager
async def reading_parts(
    request: Request, boundary: bytes, settings: Settings, context: Context
) -> AsyncIterator[AsyncIterator[PartEvent]]:
    """The parts of the body, under the limits of the settings, counted for whoever calls.

    Raises RateLimitedError. What goes wrong while the block reads them becomes RefusedEnvelopeError (400, 408, 413).
    """
    async with (
        aclosing(charged(_stream(request), context, declared_size(request))) as stream,
        aclosing(
            paced(
                stream,
                timeout_seconds=settings.upload_timeout_seconds,
                bytes_a_second=settings.upload_bytes_a_second,
                limit=settings.upload_request_bytes,
            )
        ) as chunks,
        aclosing(read_parts(chunks, boundary)) as parts,
    ):
        with _refusing():
            yield parts


async def read_operation(parts: AsyncIterator[PartEvent], maximum_bytes: int) -> tuple[Envelope, Places]:
    """What to run, and where in its variables the files go. Nothing of a file is read.

    `operations` and `map` have at most `maximum_bytes` each. Raises RefusedEnvelopeError.
    """
    envelope = check_envelope(parse_json(await _read_field(parts, "operations", maximum_bytes)))
    return envelope, _read_map(parse_json(await _read_field(parts, "map", maximum_bytes)), envelope)


async def receive_files(
    parts: AsyncIterator[PartEvent], places: Places, files: ExitStack, maximum_bytes: int
) -> None:
    """Read the files to the end of the body, and put each where it goes. `files` closes them.

    One that has more than `maximum_bytes` is put there with its size and without its content. Raises
    RefusedEnvelopeError where a file is missing, or comes unannounced or twice.
    """
    awaited = dict(places)
    async for event in parts:
        if not isinstance(event, Part) or event.file_name is None or event.name not in awaited:
            raise RefusedEnvelopeError(400, _UNEXPECTED_PART)
        places_of_file = awaited.pop(event.name)
        file = await keep_file(event, parts, files, maximum_bytes)
        for container, member in places_of_file:
            container[member] = file  # type: ignore[index]  # a list comes with an int, an object with a str
    if awaited:
        raise RefusedEnvelopeError(400, _MISSING_FILE)


async def _read_field(parts: AsyncIterator[PartEvent], name: str, maximum_bytes: int) -> bytes:
    part = await anext(parts, None)
    if not isinstance(part, Part) or part.name != name or part.file_name is not None:
        raise RefusedEnvelopeError(400, _WRONG_ORDER)
    text = bytearray()
    async for event in parts:
        if isinstance(event, PartEnd):
            break
        assert isinstance(event, bytes)
        text += event
        if len(text) > maximum_bytes:
            refuse_size(maximum_bytes)
    return bytes(text)


def _read_map(value: object, envelope: Envelope) -> Places:
    if not isinstance(value, dict) or len(value) > MAXIMUM_FILES:
        raise RefusedEnvelopeError(400, _WRONG_MAP)
    paths = {name: _paths_of(name, paths) for name, paths in value.items()}
    every = [path for paths_of_file in paths.values() for path in paths_of_file]
    if len(every) > MAXIMUM_PATHS or len(set(every)) < len(every):
        raise RefusedEnvelopeError(400, _WRONG_MAP)
    return {
        name: [_find_place(envelope, path) for path in paths_of_file] for name, paths_of_file in paths.items()
    }


def _paths_of(name: str, paths: object) -> list[str]:
    if name in ("operations", "map") or not isinstance(paths, list) or not paths:
        raise RefusedEnvelopeError(400, _WRONG_MAP)
    if not all(isinstance(path, str) for path in paths):
        raise RefusedEnvelopeError(400, _WRONG_MAP)
    return paths


def _find_place(envelope: Envelope, path: str) -> _Place:
    """The place that `variables.input.files.0` names. It must be there, and hold null."""
    root, *members = path.split(".")
    if root != "variables" or not members:
        raise RefusedEnvelopeError(400, _WRONG_PATH)
    value: object = envelope.variables
    place: _Place | None = None
    for member in members:
        match value:
            case dict() if member in value:
                place = value, member
                value = value[member]
            case list() if _INDEX.fullmatch(member) and int(member) < len(value):
                place = value, int(member)
                value = value[int(member)]
            case _:
                raise RefusedEnvelopeError(400, _WRONG_PATH)
    if place is None or value is not None:
        raise RefusedEnvelopeError(400, _WRONG_PATH)
    return place


async def _stream(request: Request) -> AsyncGenerator[bytes, None]:
    """As Starlette's `request.stream()`, which keeps the last chunk in memory while it waits for the next."""
    more = True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        more = message.get("more_body", False)
        yield message.pop("body", b"")


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except BodyTooLargeError as error:
        refuse_size(error.limit, _too_large(error.limit))
    except BodyTooSlowError:
        raise RefusedEnvelopeError(408, _TOO_SLOW) from None
    except (MalformedBodyError, ClientDisconnect):  # Of those who have left, nobody is there to read it.
        raise RefusedEnvelopeError(400, _NOT_MULTIPART) from None


def _too_large(maximum_bytes: int) -> Text:
    """For people: it is their files that are too large together, and they can do something about it."""
    return _TOO_LARGE.format(megabytes=f"{maximum_bytes / MEGABYTE:.3g}")


_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")  # RFC 2046, 5.1.1
_INDEX = re.compile(r"0|[1-9][0-9]{0,4}")

_ENCODED = Text(
    fr="Envoyez la requête sans Content-Encoding.",
    en="Send the request without Content-Encoding.",
)
_NOT_MULTIPART = Text(
    fr="La requête n’est pas du multipart/form-data complet et bien formé.",
    en="The request is not complete and well formed multipart/form-data.",
)
_TOO_LARGE = Text(
    fr="Cet envoi dépasse {megabytes}\u00a0Mo. Envoyez moins de fichiers à la fois, ou des fichiers plus légers.",
    en="This is more than {megabytes}\u00a0MB at once. Send fewer files at a time, or smaller ones.",
)
_TOO_SLOW = Text(
    fr="La requête arrive trop lentement.",
    en="The request comes in too slowly.",
)
_WRONG_ORDER = Text(
    fr="Une requête avec des fichiers commence par les champs « operations » puis « map ».",
    en='A request with files starts with the fields "operations", then "map".',
)
_WRONG_MAP = Text(
    fr="« map » doit être un objet JSON : pour chacun des fichiers, dix au plus, la liste de ses chemins.",
    en='"map" must be a JSON object: for each of the files, ten at most, the list of its paths.',
)
_WRONG_PATH = Text(
    fr="Un chemin de « map » doit désigner une variable de l’opération qui vaut null, comme « variables.file ».",
    en='A path of "map" must name a variable of the operation that is null, such as "variables.file".',
)
_UNEXPECTED_PART = Text(
    fr="Après « map » viennent les fichiers annoncés, chacun une fois et avec un nom de fichier.",
    en='After "map" come the files that it announces, each once and with a file name.',
)
_MISSING_FILE = Text(
    fr="Un fichier annoncé dans « map » n’est pas arrivé.",
    en='A file announced in "map" did not arrive.',
)
