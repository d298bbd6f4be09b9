"""Reading files: the content's row, under the name and at the address that a link to it has."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from core.selection import Selection
from resolvers.file_links import file_url
from resolvers.reading.shape import Finish, Part, Raw, Reading, Shape

Kind = Literal["attachment", "stored_document", "receipt"]

PLAIN = {"media_type", "size", "scan"}


def file_part(reading: Reading, selection: Selection, f: str, *, kind: Kind, link_id: str, name: str) -> Part:
    """The file at alias `f`. `link_id` and `name` are SQL: which link shows it, and the name it has there."""
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
        return file_url(reading.actor, kind, UUID(raw["link"]), raw["name_there"], preview=preview)

    return compute
