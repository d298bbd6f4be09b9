"""What a partner system may read of what it sees: for some of it, seeing it is not enough."""

from __future__ import annotations

from core.errors import ForbiddenError
from core.i18n import Text
from core.selection import Selection
from models.actors import Actor, PartnerActor
from resolvers.policies import require_scope

OF_EVENTS = frozenset(
    {
        "id",
        "cursor",
        "occurred_at",
        "actor",
        "description",
        "previous",
        "status",
        "previous_start",
        "start",
        "request",
    }
)
"""What READ_CHANGES tells of an event: that something happened, not what people wrote or sent."""

OF_REQUESTS = frozenset(
    {
        "id",
        "procedure",
        "status",
        "version",
        "permitted_actions",
        "created_at",
        "updated_at",
        "submitted_at",
        "closed_at",
        "archived_at",
    }
)
"""What READ_CHANGES tells of the request of an event."""

_TICKETS = Text(
    fr="Un partenaire ne lit pas les numéros de ticket : qui en tient un agit comme le citoyen.",
    en="Partners do not read ticket numbers: whoever holds one acts as the citizen does.",
)


def check_event(actor: Actor, selection: Selection) -> None:
    """Raises ForbiddenError where more is asked of an event than a token's scopes tell."""
    if not selection.names <= OF_EVENTS:
        require_scope(actor, "READ_REQUESTS")


def check_request(actor: Actor, selection: Selection) -> None:
    """Raises ForbiddenError where more is asked of a request than the token's scopes tell, or its ticket."""
    if not isinstance(actor, PartnerActor):
        return
    if "ticket" in selection:
        raise ForbiddenError(_TICKETS)
    if not selection.names <= OF_REQUESTS:
        require_scope(actor, "READ_REQUESTS")


def knows_titles(actor: Actor) -> bool:
    """Whether sentences about events may hold what people called their files."""
    return not isinstance(actor, PartnerActor) or "READ_REQUESTS" in actor.scopes
