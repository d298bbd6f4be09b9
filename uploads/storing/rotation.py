"""Changing the secret that files are encrypted with."""

from __future__ import annotations

import asyncio
import logging

from uploads.storing.blobs import Blobs, blobs
from uploads.storing.errors import CorruptBlobError, MissingBlobError

BLOBS_AT_ONCE = 2

_logger = logging.getLogger(__name__)


async def encrypt_all_again() -> tuple[int, int]:
    """Encrypts with the first key every blob that is not; how many it did, how many it could not.

    Those are named in the log and left as they are: as long as there are any, no key may be taken away. It may be
    broken off and started again, while everything else runs. UnavailableError where the store is away.
    """
    store = blobs()
    done = failed = 0
    waiting: list[str] = []
    async for address in store.addresses():
        waiting.append(address)
        if len(waiting) == BLOBS_AT_ONCE:
            outcomes = await asyncio.gather(*(_encrypt_again(store, address) for address in waiting))
            done, failed = done + outcomes.count(True), failed + outcomes.count(None)
            waiting.clear()
    outcomes = await asyncio.gather(*(_encrypt_again(store, address) for address in waiting))
    return done + outcomes.count(True), failed + outcomes.count(None)


async def _encrypt_again(store: Blobs, address: str) -> bool | None:
    """True: it was encrypted again. False: nothing was to be done. None: it could not be."""
    try:
        return await store.encrypt_again(address)
    except MissingBlobError:
        return False  # Deleted since it was listed.
    except CorruptBlobError as error:
        _logger.error("the blob at %s cannot be encrypted again: %s", address, error)
        return None
