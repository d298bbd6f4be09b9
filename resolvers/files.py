"""Files as they are scanned: what a new one starts as, and what becomes of it once the scanner has spoken."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from core.clock import now
from core.errors import UnavailableError
from core.settings import Settings
from models.database import Row, execute, fetch, fetch_one
from models.requests import OPEN_STATUSES, ServiceRequest
from resolvers.work import Work, mail_the_citizen, unit_of_work
from uploads.scanning import Verdict, has_scanner
from uploads.storing import blobs

logger = logging.getLogger(__name__)


def initial_scan_state(settings: Settings) -> tuple[str, datetime | None]:
    """`scan` and `next_scan_at` of a file that is written down now.

    Without a scanner it is CLEAN, whose row wants `scanned_at`, too.
    """
    return ("PENDING", now()) if has_scanner(settings) else ("CLEAN", None)


async def record_verdict(file_id: UUID, verdict: Verdict) -> bool:
    """What the scanner said of a file, once: whatever is recorded later changes nothing. Whether it was recorded.

    Infected bytes are thrown away, and the requests that hold them say so. Raises UnavailableError.
    """
    is_recorded, address = await _record(file_id, verdict)
    if address is not None:
        try:
            await blobs().delete(address)
        except UnavailableError:
            logger.warning("infected bytes of file %s are left to the sweep: the store is away", file_id)
    return is_recorded


@unit_of_work
async def _record(work: Work, file_id: UUID, verdict: Verdict) -> tuple[bool, str | None]:
    """Whether this was the first verdict, and the address of bytes to throw away after the commit."""
    if verdict.scan == "INFECTED":
        # Requests before files, as whoever attaches does. One that has come in between is not waited for: then all of
        # this is tried again (resolvers/work.py).
        await _lock_holders(file_id)
    # Whoever links to the file at this moment has committed before this line, or sees the verdict.
    file = await fetch_one("SELECT address FROM file WHERE id = $1 AND scan = 'PENDING' FOR UPDATE", file_id)
    if file is None:
        return False, None
    await execute(
        "UPDATE file SET scan = $2::text, scanned_at = now(), next_scan_at = NULL, "
        "next_preview_at = CASE WHEN $2::text = 'CLEAN' THEN now() END, "
        "address = CASE WHEN $2::text <> 'INFECTED' THEN address END WHERE id = $1",
        file_id,
        verdict.scan,
    )
    if verdict.scan == "CLEAN":
        work.wake("files")
    if verdict.scan != "INFECTED":
        return True, None
    requests = {
        row["id"]: ServiceRequest._init_from_db(**row) for row in await _lock_holders(file_id, "NOWAIT")
    }
    attachments = await fetch(
        "SELECT id, request_id, title, added_by FROM attachment WHERE file_id = $1 ORDER BY id", file_id
    )
    for attachment in attachments:
        _reject(work, requests[attachment["request_id"]], attachment)
    return True, file["address"]


async def _lock_holders(file_id: UUID, wait: str = "") -> list[Row]:
    """The requests that hold the file, locked until the transaction ends."""
    return await fetch(
        "SELECT r.* FROM service_request r WHERE r.id IN (SELECT request_id FROM attachment WHERE file_id = $1) "
        f"ORDER BY r.id FOR NO KEY UPDATE OF r {wait}",
        file_id,
    )


def _reject(work: Work, request: ServiceRequest, attachment: Row) -> None:
    """What is filled in is nobody's history yet."""
    if request.status == "DRAFT":
        return
    data = {"attachment": str(attachment["id"]), "title": attachment["title"]}
    event = work.happened("AttachmentRejected", request, "SYSTEM", data=data)
    # A closed request takes no other piece.
    if attachment["added_by"] == "CITIZEN" and request.status in OPEN_STATUSES:
        mail_the_citizen(work, request, "attachment_rejected", event)
