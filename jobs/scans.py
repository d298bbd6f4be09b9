"""Having one file scanned: its row is the job.

No transaction is open while the scanner works: whoever attaches the same bytes meanwhile would wait for it. Instead the
row is not due again for a moment, which is prolonged as long as somebody is at it. After a `kill -9` another worker
takes it once that moment has passed; should two be at it after all, the first verdict counts.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from core.errors import UnavailableError
from core.settings import get_settings
from core.tasks import end_tasks
from models.database import Row, execute, fetch_one
from resolvers.files import record_verdict
from uploads.scanning import CLEAN, ScanUnfinishedError, Verdict, has_scanner, scan
from uploads.storing import CorruptBlobError, MissingBlobError, UnknownKeyError, blobs

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=5)
OURS_FOR = timedelta(seconds=20)
PROLONGED_EVERY_SECONDS = 5.0
SCAN_SECONDS = 300.0
"""For reading a file and having it scanned."""

MOST_UNFINISHED = 10
"""After so many attempts, some 20 minutes, a scanner that is there but does not get to the end of a file won't."""

logger = logging.getLogger(__name__)


async def scan_file(file_id: str) -> None:
    """Scans the file if it is due; running this twice does no harm.

    The row ends as CLEAN, INFECTED or FAILED, or PENDING again with the time of the next attempt: for ever, where the
    scanner or the store is away. Raises UnavailableError where the database is.
    """
    id = UUID(file_id)
    file = await _take(id)
    if file is None:
        return
    try:
        async with _ours(id), asyncio.timeout(SCAN_SECONDS):
            verdict = await _verdict(file["address"])
    except (UnavailableError, UnknownKeyError, TimeoutError) as error:
        if not isinstance(error, ScanUnfinishedError) or file["attempts"] < MOST_UNFINISHED:
            await _postpone(id, file["attempts"], error)
            return
        verdict = Verdict("FAILED", str(error))
    if await record_verdict(id, verdict):
        level = logging.INFO if verdict.scan == "CLEAN" else logging.WARNING
        logger.log(level, "file %s is %s %s", id, verdict.scan, verdict.reason)


async def _verdict(address: str) -> Verdict:
    if not has_scanner(get_settings()):
        return CLEAN
    try:
        return await scan(blobs().read(address))
    except UnknownKeyError:
        raise  # An operator gives the key back; then it can be read.
    except (MissingBlobError, CorruptBlobError) as error:
        return Verdict("FAILED", type(error).__name__)


async def _take(id: UUID) -> Row | None:
    """The file, ours for a moment; None where it is not due, or somebody else's."""
    return await fetch_one(
        "UPDATE file SET next_scan_at = now() + $2::interval, scan_attempts = scan_attempts + 1 "
        "WHERE id = $1 AND scan = 'PENDING' AND next_scan_at <= now() RETURNING address, scan_attempts AS attempts",
        id,
        OURS_FOR,
    )


@asynccontextmanager
async def _ours(id: UUID) -> AsyncIterator[None]:
    prolonging = asyncio.create_task(_prolong(id), name="prolong a scan")
    try:
        yield
    finally:
        await end_tasks([prolonging])


async def _prolong(id: UUID) -> None:
    while True:
        await asyncio.sleep(PROLONGED_EVERY_SECONDS)
        try:
            await _next_scan(id, OURS_FOR)
        except UnavailableError:
            logger.info("the database is away while file %s is scanned: it may be scanned twice", id)


async def _postpone(id: UUID, attempts: int, error: Exception) -> None:
    pause = next_pause(attempts)
    await _next_scan(id, pause)
    reason = error if isinstance(error, UnavailableError) else type(error).__name__
    logger.warning("file %s waits %.0f s for its scan: %s", id, pause.total_seconds(), reason)


async def _next_scan(id: UUID, pause: timedelta) -> None:
    await execute(
        "UPDATE file SET next_scan_at = now() + $2::interval WHERE id = $1 AND scan = 'PENDING'", id, pause
    )


def next_pause(attempts: int) -> timedelta:
    """About 5 s after the first attempt, twice as long each time, at most 5 minutes; spread by a fifth."""
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(attempts - 1, 20), LONGEST_PAUSE)
    return pause * random.uniform(0.8, 1.2)  # noqa: S311
