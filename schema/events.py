"""The event log, and what is told live. One log serves history, subscriptions, partners and webhooks."""

from collections.abc import AsyncIterator
from datetime import datetime

import strawberry

import resolvers.events
from schema.agents import Agent
from schema.appointments import Appointment
from schema.attachments import Attachment
from schema.callers import AGENTS, CITIZENS, PARTIES
from schema.connections import Edge, PageInfo
from schema.declare import interface, output
from schema.exchanges import Exchange
from schema.fields import Info, selection_of, subscription
from schema.parties import Party
from schema.references import ServiceRequestReference
from schema.rows import Row
from schema.statuses import RequestStatus


@interface
class RequestEvent:
    """Something that happened to a request. It is written once and never changes."""

    id: strawberry.ID
    cursor: str
    """Its place in the log, to resume after."""
    occurred_at: datetime
    actor: Party
    agent: Agent | None
    """Which of the mairie's agents. Null for anybody but an agent, and where it was none."""
    request: ServiceRequestReference
    description: str
    """One sentence for people, in the caller's language; to citizens, “you” have done what the citizen did."""


@output
class RequestSubmitted(RequestEvent):
    """The citizen handed it to the mairie."""


@output
class RequestStatusChanged(RequestEvent):
    """The mairie moved it on."""

    previous: RequestStatus
    status: RequestStatus
    reason: str | None


@output
class RequestClaimed(RequestEvent):
    """A citizen took it into their account."""


@output
class RequestCancelled(RequestEvent):
    """The citizen took it back."""

    reason: str | None
    """What they gave as their reason, for the mairie."""


@output
class RequestAssigned(RequestEvent):
    """Another agent is in charge, or nobody."""


@output
class ExchangePosted(RequestEvent):
    """One side wrote to the other."""

    exchange: Exchange


@output
class ExchangesRead(RequestEvent):
    """One side read what the other had written, up to and including `upTo`."""

    up_to: Exchange


@output
class AttachmentAdded(RequestEvent):
    """A file was joined."""

    attachment: Attachment | None
    """Null once it has been removed."""


@output
class AttachmentReplaced(RequestEvent):
    """Another file took the place of one."""

    attachment: Attachment | None
    """Null once it has been removed."""


@output
class AttachmentRemoved(RequestEvent):
    """A file was taken off."""

    title: str


@output
class AttachmentRejected(RequestEvent):
    """The virus scanner found a virus in a file: nobody can download it, another one has to take its place."""

    attachment: Attachment | None
    """Null once it has been removed."""
    title: str


@output
class AppointmentBooked(RequestEvent):
    """A slot was taken."""

    appointment: Appointment


@output
class AppointmentMoved(RequestEvent):
    """Another slot was taken instead."""

    appointment: Appointment
    previous_start: datetime


@output
class AppointmentCancelled(RequestEvent):
    """The slot was given back."""

    start: datetime
    reason: str | None
    """The mairie's, where it closed the slot."""


EVENT_TYPES = (
    RequestSubmitted,
    RequestStatusChanged,
    RequestClaimed,
    RequestCancelled,
    RequestAssigned,
    ExchangePosted,
    ExchangesRead,
    AttachmentAdded,
    AttachmentReplaced,
    AttachmentRemoved,
    AttachmentRejected,
    AppointmentBooked,
    AppointmentMoved,
    AppointmentCancelled,
)


@output
class RequestEventConnection:
    edges: list[Edge[RequestEvent]]
    nodes: list[RequestEvent]
    page_info: PageInfo


@output
class Notification:
    """What a notification widget shows."""

    cursor: str
    """Where to resume after."""
    event: RequestEvent | None
    """Null in the first message, which only gives the counts."""
    unread_exchange_count: int
    """Over all requests of the account."""


@subscription(RequestEvent, callers=PARTIES)
async def request_events(info: Info, request: strawberry.ID, after: str | None = None) -> AsyncIterator[Row]:
    """What happens on one request, read-state included. With `after`, first everything since that cursor,
    then live: a client that reconnects with its last cursor misses nothing and sees nothing twice.
    """
    return resolvers.events.request_events(
        info.context.actor, request=request, after=after, selection=selection_of(info)
    )


@subscription(Notification, callers=CITIZENS)
async def notifications(info: Info, after: str | None = None) -> AsyncIterator[Row]:
    """For a notification widget: what concerns the caller's account, with the counts to show."""
    return resolvers.events.notifications(info.context.actor, after=after, selection=selection_of(info))


@subscription(RequestEvent, callers=AGENTS)
async def desk_events(info: Info, after: str | None = None) -> AsyncIterator[Row]:
    """For agents: events of every request that they may see."""
    return resolvers.events.desk_events(info.context.actor, after=after, selection=selection_of(info))
