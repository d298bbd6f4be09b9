"""Files as they stand once checked, stored and scanned, and what links to them, written straight through the models."""

from __future__ import annotations

import io
from hashlib import sha256
from typing import Any

from core.clock import now
from models.actors import Actor, CitizenActor
from models.attachments import Attachment
from models.database import execute
from models.files import File
from models.ids import encode
from models.receipts import Receipt
from models.requests import ServiceRequest
from models.storage import StoredDocument
from resolvers.uploads import append_part, create_upload
from uploads.storing import blobs

CONTENT = b"%PDF-1.7\n" + bytes(range(256)) * 40


async def make_file(
    content: bytes = CONTENT,
    *,
    media_type: str = "application/pdf",
    scan: str = "CLEAN",
    preview: bytes | None = None,
) -> File:
    """A file whose bytes are really stored, whatever they are: nothing looks at them."""
    digest = sha256(content).digest()
    address = await blobs().write(io.BytesIO(content), digest)
    preview_address = await blobs().write(io.BytesIO(preview), sha256(preview).digest()) if preview else None
    file = File(
        sha256=digest,
        size=len(content),
        media_type=media_type,
        address=None if scan == "INFECTED" else address,
        scan=scan,
        scanned_at=None if scan == "PENDING" else now(),
        next_scan_at=now() if scan == "PENDING" else None,
        preview_address=preview_address,
    )
    await file.save(force_create=True)
    return file


async def set_scan(file: File, scan: str) -> None:
    """Whatever the scanner has come to say of it."""
    await execute(
        "UPDATE file SET scan = $2::text, scanned_at = CASE WHEN $2::text <> 'PENDING' THEN now() END, "
        "next_scan_at = CASE WHEN $2::text = 'PENDING' THEN now() END, "
        "address = CASE WHEN $2::text <> 'INFECTED' THEN address END, preview_address = NULL WHERE id = $1",
        file.id,
        scan,
    )


async def make_attachment(
    request: ServiceRequest, file: File, *, name: str = "passeport.pdf", **changed: Any
) -> Attachment:
    attachment = Attachment(
        **{
            "request_id": request.id,
            "file_id": file.id,
            "title": "Passeport",
            "name": name,
            "added_by": "CITIZEN",
            **changed,
        }
    )
    await attachment.save(force_create=True)
    return attachment


async def make_document(
    citizen: CitizenActor, file: File, *, name: str = "passeport.pdf", **changed: Any
) -> StoredDocument:
    document = StoredDocument(
        **{
            "account_id": citizen.account_id,
            "file_id": file.id,
            "title": "Passeport",
            "name": name,
            **changed,
        }
    )
    await document.save(force_create=True)
    return document


async def make_upload(actor: Actor, content: bytes, *, name: str = "passeport.pdf") -> str:
    """A resumable upload that is finished; its global id."""
    upload = await create_upload(actor, name=name, media_type="", length=len(content))
    appended = await append_part(
        actor,
        upload.id,
        start=0,
        size=len(content),
        content=io.BytesIO(content),
        sha256=sha256(content).digest(),
    )
    assert appended
    return encode("Upload", upload.id)


async def make_receipt(request: ServiceRequest, file: File | None) -> Receipt:
    receipt = Receipt(request_id=request.id, file_id=file.id if file else None)
    await receipt.save(force_create=True)
    return receipt
