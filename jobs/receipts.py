"""Making one receipt: its row is the job until it has its file.

No lock is held meanwhile. Two workers at once make the same bytes; the row takes those of the first, and the other
throws its own away.
"""

from __future__ import annotations

import hashlib
import io
import logging
import traceback
from datetime import timedelta
from uuid import UUID

from core.errors import UnavailableError
from jobs.receipt_document import TypesettingError, put_into_words, read_facts, typeset
from models.database import Row, execute, fetch_one, transaction
from resolvers.contents import put_file
from uploads.storing import blobs

MEDIA_TYPE = "application/pdf"
PAUSES = (
    timedelta(seconds=10),
    timedelta(minutes=1),
    timedelta(minutes=10),
    timedelta(hours=1),
)
"""After each attempt that failed; after the last there is none."""

MOST_ATTEMPTS = len(PAUSES) + 1
STORE_AWAY_PAUSE = timedelta(seconds=30)
"""A store that is away is no fault of the document's: it counts as no attempt."""

logger = logging.getLogger(__name__)


class _CannotBeMadeError(Exception):
    """This attempt has failed, and it is logged why."""


async def make_receipt(receipt_id: str) -> None:
    """Makes the PDF if it is due; running this twice makes it once.

    The row ends with its file, with the time of the next attempt, or without either after MOST_ATTEMPTS.
    Raises UnavailableError where the database is away.
    """
    id = UUID(receipt_id)
    receipt = await fetch_one(
        "SELECT id, attempts FROM receipt WHERE id = $1 AND file_id IS NULL AND next_attempt_at <= now()", id
    )
    if receipt is None:
        return
    try:
        content = await _make(receipt)
    except _CannotBeMadeError:
        await _note_failure(receipt)
        return
    sha256 = hashlib.sha256(content).digest()
    try:
        address = await blobs().write(io.BytesIO(content), sha256)
    except UnavailableError:
        logger.warning("receipt %s waits: the store is away", id)
        await _postpone(receipt)
        return
    if not await _hand_in(id, sha256, len(content), address):
        await _throw_away(address)


async def _make(receipt: Row) -> bytes:
    try:
        facts = await read_facts(receipt["id"])
        return await typeset(put_into_words(facts), facts.submitted_at)
    except UnavailableError:
        raise
    except Exception as error:
        # What an error says may name somebody: only where it was. What typesetting says never does.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        why = str(error) if isinstance(error, TypesettingError) else type(error).__name__
        logger.warning("receipt %s: %s, see %s:%d", receipt["id"], why, frame.filename, frame.lineno or 0)
        raise _CannotBeMadeError from error


async def _hand_in(id: UUID, sha256: bytes, size: int, address: str) -> bool:
    """Whether the bytes at `address` are used. Where it is not known (the database went away), they are left to the
    sweep.
    """
    async with transaction():
        waiting = await fetch_one("SELECT id FROM receipt WHERE id = $1 AND file_id IS NULL FOR UPDATE", id)
        if waiting is None:
            return False
        file_id, is_used = await put_file(sha256, size, MEDIA_TYPE, address, scan="CLEAN")
        await execute("UPDATE receipt SET file_id = $2, next_attempt_at = NULL WHERE id = $1", id, file_id)
    logger.info("receipt %s made", id)
    return is_used


async def _throw_away(address: str) -> None:
    try:
        await blobs().delete(address)
    except UnavailableError:
        logger.warning("bytes that nobody needs are left to the sweep: the store is away")


async def _note_failure(receipt: Row) -> None:
    """Two runs that failed at once count as one attempt."""
    attempts = receipt["attempts"] + 1
    pause = PAUSES[attempts - 1] if attempts < MOST_ATTEMPTS else None
    noted = await execute(
        "UPDATE receipt SET attempts = $2, next_attempt_at = now() + $3::interval "
        "WHERE id = $1 AND file_id IS NULL AND attempts = $2 - 1",
        receipt["id"],
        attempts,
        pause,
    )
    if noted and pause is None:
        logger.error("receipt %s is given up after attempt %d", receipt["id"], attempts)


async def _postpone(receipt: Row) -> None:
    await execute(
        "UPDATE receipt SET next_attempt_at = now() + $2::interval WHERE id = $1 AND file_id IS NULL",
        receipt["id"],
        STORE_AWAY_PAUSE,
    )
