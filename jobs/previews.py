"""Drawing the first page of one file: its row is the job. A file without a preview is shown by its name."""

from __future__ import annotations

import asyncio
import hashlib
import io
import logging
from datetime import timedelta
from uuid import UUID

from core.errors import UnavailableError
from models.database import Row, execute, fetch_one
from uploads.previews import draw_preview
from uploads.received import scratch_file
from uploads.storing import blobs

MOST_ATTEMPTS = 3
FIRST_PAUSE = timedelta(seconds=10)
BUSY_PAUSE = timedelta(minutes=1)
DRAW_SECONDS = 60.0
"""For reading a file, drawing it and keeping the picture."""

OURS_FOR = timedelta(seconds=90)
"""Longer than drawing may take: then a worker that was at it is gone."""

logger = logging.getLogger(__name__)


async def draw_preview_of(file_id: str) -> None:
    """Draws the preview of a clean file if it is due; running this twice draws one.

    Attempts are counted before they are made: a file that ends the worker each time ends it three times.
    Raises UnavailableError where the database is away.
    """
    id = UUID(file_id)
    file = await _take(id)
    if file is None:
        return
    if file["attempts"] > MOST_ATTEMPTS:
        await _leave(id, None)
        return
    try:
        async with asyncio.timeout(DRAW_SECONDS):
            address = await _draw(file)
    except UnavailableError:
        # It says nothing about the file.
        await execute("UPDATE file SET preview_attempts = preview_attempts - 1 WHERE id = $1", id)
        await _leave(id, BUSY_PAUSE)
        logger.warning("file %s waits for its preview: the store is away, or the machine is busy", id)
    except Exception as error:  # noqa: BLE001 -- whatever a file does to whoever draws it, others want theirs
        is_last = file["attempts"] == MOST_ATTEMPTS
        await _leave(id, None if is_last else FIRST_PAUSE * 2 ** (file["attempts"] - 1))
        # What it says may quote the file.
        logger.warning("file %s has no preview at attempt %d: %s", id, file["attempts"], type(error).__name__)
    else:
        await _keep(id, address)


async def _take(id: UUID) -> Row | None:
    """The file, ours for a while; None where it is not due, or somebody else's."""
    return await fetch_one(
        "UPDATE file SET next_preview_at = now() + $2::interval, preview_attempts = preview_attempts + 1 "
        "WHERE id = $1 AND scan = 'CLEAN' AND preview_address IS NULL AND next_preview_at <= now() "
        "RETURNING address, media_type, preview_attempts AS attempts",
        id,
        OURS_FOR,
    )


async def _draw(file: Row) -> str:
    """The address of the picture."""
    with scratch_file() as content:
        async for chunk in blobs().read(file["address"]):
            await asyncio.to_thread(content.write, chunk)
        content.seek(0)
        picture = await draw_preview(content, file["media_type"])
    return await blobs().write(io.BytesIO(picture), hashlib.sha256(picture).digest())


async def _keep(id: UUID, address: str) -> None:
    """The first picture stays; another one, drawn at the same time, is thrown away."""
    kept = await execute(
        "UPDATE file SET preview_address = $2, next_preview_at = NULL "
        "WHERE id = $1 AND scan = 'CLEAN' AND preview_address IS NULL",
        id,
        address,
    )
    if not kept:
        await blobs().delete(address)


async def _leave(id: UUID, pause: timedelta | None) -> None:
    await execute(
        "UPDATE file SET next_preview_at = now() + $2::interval WHERE id = $1 AND preview_address IS NULL",
        id,
        pause,
    )
