"""The folders of embedded servers: who owns one now, and where its sockets can be."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import stat
import tempfile
import time
from pathlib import Path

from espace.embedded.errors import DataInUseError, EmbeddedServerError

LOCK_SECONDS = 5.0
SOCKET_PATH_LIMIT = 100
"""A unix socket's whole path has 107 bytes at most on Linux, 103 on macOS (`sun_path`)."""

_LONGEST_SOCKET_NAME = len("/postgresql/.s.PGSQL.5432")
_PLAIN_PATH = re.compile(r"[\w/.+-]+", re.ASCII)


def choose_socket_folder(folder: Path) -> Path:
    """`folder`/sockets, or a private temporary folder when that path is too long or too odd for a socket."""
    near = folder / "sockets"
    if len(os.fsencode(near)) + _LONGEST_SOCKET_NAME < SOCKET_PATH_LIMIT and _PLAIN_PATH.fullmatch(str(near)):
        near.mkdir(mode=0o711, exist_ok=True)
        return near
    key = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    far = Path(tempfile.gettempdir()) / f"espace-{os.geteuid()}-{key}"
    with contextlib.suppress(FileExistsError):
        far.mkdir(mode=0o711)
    found = far.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise EmbeddedServerError(
            f"{far} belongs to somebody else: remove it, or choose another ESPACE_DATA."
        )
    return far


def make_private(folder: Path, owner: tuple[int, int]) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.stat()
    if (found.st_uid, found.st_gid) != owner:
        os.chown(folder, *owner)


def lock_folder(folder: Path) -> int:
    path = folder / "in-use"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # After a kill -9 the database needs a moment to end; a living holder will not let go.
            holder = path.read_text().strip()
            if time.monotonic() > deadline or (holder and _is_alive(int(holder))):
                os.close(descriptor)
                raise DataInUseError(
                    f"{folder} is in use by another process ({holder or 'unknown'}): "
                    "stop that one, or choose another folder with ESPACE_DATA."
                ) from None
            time.sleep(0.05)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return descriptor


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
