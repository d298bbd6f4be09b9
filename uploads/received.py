"""Bytes as they came in, before anybody has looked at them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import IO


def scratch_file() -> IO[bytes]:
    """A temporary file without a name: whatever happens to the process, nothing of it is left on the disk."""
    return tempfile.TemporaryFile(prefix="espace-")


@dataclass(slots=True)
class ReceivedFile:
    """What somebody sent; name and media type are their word. `content` is a scratch file that its maker closes."""

    name: str
    media_type: str
    size: int
    content: IO[bytes]

    def close(self) -> None:
        self.content.close()
