"""Mon espace de stockage: keeping, changing and throwing away pieces."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from tortoise.exceptions import IntegrityError

from core.clock import now
from core.errors import FieldProblem, NotFoundError, QuotaExceededError, ValidationError
from core.i18n import Text, same
from core.selection import Selection
from models.actors import Actor, CitizenActor
from models.database import Row, execute, fetch_one, violated_constraint
from models.ids import decode_as
from models.storage import DOCUMENT_LIMIT, StoredDocument
from resolvers.file_sources import NO_UPLOAD, BroughtFile, FileSource, bytes_of, checked_title, use_up
from resolvers.files import put_content
from resolvers.reading.shape import read_one, reading_for
from resolvers.reading.storage import document_part, storage_part
from resolvers.work import Work, unit_of_work

_TOO_MANY = Text(
    fr="Un espace de stockage contient {limit} pièces au plus : supprimez-en une, puis recommencez.",
    en="A storage space holds {limit} documents at most: delete one, then retry.",
).format(limit=same(str(DOCUMENT_LIMIT)))
_KEPT_ALREADY = Text(
    fr="Ce fichier est déjà dans votre espace de stockage, sous ce titre.",
    en="This file is in your storage space already, under this title.",
)
_EARLIEST, _LATEST = date(1900, 1, 1), date(2200, 12, 31)
_STRANGE_DAY = Text(
    fr="Vérifiez l’année de la date de validité.",
    en="Check the year of the date of validity.",
)


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """What changes of a stored document, and what stays: `valid_until` only counts where `sets_validity`."""

    title: str | None = None
    kind: str | None = None
    sets_validity: bool = False
    valid_until: date | None = None


async def add_stored_document(
    actor: Actor,
    *,
    source: FileSource,
    title: str | None,
    kind: str,
    valid_until: date | None,
    selection: Selection,
) -> Row:
    """Keeps a piece; the same piece again is the same document.

    Raises FileRejectedError, QuotaExceededError, ValidationError, and NotFoundError where the upload is not there.
    """
    assert isinstance(actor, CitizenActor)
    title = checked_title(title)
    _check_validity(valid_until)
    async with bytes_of(actor, source) as brought:
        try:
            id = brought.became or await _add(actor, brought, title, kind, valid_until)
        except IntegrityError as error:
            raise await _refusal(actor, error, "upload") from error
    return await _read_again(actor, id, selection)


async def update_stored_document(
    actor: Actor, *, document: str, source: FileSource | None, change: DocumentChange, selection: Selection
) -> Row:
    """Replaces the file, or what is known of it; copies in requests stay as they were.

    Raises FileRejectedError, QuotaExceededError, ValidationError, NotFoundError.
    """
    assert isinstance(actor, CitizenActor)
    title, id = checked_title(change.title), decode_as("StoredDocument", document)
    _check_validity(change.valid_until)
    await _lock(actor, id)  # Before anybody spends time on the bytes.
    async with AsyncExitStack() as stack:
        brought = await stack.enter_async_context(bytes_of(actor, source)) if source else None
        if brought is not None and brought.content is None and brought.became != id:
            raise NotFoundError(NO_UPLOAD)
        try:
            await _change(actor, id, brought, title, change)
        except IntegrityError as error:
            raise await _refusal(actor, error, "upload" if brought is not None else "title") from error
    return await _read_again(actor, id, selection)


async def delete_stored_document(actor: Actor, *, document: str, selection: Selection) -> Row:
    """Throws a piece away; the storage space. Raises NotFoundError."""
    assert isinstance(actor, CitizenActor)
    await _delete(actor, decode_as("StoredDocument", document))
    reading = await reading_for(actor)
    a = reading.alias("a")
    part = storage_part(reading, selection, a)
    row = await read_one(
        reading, part, f"account {a} WHERE {a}.id = {reading.bind(actor.account_id, 'uuid')}"
    )
    assert row is not None
    return row


async def read_document(actor: Actor, id: UUID | None, selection: Selection) -> Row | None:
    """A document of the caller's own storage space."""
    if id is None or not isinstance(actor, CitizenActor):
        return None
    reading = await reading_for(actor)
    d = reading.alias("d")
    part = document_part(reading, selection, d)
    source = (
        f"stored_document {d} WHERE {d}.id = {reading.bind(id, 'uuid')} "
        f"AND {d}.account_id = {reading.bind(actor.account_id, 'uuid')}"
    )
    return await read_one(reading, part, source)


async def _read_again(actor: Actor, id: UUID | None, selection: Selection) -> Row:
    row = await read_document(actor, id, selection)
    if row is None:
        raise NotFoundError
    return row


@unit_of_work
async def _add(
    work: Work,
    actor: CitizenActor,
    brought: BroughtFile,
    title: str | None,
    kind: str,
    valid_until: date | None,
) -> UUID:
    await _queue_up(actor)
    assert brought.content is not None
    file_id = await put_content(brought.content)
    work.wake("files")
    title = title or brought.content.name
    known = await fetch_one(
        "SELECT id FROM stored_document WHERE account_id = $1 AND file_id = $2 AND title = $3 AND kind = $4 "
        "AND valid_until IS NOT DISTINCT FROM $5",
        actor.account_id,
        file_id,
        title,
        kind,
        valid_until,
    )
    if known is None:
        document = StoredDocument(
            account_id=actor.account_id,
            file_id=file_id,
            title=title,
            name=brought.content.name,
            kind=kind,
            valid_until=valid_until,
        )
        await document.save(force_create=True)
    id: UUID = known["id"] if known else document.id
    await use_up(brought, id)
    return id


@unit_of_work
async def _change(
    work: Work,
    actor: CitizenActor,
    id: UUID | None,
    brought: BroughtFile | None,
    title: str | None,
    change: DocumentChange,
) -> None:
    await _queue_up(actor)
    document = await _lock(actor, id)
    changed: dict[str, Any] = {}
    if brought is not None and brought.content is not None:
        changed |= {"file_id": await put_content(brought.content), "name": brought.content.name}
        work.wake("files")
    if title is not None:
        changed["title"] = title
    if change.kind is not None:
        changed["kind"] = change.kind
    if change.sets_validity:
        changed["valid_until"] = change.valid_until
    document.update_from_dict({**changed, "updated_at": now()})
    await document.save(update_fields=[*changed, "updated_at"])
    if brought is not None:
        await use_up(brought, document.id)


@unit_of_work
async def _delete(work: Work, actor: CitizenActor, id: UUID | None) -> None:
    await _queue_up(actor)
    document = await _lock(actor, id)
    await execute("DELETE FROM stored_document WHERE id = $1", document.id)


async def _queue_up(actor: CitizenActor) -> None:
    """One writer of a storage space at a time. The trigger locks the account, too, but last, and so in a circle."""
    await fetch_one("SELECT id FROM account WHERE id = $1 FOR NO KEY UPDATE", actor.account_id)


async def _lock(actor: CitizenActor, id: UUID | None) -> StoredDocument:
    """The caller's own document, locked until the transaction ends. Raises NotFoundError."""
    found = await fetch_one(
        "SELECT * FROM stored_document WHERE id = $1 AND account_id = $2 FOR NO KEY UPDATE",
        id,
        actor.account_id,
    )
    if found is None:
        raise NotFoundError
    return StoredDocument._init_from_db(**found)


async def _refusal(actor: CitizenActor, error: IntegrityError, path: str) -> Exception:
    """What a constraint that the transaction ran into means to the caller, who has changed what is at `path`."""
    match violated_constraint(error):
        case "account_storage_quota":
            space = await fetch_one(
                "SELECT stored_bytes, storage_quota_bytes FROM account WHERE id = $1", actor.account_id
            )
            assert space is not None
            return QuotaExceededError(space["stored_bytes"], space["storage_quota_bytes"])
        case "account_storage_count":
            return ValidationError([FieldProblem(path, _TOO_MANY)])
        case "stored_document_once":
            return ValidationError([FieldProblem(path, _KEPT_ALREADY)])
        case _:
            return error


def _check_validity(day: date | None) -> None:
    if day is not None and not _EARLIEST <= day <= _LATEST:
        raise ValidationError([FieldProblem("validUntil", _STRANGE_DAY)])
