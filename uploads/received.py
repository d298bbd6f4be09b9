"""Bytes as they came in, before anybody has looked at them."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import IO


def scratch_file() -> IO[bytes]:
    """A temporary file without a name: whatever happens to the process, nothing of it is left on the disk."""
    return tempfile.TemporaryFile(prefix="espace-")


def close_scratch_file(content: IO[bytes]) -> None:
    """Closing writes what is still in memory, which a full disk refuses: nobody wants it any more."""
    with suppress(OSError):
        content.close()


@dataclass(slots=True)
class ReceivedFile:
    """What somebody sent; name and media type are their word. `content` is a scratch file that its maker closes."""

    name: str
    media_type: str
    size: int
    content: IO[bytes]

    def close(self) -> None:
        close_scratch_file(self.content)
