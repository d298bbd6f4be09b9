"""Resumable uploads: begun, continued and given up by their owner over tus (espace/tus/), then used once by a mutation.

An upload belongs to a citizen's account, to an agent, or to the request whose ticket the caller holds. Its bytes are
stored as parts before the row says that they are there: so the row is the truth, whichever process reads it, and what
a process that dies has not written down was not acknowledged either.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import IO
from uuid import UUID

from core.clock import now
from core.errors import ForbiddenError, NotAllowedError, NotFoundError, UnauthenticatedError, UnavailableError
from core.i18n import Text
from core.settings import get_settings
from models.actors import (
    Actor,
    AgentActor,
    CitizenActor,
    PartnerActor,
    RestrictedActor,
    TicketHolder,
    Visitor,
)
from models.database import Row, execute, fetch, fetch_one, transaction
from models.ids import decode_as, new_id
from models.uploads import EMPTY_LIFETIME, PARTS_LIMIT, UPLOAD_LIFETIME, WAITING_FILES_LIMIT, WAITING_LIMIT
from uploads.received import ReceivedFile, close_scratch_file, scratch_file
from uploads.storing import CorruptBlobError, MissingBlobError, blobs, throw_away

SWEPT_AT_ONCE = 100

_TOO_MANY = Text(
    fr="Vous avez trop d’envois en cours ou pas encore utilisés. Terminez-les, utilisez-les ou supprimez-les, puis "
    "recommencez ; ils s’effacent d’eux-mêmes après 24 heures.",
    en="You have too many uploads under way or not used yet. Finish, use or delete some, then retry; they go by "
    "themselves after 24 hours.",
)
_TOO_MANY_PARTS = Text(
    fr="Cet envoi arrive en trop de petits morceaux. Commencez-en un nouveau, en morceaux plus grands.",
    en="This upload comes in too many small pieces. Begin a new one, in larger pieces.",
)


@dataclass(frozen=True, slots=True)
class UploadState:
    """How far an upload is: `received` of `length` bytes."""

    id: UUID
    name: str
    media_type: str
    length: int
    received: int
    created_at: datetime
    expires_at: datetime

    @property
    def expired(self) -> bool:
        return self.expires_at <= now()

    def expires_with(self, received: int) -> datetime:
        """When it expires once so many bytes are there."""
        return self.created_at + UPLOAD_LIFETIME if received > self.received else self.expires_at


@dataclass(frozen=True, slots=True)
class OpenedUpload:
    """A finished upload. `received` is None where it has become the row `became_id` before; the caller closes it."""

    id: UUID
    became_id: UUID | None
    received: ReceivedFile | None


@dataclass(frozen=True, slots=True)
class _Owner:
    column: str
    table: str
    id: UUID


async def create_upload(actor: Actor, *, name: str, media_type: str, length: int) -> UploadState:
    """A new upload of `length` bytes, none of which is there. Two statements.

    Raises NotAllowedError where too many wait to be finished or used, NotFoundError where the owner is gone,
    UnauthenticatedError for a visitor and ForbiddenError for a partner, who have no uploads.
    """
    owner = _owner(actor)
    at = now()
    upload = UploadState(new_id(), name, media_type, length, 0, at, at + EMPTY_LIFETIME)
    async with transaction():
        # Whoever creates another one at this moment waits here, and then counts this one.
        locked = await fetch_one(f"SELECT id FROM {owner.table} WHERE id = $1 FOR NO KEY UPDATE", owner.id)
        if locked is None:
            raise NotFoundError
        created = await fetch_one(
            f"INSERT INTO upload (id, {owner.column}, name, media_type, length, received, created_at, expires_at) "
            "SELECT $1::uuid, $2::uuid, $3::text, $4::text, $5::bigint, 0, $6::timestamptz, $7::timestamptz FROM ("
            "SELECT count(*) AS uploads, coalesce(sum(length), 0) AS bytes FROM upload "
            f"WHERE {owner.column} = $2 AND became_id IS NULL AND expires_at > $6) AS waiting "
            "WHERE uploads < $8::bigint AND bytes + $5 <= $9::bigint RETURNING id",
            upload.id,
            owner.id,
            name,
            media_type,
            length,
            at,
            upload.expires_at,
            WAITING_LIMIT,
            WAITING_FILES_LIMIT * get_settings().upload_file_bytes,
        )
    if created is None:
        raise NotAllowedError(_TOO_MANY)
    return upload


async def find_upload(actor: Actor, id: UUID) -> UploadState | None:
    """One of the caller's own uploads, expired or not; None for any other. One statement."""
    owner = _owner(actor)
    row = await fetch_one(
        "SELECT id, name, media_type, length, received, created_at, expires_at FROM upload "
        f"WHERE id = $1 AND {owner.column} = $2",
        id,
        owner.id,
    )
    return UploadState(**row) if row else None


async def append_part(
    actor: Actor, id: UUID, *, start: int, size: int, content: IO[bytes], sha256: bytes
) -> bool:
    """Stores the next `size` bytes of an upload, those of `content`, and then says so in its row. One statement.

    False, and nothing is kept, where `start` is not what the upload has received (any more), where it would become
    longer than announced, or where it is expired, gone or not the caller's. Raises NotAllowedError where it has come in
    too many parts; UnavailableError: what is not known to be kept is asked for again.
    """
    owner = _owner(actor)
    address = await blobs().write(content, sha256)
    advanced = await fetch_one(
        "WITH advanced AS (UPDATE upload SET received = received + $4::bigint, expires_at = created_at + $8::interval "
        f"WHERE id = $1 AND {owner.column} = $2 AND received = $3::bigint AND received + $4::bigint <= length "
        f"AND expires_at > $7 AND {_takes_parts()} RETURNING id) "
        "INSERT INTO upload_part (id, upload_id, start, size, address) "
        "SELECT $5::uuid, id, $3::bigint, $4::bigint, $6::text FROM advanced RETURNING id",
        id,
        owner.id,
        start,
        size,
        new_id(),
        address,
        now(),
        UPLOAD_LIFETIME,
    )
    if advanced is not None:
        return True
    await throw_away(address)
    full = await fetch_one(
        f"SELECT id FROM upload WHERE id = $1 AND {owner.column} = $2 AND received = $3 AND NOT {_takes_parts()}",
        id,
        owner.id,
        start,
    )
    if full is not None:
        raise NotAllowedError(_TOO_MANY_PARTS)
    return False


async def end_upload(actor: Actor, id: UUID) -> bool:
    """Throws one of the caller's own uploads away, finished or not; False where there is none. One statement."""
    owner = _owner(actor)
    row = await fetch_one(
        f"WITH gone AS (DELETE FROM upload WHERE id = $1 AND {owner.column} = $2 RETURNING id) {_GONE_WITH_PARTS}",
        id,
        owner.id,
    )
    if row is None:
        return False
    await throw_away(*row["addresses"])
    return True


async def open_upload(actor: Actor, id: str) -> OpenedUpload | None:
    """The caller's own finished upload of this global id, its bytes in a scratch file that the caller closes.

    None where it is absent, not the caller's, unfinished or expired. Raises UnavailableError.
    """
    found = await _finished(actor, id)
    if found is None:
        return None
    if found["became_id"]:
        return OpenedUpload(found["id"], found["became_id"], None)
    content = scratch_file()
    try:
        for address in found["addresses"]:
            async for chunk in blobs().read(address):
                await asyncio.to_thread(content.write, chunk)
        content.seek(0)
    except (MissingBlobError, CorruptBlobError):
        close_scratch_file(content)
        if await _finished(actor, id) is None:
            return None  # Its owner gave it up meanwhile.
        raise
    except OSError as error:  # The disk is full.
        close_scratch_file(content)
        raise UnavailableError from error
    except BaseException:
        close_scratch_file(content)
        raise
    received = ReceivedFile(found["name"], found["media_type"], found["length"], content)
    return OpenedUpload(found["id"], None, received)


async def use_upload(id: UUID, became_id: UUID) -> bool:
    """In the caller's transaction: says what a finished upload has become. False where it became something before."""
    used = await execute(
        "UPDATE upload SET became_id = $2 WHERE id = $1 AND became_id IS NULL AND received = length",
        id,
        became_id,
    )
    return used == 1


async def sweep_uploads() -> int:
    """Throws expired uploads away, a hundred at a time; how many. Any number of processes may do so at once."""
    swept = 0
    while True:
        rows = await fetch(
            "WITH due AS (SELECT id FROM upload WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 "
            "FOR UPDATE SKIP LOCKED), "
            f"gone AS (DELETE FROM upload WHERE id IN (SELECT id FROM due) RETURNING id) {_GONE_WITH_PARTS}",
            now(),
            SWEPT_AT_ONCE,
        )
        await throw_away(*(address for row in rows for address in row["addresses"]))
        swept += len(rows)
        if len(rows) < SWEPT_AT_ONCE:
            return swept


_GONE_WITH_PARTS = (
    "SELECT id, ARRAY(SELECT address FROM upload_part WHERE upload_id = gone.id) AS addresses FROM gone"
)


def _takes_parts() -> str:
    """Whether an upload may come in one more part."""
    parts = "SELECT count(*) FROM upload_part WHERE upload_id = upload.id"
    return f"({parts}) < {PARTS_LIMIT} + upload.length / {1024 * 1024}"


def _owner(actor: Actor) -> _Owner:
    owner = _find_owner(actor)
    if owner is None:
        raise UnauthenticatedError(_LOG_IN) if isinstance(actor, Visitor) else ForbiddenError()
    return owner


def _find_owner(actor: Actor) -> _Owner | None:
    match actor:
        case CitizenActor():
            return _Owner("account_id", "account", actor.account_id)
        case AgentActor():
            return _Owner("agent_id", "agent", actor.agent_id)
        case TicketHolder():
            return _Owner("request_id", "service_request", actor.request_id)
        case Visitor() | PartnerActor() | RestrictedActor():
            return None


async def _finished(actor: Actor, id: str) -> Row | None:
    owner = _find_owner(actor)
    if owner is None:
        return None
    return await fetch_one(
        "SELECT id, name, media_type, length, became_id, "
        "ARRAY(SELECT address FROM upload_part WHERE upload_id = upload.id ORDER BY start) AS addresses "
        f"FROM upload WHERE id = $1 AND {owner.column} = $2 AND received = length AND expires_at > $3",
        decode_as("Upload", id),
        owner.id,
        now(),
    )


_LOG_IN = Text(
    fr="Connectez-vous, ou donnez votre numéro de ticket, pour envoyer un fichier.",
    en="Log in, or give your ticket number, to send a file.",
)
