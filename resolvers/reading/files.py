"""Reading files: the content's row, under the name and at the address that a link to it has."""

from __future__ import annotations

from uuid import UUID

from core.selection import Selection
from models.actors import TicketHolder
from resolvers.file_links import Kind, file_url
from resolvers.reading.shape import Finish, Part, Raw, Reading, Shape

PLAIN = {"media_type", "size", "scan"}


def file_part(
    reading: Reading,
    selection: Selection,
    f: str,
    *,
    kind: Kind,
    link_id: str,
    name: str,
    request_id: str | None = None,
) -> Part:
    """The file at alias `f`. `link_id`, `name` and `request_id` are SQL: which link shows it, the name it has there,
    and the request that it is joined to."""
    shape = Shape(reading, "File")
    for field in selection:
        match field.name:
            case "name":
                shape.plain("name", name)
            case "sha256":
                shape.plain("sha256", f"encode({f}.sha256, 'hex')")
            case "url" | "preview":
                preview = field.name == "preview"
                shape.need(
                    {
                        "link": link_id,
                        "name_there": name,
                        "clean": f"{f}.scan = 'CLEAN'",
                        "drawn": f"{f}.preview_address IS NOT NULL",
                        "of_request": request_id or "NULL",
                    }
                )
                shape.output(field.name, _address(reading, kind, preview=preview))
            case plain if plain in PLAIN:
                shape.plain(plain, f"{f}.{plain}")
    return shape.part()


def _address(reading: Reading, kind: Kind, *, preview: bool) -> Finish:
    def compute(raw: Raw) -> str | None:
        if not raw["clean"] or (preview and not raw["drawn"]):
            return None
        actor = reading.actor
        if reading.by_ticket and raw["of_request"]:
            # What a ticket opens, its links open: whoever typed it may have no other claim to the request.
            actor = TicketHolder(request_id=UUID(raw["of_request"]), language=reading.language)
        return file_url(actor, kind, UUID(raw["link"]), raw["name_there"], preview=preview)

    return compute
