"""Tasks for the sandbox that do what a decoder that was taken over might do. Each runs in a child, never here."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO


def eat_memory(source: IO[bytes], target: IO[bytes]) -> None:
    kept = []
    while True:
        kept.append(bytearray(64 * 1024 * 1024))


def loop(source: IO[bytes], target: IO[bytes]) -> None:
    while True:
        pass


def sleep(source: IO[bytes], target: IO[bytes]) -> None:
    target.write(str(os.getpid()).encode())
    time.sleep(600)


def crash(source: IO[bytes], target: IO[bytes]) -> None:
    ctypes.string_at(0)


def leave(source: IO[bytes], target: IO[bytes]) -> None:
    os._exit(3)


def raise_what_the_file_says(source: IO[bytes], target: IO[bytes]) -> None:
    raise ValueError(source.read().decode())


def talk(source: IO[bytes], target: IO[bytes]) -> None:
    """Prints what it reads, from Python and from C."""
    content = source.read()
    print(content.decode(), flush=True)  # noqa: T201
    print(content.decode(), file=sys.stderr, flush=True)  # noqa: T201
    os.write(1, content)
    os.write(2, content)


def answer_nonsense(source: IO[bytes], target: IO[bytes], *, answer: str, times: int) -> None:
    """Writes to wherever answers go, then ends well."""
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, answer.encode() * times)
        except OSError:
            continue
    os._exit(0)


def fill_the_disk(source: IO[bytes], target: IO[bytes]) -> None:
    while True:
        target.write(bytes(1024 * 1024))


def change_the_source(source: IO[bytes], target: IO[bytes]) -> None:
    os.write(source.fileno(), b"changed")


def read_the_source(source: IO[bytes], target: IO[bytes]) -> None:
    target.write(source.read())


def try_everything(source: IO[bytes], target: IO[bytes], *, path: str) -> None:
    """Writes, as JSON, what could be done that should not be; `path` is a file to read and to remove."""
    attempts: dict[str, Callable[[], object]] = {
        "read a file": Path(path).read_bytes,
        "read our environment": Path(f"/proc/{os.getppid()}/environ").read_bytes,
        "make a file": Path(f"{path}.new").touch,
        "open a socket": lambda: socket.socket(socket.AF_UNIX).close(),
        "open an internet socket": lambda: socket.socket(socket.AF_INET).close(),
        "fork": fork,
        "remove a file": Path(path).unlink,
    }
    results = {}
    for name, attempt in attempts.items():
        try:
            attempt()
            results[name] = "done"
        except OSError as error:
            results[name] = errno.errorcode[error.errno or 0]
    descriptors = []
    for descriptor in range(64):
        try:
            os.fstat(descriptor)
            descriptors.append(descriptor)
        except OSError:
            continue
    told = {"environment": sorted(os.environ), "arguments": sys.argv, "descriptors": descriptors}
    target.write(json.dumps({"told": told, "results": results}).encode())


def start_a_program(source: IO[bytes], target: IO[bytes]) -> None:
    try:
        os.execv("/bin/true", ["true"])  # noqa: S606
    except PermissionError:
        target.write(b"refused")


def answer_and_go_on(source: IO[bytes], target: IO[bytes]) -> None:
    """Ends the conversation, not the process."""
    target.write(str(os.getpid()).encode())
    for descriptor in range(64):
        with suppress(OSError):
            os.close(descriptor)
    time.sleep(600)


def fork() -> None:
    if os.fork() == 0:
        os._exit(0)
