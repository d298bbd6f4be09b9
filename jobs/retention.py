"""Taking away what nobody needs any more, most of all what strangers can make grow."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

from tortoise.exceptions import IntegrityError

from core.clock import now
from core.errors import UnavailableError
from models.database import Row, execute, fetch, fetch_one
from resolvers.uploads import sweep_uploads
from uploads.storing import blobs

VISITOR_DRAFT = timedelta(days=30)
"""A draft that no account holds, untouched for that long. Its ticket was shown, but never mailed."""

SENT_MAIL = timedelta(days=90)
PARKED_MAIL = timedelta(days=365)
"""Agents have seen it by then, or nobody will."""

CAPTCHA = timedelta(hours=1)
AT_ONCE = 1_000
"""Rows a statement takes away, so that none lasts. Strangers can make more than that between two runs."""

UNLINKED_FILE = timedelta(hours=24)
"""Bytes that nothing names: neither a piece nor, where they are a blob, a row."""

FILES_AT_ONCE = 2_000
"""Files a statement looks at. Nearly all of those that are old enough are somebody's."""

BLOBS_AT_ONCE = 500
SUSPICIOUSLY_MANY = 1_000
"""So many blobs, and a database without any file: it is not the one that they belong to."""

_SWEEPS = (
    (
        "service_request",
        "status = 'DRAFT' AND account_id IS NULL AND updated_at < now() - $1::interval",
        VISITOR_DRAFT,
    ),
    ("session", "expires_at < now() - $1::interval", timedelta()),
    ("captcha", "expires_at < now() - $1::interval", CAPTCHA),
    ("mail", "state = 'SENT' AND sent_at < now() - $1::interval", SENT_MAIL),
    ("limit_count", "expires_at < now() - $1::interval", timedelta()),
    ("mail", "state = 'PARKED' AND created_at < now() - $1::interval", PARKED_MAIL),
)

logger = logging.getLogger(__name__)


async def sweep() -> None:
    """Forgotten drafts, ended sessions, old captchas, old mail, what was counted long ago.

    Running it twice takes nothing more away.
    """
    for table, condition, age in _SWEEPS:
        statement = (
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {condition} LIMIT {AT_ONCE} "
            "FOR UPDATE SKIP LOCKED)"
        )
        swept = gone = await execute(statement, age)
        while gone == AT_ONCE:
            gone = await execute(statement, age)
            swept += gone
        if swept:
            logger.info("%d rows of %s swept", swept, table)


async def sweep_files() -> None:
    """Files that nothing links to, uploads that nobody finished or used, and bytes that no row names.

    Broken off anywhere, it leaves bytes that no row names at worst, which the next run takes away.
    """
    uploads = await sweep_uploads()
    files = await _sweep_unlinked_files()
    orphans = await _sweep_orphans()
    if uploads or files or orphans:
        logger.info("%d uploads, %d files and %d blobs without a row swept", uploads, files, orphans)


async def _sweep_unlinked_files() -> int:
    swept, before = 0, now() - UNLINKED_FILE
    async for ids in _unlinked_files(before):
        for file in await _delete_files(ids, before):
            swept += 1
            await _throw_away(file)
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


async def _throw_away(file: Row) -> None:
    for address in (file["address"], file["preview_address"]):
        if address is not None:
            try:
                await blobs().delete(address)
            except UnavailableError:
                logger.warning("bytes that nobody needs are left to the next sweep: the store is away")


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
        "UNION ALL SELECT address FROM upload_part WHERE address = ANY($1)",
        addresses,
    )
    orphans = set(addresses) - {row["address"] for row in rows}
    for address in orphans:
        await blobs().delete(address)
    return len(orphans)
