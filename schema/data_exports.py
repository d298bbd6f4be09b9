"""Exports of one's data (RGPD, articles 15 and 20)."""

from datetime import datetime
from enum import StrEnum

import resolvers.data_exports
from schema.callers import CITIZENS
from schema.declare import enumeration, output
from schema.errors import NotAllowedError
from schema.fields import Info, mutation, selection_of
from schema.files import File
from schema.rows import Row


@enumeration
class DataExportState(StrEnum):
    """How far an export is."""

    PENDING = "PENDING"
    """It is being made: some seconds, or some minutes where there are many pieces. A mail says when it is there."""
    READY = "READY"
    """It can be fetched until `expiresAt`."""
    FAILED = "FAILED"
    """It could not be made: ask for it again."""
    EXPIRED = "EXPIRED"
    """Its time is over and it is gone: ask for another one."""


@output
class DataExport:
    """All that is held of an account and its citizen may see, as one ZIP: JSON for programs, pages to read, and the
    files themselves. What is in it is described in docs/data-export.md.
    """

    state: DataExportState
    requested_at: datetime
    ready_at: datetime | None
    expires_at: datetime | None
    file: File | None
    """The ZIP. Null unless it is READY."""


@output
class RequestDataExportSuccess:
    data_export: DataExport


@mutation(RequestDataExportSuccess, refusals=(NotAllowedError,), callers=CITIZENS)
async def request_data_export(info: Info) -> Row:
    """Has the account's data put together; one that is being made already is answered again. One a day: NotAllowedError
    says when the next can be asked for.
    """
    row = await resolvers.data_exports.request_data_export(
        info.context.actor, selection=selection_of(info, "data_export")
    )
    return {"data_export": row}
