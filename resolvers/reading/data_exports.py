"""Reading exports of one's data."""

from __future__ import annotations

from core.selection import Selection
from models.data_exports import MEDIA_TYPE, export_name
from resolvers.reading.files import file_part
from resolvers.reading.shape import Part, Reading, Shape

PLAIN = {"requested_at", "ready_at", "expires_at"}


def export_of_account(reading: Reading, selection: Selection, account_id: str) -> Part:
    """The last export of the account that an SQL expression names; null where it never asked for one."""
    e = reading.alias("e")
    shape = Shape(reading, "DataExport")
    for field in selection:
        match field.name:
            case "state":
                shape.plain(
                    "state",
                    f"CASE WHEN {e}.state = 'READY' AND {e}.expires_at <= now() THEN 'EXPIRED' ELSE {e}.state END",
                )
            case "file":
                shape.child("file", _file(reading, field.selection, e))
            case name if name in PLAIN:
                shape.plain(name, f"{e}.{name}")
    part = shape.part()
    return Part(f"(SELECT {part.sql} FROM data_export {e} WHERE {e}.account_id = {account_id})", part.finish)


def _file(reading: Reading, selection: Selection, e: str) -> Part:
    """As other files are read: what a worker of ours made of clean ones is clean."""
    f = reading.alias("f")
    # No value to bind: one that is bound has to be asked for.
    name = f"'{export_name(reading.language)}'"
    part = file_part(reading, selection, f, kind="data_export", link_id=f"{e}.id", name=name)
    source = (
        f"(SELECT {e}.size, {e}.sha256, '{MEDIA_TYPE}' AS media_type, 'CLEAN' AS scan, NULL AS preview_address) {f} "
        f"WHERE {e}.address IS NOT NULL AND {e}.expires_at > now()"
    )
    return Part(f"(SELECT {part.sql} FROM {source})", part.finish)
