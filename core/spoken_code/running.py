"""The speaking program as a child: started by its path, spoken to by pipes, ended when it is late.

espeak-ng is under the GPL (version 3): no process of ours loads it (docs/decisions/0012).
"""

from __future__ import annotations

import asyncio
import json
import os
import string
import sys
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic

from core.i18n import Language
from core.spoken_code.words import phrases

MEDIA_TYPE = "audio/mpeg"

PROGRAM = Path(__file__).with_name("program.py")
LIMIT_SECONDS = 10.0
"""A code takes a third of a second."""
LARGEST = 200_000
"""Bytes; a code takes some 20,000."""
CANNOT_SPEAK = 3
NICENESS = 10

CHECK_AGAIN_SECONDS = {True: 300.0, False: 30.0}
"""How long it is believed that the program can, or cannot, speak."""


class SpeechError(Exception):
    """Why there is no audio. Says nothing of what was to be said."""


@dataclass(slots=True)
class _Known:
    can: bool
    at: float


_known: dict[Path, _Known] = {}


class Standby:
    """A program that has loaded its libraries and waits for what to say: that is half of the time it takes."""

    def __init__(self) -> None:
        self._child: Process | None = None

    async def prepare(self) -> None:
        """Start one, unless one waits. Where it cannot be started, whoever speaks next is told."""
        if self._child is None:
            with suppress(OSError):
                self._child = await _start(aside=False)

    async def close(self) -> None:
        """End the one that waits."""
        child, self._child = self._child, None
        if child is not None:
            await _end(child)

    async def take(self) -> Process:
        """The one that waits, or a new one. Raises OSError."""
        child, self._child = self._child, None
        if child is not None and child.returncode is None:
            return child
        return await _start(aside=False)


async def speak(
    code: str,
    language: Language,
    *,
    aside: bool = False,
    standby: Standby | None = None,
    limit_seconds: float = LIMIT_SECONDS,
) -> bytes:
    """The code as MP3, said otherwise each time. `aside` lets everything else on the machine go first.

    `standby` may have a program that waits already.
    Raises SpeechError where the program cannot speak, breaks down or takes too long.
    """
    said = phrases(code, language)
    others = [phrase for phrase in phrases(string.ascii_uppercase, language) if phrase not in said]
    order: dict[str, object] = {"language": language, "phrases": said, "others": others}
    start = standby.take if standby else partial(_start, aside)
    content = await _ask(order, start, limit_seconds)
    # The child is no part of us: what it hands in is looked at. Frames of MPEG 1, 2 and 2.5, Layer III (ISO 11172-3).
    if not (content[:1] == b"\xff" and content[1] & 0xE6 == 0xE2 and len(content) <= LARGEST):
        raise SpeechError("what came back is no MP3")
    return content


async def can_speak() -> bool:
    """Whether the program finds its libraries. Asked of the program, then remembered for a while."""
    known = _known.get(PROGRAM)
    if known is None or monotonic() - known.at > CHECK_AGAIN_SECONDS[known.can]:
        try:
            order: dict[str, object] = {"language": "fr", "phrases": [], "others": []}
            await _ask(order, partial(_start, False), LIMIT_SECONDS)
            can = True
        except SpeechError:
            can = False
        known = _known[PROGRAM] = _Known(can, monotonic())
    return known.can


async def _ask(
    order: dict[str, object], start: Callable[[], Awaitable[Process]], limit_seconds: float
) -> bytes:
    try:
        child = await start()
    except OSError as error:
        raise SpeechError("the program cannot be started") from error
    try:
        async with asyncio.timeout(limit_seconds):
            content, _ = await child.communicate(json.dumps(order).encode())
    except TimeoutError as error:
        raise SpeechError(f"took longer than {limit_seconds:g} s") from error
    finally:
        await _end(child)
    if child.returncode == CANNOT_SPEAK:
        raise SpeechError("espeak-ng or LAME cannot be loaded")
    if child.returncode != 0:
        raise SpeechError(f"ended with {child.returncode}")
    return content


async def _end(child: Process) -> None:
    if child.returncode is None:
        with suppress(ProcessLookupError):
            child.kill()
        if child.stdin is not None:
            child.stdin.close()
        await child.communicate()  # So that its pipes are closed, too.


async def _start(aside: bool) -> Process:
    # From the thread of the event loop: to Linux the parent that the child dies with is a thread.
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(PROGRAM),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={},
        start_new_session=True,  # An interrupt from the terminal is for the worker, which ends it in its own time.
    )
    if aside and sys.platform != "win32":
        with suppress(ProcessLookupError):  # It has ended already, and says why.
            os.setpriority(os.PRIO_PROCESS, child.pid, NICENESS)
    return child
