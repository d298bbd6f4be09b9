"""Where the file of an attachment or of a stored document comes from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from core.errors import FieldProblem, NotFoundError, ValidationError
from core.i18n import Text
from models.actors import Actor
from models.database import fetch_one
from models.files import TITLE_LIMIT
from models.plain_text import has_unprintable, one_line
from resolvers.files import Content, brought_in
from resolvers.uploads import open_upload, use_upload
from uploads.received import ReceivedFile

_NO_TITLE = Text(fr="Donnez un titre à cette pièce.", en="Give this document a title.")
_LONG_TITLE = Text(
    fr="Le titre compte {limit} caractères au plus : raccourcissez-le.",
    en="A title has {limit} characters at most: shorten it.",
).format(limit=f"{TITLE_LIMIT}")
_UNPRINTABLE = Text(
    fr="Le titre contient un caractère invisible : saisissez-le de nouveau.",
    en="The title holds an invisible character: type it again.",
)
NO_UPLOAD = Text(
    fr="Cet envoi est introuvable, n’est pas terminé ou a expiré : envoyez le fichier de nouveau.",
    en="This upload cannot be found, is not finished or has expired: send the file again.",
)


@dataclass(frozen=True, slots=True)
class FileSource:
    """Exactly one: a file sent along, the id of a stored document, that of a finished resumable upload."""

    upload: ReceivedFile | None = None
    stored_document: str | None = None
    resumable_upload: str | None = None


@dataclass(frozen=True, slots=True)
class BroughtFile:
    """Bytes that somebody sent, checked and stored; or, without `content`, what an earlier call made of the upload."""

    content: Content | None
    upload_id: UUID | None = None
    became: UUID | None = None


@asynccontextmanager
async def bytes_of(actor: Actor, source: FileSource) -> AsyncIterator[BroughtFile]:
    """What was sent along, or before by a resumable upload.

    Raises NotFoundError where the upload is not the caller's, not finished or expired; FileRejectedError,
    UnavailableError.
    """
    if source.upload is not None:
        async with brought_in(source.upload) as content:
            yield BroughtFile(content)
        return
    upload = await open_upload(actor, source.resumable_upload or "")
    if upload is None:
        raise NotFoundError(NO_UPLOAD)
    if upload.received is None:
        yield BroughtFile(None, upload.id, upload.became_id)
        return
    try:
        async with brought_in(upload.received) as content:
            yield BroughtFile(content, upload.id)
    finally:
        upload.received.close()


async def use_up(brought: BroughtFile, id: UUID) -> None:
    """In the caller's transaction: the resumable upload that was brought, if it was one, has become the row `id`.

    Raises NotFoundError where it became another meanwhile.
    """
    if brought.upload_id is None or brought.content is None or await use_upload(brought.upload_id, id):
        return
    upload = await fetch_one("SELECT became_id FROM upload WHERE id = $1", brought.upload_id)
    if upload is None or upload["became_id"] != id:
        raise NotFoundError(NO_UPLOAD)


def checked_title(title: str | None) -> str | None:
    """The title on one line; None where none was given. Raises ValidationError."""
    if title is None:
        return None
    line = one_line(title)
    problem = (
        _UNPRINTABLE
        if has_unprintable(title)
        else _NO_TITLE
        if not line
        else _LONG_TITLE
        if len(line) > TITLE_LIMIT
        else None
    )
    if problem is not None:
        raise ValidationError([FieldProblem("title", problem)])
    return line
