"""Reading attachments."""

from __future__ import annotations

from uuid import UUID

from core.selection import Selection
from models.actors import CitizenActor
from models.ids import encode
from resolvers.policies import RequestState, may_edit_attachment
from resolvers.reading import storage
from resolvers.reading.files import file_part
from resolvers.reading.pages import list_of
from resolvers.reading.shape import Finish, Part, Raw, Reading, Shape

PLAIN = {"title", "field", "added_by", "added_at"}

PIECES = (
    "(SELECT coalesce(json_agg(json_build_object('field', a.field, 'title', a.title, 'scan', f.scan) "
    "ORDER BY a.added_at, a.id), '[]'::json) FROM attachment a JOIN file f ON f.id = a.file_id "
    "WHERE a.request_id = {request}.id)"
)
"""What models.attachments.Piece holds of each attachment of the request at an alias."""


def attachment_part(reading: Reading, selection: Selection, a: str) -> Part:
    """The attachment at alias `a`. The visibility of its request is the caller's concern."""
    shape = Shape(reading, "Attachment")
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{a}.id"})
                shape.output("id", lambda raw: encode("Attachment", UUID(raw["id"])))
            case "file":
                f = reading.alias("f")
                part = file_part(
                    reading,
                    field.selection,
                    f,
                    kind="attachment",
                    link_id=f"{a}.id",
                    name=f"{a}.name",
                    request_id=f"{a}.request_id",
                )
                shape.child(
                    "file", Part(f"(SELECT {part.sql} FROM file {f} WHERE {f}.id = {a}.file_id)", part.finish)
                )
            case "copied_from":
                shape.child("copied_from", _copied_from(reading, field.selection, a))
            case "editable":
                r = reading.alias("r")
                shape.need(
                    {
                        "added_by": f"{a}.added_by",
                        "state": f"(SELECT json_build_array({r}.status, {r}.account_id) "
                        f"FROM service_request {r} WHERE {r}.id = {a}.request_id)",
                    }
                )
                shape.output("editable", _editable(reading))
            case name if name in PLAIN:
                shape.plain(name, f"{a}.{name}")
    return shape.part()


def attachment_list(reading: Reading, selection: Selection, condition: str, a: str) -> Part:
    """The attachments at alias `a` for which `condition` holds, in the order in which they were added."""
    return list_of(
        f"attachment {a} WHERE {condition}", f"{a}.added_at, {a}.id", attachment_part(reading, selection, a)
    )


def attachment_by_id(reading: Reading, selection: Selection, id: str) -> Part:
    """The attachment that an SQL expression names; null where it names none, or one that was removed."""
    a = reading.alias("a")
    part = attachment_part(reading, selection, a)
    return Part(f"(SELECT {part.sql} FROM attachment {a} WHERE {a}.id = {id})", part.finish)


def _editable(reading: Reading) -> Finish:
    def compute(raw: Raw) -> bool:
        status, account_id = raw["state"]
        state = RequestState(status, UUID(account_id) if account_id else None)
        return may_edit_attachment(reading.actor, state, raw["added_by"])

    return compute


def _copied_from(reading: Reading, selection: Selection, a: str) -> Part:
    """A citizen's own document; for anybody else, null."""
    if not isinstance(reading.actor, CitizenActor):
        return Part("NULL", lambda raw: raw)
    d = reading.alias("d")
    part = storage.document_part(reading, selection, d)
    owner = reading.bind(reading.actor.account_id, "uuid")
    return Part(
        f"(SELECT {part.sql} FROM stored_document {d} WHERE {d}.id = {a}.copied_from_id AND {d}.account_id = {owner})",
        part.finish,
    )
