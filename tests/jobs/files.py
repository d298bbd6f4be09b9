"""Files to be scanned, drawn and swept, as the resolvers leave them in the store and in the database."""

from __future__ import annotations

import asyncio
import hashlib
import io
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from PIL import Image

from core.clock import now
from models.actors import CitizenActor
from models.attachments import Attachment
from models.database import Row, execute, fetch_one
from models.files import File
from models.requests import ServiceRequest
from models.storage import StoredDocument
from uploads.storing import MissingBlobError, blobs


def some_bytes() -> bytes:
    """Of no kind, and like no others."""
    return b"nothing to see here " + uuid4().bytes


def a_picture(colour: str = "red") -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (300, 200), colour).save(picture, "PNG")
    return picture.getvalue()


async def keep(content: bytes) -> str:
    """Its address."""
    return await blobs().write(io.BytesIO(content), hashlib.sha256(content).digest())


async def add_file(content: bytes | None = None, *, age: timedelta = timedelta(), **columns: Any) -> UUID:
    """A file waiting for its scan, linked to by nothing since `age`; returns its id."""
    content = some_bytes() if content is None else content
    at = now() - age
    values: dict[str, Any] = {
        "sha256": hashlib.sha256(content).digest(),
        "size": len(content),
        "media_type": "application/pdf",
        "next_scan_at": at,
        "linked_at": at,
        **columns,
    }
    if "address" not in values:
        values["address"] = await keep(content)
    file = File(**values)
    await file.save(force_create=True)
    return file.id


async def add_clean_file(
    content: bytes | None = None, *, age: timedelta = timedelta(), **columns: Any
) -> UUID:
    """A file that was scanned and has no preview yet."""
    values = {"scan": "CLEAN", "next_scan_at": None, "scanned_at": now(), "next_preview_at": now(), **columns}
    return await add_file(content, age=age, **values)


async def attach(
    file_id: UUID, request: ServiceRequest, *, title: str = "Justificatif", added_by: str = "CITIZEN"
) -> UUID:
    attachment = Attachment(
        request_id=request.id, file_id=file_id, title=title, name="justificatif.pdf", added_by=added_by
    )
    await attachment.save(force_create=True)
    return attachment.id


async def store(file_id: UUID, citizen: CitizenActor) -> UUID:
    document = StoredDocument(
        account_id=citizen.account_id, file_id=file_id, title="Passeport", name="passeport.pdf"
    )
    await document.save(force_create=True)
    return document.id


async def file_row(id: UUID) -> Row:
    row = await fetch_one("SELECT * FROM file WHERE id = $1", id)
    assert row is not None
    return row


async def make_due(id: UUID) -> None:
    """As if the pause of its scan were over."""
    await execute("UPDATE file SET next_scan_at = now() WHERE id = $1", id)


async def content_at(address: str) -> bytes | None:
    """What is kept there; None where nothing is."""
    try:
        return b"".join([chunk async for chunk in blobs().read(address)])
    except MissingBlobError:
        return None


async def until(holds: Callable[[], Awaitable[bool]], within: float = 20.0) -> None:
    deadline = time.monotonic() + within
    while not await holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.02)


async def until_scanned(id: UUID, scan: str, within: float = 20.0) -> None:
    async def is_so() -> bool:
        found: str = (await file_row(id))["scan"]
        return found == scan

    await until(is_so, within)
