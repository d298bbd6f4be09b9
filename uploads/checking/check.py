"""From what was received to what may be kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from uploads.received import ReceivedFile


@dataclass(slots=True)
class CheckedFile:
    """What may be kept: `name` is safe to show and to save under; `sha256` (32 bytes) is that of `content`.

    `content` is a scratch file, which whoever asked for the check closes.
    """

    name: str
    media_type: str
    size: int
    sha256: bytes
    content: IO[bytes]

    def close(self) -> None:
        self.content.close()


async def check(received: ReceivedFile) -> CheckedFile:
    """The file, found to be what it says, and made harmless. `received` stays open.

    Raises FileRejectedError with its reason; UnavailableError where too many files are being checked.
    """
    raise NotImplementedError
