"""Starting children, few at once, and making sure that they end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, get_args
from weakref import WeakKeyDictionary

from core.errors import UnavailableError
from core.i18n import Text
from uploads.sandbox.orders import Limits, Order, Outcome

CHILDREN_AT_ONCE = max(2, os.cpu_count() or 1)
MOST_WAITING = 50
WAITING_SECONDS = 20.0

ANSWER_BYTES = 4096
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"LC_ALL": "C.UTF-8"}
"""All that a child is told by its environment: no secret of ours may be read by what takes over a decoder."""

_ERROR_NAME = re.compile(r"[A-Za-z_]{1,60}")

log = logging.getLogger(__name__)


class Places:
    """At most `at_once` children run; at most `waiting` callers wait for at most `seconds`, each in its turn."""

    def __init__(self, at_once: int, waiting: int, seconds: float) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._most_waiting = waiting
        self._seconds = seconds
        self._waiting = 0

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Raises UnavailableError where the queue is full, or too slow."""
        if self._waiting >= self._most_waiting:
            raise _busy()
        self._waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                await self._free.acquire()
        except TimeoutError:
            raise _busy() from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()


_places: WeakKeyDictionary[asyncio.AbstractEventLoop, Places] = WeakKeyDictionary()


async def run(
    task: str,
    source: IO[bytes],
    target: IO[bytes],
    *,
    parameters: Mapping[str, str | int] | None = None,
    limits: Limits | None = None,
    threads: bool = False,
) -> Outcome:
    """Runs `module:function` on two open files, in a child; what it has found.

    The child reads `source` from its start through a descriptor of its own, read-only, and writes to `target`, which
    the caller looks at again before believing anything. UNREADABLE stands for a child that crashes, exceeds its
    limits or answers nonsense, too. Once this returns, raises or is cancelled, the child is gone.
    Raises UnavailableError where too many callers wait.
    """
    limits = limits or Limits()
    loop = asyncio.get_running_loop()
    places = _places.setdefault(loop, Places(CHILDREN_AT_ONCE, MOST_WAITING, WAITING_SECONDS))
    async with places.take():
        source.flush()
        target.flush()
        # Opened anew: an offset of its own, and not writable.
        descriptor = os.open(f"/dev/fd/{source.fileno()}", os.O_RDONLY)
        try:
            order = Order(
                task, descriptor, target.fileno(), os.getpid(), limits, threads, dict(parameters or {})
            )
            answer = await _converse(order)
        finally:
            os.close(descriptor)
    return _understand(answer)


async def _converse(order: Order) -> bytes:
    # Started from the thread of the event loop: to Linux the parent that the child dies with is a thread.
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-s",
        "-m",
        "uploads.sandbox",
        order.to_json(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        pass_fds=(order.source, order.target),
        env=ENVIRONMENT,
        cwd=ROOT,
        start_new_session=True,
    )
    assert child.stdout is not None
    answer = b""
    try:
        async with asyncio.timeout(order.limits.seconds):
            answer = await _read(child.stdout)
    except TimeoutError:
        log.info("A file took too long to decode")
    finally:
        await _end(child)
    return answer if child.returncode == 0 else b""


async def _read(answers: asyncio.StreamReader) -> bytes:
    try:
        await answers.readexactly(ANSWER_BYTES)
    except asyncio.IncompleteReadError as error:
        return error.partial
    return b""


async def _end(child: Process) -> None:
    """Kills what still runs, and does not return before it is gone, even if cancelled (once more) meanwhile."""
    ending = asyncio.ensure_future(_kill(child))
    cancelled: asyncio.CancelledError | None = None
    while not ending.done():
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def _kill(child: Process) -> None:
    assert child.stdout is not None
    if not child.stdout.at_eof():
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    await child.wait()


def _understand(answer: bytes) -> Outcome:
    try:
        values = json.loads(answer)
    except ValueError:
        return "UNREADABLE"
    if not isinstance(values, dict) or values.get("outcome") not in get_args(Outcome):
        return "UNREADABLE"
    error = values.get("error")
    if isinstance(error, str) and _ERROR_NAME.fullmatch(error):
        log.info("A file could not be decoded", extra={"decoder_error": error})
    outcome: Outcome = values["outcome"]
    return outcome


def _busy() -> UnavailableError:
    return UnavailableError(
        Text(
            fr="Trop de fichiers arrivent en ce moment. Réessayez dans quelques instants.",
            en="Too many files are coming in right now. Try again shortly.",
        )
    )
