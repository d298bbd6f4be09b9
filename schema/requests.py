"""Demandes: what citizens file, from the first step to the mairie's answer."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import strawberry

import resolvers.requests
from core.limits.declared import START_REQUEST, SUBMIT_REQUEST, TICKET
from schema.agents import Agent
from schema.answers import Answer, AnswerInput, answer_of
from schema.appointments import Appointment
from schema.attachments import Attachment
from schema.callers import APPLICANTS, CITIZENS, EVERYONE, Caller
from schema.captcha import CaptchaAnswer, captcha_answer_of
from schema.connections import Connection, Node
from schema.contact import Contact, ContactInput, contact_of
from schema.counting import Counted, ticket_key
from schema.declare import enumeration, input_object, output
from schema.errors import (
    AccountRequiredError,
    CaptchaError,
    ConflictError,
    FieldError,
    NotAllowedError,
    NotFoundError,
    SlotUnavailableError,
    ValidationError,
)
from schema.exchanges import ExchangeConnection
from schema.fields import Info, kept, mutation, query, selection_of
from schema.files import File
from schema.forms import Step, StepKind
from schema.procedures import Procedure
from schema.rows import Row
from schema.scalars import TicketNumber
from schema.selection import narrow
from schema.statuses import RequestStatus

if TYPE_CHECKING:
    from schema.events import RequestEventConnection

LOOK_UP = Counted(TICKET, subject=lambda given: ticket_key(given["ticket"]))
"""Of a ticket that an argument names."""

EventConnection = Annotated["RequestEventConnection", strawberry.lazy("schema.events")]


@enumeration
class RequestAction(StrEnum):
    """Something that a caller may do with a request."""

    EDIT = "EDIT"
    SUBMIT = "SUBMIT"
    CANCEL = "CANCEL"
    CLAIM = "CLAIM"
    POST_EXCHANGE = "POST_EXCHANGE"
    ADD_ATTACHMENT = "ADD_ATTACHMENT"
    BOOK_APPOINTMENT = "BOOK_APPOINTMENT"
    MOVE_APPOINTMENT = "MOVE_APPOINTMENT"
    CHANGE_STATUS = "CHANGE_STATUS"
    ASSIGN = "ASSIGN"


@output
class SummaryLine:
    label: str
    """Where it is of a field, in the municipality's words; else in the caller's language."""
    value: str
    """Ready to show, in the caller's language."""
    field: str | None
    """The key of the form's field that it answers; null where it answers none."""


@output
class SummarySection:
    """What one step of a request comes to."""

    step: StepKind
    title: str
    lines: list[SummaryLine]


@output
class ServiceRequest(Node):
    """A request to the mairie (une demande)."""

    ticket: TicketNumber
    """What opens the request to whoever holds it. Partner systems do not read it: FORBIDDEN."""
    procedure: Procedure
    steps: list[Step]
    """The form it was started with."""
    status: RequestStatus
    version: int
    """Grows with every change of the request itself; the changing mutations take it and answer ConflictError when it is
    stale. Exchanges, read receipts and attachments leave it as it is."""
    contact: Contact | None
    """Mes informations"""
    answers: list[Answer]
    """Ma demande"""
    problems: list[FieldError]
    """What still keeps a draft from being submitted; empty: it is ready."""
    summary: list[SummarySection]
    """Le récapitulatif, ready to show, hidden fields left out."""
    attachments: list[Attachment]
    """Pièces jointes of both sides, oldest first, 50 at most."""
    appointments: list[Appointment]
    """Empty where no appointment is planned: then the section is not shown."""
    unread_exchange_count: int
    """Exchanges that the caller has not read (Echange à lire)."""
    permitted_actions: list[RequestAction]
    """What the caller may do with it now."""
    permitted_statuses: list[RequestStatus]
    """Which status an agent may bring it to now; empty for anybody else."""
    claimed: bool
    """True where a citizen's account holds it."""
    assignee: Agent | None
    """The agent in charge. Null for citizens."""
    permitted_assignees: list[Agent]
    """Who may be put in charge of it: agents who log in and handle its procedure. Empty for anybody but an agent."""
    created_at: datetime
    updated_at: datetime
    submitted_at: datetime | None
    closed_at: datetime | None
    archived_at: datetime | None
    receipt: File | None
    """The acknowledgement as a PDF: ticket with a QR code, date, answers, pieces. Null for a draft, and for some
    seconds after it is submitted."""

    @kept(ExchangeConnection)
    def exchanges(
        self,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> None:
        """Messages between citizen and mairie, oldest first. `first` and `last` are at most 100; neither: the
        first 50.
        """

    @kept(EventConnection)
    def history(
        self,
        first: int | None = 50,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
    ) -> None:
        """Historique, oldest first. `first` and `last` are at most 100; with `last` it is the latest ones, whatever
        `first` is.

        The `endCursor` of the last one is where to follow `requestEvents` from.
        """


ServiceRequestConnection = Connection[ServiceRequest]


@input_object()
class StartRequestInput:
    procedure: str
    """Slug of the procedure."""
    idempotency_key: str | None = strawberry.UNSET
    """The same key answers the same request, however often it is sent.

    A visitor's has 16 characters or more: it opens the draft as a password would.
    """


@input_object()
class UpdateRequestInput:
    """What changes of a draft; what is left out stays as it is."""

    request: strawberry.ID
    version: int
    contact: ContactInput | None = strawberry.UNSET
    answers: list[AnswerInput] | None = strawberry.UNSET
    """Only the fields named here change."""


@input_object()
class SubmitRequestInput:
    request: strawberry.ID
    version: int
    captcha: CaptchaAnswer | None = strawberry.UNSET
    """Required of visitors and ticket holders."""


@input_object()
class CancelRequestInput:
    request: strawberry.ID
    reason: str | None = strawberry.UNSET


@output
class StartRequestSuccess:
    request: ServiceRequest


@output
class UpdateRequestSuccess:
    request: ServiceRequest


@output
class SubmitRequestSuccess:
    request: ServiceRequest


@output
class CancelRequestSuccess:
    request: ServiceRequest


@output
class ClaimRequestSuccess:
    request: ServiceRequest


@query(ServiceRequest | None, callers=EVERYONE)
async def request(info: Info, id: strawberry.ID) -> Row | None:
    """A request that the caller may see: its account holder, its ticket holder, an agent, a partner with the
    scope.
    """
    return await resolvers.requests.request(info.context.actor, id=id, selection=selection_of(info))


@query(ServiceRequest | None, callers=EVERYONE, limits=(LOOK_UP,))
async def request_by_ticket(info: Info, ticket: TicketNumber) -> Row | None:
    """A request by its ticket number alone, as the acknowledgement e-mail gives it."""
    return await resolvers.requests.request_by_ticket(
        info.context.actor, ticket=ticket, selection=selection_of(info)
    )


@mutation(
    StartRequestSuccess,
    refusals=(NotFoundError, AccountRequiredError, NotAllowedError, ValidationError),
    callers=APPLICANTS | {Caller.VISITOR},
    limits=(Counted(START_REQUEST),),
)
async def start_request(info: Info, input: StartRequestInput) -> Row:
    """Begins a draft. A visitor goes on with its ticket: `Authorization: Ticket …`."""
    given = narrow(input)
    started = await resolvers.requests.start_request(
        info.context.actor,
        procedure=given["procedure"],
        idempotency_key=given.get("idempotency_key"),
        selection=selection_of(info, "request"),
    )
    return {"request": started}


@mutation(
    UpdateRequestSuccess,
    refusals=(ValidationError, ConflictError, NotAllowedError, NotFoundError),
    callers=APPLICANTS,
)
async def update_request(info: Info, input: UpdateRequestInput) -> Row:
    """Fills a draft in, as much at a time as one likes. Incomplete is allowed; `problems` tells what is
    missing.
    """
    given = narrow(input)
    updated = await resolvers.requests.update_request(
        info.context.actor,
        request=given["request"],
        version=given["version"],
        contact=contact_of(input.contact) if input.contact else None,
        answers=[answer_of(answer) for answer in input.answers or ()],
        selection=selection_of(info, "request"),
    )
    return {"request": updated}


@mutation(
    SubmitRequestSuccess,
    refusals=(
        ValidationError,
        ConflictError,
        CaptchaError,
        SlotUnavailableError,
        NotAllowedError,
        NotFoundError,
    ),
    callers=APPLICANTS,
    limits=(Counted(SUBMIT_REQUEST),),
)
async def submit_request(info: Info, input: SubmitRequestInput) -> Row:
    """Hands a draft to the mairie. The acknowledgement with the ticket goes out by e-mail."""
    given = narrow(input)
    submitted = await resolvers.requests.submit_request(
        info.context.actor,
        request=given["request"],
        version=given["version"],
        captcha=captcha_answer_of(input.captcha, info.context) if input.captcha else None,
        selection=selection_of(info, "request"),
        next_selection=selection_of(info, "next_available"),
    )
    return {"request": submitted}


@mutation(
    CancelRequestSuccess, refusals=(NotAllowedError, NotFoundError, ValidationError), callers=APPLICANTS
)
async def cancel_request(info: Info, input: CancelRequestInput) -> Row:
    """Cancels and archives. For a draft: throws it away."""
    given = narrow(input)
    cancelled = await resolvers.requests.cancel_request(
        info.context.actor,
        request=given["request"],
        reason=given.get("reason"),
        selection=selection_of(info, "request"),
    )
    return {"request": cancelled}


@mutation(ClaimRequestSuccess, refusals=(NotAllowedError, NotFoundError), callers=CITIZENS, limits=(LOOK_UP,))
async def claim_request(info: Info, ticket: TicketNumber) -> Row:
    """Rattacher cette demande à mon compte citoyen."""
    claimed = await resolvers.requests.claim_request(
        info.context.actor, ticket=ticket, selection=selection_of(info, "request")
    )
    return {"request": claimed}
