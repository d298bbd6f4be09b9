"""The parts of a multipart/form-data body (RFC 7578), one after the other, as their bytes come in."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from core.errors import UnavailableError
from uploads.received import ReceivedFile, scratch_file

PIECE_BYTES = 64 * 1024
DEFAULT_MEDIA_TYPE = "application/octet-stream"

# What a client writes wrongly is told to the client: the log is not for it to fill.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


class MalformedBodyError(Exception):
    """The body is not multipart/form-data."""


@dataclass(frozen=True, slots=True)
class Part:
    """The head of a part. `file_name` is None for a plain field, and may be empty for a file."""

    name: str
    file_name: str | None
    media_type: str


@dataclass(frozen=True, slots=True)
class PartEnd:
    """The part that was being read is whole."""


PartEvent = Part | bytes | PartEnd


async def read_parts(chunks: AsyncIterator[bytes], boundary: bytes) -> AsyncGenerator[PartEvent, None]:
    """For each part: its head, its bytes in pieces of at most 64 KiB, its end. Close the generator.

    `boundary` is that of the Content-Type, 1 to 70 bytes. Raises MalformedBodyError, also where the body ends
    before its closing boundary; and whatever `chunks` raises.
    """
    events = _Events(boundary)
    async for chunk in chunks:
        for start in range(0, len(chunk), PIECE_BYTES):
            for event in events.of(chunk[start : start + PIECE_BYTES]):
                yield event
    if not events.complete:
        raise MalformedBodyError("the body ends too early")


async def keep_file(
    part: Part, events: AsyncIterator[PartEvent], files: ExitStack, limit: int
) -> ReceivedFile:
    """The file whose head was just read, in a scratch file that `files` closes.

    A file over `limit` bytes is read to its end and counted, but not kept: its `size` is what was sent, its
    content is empty. Writes go to the page cache, at most 64 KiB at a time. Raises UnavailableError where
    the disk is full, and whatever `events` raises.
    """
    file = ReceivedFile(part.file_name or "", part.media_type, 0, scratch_file())
    files.callback(_forget, file)
    async for event in events:
        if not isinstance(event, bytes):
            break
        try:
            _append(file, event, limit)
        except OSError as error:
            raise UnavailableError from error
    try:
        file.content.seek(0)
    except OSError as error:
        raise UnavailableError from error
    return file


def _append(file: ReceivedFile, piece: bytes, limit: int) -> None:
    kept = file.size <= limit
    file.size += len(piece)
    if file.size <= limit:
        file.content.write(piece)
    elif kept:
        file.content.seek(0)
        file.content.truncate()


def _forget(file: ReceivedFile) -> None:
    with suppress(
        OSError
    ):  # Closing writes what is still in memory, which a full disk refuses: nobody wants it.
        file.close()


class _Events:
    """What python-multipart's callbacks tell, as a list for each piece of the body."""

    def __init__(self, boundary: bytes) -> None:
        self.complete = False
        self._events: list[PartEvent] = []
        self._headers: dict[bytes, bytes] = {}
        self._name = bytearray()
        self._value = bytearray()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._header,
                "on_headers_finished": self._head,
                "on_end": self._complete,
            },
        )

    def of(self, piece: bytes) -> list[PartEvent]:
        self._events = []
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise MalformedBodyError("the body is not multipart/form-data") from error
        return self._events

    def _begin(self) -> None:
        self._headers = {}
        self._forget_header()

    def _forget_header(self) -> None:
        self._name.clear()
        self._value.clear()

    def _header(self) -> None:
        name = bytes(self._name).lower()
        if name in self._headers or b"\0" in self._value:
            raise MalformedBodyError("a header is written twice, or holds U+0000")
        self._headers[name] = bytes(self._value)
        self._forget_header()

    def _head(self) -> None:
        disposition, parameters = parse_options_header(
            self._headers.get(b"content-disposition", b"").decode("latin-1")
        )
        if disposition != b"form-data" or b"name" not in parameters:
            raise MalformedBodyError("a part has no name")
        if self._headers.get(b"content-transfer-encoding", b"binary").lower() not in _PLAIN_ENCODINGS:
            raise MalformedBodyError("a part is encoded")
        file_name = parameters.get(b"filename")
        self._events.append(
            Part(
                # Browsers write names in the encoding of the page; whoever does not write UTF-8 sees it in the name.
                name=parameters[b"name"].decode(errors="replace"),
                file_name=None if file_name is None else file_name.decode(errors="replace"),
                media_type=_media_type(self._headers.get(b"content-type", b"")),
            )
        )

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(data[start:end])

    def _end(self) -> None:
        self._events.append(PartEnd())

    def _complete(self) -> None:
        self.complete = True


_PLAIN_ENCODINGS = (b"7bit", b"8bit", b"binary")


def _media_type(header: bytes) -> str:
    return header.partition(b";")[0].strip().lower().decode("latin-1") or DEFAULT_MEDIA_TYPE
