"""Systems of other providers that call this API. Those that citizens link are in schema/partner_links.py."""

from datetime import datetime
from enum import StrEnum

import strawberry

import resolvers.partner_tokens
import resolvers.partners
import resolvers.webhooks
from schema.callers import ADMINISTRATORS, EVERYONE, PARTNERS
from schema.connections import Node
from schema.declare import enumeration, input_object, output
from schema.errors import NotAllowedError, NotFoundError, ValidationError
from schema.events import RequestEventConnection
from schema.fields import Info, kept, mutation, query, selection_of
from schema.procedures import Procedure
from schema.rows import Row
from schema.scalars import URL
from schema.selection import narrow


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
    """When the last event was taken."""
    last_error: str | None
    """Why the last attempt failed, in the caller's language. Null once nothing waits any more."""
    waiting_requests: int
    """Of how many requests events were not taken and are tried again, while those of others go on."""


@output
class DeskWebhook(Node):
    """A partner system's webhook, as administrators see it: how it fares, and nothing that could be called with."""

    partner_token: PartnerToken
    """What made it."""
    host: str
    """Of its address. The rest may hold secrets, and is the partner's alone."""
    events: list[str]
    """Names of event types; empty: all."""
    state: WebhookState
    paused_at: datetime | None
    """Since when it is PAUSED: by the partner, or because it took nothing for three days or answered 410."""
    failing_since: datetime | None
    """Since when events are not taken: all of them, or those of some requests. Null where none failed."""
    last_delivery_at: datetime | None
    """When the last event was taken."""
    last_error: str | None
    """Why the last attempt failed, in the caller's language. Null once nothing waits any more."""
    waiting_events: int
    """How many events wait to be told, 10,000 at most."""


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
    """ACTIVE again, it is told of all that has happened meanwhile."""
    rotate_secret: bool = False
    """Makes another signing secret. For 24 hours the old one signs, too."""


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
    """The signing secret, shown when the webhook is made or its secret is rotated."""


@output
class DeleteWebhookSuccess:
    webhooks: list[Webhook]


@output
class ResumeWebhookSuccess:
    webhook: DeskWebhook


@query(Partner | None, callers=EVERYONE)
async def partner(info: Info) -> Row | None:
    """The side of a partner system. Null for anyone but a partner. `changes` takes the scope READ_CHANGES,
    `webhooks` MANAGE_WEBHOOKS.
    """
    return await resolvers.partners.partner(info.context.actor, selection=selection_of(info))


@mutation(CreatePartnerTokenSuccess, refusals=(ValidationError,), callers=ADMINISTRATORS)
async def create_partner_token(info: Info, input: CreatePartnerTokenInput) -> Row:
    """Lets a partner system call this API, until the token expires: within a year."""
    given = narrow(input)
    row, token = await resolvers.partner_tokens.create_partner_token(
        info.context.actor,
        name=given["name"],
        scopes=given["scopes"],
        procedures=given["procedures"],
        expires_at=given["expires_at"],
        selection=selection_of(info, "partner_token"),
    )
    return {"partner_token": row, "token": token}


@mutation(RevokePartnerTokenSuccess, refusals=(NotFoundError,), callers=ADMINISTRATORS)
async def revoke_partner_token(info: Info, token: strawberry.ID) -> Row:
    """Ends a token at once, and its webhooks with it."""
    left = await resolvers.partner_tokens.revoke_partner_token(
        info.context.actor, token=token, selection=selection_of(info, "partner_tokens")
    )
    return {"partner_tokens": left}


@mutation(SaveWebhookSuccess, refusals=(ValidationError, NotFoundError), callers=PARTNERS)
async def save_webhook(info: Info, input: SaveWebhookInput) -> Row:
    """Has events told to an address as they happen, or changes that. Takes the scope MANAGE_WEBHOOKS."""
    given = narrow(input)
    row, secret = await resolvers.webhooks.save_webhook(
        info.context.actor,
        id=given.get("id"),
        url=given["url"],
        events=given["events"],
        state=given["state"],
        rotate_secret=given["rotate_secret"],
        selection=selection_of(info, "webhook"),
    )
    return {"webhook": row, "secret": secret}


@mutation(DeleteWebhookSuccess, refusals=(NotFoundError,), callers=PARTNERS)
async def delete_webhook(info: Info, webhook: strawberry.ID) -> Row:
    """Tells an address nothing more. Takes the scope MANAGE_WEBHOOKS."""
    left = await resolvers.webhooks.delete_webhook(
        info.context.actor, webhook=webhook, selection=selection_of(info, "webhooks")
    )
    return {"webhooks": left}


@mutation(ResumeWebhookSuccess, refusals=(NotFoundError, NotAllowedError), callers=ADMINISTRATORS)
async def resume_webhook(info: Info, webhook: strawberry.ID) -> Row:
    """Has a paused webhook told again, of all that it missed; one that fails is tried at once. NotAllowedError where
    its token has expired.
    """
    resumed = await resolvers.webhooks.resume_webhook(
        info.context.actor, webhook=webhook, selection=selection_of(info, "webhook")
    )
    return {"webhook": resumed}
