"""What reading a blob may raise, besides UnavailableError where the store is away."""

from __future__ import annotations


class MissingBlobError(Exception):
    """There is nothing at the address."""


class CorruptBlobError(Exception):
    """What is at the address is not what was written there. Nothing of the part that is wrong is ever returned."""


class UnknownKeyError(CorruptBlobError):
    """Encrypted with a key that the settings do not have (any more), or damaged where it names its key."""
