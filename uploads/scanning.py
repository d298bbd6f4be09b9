"""Asking a virus scanner (clamd) about bytes, by its INSTREAM command (clamd(8)).

A scanner that cannot be reached, does not answer in time or answers what nobody understands is away, and its silence
never means clean.

Python's clients of clamd read a file object in a thread that nobody can stop, have no time limit for a unix socket's
connection, and lose the answer that clamd gives when it closes the connection in the midst of too long a file. Hence
our own: one command, one answer.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from core.errors import UnavailableError
from core.settings import NO_SCANNER, Settings, get_settings

CONNECT_SECONDS = 5.0
STALL_SECONDS = 30.0
"""How long clamd may take to take in one chunk."""

ANSWER_SECONDS = 150.0
"""How long it may think once it has everything. By itself it stops after MaxScanTime: 120 s."""

PING_SECONDS = 5.0
DEFAULT_PORT = 3310
ANSWER_BYTES = 4096
"""More than any answer of clamd."""

_END = struct.pack("!L", 0)
_ANSWER = re.compile(r"stream: (?:OK|(?P<signature>.+) FOUND)")
_TOO_LONG = "INSTREAM size limit exceeded. ERROR"

logger = logging.getLogger(__name__)


class ScannerAwayError(UnavailableError):
    """The scanner has said nothing of the file. `reason` is for the log, and names no file."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class ScanUnfinishedError(ScannerAwayError):
    """The scanner is there, but did not get to the end of this file: it may be the file that does it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the scanner said. `reason`: the signature's name where INFECTED; what went wrong where FAILED."""

    scan: Literal["CLEAN", "INFECTED", "FAILED"]
    reason: str = ""


CLEAN = Verdict("CLEAN")


def has_scanner(settings: Settings) -> bool:
    """Whether files are scanned: by default not in development, nor where an operator has decided to do without."""
    return bool(settings.clamd_url) and not str(settings.clamd_url).startswith(NO_SCANNER)


def warn_without_a_scanner(settings: Settings) -> None:
    """Says in the log that files are not scanned, where that is so."""
    if not has_scanner(settings):
        logger.warning("files are not scanned for viruses: ESPACE_CLAMD_URL names no scanner")


async def scan(chunks: AsyncIterator[bytes]) -> Verdict:
    """What the scanner of the settings says of these bytes, of which one chunk at a time is held.

    FAILED where they are more than it takes (its StreamMaxLength). Raises ScannerAwayError, and whatever the chunks
    raise.
    """
    async with _conversation() as scanner:
        is_whole = await _send_file(scanner, chunks)
        answer = await _receive(scanner, ANSWER_SECONDS)
    if answer:
        return _understand(answer, is_whole=is_whole)
    await ping()
    raise ScanUnfinishedError("the scanner broke off")


async def ping() -> None:
    """Raises ScannerAwayError where the scanner does not say that it is there."""
    async with _conversation() as scanner:
        if not await _send(scanner, b"zPING\0") or await _receive(scanner, PING_SECONDS) != "PONG":
            raise ScannerAwayError("the scanner does not say that it is there")


@asynccontextmanager
async def _conversation() -> AsyncIterator[socket.socket]:
    """A connection. asyncio's streams would forget an answer that comes with a reset; a socket keeps it to be read."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            scanner = await _connect(get_settings().clamd_url or "")
    except OSError as error:  # TimeoutError is one
        raise ScannerAwayError(f"the scanner cannot be reached: {type(error).__name__}") from error
    with scanner:
        yield scanner


async def _connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme != "tcp":
        return await _connect_to(socket.AF_UNIX, unquote(parts.path))
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        parts.hostname or "localhost", parts.port or DEFAULT_PORT, type=socket.SOCK_STREAM
    )
    for number, (family, _, _, _, address) in enumerate(found, 1):
        try:
            return await _connect_to(family, address)
        except OSError:
            if number == len(found):
                raise
    raise ConnectionRefusedError


async def _connect_to(family: int, address: Any) -> socket.socket:
    scanner = socket.socket(family, socket.SOCK_STREAM)
    try:
        scanner.setblocking(False)
        await asyncio.get_running_loop().sock_connect(scanner, address)
    except BaseException:
        scanner.close()
        raise
    return scanner


async def _send_file(scanner: socket.socket, chunks: AsyncIterator[bytes]) -> bool:
    """Whether the scanner has taken all of it. Where it closes the connection before, there may be an answer."""
    if not await _send(scanner, b"zINSTREAM\0"):
        return False
    async for chunk in chunks:
        if chunk and not (
            await _send(scanner, struct.pack("!L", len(chunk))) and await _send(scanner, chunk)
        ):
            return False
    return await _send(scanner, _END)


async def _send(scanner: socket.socket, data: bytes) -> bool:
    """False where the scanner has closed the connection."""
    try:
        async with asyncio.timeout(STALL_SECONDS):
            await asyncio.get_running_loop().sock_sendall(scanner, data)
    except TimeoutError as error:
        raise ScannerAwayError("the scanner takes nothing any more") from error
    except OSError:
        return False
    return True


async def _receive(scanner: socket.socket, seconds: float) -> str:
    """One answer, which ends with NUL; nothing where the connection ends before."""
    answer = b""
    try:
        async with asyncio.timeout(seconds):
            while b"\0" not in answer:
                part = await asyncio.get_running_loop().sock_recv(scanner, ANSWER_BYTES)
                answer += part
                if not part:
                    return ""
                if len(answer) > ANSWER_BYTES:
                    raise ScannerAwayError("the scanner answers without end")
    except TimeoutError as error:
        raise ScannerAwayError("the scanner does not answer in time") from error
    except OSError:
        return ""
    return answer.partition(b"\0")[0].decode(errors="replace")


def _understand(answer: str, *, is_whole: bool) -> Verdict:
    if answer == _TOO_LONG:
        return Verdict("FAILED", "it is longer than the scanner takes")
    if answer.endswith(" ERROR"):
        # The disk of the scanner may be full, its memory short: what it is about can't be known from its words.
        raise ScanUnfinishedError("the scanner could not scan")
    match = _ANSWER.fullmatch(answer)
    if match is None:
        raise ScannerAwayError("what answers is no scanner")
    if match["signature"]:
        return Verdict("INFECTED", match["signature"])
    if not is_whole:
        raise ScanUnfinishedError("the scanner answered before it had all")
    return CLEAN
