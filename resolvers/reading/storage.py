"""Reading the storage space."""

from __future__ import annotations

from uuid import UUID

from core.selection import SelectedField, Selection
from models.ids import encode
from resolvers.reading import requests
from resolvers.reading.files import file_part
from resolvers.reading.pages import OrderBy, Window, list_of, page
from resolvers.reading.shape import Part, Reading, Shape

DOCUMENTS_DEFAULT = 50
USED_BY_LIMIT = 20
"""What schema/limits.py counts with."""

PLAIN = {"title", "kind", "stored_at", "updated_at", "valid_until"}


def storage_part(reading: Reading, selection: Selection, a: str) -> Part:
    """The storage space of the account at alias `a`."""
    shape = Shape(reading, "StorageSpace")
    for field in selection:
        match field.name:
            case "used_bytes":
                shape.plain("used_bytes", f"{a}.stored_bytes")
            case "quota_bytes":
                shape.plain("quota_bytes", f"{a}.storage_quota_bytes")
            case "documents":
                shape.child(field.key, _documents(reading, field, a))
    return shape.part()


def document_part(reading: Reading, selection: Selection, d: str) -> Part:
    """The stored document at alias `d`. That it is the caller's own is the caller's concern."""
    shape = Shape(reading, "StoredDocument")
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{d}.id"})
                shape.output("id", lambda raw: encode("StoredDocument", UUID(raw["id"])))
            case "file":
                f = reading.alias("f")
                part = file_part(
                    reading, field.selection, f, kind="stored_document", link_id=f"{d}.id", name=f"{d}.name"
                )
                shape.child(
                    "file", Part(f"(SELECT {part.sql} FROM file {f} WHERE {f}.id = {d}.file_id)", part.finish)
                )
            case "used_by":
                shape.child("used_by", _used_by(reading, field.selection, d))
            case name if name in PLAIN:
                shape.plain(name, f"{d}.{name}")
    return shape.part()


def _documents(reading: Reading, field: SelectedField, a: str) -> Part:
    d = reading.alias("d")
    return page(
        reading,
        field.selection,
        Window.of(field),
        source=f"stored_document {d} WHERE {d}.account_id = {a}.id",
        order=[OrderBy(f"{d}.id", "uuid", descending=True)],
        node=lambda wanted: document_part(reading, wanted, d),
        default=DOCUMENTS_DEFAULT,
    )


def _used_by(reading: Reading, selection: Selection, d: str) -> Part:
    """Requests of the same account that hold a copy, the latest first."""
    r, c = reading.alias("r"), reading.alias("c")
    holders = (
        f"service_request {r} WHERE {r}.account_id = {d}.account_id AND {r}.id IN "
        f"(SELECT {c}.request_id FROM attachment {c} WHERE {c}.copied_from_id = {d}.id)"
    )
    return list_of(
        holders, f"{r}.id DESC LIMIT {USED_BY_LIMIT}", requests.request_part(reading, selection, r)
    )
