"""The side of a partner system: the changes in its scope, and where it wants to be told of them."""

from __future__ import annotations

from core.selection import SelectedField, Selection
from models.actors import Actor, PartnerActor
from models.database import Row
from models.partner_tokens import SCOPES
from models.visibility import visible_events
from resolvers.policies import require_scope
from resolvers.reading.events import event_part
from resolvers.reading.pages import OrderBy, Window, page
from resolvers.reading.shape import Part, Reading, Shape, read_value, reading_for
from resolvers.reading.webhooks import webhook_list

CHANGES_DEFAULT = 50


async def partner(actor: Actor, *, selection: Selection) -> Row | None:
    """What a partner sees; None for anyone but a partner. Raises ForbiddenError for what its token has no scope for."""
    if not isinstance(actor, PartnerActor):
        return None
    reading = await reading_for(actor)
    shape = Shape(reading, "Partner")
    for field in selection:
        match field.name:
            case "name":
                shape.output("name", lambda raw: actor.name)
            case "scopes":
                shape.output("scopes", lambda raw: [scope for scope in SCOPES if scope in actor.scopes])
            case "changes":
                require_scope(actor, "READ_CHANGES")
                shape.child(field.key, changes_page(reading, actor, field))
            case "webhooks":
                require_scope(actor, "MANAGE_WEBHOOKS")
                shape.child("webhooks", webhook_list(reading, field.selection, actor))
    row: Row = await read_value(reading, shape.part())
    return row


def changes_page(reading: Reading, actor: PartnerActor, field: SelectedField) -> Part:
    """Events of every request in the partner's scope, oldest first.

    A request is in its scope from its submission on, and for good; nothing happens to it in the log before. So what a
    cursor has passed stays as it was.
    """
    e, r = reading.alias("e"), reading.alias("r")
    return page(
        reading,
        field.selection,
        Window.of(field),
        source=(
            f"request_event {e} JOIN service_request {r} ON {r}.id = {e}.request_id "
            f"WHERE {visible_events(reading, actor, r)}"
        ),
        order=[OrderBy(f"{e}.position", "bigint")],
        node=lambda wanted: event_part(reading, wanted, e),
        default=CHANGES_DEFAULT,
    )
