"""Mon espace de stockage."""

from datetime import date, datetime
from enum import StrEnum

import strawberry

import resolvers.storage
from core.errors import FieldProblem
from core.errors import ValidationError as InvalidError
from core.i18n import Text
from resolvers.file_sources import FileSource
from schema.callers import CITIZENS
from schema.connections import Connection, Node
from schema.declare import enumeration, input_object, output
from schema.errors import FileRejectedError, NotFoundError, QuotaExceededError, ValidationError
from schema.fields import Info, kept, mutation, selection_of
from schema.files import File
from schema.references import ServiceRequestReference, StoredDocumentReference
from schema.rows import Row
from schema.scalars import Upload
from schema.selection import narrow


@enumeration
class DocumentKind(StrEnum):
    """What a stored document proves."""

    IDENTITY = "IDENTITY"
    PROOF_OF_ADDRESS = "PROOF_OF_ADDRESS"
    FAMILY_RECORD = "FAMILY_RECORD"
    INCOME = "INCOME"
    VACCINATION = "VACCINATION"
    INSURANCE = "INSURANCE"
    OTHER = "OTHER"


@output
class StorageSpace:
    """Mon espace de stockage: pieces kept for later requests."""

    used_bytes: int
    """Of all its documents together, as they are kept."""
    quota_bytes: int

    @kept(Connection[StoredDocumentReference])
    def documents(self, first: int | None = 50, after: str | None = None) -> None:
        """Newest first. `first` is at most 100."""


@output
class StoredDocument(Node):
    """A piece that a citizen keeps (une pièce)."""

    title: str
    kind: DocumentKind
    file: File
    stored_at: datetime
    updated_at: datetime
    valid_until: date | None
    """The day the paper itself stops being valid, if it has one."""
    used_by: list[ServiceRequestReference]
    """Requests that hold a copy of it, the latest 20. A copy stays as it was when this document changes or goes."""


@input_object()
class AddStoredDocumentInput:
    """Exactly one of `upload` and `resumableUpload`."""

    upload: Upload | None = strawberry.UNSET
    resumable_upload: strawberry.ID | None = strawberry.UNSET
    """The last part of the address of a finished tus upload."""
    title: str | None = strawberry.UNSET
    """The file's name where it is left out."""
    kind: DocumentKind = DocumentKind.OTHER
    valid_until: date | None = strawberry.UNSET


@input_object()
class UpdateStoredDocumentInput:
    """What is left out stays as it is. A null `validUntil` takes the date away."""

    document: strawberry.ID
    upload: Upload | None = strawberry.UNSET
    resumable_upload: strawberry.ID | None = strawberry.UNSET
    """The last part of the address of a finished tus upload, in the place of `upload`."""
    title: str | None = strawberry.UNSET
    kind: DocumentKind | None = strawberry.UNSET
    valid_until: date | None = strawberry.UNSET


@output
class AddStoredDocumentSuccess:
    document: StoredDocument


@output
class UpdateStoredDocumentSuccess:
    document: StoredDocument


@output
class DeleteStoredDocumentSuccess:
    storage: StorageSpace


@mutation(
    AddStoredDocumentSuccess,
    refusals=(FileRejectedError, QuotaExceededError, ValidationError, NotFoundError),
    callers=CITIZENS,
)
async def add_stored_document(info: Info, input: AddStoredDocumentInput) -> Row:
    """Keeps a piece for later requests. The same file with the same title, kind and validity again is the same
    piece.
    """
    given = narrow(input)
    document = await resolvers.storage.add_stored_document(
        info.context.actor,
        source=_required_source(given),
        title=given.get("title"),
        kind=given["kind"],
        valid_until=given.get("valid_until"),
        selection=selection_of(info, "document"),
    )
    return {"document": document}


@mutation(
    UpdateStoredDocumentSuccess,
    refusals=(FileRejectedError, QuotaExceededError, ValidationError, NotFoundError),
    callers=CITIZENS,
)
async def update_stored_document(info: Info, input: UpdateStoredDocumentInput) -> Row:
    """Replaces a piece or what is known of it; copies in requests stay as they were."""
    given = narrow(input)
    document = await resolvers.storage.update_stored_document(
        info.context.actor,
        document=given["document"],
        source=_source(given),
        change=resolvers.storage.DocumentChange(
            title=given.get("title"),
            kind=given.get("kind"),
            sets_validity=input.valid_until is not strawberry.UNSET,
            valid_until=given.get("valid_until"),
        ),
        selection=selection_of(info, "document"),
    )
    return {"document": document}


@mutation(DeleteStoredDocumentSuccess, refusals=(NotFoundError,), callers=CITIZENS)
async def delete_stored_document(info: Info, document: strawberry.ID) -> Row:
    """Throws a piece away; copies in requests stay."""
    storage = await resolvers.storage.delete_stored_document(
        info.context.actor, document=document, selection=selection_of(info, "storage")
    )
    return {"storage": storage}


def _source(given: Row) -> FileSource | None:
    """At most one of the two. Raises ValidationError for both."""
    upload, resumable_upload = given.get("upload"), given.get("resumable_upload")
    if upload is not None and resumable_upload is not None:
        raise InvalidError([FieldProblem("upload", _ONE_SOURCE)])
    if upload is None and resumable_upload is None:
        return None
    return FileSource(upload=upload, resumable_upload=resumable_upload)


def _required_source(given: Row) -> FileSource:
    source = _source(given)
    if source is None:
        raise InvalidError([FieldProblem("upload", _ONE_SOURCE)])
    return source


_ONE_SOURCE = Text(
    fr="Joignez un fichier : soit avec l’opération, soit par un envoi terminé.",
    en="Give one file: either along with the operation, or by a finished upload.",
)
