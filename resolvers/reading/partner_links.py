"""Reading links to partner systems."""

from __future__ import annotations

from uuid import UUID

from core.selection import Selection
from models.database import Row
from models.ids import encode
from models.visibility import visible_partner_links
from resolvers.catalogue import PartnerSystemEntry
from resolvers.reading.pages import list_of
from resolvers.reading.shape import Part, Reading, Shape

IS_OVER = "({link}.state <> 'ACTIVE' OR coalesce({link}.expires_at <= now(), false))"
"""Whether a link opens its partner no more: the partner has said so, or its time is up."""


def partner_link_part(reading: Reading, selection: Selection, link: str) -> Part:
    """The link at this alias."""
    shape = Shape(reading, "PartnerLink")
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{link}.id"})
                shape.output("id", lambda raw: encode("PartnerLink", UUID(raw["id"])))
            case "system":
                shape.need({"system_id": f"{link}.system_id"})
                shape.output(
                    "system",
                    lambda raw: partner_system_row(reading.catalogue.partner(UUID(raw["system_id"]))),
                )
            case "state":
                expired = f"CASE WHEN {IS_OVER.format(link=link)} THEN 'EXPIRED' ELSE 'ACTIVE' END"
                shape.plain("state", f"CASE {link}.state WHEN 'ACTIVE' THEN {expired} ELSE {link}.state END")
            case "label" | "linked_at":
                shape.plain(field.name, f"{link}.{field.name}")
    return shape.part()


def partner_system_row(entry: PartnerSystemEntry) -> Row:
    return {
        "__typename": "PartnerSystem",
        "slug": entry.slug,
        "name": entry.name,
        "credential_labels": {"code": entry.code_label, "password": entry.password_label},
    }


def partner_link_list(reading: Reading, selection: Selection) -> Part:
    """Those that the caller sees, in the order in which they were made."""
    link = reading.alias("l")
    return list_of(
        f"partner_link {link} WHERE {visible_partner_links(reading, reading.actor, link)}",
        f"{link}.id",
        partner_link_part(reading, selection, link),
    )
