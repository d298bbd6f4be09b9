"""The mairie's side."""

import strawberry

import resolvers.desk
from schema.agents import Agent
from schema.appointments import Schedule
from schema.callers import AGENTS, EVERYONE, PARTNERS
from schema.declare import input_object, output
from schema.errors import ConflictError, NotAllowedError, NotFoundError, ValidationError
from schema.fields import Info, kept, mutation, query, selection_of
from schema.mail import ParkedMailConnection
from schema.partners import PartnerToken
from schema.procedures import ProcedureConnection
from schema.requests import ServiceRequest, ServiceRequestConnection
from schema.rows import Row
from schema.second_factors import SecondFactor, SecurityEventConnection
from schema.selection import narrow
from schema.statuses import RequestStatus


@input_object()
class DeskRequestFilter:
    """All that is given must hold."""

    status: list[RequestStatus] | None = strawberry.UNSET
    """Any of these."""
    procedure: strawberry.ID | None = strawberry.UNSET
    assignee: strawberry.ID | None = strawberry.UNSET
    unread: bool | None = strawberry.UNSET
    """True: with exchanges that the mairie has not read. False: without."""
    archived: bool | None = strawberry.UNSET
    search: str | None = strawberry.UNSET
    """Ticket, name or e-mail of the citizen."""


@output
class Desk:
    """What an agent works with."""

    agent: Agent
    """Who is logged in."""
    unread_exchange_count: int
    """Over every request that the agent may see."""
    schedules: list[Schedule]
    second_factor: SecondFactor
    """The agent's own."""
    agents: list[Agent]
    agents_without_second_factor: list[Agent]
    """Empty for a HANDLER."""
    partner_tokens: list[PartnerToken]
    """Empty for a HANDLER."""
    event_cursor: str
    """The end of the event log as this answer shows it: `deskEvents(after:)` it, and nothing falls in between."""

    @kept(ServiceRequestConnection)
    def requests(
        self, filter: DeskRequestFilter | None = None, first: int | None = 50, after: str | None = None
    ) -> None:
        """Requests that were submitted, of the agent's procedures. `first` is at most 100."""

    @kept(ProcedureConnection)
    def procedures(self, first: int | None = 50, after: str | None = None) -> None:
        """Drafts and closed ones too."""

    @kept(SecurityEventConnection)
    def security_events(self, first: int | None = 50, after: str | None = None) -> None:
        """What happened to the access of agents, the latest first; a HANDLER sees their own. `first` is at most 100."""

    @kept(ParkedMailConnection)
    def parked_mails(self, first: int | None = 50, after: str | None = None) -> None:
        """Mail that could not be sent, the latest first: tell the citizen otherwise. `first` is at most 100."""


@input_object()
class ChangeRequestStatusInput:
    request: strawberry.ID
    version: int
    status: RequestStatus
    reason: str | None = strawberry.UNSET
    """For the citizen, who reads it in the history; the e-mail only says that there is one."""


@input_object()
class AssignRequestInput:
    request: strawberry.ID
    agent: strawberry.ID | None = strawberry.UNSET
    """Null takes it off everybody."""


@output
class ChangeRequestStatusSuccess:
    request: ServiceRequest


@output
class AssignRequestSuccess:
    request: ServiceRequest


@query(Desk | None, callers=EVERYONE)
async def desk(info: Info) -> Row | None:
    """The side of the mairie. Null for anyone but an agent."""
    return await resolvers.desk.desk(info.context.actor, selection=selection_of(info))


@mutation(
    ChangeRequestStatusSuccess,
    refusals=(ConflictError, NotAllowedError, NotFoundError, ValidationError),
    callers=AGENTS | PARTNERS,
)
async def change_request_status(info: Info, input: ChangeRequestStatusInput) -> Row:
    """Moves a request on. The citizen gets an e-mail, where they gave an address. Of a partner system it takes the
    scope WRITE_REQUESTS.
    """
    given = narrow(input)
    changed = await resolvers.desk.change_request_status(
        info.context.actor,
        request=given["request"],
        version=given["version"],
        status=given["status"],
        reason=given.get("reason"),
        selection=selection_of(info, "request"),
    )
    return {"request": changed}


@mutation(AssignRequestSuccess, refusals=(NotFoundError, NotAllowedError), callers=AGENTS)
async def assign_request(info: Info, input: AssignRequestInput) -> Row:
    """Says which agent is in charge."""
    given = narrow(input)
    assigned = await resolvers.desk.assign_request(
        info.context.actor,
        request=given["request"],
        agent=given.get("agent"),
        selection=selection_of(info, "request"),
    )
    return {"request": assigned}
