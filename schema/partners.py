"""Systems of other providers that call this API. Those that citizens link are in schema/partner_links.py."""

from datetime import datetime
from enum import StrEnum

import strawberry

from core.errors import UnavailableError
from models.actors import PartnerActor
from schema.callers import ADMINISTRATORS, EVERYONE, PARTNERS
from schema.connections import Node
from schema.declare import enumeration, input_object, output
from schema.errors import NotFoundError, ValidationError
from schema.events import RequestEventConnection
from schema.fields import NOT_YET_OPEN, Info, kept, mutation, query
from schema.procedures import Procedure
from schema.scalars import URL


@enumeration
class PartnerScope(StrEnum):
    """What a partner system may do."""

    READ_REQUESTS = "READ_REQUESTS"
    WRITE_REQUESTS = "WRITE_REQUESTS"
    READ_CHANGES = "READ_CHANGES"
    MANAGE_WEBHOOKS = "MANAGE_WEBHOOKS"


@output
class PartnerToken(Node):
    """What a partner system calls this API with."""

    name: str
    scopes: list[PartnerScope]
    procedures: list[Procedure]
    """Those whose requests it sees; empty: all."""
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


@enumeration
class WebhookState(StrEnum):
    """Whether a webhook is told."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"


@output
class Webhook(Node):
    """Deliveries are signed as Standard Webhooks says, retried with back-off, and at least once; the id is
    the event's.
    """

    url: URL
    events: list[str]
    """Names of event types; empty: all."""
    state: WebhookState
    last_delivery_at: datetime | None
    last_error: str | None


@output
class Partner:
    """The side of a partner system."""

    name: str
    scopes: list[PartnerScope]
    webhooks: list[Webhook]

    @kept(RequestEventConnection)
    def changes(self, after: str | None = None, first: int | None = 50) -> None:
        """Every event in the partner's scope after a cursor, oldest first: nothing is skipped or repeated by
        resuming.
        """


@input_object()
class CreatePartnerTokenInput:
    name: str
    scopes: list[PartnerScope]
    procedures: list[str] = strawberry.field(default=())
    """Slugs; empty: all."""
    expires_at: datetime


@input_object()
class SaveWebhookInput:
    """A whole webhook: absent id, a new one."""

    id: strawberry.ID | None = strawberry.UNSET
    url: URL
    events: list[str] = strawberry.field(default=())
    """Names of event types; empty: all."""
    state: WebhookState = WebhookState.ACTIVE


@output
class CreatePartnerTokenSuccess:
    partner_token: PartnerToken
    token: str
    """Shown this once."""


@output
class RevokePartnerTokenSuccess:
    partner_tokens: list[PartnerToken]


@output
class SaveWebhookSuccess:
    webhook: Webhook
    secret: str | None
    """The signing secret, shown when the webhook is made."""


@output
class DeleteWebhookSuccess:
    webhooks: list[Webhook]


@query(Partner | None, callers=EVERYONE)
async def partner(info: Info) -> None:
    """The side of a partner system. Null for anyone but a partner. To partners it is not open yet:
    UNAVAILABLE.
    """
    if isinstance(info.context.actor, PartnerActor):
        raise UnavailableError(NOT_YET_OPEN)


@mutation(CreatePartnerTokenSuccess, refusals=(ValidationError,), callers=ADMINISTRATORS, open=False)
async def create_partner_token(input: CreatePartnerTokenInput) -> None:
    """Lets a partner system call this API."""


@mutation(RevokePartnerTokenSuccess, refusals=(NotFoundError,), callers=ADMINISTRATORS, open=False)
async def revoke_partner_token(token: strawberry.ID) -> None:
    """Ends a token at once."""


@mutation(SaveWebhookSuccess, refusals=(ValidationError, NotFoundError), callers=PARTNERS, open=False)
async def save_webhook(input: SaveWebhookInput) -> None:
    """Has events told to an address as they happen."""


@mutation(DeleteWebhookSuccess, refusals=(NotFoundError,), callers=PARTNERS, open=False)
async def delete_webhook(webhook: strawberry.ID) -> None:
    """Tells an address nothing more."""
