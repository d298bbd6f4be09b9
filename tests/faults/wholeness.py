"""Whether the rows and the store agree, and whether all that was answered is so: looked at from outside, afterwards.

It knows nothing of how uploads work, but for the tables that name addresses and for reading a blob.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from core.settings import get_settings
from models.database import execute, fetch
from models.ids import encode
from tests.faults.doomed import Death
from uploads.storing import CorruptBlobError, MissingBlobError, blobs

DAY = timedelta(hours=25)


@dataclass
class Findings:
    """Addresses, paths and ids, each with what is wrong about it. All are empty where nothing is."""

    broken: list[str] = field(default_factory=list)
    """Bytes at an address that are not whole, or not those that the row says."""

    missing: list[str] = field(default_factory=list)
    """Addresses that a row names, and where nothing is."""

    miscounted: list[str] = field(default_factory=list)
    """Accounts whose sums are not those of their documents; uploads whose parts do not come to what was received."""

    orphans: list[str] = field(default_factory=list)
    """What is in the store and named by no row: blobs, drafts. They may be there until the sweep."""

    unlinked: list[str] = field(default_factory=list)
    """Rows of files that nothing links to. They may be there until the sweep."""

    def visible(self) -> list[str]:
        """What no one may ever see, not even before the sweep."""
        return [*self.broken, *self.missing, *self.miscounted]

    def all(self) -> list[str]:
        return [*self.visible(), *self.orphans, *self.unlinked]


async def look_around() -> Findings:
    """Reads everything that there is, rows and bytes. Nobody may be writing meanwhile."""
    found = Findings()
    named = await _named()
    folder = get_settings().data / "files"
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    found.missing = sorted(named.keys() - there)
    found.orphans = sorted(there - named.keys())
    for address in sorted(there):
        if address.startswith("unfinished/"):
            continue
        content = await content_at(address)
        if content is None or not _agrees(content, named.get(address, {})):
            found.broken.append(address)
    found.miscounted = [str(row["id"]) for row in await fetch(MISCOUNTED)]
    found.unlinked = [str(row["id"]) for row in await fetch(UNLINKED)]
    return found


async def _named() -> dict[str, dict[str, Any]]:
    """Each address that a row names, and what it says of the bytes."""
    rows = await fetch(
        "SELECT address, sha256, size FROM file WHERE address IS NOT NULL "
        "UNION ALL SELECT preview_address, NULL, NULL FROM file WHERE preview_address IS NOT NULL "
        "UNION ALL SELECT address, NULL, size FROM upload_part "
        "UNION ALL SELECT address, sha256, size FROM data_export WHERE address IS NOT NULL"
    )
    return {row["address"]: row for row in rows}


def _agrees(content: bytes, told: dict[str, Any]) -> bool:
    is_sha256 = told.get("sha256") is None or sha256(content).digest() == bytes(told["sha256"])
    return is_sha256 and told.get("size") in (None, len(content))


async def content_at(address: str) -> bytes | None:
    """None where it is not whole, or nothing is there."""
    try:
        return b"".join([piece async for piece in blobs().read(address)])
    except (CorruptBlobError, MissingBlobError):
        return None


MISCOUNTED = """
SELECT a.id FROM account a
LEFT JOIN (SELECT d.account_id, sum(f.size) AS bytes, count(*) AS documents
           FROM stored_document d JOIN file f ON f.id = d.file_id GROUP BY 1) s ON s.account_id = a.id
WHERE a.stored_bytes <> coalesce(s.bytes, 0) OR a.stored_count <> coalesce(s.documents, 0)
UNION ALL
SELECT u.id FROM upload u LEFT JOIN upload_part p ON p.upload_id = u.id
GROUP BY u.id HAVING u.received <> coalesce(sum(p.size), 0)
"""

UNLINKED = """
SELECT id FROM file f WHERE NOT EXISTS (SELECT 1 FROM attachment WHERE file_id = f.id)
AND NOT EXISTS (SELECT 1 FROM stored_document WHERE file_id = f.id)
AND NOT EXISTS (SELECT 1 FROM receipt WHERE file_id = f.id)
"""


def answered(deaths: Iterable[Death]) -> dict[str, Any]:
    """What each id was last said to be; an id whose change was under way at a death may be the one or the other."""
    known: dict[str, Any] = {}
    for death in deaths:
        for said in death.said:
            if "answered" in said:
                id, value = said["answered"]
                known[id] = value
            for id in said.get("touched", ()):
                known.pop(id, None)
    return known


async def lost(known: dict[str, Any]) -> list[str]:
    """Ids of which something else is true than was answered: the SHA-256 of a piece, or that it is gone (None);
    how many bytes of an upload are there, and their SHA-256, or more than those."""
    pieces = await fetch(
        "SELECT a.id, 'Attachment' AS type, f.sha256 FROM attachment a JOIN file f ON f.id = a.file_id "
        "UNION ALL SELECT d.id, 'StoredDocument', f.sha256 FROM stored_document d JOIN file f ON f.id = d.file_id"
    )
    there: dict[str, Any] = {encode(row["type"], row["id"]): bytes(row["sha256"]).hex() for row in pieces}
    received: dict[str, bytes] = {}
    for part in await fetch("SELECT upload_id, address FROM upload_part ORDER BY upload_id, start"):
        id = encode("Upload", part["upload_id"])
        received[id] = received.get(id, b"") + (await content_at(part["address"]) or b"")
    for id, value in known.items():
        if isinstance(value, list) and id in received:
            size, _ = value
            there[id] = [size, sha256(received[id][:size]).hexdigest()]
        elif id in received:
            there[id] = "an upload"
    return [id for id, value in known.items() if there.get(id) != value]


async def let_a_day_pass(data: Path) -> None:
    """For all that is there: uploads expire, rows and bytes are old enough for the sweep."""
    await execute(
        "UPDATE upload SET created_at = created_at - $1::interval, expires_at = expires_at - $1", DAY
    )
    await execute("UPDATE file SET linked_at = linked_at - $1::interval", DAY)
    for path in (data / "files").rglob("*"):
        if path.is_file():
            written = path.stat().st_mtime - DAY.total_seconds()
            os.utime(path, (written, written))
