"""Échanges between citizen and mairie."""

from datetime import datetime
from enum import StrEnum

import strawberry

import resolvers.exchanges
from core.limits.declared import POST_EXCHANGE
from schema.attachments import Attachment
from schema.callers import APPLICANTS, PARTIES, PARTNERS
from schema.connections import Connection, Node
from schema.counting import Counted
from schema.declare import enumeration, input_object, output
from schema.errors import NotAllowedError, NotFoundError, ValidationError
from schema.fields import Info, mutation, selection_of
from schema.parties import Party
from schema.references import ServiceRequestReference
from schema.rows import Row
from schema.selection import narrow


@enumeration
class ReadState(StrEnum):
    """The icon of an exchange, as the caller sees it."""

    SENT_UNREAD = "SENT_UNREAD"
    """The other side has not read your message yet."""
    SENT_READ = "SENT_READ"
    """The other side has read your message."""
    RECEIVED_UNREAD = "RECEIVED_UNREAD"
    """You have not read this message."""
    RECEIVED_READ = "RECEIVED_READ"
    """You have read this message."""


@output
class Exchange(Node):
    """A message between citizen and mairie (un échange)."""

    request: ServiceRequestReference
    author: Party
    author_name: str
    body: str
    """Plain text; line breaks count."""
    attachments: list[Attachment]
    posted_at: datetime
    read_at: datetime | None
    """When the other side read it."""
    read_state: ReadState
    """The icon to show, as the caller sees it."""


ExchangeConnection = Connection[Exchange]


@input_object()
class PostExchangeInput:
    request: strawberry.ID
    body: str
    attachments: list[strawberry.ID] | None = strawberry.UNSET
    """Attachments of the same request that the message refers to: 10 at most."""
    idempotency_key: str | None = strawberry.UNSET
    """The same key answers the same exchange, however often it is sent."""


@input_object()
class MarkExchangesReadInput:
    request: strawberry.ID
    up_to: strawberry.ID
    """The last exchange that was read."""


@output
class PostExchangeSuccess:
    exchange: Exchange


@output
class MarkExchangesReadSuccess:
    request: ServiceRequestReference
    marked: int
    """How many this call marked."""


@mutation(
    PostExchangeSuccess,
    refusals=(ValidationError, NotAllowedError, NotFoundError),
    callers=PARTIES | PARTNERS,
    limits=(Counted(POST_EXCHANGE, of=APPLICANTS),),
)
async def post_exchange(info: Info, input: PostExchangeInput) -> Row:
    """Writes to the other side. A citizen gets an e-mail that does not hold the message, where they gave an address.
    A partner system writes for the mairie; it takes the scope WRITE_REQUESTS.
    """
    given = narrow(input)
    exchange = await resolvers.exchanges.post_exchange(
        info.context.actor,
        request=given["request"],
        body=given["body"],
        attachments=given.get("attachments", []),
        idempotency_key=given.get("idempotency_key"),
        selection=selection_of(info, "exchange"),
    )
    return {"exchange": exchange}


@mutation(MarkExchangesReadSuccess, refusals=(NotFoundError,), callers=PARTIES)
async def mark_exchanges_read(info: Info, input: MarkExchangesReadInput) -> Row:
    """Marks what the other side wrote as read, up to and including `upTo`."""
    given = narrow(input)
    request, marked = await resolvers.exchanges.mark_exchanges_read(
        info.context.actor,
        request=given["request"],
        up_to=given["up_to"],
        selection=selection_of(info, "request"),
    )
    return {"request": request, "marked": marked}
