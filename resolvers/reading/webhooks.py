"""Reading webhooks: for the token that made them, and, without what is secret, for administrators."""

from __future__ import annotations

from base64 import b64decode
from uuid import UUID

from core.keys import unseal
from core.selection import Selection
from models.actors import PartnerActor
from models.ids import encode
from models.webhooks import URL_SEAL
from resolvers.reading.pages import list_of
from resolvers.reading.partner_tokens import token_part
from resolvers.reading.shape import Part, Reading, Shape

PLAIN = {"events", "state", "last_delivery_at"}

MOST_COUNTED = 10_000
"""Of the events that wait: how many more there are helps nobody, and is dear to find out."""


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


def desk_webhook_part(reading: Reading, selection: Selection, w: str, t: str) -> Part:
    """The webhook at alias `w`, of the token at `t`, as administrators see it. Of its address, which may hold secrets,
    they read the host."""
    shape = Shape(reading, "DeskWebhook")
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{w}.id"})
                shape.output("id", lambda raw: encode("DeskWebhook", UUID(raw["id"])))
            case "partner_token":
                shape.child("partner_token", token_part(reading, field.selection, t))
            case "last_error":
                shape.plain("last_error", f"{w}.last_error ->> '{reading.language}'")
            case "paused_at":
                shape.plain("paused_at", f"CASE {w}.state WHEN 'PAUSED' THEN {w}.next_attempt_at END")
            case "failing_since":
                shape.plain("failing_since", _failing_since(w))
            case "waiting_events":
                shape.plain("waiting_events", _waiting_events(reading, w, t))
            case "host":
                shape.plain("host", f"{w}.host")
            case name if name in PLAIN:
                shape.plain(name, f"{w}.{name}")
    return shape.part()


def desk_webhook_list(reading: Reading, selection: Selection) -> Part:
    """Those of every partner: the paused ones first, then the latest."""
    w, t = reading.alias("w"), reading.alias("t")
    source = f"webhook {w} JOIN partner_token {t} ON {t}.id = {w}.token_id"
    return list_of(source, f"{w}.state DESC, {w}.id DESC", desk_webhook_part(reading, selection, w, t))


def _failing_since(w: str) -> str:
    """Whether nothing is taken, or what happened to some requests."""
    return (
        f"least({w}.failing_since, (SELECT min(b.failing_since) FROM webhook_block b "
        f"WHERE b.webhook_id = {w}.id AND b.attempts > 0))"
    )


def _waiting_events(reading: Reading, w: str, t: str) -> str:
    """How many events of its kinds, and in its token's scope, are after the cursor or behind a block.

    Nothing is in the log of a request that was not submitted.
    """
    first = (
        f"least({w}.position, (SELECT min(b.position) - 1 FROM webhook_block b WHERE b.webhook_id = {w}.id))"
    )
    return (
        f"(SELECT count(*) FROM (SELECT FROM request_event e JOIN service_request r ON r.id = e.request_id "
        f"LEFT JOIN webhook_block b ON b.webhook_id = {w}.id AND b.request_id = e.request_id "
        f"WHERE e.position > {first} AND e.position > coalesce(b.position - 1, {w}.position) "
        f"AND (cardinality({w}.events) = 0 OR e.kind = ANY({w}.events)) "
        f"AND (cardinality({t}.procedure_ids) = 0 OR r.procedure_id = ANY({t}.procedure_ids)) "
        f"LIMIT {reading.bind(MOST_COUNTED, 'int')}) waiting)"
    )
