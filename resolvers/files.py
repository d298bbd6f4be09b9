"""From bytes that somebody sent to a row of `file`: checked and stored first, written down in the transaction that uses
them.

    async with brought_in(received) as content:
        return await _add(actor, content, ...)      # a unit of work that calls `put_content`

Whatever happens in between leaves bytes that no row names at worst: jobs/file_retention.py sweeps those.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from core.clock import now
from core.errors import FileRejectedError, RefusedError
from core.i18n import Text
from core.settings import get_settings
from models.database import fetch_one
from models.ids import new_id
from resolvers.scans import initial_scan_state
from uploads.checking import check
from uploads.received import ReceivedFile
from uploads.storing import blobs, throw_away

INFECTED = Text(
    fr="L’antivirus a trouvé un virus dans ce fichier : il n’a pas été gardé. Joignez-en un autre.",
    en="The virus scanner found a virus in this file: it was not kept. Send another one.",
)


@dataclass(slots=True)
class Content:
    """What was checked and stored. `used` tells that a row names `address`."""

    name: str
    media_type: str
    size: int
    sha256: bytes
    address: str
    used: bool = False


@asynccontextmanager
async def brought_in(received: ReceivedFile) -> AsyncIterator[Content]:
    """What was received, checked and stored, for the block to use.

    Raises FileRejectedError, UnavailableError. Bytes that turn out not to be needed are thrown away; where it is not
    known whether a transaction was committed, they stay.
    """
    checked = await check(received)
    try:
        address = await blobs().write(checked.content, checked.sha256)
    finally:
        checked.close()
    content = Content(checked.name, checked.media_type, checked.size, checked.sha256, address)
    try:
        yield content
    except RefusedError:
        content.used = False
        await throw_away(address)
        raise
    if not content.used:
        await throw_away(address)


async def put_content(content: Content) -> UUID:
    """The row of a content, in the transaction under way. Raises FileRejectedError where it is known to be infected."""
    id, content.used = await put_file(content.sha256, content.size, content.media_type, content.address)
    return id


async def put_file(
    sha256: bytes, size: int, media_type: str, address: str, *, scan: str | None = None
) -> tuple[UUID, bool]:
    """The row of these bytes, new or known, in the transaction under way; and whether it names `address`.

    Where it does not, the caller throws its own bytes away after the commit. `scan` is given for files that we made.
    Bytes that could not be scanned are taken as if they were new: what was kept of them may be spoilt.
    Raises FileRejectedError where the bytes are known to be infected.
    """
    state, next_scan_at = (scan, None) if scan else initial_scan_state(get_settings())
    at = now()
    row = await fetch_one(
        "INSERT INTO file (id, sha256, size, media_type, address, scan, next_scan_at, scanned_at, next_preview_at, "
        "scan_attempts, preview_attempts, created_at, linked_at) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, 0, 0, $9, $9) "
        "ON CONFLICT (sha256) DO UPDATE SET linked_at = excluded.linked_at, "
        + ", ".join(
            f"{column} = CASE WHEN file.scan = 'FAILED' THEN excluded.{column} ELSE file.{column} END"
            for column in (
                "address",
                "scan",
                "scan_attempts",
                "next_scan_at",
                "scanned_at",
                "next_preview_at",
            )
        )
        + " RETURNING id, address, scan",
        new_id(),
        sha256,
        size,
        media_type,
        address,
        state,
        next_scan_at,
        None if state == "PENDING" else at,
        at,
    )
    assert row is not None
    if row["scan"] == "INFECTED":
        raise FileRejectedError("INFECTED", INFECTED)
    return row["id"], row["address"] == address
