"""Pièces jointes."""

from datetime import datetime

import strawberry

from schema.callers import PARTIES
from schema.connections import Node
from schema.declare import input_object, output
from schema.errors import FileRejectedError, NotAllowedError, NotFoundError, ValidationError
from schema.fields import mutation
from schema.files import File, FileSource
from schema.parties import Party
from schema.references import ServiceRequestReference
from schema.storage import StoredDocument


@output
class Attachment(Node):
    """A file joined to a request (une pièce jointe)."""

    title: str
    field: str | None
    """The form field it answers. Null where it was joined freely."""
    file: File
    added_by: Party
    added_at: datetime
    copied_from: StoredDocument | None
    """The document of the storage space that it is a copy of, for its owner."""
    editable: bool
    """True where the caller may replace or remove it."""


@input_object()
class AddAttachmentInput:
    request: strawberry.ID
    source: FileSource
    title: str | None = strawberry.UNSET
    """The file's name, or the stored document's title, where it is left out."""
    field: str | None = strawberry.UNSET
    """Key of the form field that it answers."""


@input_object()
class ReplaceAttachmentInput:
    """What is left out stays as it is."""

    attachment: strawberry.ID
    source: FileSource | None = strawberry.UNSET
    title: str | None = strawberry.UNSET


@output
class AddAttachmentSuccess:
    attachment: Attachment


@output
class ReplaceAttachmentSuccess:
    attachment: Attachment


@output
class RemoveAttachmentSuccess:
    request: ServiceRequestReference


WRITING_REFUSALS = (FileRejectedError, ValidationError, NotAllowedError, NotFoundError)


@mutation(AddAttachmentSuccess, refusals=WRITING_REFUSALS, callers=PARTIES, open=False)
async def add_attachment(input: AddAttachmentInput) -> None:
    """Joins a file to a request."""


@mutation(ReplaceAttachmentSuccess, refusals=WRITING_REFUSALS, callers=PARTIES, open=False)
async def replace_attachment(input: ReplaceAttachmentInput) -> None:
    """Puts another file in the place of one, or another title above it."""


@mutation(RemoveAttachmentSuccess, refusals=(NotAllowedError, NotFoundError), callers=PARTIES, open=False)
async def remove_attachment(attachment: strawberry.ID) -> None:
    """Takes a file off its request."""
