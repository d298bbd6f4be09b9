"""Reading webhooks: for the token that made them."""

from __future__ import annotations

from base64 import b64decode
from uuid import UUID

from core.keys import unseal
from core.selection import Selection
from models.actors import PartnerActor
from models.ids import encode
from models.webhooks import URL_SEAL
from resolvers.reading.pages import list_of
from resolvers.reading.shape import Part, Reading, Shape

PLAIN = {"events", "state", "last_delivery_at"}


def webhook_part(reading: Reading, selection: Selection, w: str) -> Part:
    """The webhook at alias `w`. Its signing secrets are never read."""
    shape = Shape(reading, "Webhook")
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{w}.id"})
                shape.output("id", lambda raw: encode("Webhook", UUID(raw["id"])))
            case "url":
                shape.need({"url": f"encode({w}.url_sealed, 'base64')"})
                shape.output("url", lambda raw: unseal(URL_SEAL, b64decode(raw["url"])).decode())
            case "last_error":
                shape.plain("last_error", f"{w}.last_error ->> '{reading.language}'")
            case "waiting_requests":
                shape.plain(
                    "waiting_requests", f"(SELECT count(*) FROM webhook_block b WHERE b.webhook_id = {w}.id)"
                )
            case name if name in PLAIN:
                shape.plain(name, f"{w}.{name}")
    return shape.part()


def webhook_list(reading: Reading, selection: Selection, actor: PartnerActor) -> Part:
    """Those of the caller's token, in the order in which they were made."""
    w = reading.alias("w")
    source = f"webhook {w} WHERE {w}.token_id = {reading.bind(actor.token_id, 'uuid')}"
    return list_of(source, f"{w}.id", webhook_part(reading, selection, w))
