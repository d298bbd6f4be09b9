"""The mairie's side."""

from datetime import date

import strawberry

import resolvers.desk
import resolvers.desk_agents
from schema.agents import Agent, AgentRole
from schema.appointments import FromArgument, Schedule
from schema.callers import ADMINISTRATORS, AGENTS, EVERYONE, PARTNERS
from schema.declare import input_object, output
from schema.errors import (
    ConflictError,
    NotAllowedError,
    NotFoundError,
    UsernameTakenError,
    ValidationError,
)
from schema.fields import Info, kept, mutation, query, selection_of
from schema.mail import ParkedMailConnection
from schema.partners import DeskWebhook, PartnerToken
from schema.procedures import Procedure, ProcedureConnection
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
    unassigned: bool | None = strawberry.UNSET
    """True: those that nobody has, which excludes `assignee`. False: those that somebody has."""
    unread: bool | None = strawberry.UNSET
    """True: with exchanges that the mairie has not read. False: without."""
    archived: bool | None = strawberry.UNSET
    search: str | None = strawberry.UNSET
    """A whole ticket, which finds its request whatever `archived` says; or words of the citizen's name or e-mail
    address, in any order, with or without their accents.
    """


@output
class WeekFigures:
    """A week of a procedure, from Monday to Sunday by the municipality's calendar."""

    start: date
    """Its Monday."""
    received: int
    """Requests that were submitted."""
    answered: int
    """Requests that were accepted or refused, whenever they came."""
    median_hours: float | None
    """Half of those that were answered took less, from submission to the answer. Null where none was."""


@output
class ProcedureFigures:
    """How a procedure goes."""

    procedure: Procedure
    waiting: int
    """Requests that wait for an answer now."""
    weeks: list[WeekFigures]
    """Those in which something came or was answered, in order."""


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
    webhooks: list[DeskWebhook]
    """Where partner systems are told of events, the paused ones first. Empty for a HANDLER."""
    event_cursor: str
    """The end of the event log as this answer shows it: `deskEvents(after:)` it, and nothing falls in between."""

    @kept(ServiceRequestConnection)
    def requests(
        self,
        filter: DeskRequestFilter | None = None,
        first: int | None = 50,
        after: str | None = None,
        unread_first: bool | None = False,
    ) -> None:
        """Requests that were submitted, of the agent's procedures, the latest first; with `unreadFirst`, those with
        exchanges that the mairie has not read before all others. `first` is at most 100.
        """

    @kept(list[ProcedureFigures])
    def figures(self, from_: FromArgument, to: date) -> None:
        """What waits, what came and what was answered from one day to another, both included, at most 366 days apart.
        Of the procedures of which the agent sees a request, in the catalogue's order.
        """

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
    """For the citizen, who reads it in the history; the mail only says that there is one. 2,000 characters at most."""


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


@input_object()
class SaveAgentInput:
    """An agent: absent id, a new one."""

    id: strawberry.ID | None = strawberry.UNSET
    username: str | None = strawberry.UNSET
    """Needed of one who is to log in for the first time; left out, it stays as it is."""
    password: str | None = strawberry.UNSET
    """A first or another password, which ends the agent's sessions; left out, it stays as it is."""
    display_name: str
    role: AgentRole
    procedures: list[str] = strawberry.field(default=())
    """Slugs of those that a HANDLER handles: all of them, those that are left out are taken away."""
    active: bool = True
    """False: may not log in any more, and is logged out."""


@output
class SaveAgentSuccess:
    agent: Agent


@output
class ResendMailSuccess:
    desk: Desk


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


@mutation(AssignRequestSuccess, refusals=(NotFoundError, NotAllowedError, ValidationError), callers=AGENTS)
async def assign_request(info: Info, input: AssignRequestInput) -> Row:
    """Says which agent is in charge: one of `permittedAssignees`."""
    given = narrow(input)
    assigned = await resolvers.desk.assign_request(
        info.context.actor,
        request=given["request"],
        agent=given.get("agent"),
        selection=selection_of(info, "request"),
    )
    return {"request": assigned}


@mutation(
    SaveAgentSuccess,
    refusals=(ValidationError, UsernameTakenError, NotAllowedError, NotFoundError),
    callers=ADMINISTRATORS,
)
async def save_agent(info: Info, input: SaveAgentInput) -> Row:
    """Writes an agent: a new one, or what is to change of a known one, who is logged out where that is the password,
    the role, or whether they may log in. NotAllowedError where no administrator would be left.
    """
    given = narrow(input)
    saved = await resolvers.desk_agents.save_agent(
        info.context.actor,
        id=given.get("id"),
        agent=resolvers.desk_agents.AgentToSave(
            display_name=given["display_name"],
            role=given["role"],
            procedures=given.get("procedures") or (),
            active=given["active"],
            username=given.get("username"),
            password=given.get("password"),
        ),
        selection=selection_of(info, "agent"),
    )
    return {"agent": saved}


@mutation(ResendMailSuccess, refusals=(NotFoundError,), callers=AGENTS)
async def resend_mail(info: Info, mail: strawberry.ID) -> Row:
    """Has a mail that could not be sent tried again for 48 hours: once the address was mended at its provider, say."""
    await resolvers.desk.resend_mail(info.context.actor, mail=mail)
    read = await resolvers.desk.desk(info.context.actor, selection=selection_of(info, "desk"))
    assert read is not None
    return {"desk": read}
