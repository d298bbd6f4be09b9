"""Making one export: its row is the job.

No transaction is open meanwhile: the row is not due again for a moment, which is prolonged as long as somebody is at
it. After a `kill -9` another worker takes it once that moment has passed, and begins anew: nothing names what the first
had written. Where the account is closed meanwhile the row is gone, and the work is broken off.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from uuid import UUID

from core.errors import UnavailableError
from core.tasks import end_tasks
from jobs.data_exports.contents import Contents, UnreadablePieceError
from models.actors import CitizenActor
from models.database import Row
from resolvers.data_exports import hand_in_export, keep_export, take_export
from uploads.storing import UnknownKeyError, Written, blobs, throw_away

EXPORT_SECONDS = 3_600.0
OURS_FOR = timedelta(seconds=40)
PROLONGED_EVERY_SECONDS = 10.0
PAUSES = (timedelta(seconds=30), timedelta(minutes=5), timedelta(minutes=30))
"""After each attempt that failed; after the last there is none."""

MOST_ATTEMPTS = len(PAUSES) + 1
AWAY_PAUSE = timedelta(minutes=1)
"""A store or a database that is away is no fault of the export's: it counts as no attempt."""

logger = logging.getLogger(__name__)


async def make_export(export_id: str) -> None:
    """Makes the ZIP if it is due; running this twice makes it once.

    The row ends as READY, as FAILED after MOST_ATTEMPTS, or PENDING again with the time of the next attempt. Raises
    UnavailableError where the database is away.
    """
    export = await take_export(UUID(export_id), OURS_FOR)
    if export is None:
        return
    if export["attempts"] > MOST_ATTEMPTS:
        # Each of them has ended the worker.
        await _give_up(export, None)
        return
    try:
        async with asyncio.timeout(EXPORT_SECONDS):
            written = await _while_it_is_ours(export)
    except (UnavailableError, UnknownKeyError) as error:
        await keep_export(export, AWAY_PAUSE, counted=False)
        logger.warning("export %s waits: %s", export["id"], type(error).__name__)
    except Exception as error:  # noqa: BLE001 -- whatever it was, it is tried again, and told in the end
        await _give_up(export, error)
    else:
        if written is not None and not await hand_in_export(export, written):
            await throw_away(written.address)


async def _while_it_is_ours(export: Row) -> Written | None:
    """What was made; None where the export is no more, or somebody else's by now."""
    making = asyncio.create_task(_make(export), name="make an export")
    prolonging = asyncio.create_task(_prolong(export), name="prolong an export")
    try:
        await asyncio.wait({making, prolonging}, return_when=asyncio.FIRST_COMPLETED)
        if making.done():
            return making.result()
        prolonging.result()
        logger.info("export %s is not wanted any more", export["id"])
        return None
    finally:
        await end_tasks([making, prolonging])


async def _make(export: Row) -> Written:
    # No session: nothing of what is read asks for one.
    actor = CitizenActor(
        account_id=export["account_id"], session_id=export["id"], language=export["language"]
    )
    unreadable: set[str] = set()
    while True:
        try:
            return await blobs().write_streamed(Contents(actor, unreadable).zipped())
        except UnreadablePieceError as error:
            # Somebody has to know; and its owner has a right to all the rest.
            logger.error("export %s is made without a file whose bytes cannot be read", export["id"])
            unreadable.add(error.sha256)


async def _prolong(export: Row) -> None:
    """Returns once the export is not ours any more."""
    while True:
        await asyncio.sleep(PROLONGED_EVERY_SECONDS)
        try:
            if not await keep_export(export, OURS_FOR):
                return
        except UnavailableError:
            logger.info("the database is away while export %s is made: it may be made twice", export["id"])


async def _give_up(export: Row, error: Exception | None) -> None:
    is_last = export["attempts"] >= MOST_ATTEMPTS
    pause = None if is_last else PAUSES[export["attempts"] - 1]
    if await keep_export(export, pause):
        # What an error says may name somebody.
        reason = type(error).__name__ if error else "it ended the worker each time"
        level = logging.ERROR if is_last else logging.WARNING
        fate = "given up" if is_last else "postponed"
        logger.log(level, "export %s %s at attempt %d: %s", export["id"], fate, export["attempts"], reason)
