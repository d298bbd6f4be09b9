"""Pièces jointes of requests: adding, replacing, removing."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from core.clock import now
from core.errors import FieldProblem, FileRejectedError, NotFoundError, ValidationError
from core.i18n import Text, same
from core.selection import Selection
from models.actors import Actor, AgentActor, CitizenActor, party
from models.attachments import ATTACHMENT_LIMIT, TOTAL_LIMIT_BYTES, Attachment
from models.database import Row, execute, fetch_one
from models.forms import FileField, visible_fields
from models.ids import decode_as
from models.requests import ServiceRequest
from models.visibility import visible_requests
from resolvers import catalogue
from resolvers.file_sources import NO_UPLOAD, BroughtFile, FileSource, bytes_of, checked_title, use_up
from resolvers.files import put_content
from resolvers.policies import RequestState, require, require_own_attachment
from resolvers.reading.attachments import attachment_part
from resolvers.reading.shape import read_one, reading_for
from resolvers.requests import read_again
from resolvers.work import Work, mail_the_citizen, unit_of_work
from uploads.checking.kinds import EXTENSIONS, KEPT_AS

_NO_SUCH_FIELD = Text(
    fr="Cette démarche ne demande pas de pièce sous cette clé.",
    en="This procedure asks for no document under this key.",
)
_FIELD_IS_FULL = Text(
    fr="« {label} » a déjà {limit} fichier(s) : retirez-en un, ou remplacez-le.",
    en="“{label}” already has {limit} file(s): remove one, or replace it.",
)
_TOO_MANY = Text(
    fr="Une demande contient {limit} pièces au plus : retirez-en une, ou réunissez-les en un seul PDF.",
    en="A request holds {limit} documents at most: remove one, or put several into one PDF.",
).format(limit=same(str(ATTACHMENT_LIMIT)))
_TOO_HEAVY = Text(
    fr="Les pièces d’une demande pèsent {limit} Mo au plus, ensemble : retirez-en une, ou allégez-la.",
    en="The documents of a request weigh {limit} MB at most, together: remove one, or make it lighter.",
).format(limit=same(str(TOTAL_LIMIT_BYTES // 1024 // 1024)))
_WRONG_TYPE = Text(
    fr="« {label} » n’accepte que ces types de fichier : {types}.",
    en="“{label}” takes only these types of file: {types}.",
)
_JOINED_ALREADY = Text(
    fr="Ce fichier est déjà joint sous ce titre.",
    en="This file is attached under this title already.",
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A file to be linked to a request. `title` falls back on the name."""

    file_id: UUID
    name: str
    media_type: str
    size: int
    title: str
    copied_from_id: UUID | None = None


async def add_attachment(
    actor: Actor,
    *,
    request: str,
    source: FileSource,
    title: str | None,
    field: str | None,
    selection: Selection,
) -> Row:
    """Joins a file; the same file under the same title again is the same attachment.

    Raises FileRejectedError, ValidationError, NotAllowedError, NotFoundError (of the request, the stored document or
    the upload).
    """
    title, request_id = checked_title(title), decode_as("ServiceRequest", request)
    if source.stored_document is not None:
        id = await _copy(actor, request_id, decode_as("StoredDocument", source.stored_document), title, field)
        return await _read_again(actor, id, selection)
    await _admit(actor, request_id, field)  # Before anybody spends time on the bytes.
    async with bytes_of(actor, source) as brought:
        if brought.content is not None:
            id = await _add(actor, request_id, brought, title, field)
        else:
            id = await _became(request_id, brought, field)
    return await _read_again(actor, id, selection)


async def replace_attachment(
    actor: Actor, *, attachment: str, source: FileSource | None, title: str | None, selection: Selection
) -> Row:
    """Puts another file, another title or both in the place of one.

    Raises FileRejectedError, ValidationError, NotAllowedError, NotFoundError.
    """
    title, id = checked_title(title), decode_as("Attachment", attachment)
    if source is None:
        await _rename(actor, id, title)
    elif source.stored_document is not None:
        await _replace_by_copy(actor, id, decode_as("StoredDocument", source.stored_document), title)
    else:
        await _lock_own(actor, id)  # Before anybody spends time on the bytes.
        async with bytes_of(actor, source) as brought:
            if brought.content is not None:
                await _replace(actor, id, brought, title)
            elif brought.became != id:
                raise NotFoundError(NO_UPLOAD)
    return await _read_again(actor, id, selection)


async def remove_attachment(actor: Actor, *, attachment: str, selection: Selection) -> Row:
    """Takes a file off its request; the request. Raises NotAllowedError, NotFoundError."""
    request_id = await _remove(actor, decode_as("Attachment", attachment))
    return await read_again(actor, request_id, selection)


async def read_attachment(actor: Actor, id: UUID | None, selection: Selection) -> Row | None:
    """An attachment of a request that the caller may see."""
    if id is None:
        return None
    reading = await reading_for(actor)
    a, r = reading.alias("a"), reading.alias("r")
    part = attachment_part(reading, selection, a)
    source = (
        f"attachment {a} JOIN service_request {r} ON {r}.id = {a}.request_id "
        f"WHERE {a}.id = {reading.bind(id, 'uuid')} AND {visible_requests(reading, actor, r)}"
    )
    return await read_one(reading, part, source)


async def _read_again(actor: Actor, id: UUID | None, selection: Selection) -> Row:
    row = await read_attachment(actor, id, selection)
    if row is None:
        raise NotFoundError
    return row


@unit_of_work
async def _add(
    work: Work,
    actor: Actor,
    request_id: UUID | None,
    brought: BroughtFile,
    title: str | None,
    field: str | None,
) -> UUID:
    request, asked = await _admit(actor, request_id, field)
    piece = await _sent(work, brought, asked, title)
    id = await _link(work, actor, request, asked, piece)
    await use_up(brought, id)
    return id


@unit_of_work
async def _copy(
    work: Work,
    actor: Actor,
    request_id: UUID | None,
    document_id: UUID | None,
    title: str | None,
    field: str | None,
) -> UUID:
    request, asked = await _admit(actor, request_id, field)
    return await _link(work, actor, request, asked, await _copied(actor, document_id, asked, title))


@unit_of_work
async def _replace(
    work: Work, actor: Actor, id: UUID | None, brought: BroughtFile, title: str | None
) -> None:
    request, attachment = await _lock_own(actor, id)
    asked = await _file_field(request, attachment.field)
    piece = await _sent(work, brought, asked, title or attachment.title)
    await _put_in_place(work, actor, request, attachment, asked, piece)
    await use_up(brought, attachment.id)


@unit_of_work
async def _replace_by_copy(
    work: Work, actor: Actor, id: UUID | None, document_id: UUID | None, title: str | None
) -> None:
    request, attachment = await _lock_own(actor, id)
    asked = await _file_field(request, attachment.field)
    piece = await _copied(actor, document_id, asked, title or attachment.title)
    await _put_in_place(work, actor, request, attachment, asked, piece)


@unit_of_work
async def _rename(work: Work, actor: Actor, id: UUID | None, title: str | None) -> None:
    request, attachment = await _lock_own(actor, id)
    if title is None or title == attachment.title:
        return
    _require_once(await _beside(attachment, attachment.file_id, title))
    attachment.title = title
    await attachment.save(update_fields=["title"])
    await _touch(request)


@unit_of_work
async def _remove(work: Work, actor: Actor, id: UUID | None) -> UUID:
    request, attachment = await _lock_own(actor, id)
    await execute("DELETE FROM attachment WHERE id = $1", attachment.id)
    await _touch(request)
    if request.status != "DRAFT":
        work.happened("AttachmentRemoved", request, actor, data={"title": attachment.title})
    return request.id


async def _admit(
    actor: Actor, request_id: UUID | None, field: str | None
) -> tuple[ServiceRequest, FileField | None]:
    """The request and the field of its form that the piece answers. Raises what `add_attachment` does."""
    request = await ServiceRequest.lock_visible(actor, request_id)
    require("ADD_ATTACHMENT", actor, RequestState(request.status, request.account_id))
    return request, await _file_field(request, field)


async def _file_field(request: ServiceRequest, key: str | None) -> FileField | None:
    if key is None:
        return None
    form = await catalogue.version(request.procedure_version_id)
    # A draft's answers may still come to ask for it; once the request is sent, they no longer change.
    is_draft = request.status == "DRAFT"
    fields = form.definition.fields if is_draft else visible_fields(form.definition, request.answers)
    for field in fields:
        if field.key == key and isinstance(field, FileField):
            return field
    raise ValidationError([FieldProblem("field", _NO_SUCH_FIELD)])


async def _became(request_id: UUID | None, brought: BroughtFile, field: str | None) -> UUID:
    """What an upload became by an earlier call like this one. Raises NotFoundError where that was another call."""
    known = await fetch_one(
        "SELECT id FROM attachment WHERE id = $1 AND request_id = $2 AND field IS NOT DISTINCT FROM $3",
        brought.became,
        request_id,
        field,
    )
    if known is None:
        raise NotFoundError(NO_UPLOAD)
    id: UUID = known["id"]
    return id


async def _lock_own(actor: Actor, id: UUID | None) -> tuple[ServiceRequest, Attachment]:
    """The attachment, if the caller may change it now, and its request, locked."""
    named = await fetch_one("SELECT request_id FROM attachment WHERE id = $1", id)
    request = await ServiceRequest.lock_visible(actor, named["request_id"] if named else None)
    found = await fetch_one("SELECT * FROM attachment WHERE id = $1", id)
    if found is None:
        raise NotFoundError
    attachment = Attachment._init_from_db(**found)
    require_own_attachment(actor, RequestState(request.status, request.account_id), attachment.added_by)
    return request, attachment


async def _sent(work: Work, brought: BroughtFile, asked: FileField | None, title: str | None) -> _Piece:
    """A file that was sent, written down. Raises FileRejectedError."""
    content = brought.content
    assert content is not None
    _require_type(asked, content.media_type)
    file_id = await put_content(content)
    work.wake("files")
    return _Piece(file_id, content.name, content.media_type, content.size, title or content.name)


async def _copied(
    actor: Actor, document_id: UUID | None, asked: FileField | None, title: str | None
) -> _Piece:
    """The file of a document in the caller's storage space, by reference: what becomes of the document later leaves it.

    Raises NotFoundError, FileRejectedError.
    """
    row = isinstance(actor, CitizenActor) and await fetch_one(
        "SELECT d.name, d.title, d.file_id, f.media_type, f.size, f.scan FROM stored_document d "
        "JOIN file f ON f.id = d.file_id WHERE d.id = $1 AND d.account_id = $2 FOR KEY SHARE OF d, f",
        document_id,
        actor.account_id,
    )
    if not row:
        raise NotFoundError
    if row["scan"] in ("INFECTED", "FAILED"):
        raise FileRejectedError("INFECTED" if row["scan"] == "INFECTED" else "UNREADABLE", _PUT_ASIDE)
    _require_type(asked, row["media_type"])
    return _Piece(
        row["file_id"], row["name"], row["media_type"], row["size"], title or row["title"], document_id
    )


async def _link(
    work: Work, actor: Actor, request: ServiceRequest, asked: FileField | None, piece: _Piece
) -> UUID:
    """The attachment of this piece, new or known. The request is locked, so nobody else counts meanwhile."""
    field = asked.key if asked else None
    held = await fetch_one(
        "SELECT count(*) AS held, coalesce(sum(f.size), 0)::bigint AS bytes, "
        "count(*) FILTER (WHERE a.field = $2 AND f.scan IN ('PENDING', 'CLEAN')) AS in_field, "
        "(array_agg(a.id) FILTER (WHERE a.file_id = $3 AND a.title = $4 AND a.added_by = $5 "
        "AND a.field IS NOT DISTINCT FROM $2))[1] AS same "
        "FROM attachment a JOIN file f ON f.id = a.file_id WHERE a.request_id = $1",
        request.id,
        field,
        piece.file_id,
        piece.title,
        party(actor),
    )
    assert held is not None
    if held["same"] is not None:
        known: UUID = held["same"]
        return known
    _require_room(held, asked, piece, "field")
    if held["held"] >= ATTACHMENT_LIMIT:
        raise ValidationError([FieldProblem("source", _TOO_MANY)])
    attachment = Attachment(
        request_id=request.id,
        file_id=piece.file_id,
        field=field,
        title=piece.title,
        name=piece.name,
        added_by=party(actor),
        copied_from_id=piece.copied_from_id,
    )
    await attachment.save(force_create=True)
    await _touch(request)
    _tell(work, actor, request, "AttachmentAdded", attachment)
    return attachment.id


async def _put_in_place(
    work: Work,
    actor: Actor,
    request: ServiceRequest,
    attachment: Attachment,
    asked: FileField | None,
    piece: _Piece,
) -> None:
    changed = {
        "file_id": piece.file_id,
        "name": piece.name,
        "title": piece.title,
        "copied_from_id": piece.copied_from_id,
    }
    if changed == {name: getattr(attachment, name) for name in changed}:
        return  # The same call again.
    beside = await _beside(attachment, piece.file_id, piece.title)
    _require_once(beside)
    _require_room(beside, asked, piece, "source")
    attachment.update_from_dict(changed)
    await attachment.save(update_fields=changed)
    await _touch(request)
    _tell(work, actor, request, "AttachmentReplaced", attachment)


async def _beside(attachment: Attachment, file_id: UUID, title: str) -> Row:
    """What the request holds besides an attachment, and whether that is this file under this title already."""
    row = await fetch_one(
        "SELECT bool_or(a.file_id = $3 AND a.title = $4 AND a.added_by = $5 AND a.field IS NOT DISTINCT FROM $6) "
        "AS once, coalesce(sum(f.size), 0)::bigint AS bytes, "
        "count(*) FILTER (WHERE a.field = $6 AND f.scan IN ('PENDING', 'CLEAN')) AS in_field "
        "FROM attachment a JOIN file f ON f.id = a.file_id WHERE a.request_id = $1 AND a.id <> $2",
        attachment.request_id,
        attachment.id,
        file_id,
        title,
        attachment.added_by,
        attachment.field,
    )
    assert row is not None
    return row


def _require_once(beside: Row) -> None:
    """Raises ValidationError where another attachment is this file under this title already."""
    if beside["once"]:
        raise ValidationError([FieldProblem("source", _JOINED_ALREADY)])


def _require_room(held: Row, asked: FileField | None, piece: _Piece, path: str) -> None:
    """Raises ValidationError where the field is full, which is told at `path`, or the request would be too heavy."""
    if asked and held["in_field"] >= asked.max_files:
        full = _FIELD_IS_FULL.format(label=same(asked.label), limit=same(str(asked.max_files)))
        raise ValidationError([FieldProblem(path, full)])
    if held["bytes"] + piece.size > TOTAL_LIMIT_BYTES:
        raise ValidationError([FieldProblem("source", _TOO_HEAVY)])


def _tell(work: Work, actor: Actor, request: ServiceRequest, kind: str, attachment: Attachment) -> None:
    """What is filled in is nobody's history yet. The citizen hears of what the mairie adds by mail, too."""
    if request.status == "DRAFT":
        return
    data = {"attachment": str(attachment.id), "title": attachment.title}
    event = work.happened(kind, request, actor, data=data)
    if isinstance(actor, AgentActor):
        mail_the_citizen(work, request, "attachment_added", event)


async def _touch(request: ServiceRequest) -> None:
    """The request has changed, its version has not: whoever fills the form in at the same time need not start again."""
    request.updated_at = now()
    await request.save(update_fields=["updated_at"])


def _require_type(asked: FileField | None, media_type: str) -> None:
    if not asked or not asked.accepted_media_types:
        return
    # A form that takes HEIC takes what is kept of it.
    if media_type not in {KEPT_AS.get(type, type) for type in asked.accepted_media_types}:
        names = ", ".join(EXTENSIONS.get(type, (type,))[0].upper() for type in asked.accepted_media_types)
        raise FileRejectedError(
            "TYPE_NOT_ACCEPTED", _WRONG_TYPE.format(label=same(asked.label), types=same(names))
        )


_PUT_ASIDE = Text(
    fr="L’antivirus a écarté cette pièce de votre espace de stockage : joignez-en une autre.",
    en="The virus scanner has put this document of your storage space aside: attach another one.",
)
