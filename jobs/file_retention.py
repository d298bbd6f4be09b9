"""Taking away files that nothing links to, uploads that nobody finished or used, and bytes that no row names."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.exceptions import IntegrityError

from core.clock import now
from models.database import Row, fetch, fetch_one
from resolvers.data_exports import sweep_exports
from resolvers.uploads import sweep_uploads
from uploads.storing import blobs, throw_away

UNLINKED_FILE = timedelta(hours=24)
"""Bytes that nothing names: neither a piece nor, where they are a blob, a row."""

FILES_AT_ONCE = 2_000
"""Files a statement looks at. Nearly all of those that are old enough are somebody's."""

BLOBS_AT_ONCE = 500
SUSPICIOUSLY_MANY = 1_000
"""So many blobs, and a database without any file: it is not the one that they belong to."""

logger = logging.getLogger(__name__)


async def sweep_files() -> None:
    """Exports that have expired, files that nothing links to, uploads that nobody finished or used, and bytes that no
    row names.

    Broken off anywhere, it leaves bytes that no row names at worst, which the next run takes away.
    """
    exports = await sweep_exports()
    uploads = await sweep_uploads()
    files = await _sweep_unlinked_files()
    orphans = await _sweep_orphans()
    if exports:
        logger.info("%d exports that have expired swept", exports)
    if uploads or files or orphans:
        logger.info("%d uploads, %d files and %d blobs without a row swept", uploads, files, orphans)


async def _sweep_unlinked_files() -> int:
    swept, before = 0, now() - UNLINKED_FILE
    async for ids in _unlinked_files(before):
        for file in await _delete_files(ids, before):
            swept += 1
            await throw_away(*filter(None, (file["address"], file["preview_address"])))
    return swept


async def _unlinked_files(before: datetime) -> AsyncIterator[list[UUID]]:
    """Ids of files that nothing linked to when they were looked at, some at a time, from the oldest on."""
    last: tuple[datetime, UUID] | None = None
    while True:
        looked_at = await fetch(
            "SELECT f.id, f.linked_at, "
            "NOT EXISTS (SELECT 1 FROM attachment a WHERE a.file_id = f.id) "
            "AND NOT EXISTS (SELECT 1 FROM stored_document d WHERE d.file_id = f.id) "
            "AND NOT EXISTS (SELECT 1 FROM receipt r WHERE r.file_id = f.id) AS unlinked "
            "FROM file f WHERE f.linked_at < $1 AND (f.linked_at, f.id) > ($2, $3) "
            "ORDER BY f.linked_at, f.id LIMIT $4",
            before,
            *(last or (datetime.min.replace(tzinfo=before.tzinfo), UUID(int=0))),
            FILES_AT_ONCE,
        )
        ids = [row["id"] for row in looked_at if row["unlinked"]]
        if ids:
            yield ids
        if len(looked_at) < FILES_AT_ONCE:
            return
        last = looked_at[-1]["linked_at"], looked_at[-1]["id"]


async def _delete_files(ids: list[UUID], before: datetime) -> list[Row]:
    """The addresses of those that are gone now. Who links to one at this moment has its row locked, or dated anew."""
    try:
        return await fetch(
            "DELETE FROM file WHERE id IN "
            "(SELECT id FROM file WHERE id = ANY($1) AND linked_at < $2 FOR UPDATE SKIP LOCKED) "
            "RETURNING address, preview_address",
            ids,
            before,
        )
    except IntegrityError:
        # Something links to one of them after all. It stays, until it is looked at again.
        if len(ids) == 1:
            return []
        return [file for id in ids for file in await _delete_files([id], before)]


async def _sweep_orphans() -> int:
    """Throws blobs away that no row names; how many."""
    known = await fetch_one("SELECT EXISTS (SELECT 1 FROM file) AS files")
    knows_files = known is not None and known["files"]
    swept = 0
    batch: list[str] = []
    async for address in blobs().older_than(now() - UNLINKED_FILE):
        batch.append(address)
        if knows_files and len(batch) == BLOBS_AT_ONCE:
            swept += await _throw_orphans_away(batch)
            batch = []
        elif not knows_files and len(batch) == SUSPICIOUSLY_MANY:
            logger.error(
                "the database knows no file, the store has many: nothing is swept, is it the right one?"
            )
            return 0
    return swept + await _throw_orphans_away(batch)


async def _throw_orphans_away(addresses: list[str]) -> int:
    rows = await fetch(
        "SELECT address FROM file WHERE address = ANY($1) "
        "UNION ALL SELECT preview_address FROM file WHERE preview_address = ANY($1) "
        "UNION ALL SELECT address FROM upload_part WHERE address = ANY($1) "
        "UNION ALL SELECT address FROM data_export WHERE address = ANY($1)",
        addresses,
    )
    orphans = set(addresses) - {row["address"] for row in rows}
    for address in orphans:
        await blobs().delete(address)
    return len(orphans)
