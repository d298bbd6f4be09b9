"""What a place for bytes does for `Blobs`: a folder (folder.py), an S3-compatible store (s3.py).

All of it blocks: it is called in threads. It knows nothing of encryption. UnavailableError where the place is away,
once what is wrong was logged for the operator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of a blob, how many it has in all, and which version of it they are of."""

    content: bytes
    stored_size: int
    version: str


@dataclass(frozen=True, slots=True)
class Listed:
    address: str
    written_at: datetime


class ReplacedError(Exception):
    """There is another version at the address meanwhile, or none."""


class Backend(Protocol):
    def read(self, address: str, start: int, length: int, version: str | None = None) -> Piece:
        """At most `length` bytes from `start` on, fewer only at the end. MissingBlobError; ReplacedError."""

    def write(self, address: str, pieces: Iterator[bytes]) -> None:
        """Keeps the pieces where nothing is yet: all of them and for good, or nothing."""

    def replace(self, address: str, pieces: Iterator[bytes], version: str) -> None:
        """The same where that version is; ReplacedError where it no longer is. Readers see the one or the other."""

    def delete(self, address: str) -> None:
        """One that is gone already is no error."""

    def listed(self) -> Iterator[list[Listed]]:
        """What there is, some thousands at a time."""

    def throw_away_leftovers(self, instant: datetime) -> None:
        """Throws away what writes that were broken off before that instant have left behind."""
