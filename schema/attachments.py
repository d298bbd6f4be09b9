"""Pièces jointes."""

from datetime import datetime

import strawberry

import resolvers.attachments
from schema.callers import PARTIES
from schema.connections import Node
from schema.declare import input_object, output
from schema.errors import FileRejectedError, NotAllowedError, NotFoundError, ValidationError
from schema.fields import Info, mutation, selection_of
from schema.files import File, FileSource, file_source_of
from schema.parties import Party
from schema.references import ServiceRequestReference
from schema.rows import Row
from schema.selection import narrow
from schema.storage import StoredDocument


@output
class Attachment(Node):
    """A file joined to a request (une pièce jointe)."""

    title: str
    """What to show; `file.name` is what it is saved as."""
    field: str | None
    """Key of the form field it answers. Null where it was joined freely."""
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


@mutation(AddAttachmentSuccess, refusals=WRITING_REFUSALS, callers=PARTIES)
async def add_attachment(info: Info, input: AddAttachmentInput) -> Row:
    """Joins a file to a draft or to a request that is open. The same file under the same title again is the same
    attachment. A citizen hears by e-mail of what the mairie adds.
    """
    given = narrow(input)
    attachment = await resolvers.attachments.add_attachment(
        info.context.actor,
        request=given["request"],
        source=file_source_of(input.source),
        title=given.get("title"),
        field=given.get("field"),
        selection=selection_of(info, "attachment"),
    )
    return {"attachment": attachment}


@mutation(ReplaceAttachmentSuccess, refusals=WRITING_REFUSALS, callers=PARTIES)
async def replace_attachment(info: Info, input: ReplaceAttachmentInput) -> Row:
    """Puts another file in the place of one, or another title above it."""
    given = narrow(input)
    attachment = await resolvers.attachments.replace_attachment(
        info.context.actor,
        attachment=given["attachment"],
        source=file_source_of(input.source) if input.source else None,
        title=given.get("title"),
        selection=selection_of(info, "attachment"),
    )
    return {"attachment": attachment}


@mutation(RemoveAttachmentSuccess, refusals=(NotAllowedError, NotFoundError), callers=PARTIES)
async def remove_attachment(info: Info, attachment: strawberry.ID) -> Row:
    """Takes a file off its request."""
    request = await resolvers.attachments.remove_attachment(
        info.context.actor, attachment=attachment, selection=selection_of(info, "request")
    )
    return {"request": request}
