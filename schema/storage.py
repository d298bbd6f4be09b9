"""Mon espace de stockage."""

from datetime import date, datetime
from enum import StrEnum

import strawberry

from schema.callers import CITIZENS
from schema.connections import Connection, Node
from schema.declare import enumeration, input_object, output
from schema.errors import FileRejectedError, NotFoundError, QuotaExceededError, ValidationError
from schema.fields import kept, mutation
from schema.files import File
from schema.references import ServiceRequestReference, StoredDocumentReference
from schema.scalars import Upload


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
    """Requests that hold a copy of it. A copy stays as it was when this document changes or goes."""


@input_object()
class AddStoredDocumentInput:
    upload: Upload
    title: str | None = strawberry.UNSET
    """The file's name where it is left out."""
    kind: DocumentKind = DocumentKind.OTHER
    valid_until: date | None = strawberry.UNSET


@input_object()
class UpdateStoredDocumentInput:
    """What is left out stays as it is."""

    document: strawberry.ID
    upload: Upload | None = strawberry.UNSET
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
    refusals=(FileRejectedError, QuotaExceededError, ValidationError),
    callers=CITIZENS,
    open=False,
)
async def add_stored_document(input: AddStoredDocumentInput) -> None:
    """Keeps a piece for later requests."""


@mutation(
    UpdateStoredDocumentSuccess,
    refusals=(FileRejectedError, QuotaExceededError, ValidationError, NotFoundError),
    callers=CITIZENS,
    open=False,
)
async def update_stored_document(input: UpdateStoredDocumentInput) -> None:
    """Replaces a piece or what is known of it; copies in requests stay as they were."""


@mutation(DeleteStoredDocumentSuccess, refusals=(NotFoundError,), callers=CITIZENS, open=False)
async def delete_stored_document(document: strawberry.ID) -> None:
    """Throws a piece away; copies in requests stay."""
