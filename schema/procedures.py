"""The catalogue: procedures, their categories, and what they ask (schema/forms.py)."""

from datetime import datetime
from enum import StrEnum

import strawberry

import resolvers.procedures
import resolvers.writing_procedures
from schema.appointments import Schedule, Slot
from schema.callers import ADMINISTRATORS, EVERYONE
from schema.connections import Connection, Node
from schema.declare import enumeration, input_object, output
from schema.errors import ConflictError, NotFoundError, ValidationError
from schema.fields import Info, kept, mutation, query, selection_of
from schema.forms import FormFieldInput, Step, StepKind
from schema.references import ProcedureReference
from schema.rows import Row
from schema.selection import narrow


@enumeration
class ProcedureState(StrEnum):
    """Whether citizens may file a procedure."""

    DRAFT = "DRAFT"
    """Being written: only agents see it."""
    OPEN = "OPEN"
    CLOSED = "CLOSED"
    """No new requests; those that were started go on."""


@enumeration
class AppointmentPolicy(StrEnum):
    """Whether a procedure has an appointment."""

    NONE = "NONE"
    OPTIONAL = "OPTIONAL"
    REQUIRED = "REQUIRED"


@output
class ProcedureCategory(Node):
    """A heading of the catalogue."""

    slug: str
    title: str

    @kept(Connection[ProcedureReference])
    def procedures(self, first: int | None = 50, after: str | None = None) -> None:
        """Its open procedures, by title. `first` is at most 100."""


@output
class Procedure(Node):
    """A kind of request that citizens can file (une démarche, un type de demande)."""

    slug: str
    title: str
    category: ProcedureCategory
    summary: str
    keywords: list[str]
    requires_account: bool
    """The padlock: it takes an account."""
    state: ProcedureState
    version: int
    """Grows with each published change; a request keeps the version it was started with."""
    steps: list[Step]
    """In order; APPOINTMENT only where the procedure has one."""
    appointment: AppointmentPolicy
    schedules: list[Schedule]
    estimated_days: int | None
    """How many days the mairie usually takes."""
    retention_months: int
    """How long a request is kept once it is closed; then all that it holds is erased."""
    own_retention_months: int | None
    """The same where it was written for this procedure; null: it is kept as long as the others."""

    @kept(Slot | None)
    def first_available_slot(self, after: datetime | None = None) -> None:
        """1er dispo, over every schedule of the procedure."""


ProcedureConnection = Connection[Procedure]


@input_object()
class StepHelpInput:
    step: StepKind
    help: str
    """Markdown."""


@input_object()
class SaveProcedureInput:
    """A whole procedure: absent id, a new one; a known id, its next version."""

    id: strawberry.ID | None = strawberry.UNSET
    version: int | None = strawberry.UNSET
    """The version that was read: where another was published meanwhile, ConflictError."""
    slug: str
    """Its place in addresses: small letters, digits and hyphens. It stays as it was first written."""
    title: str
    category: str
    """Slug of the category."""
    summary: str
    body: str
    """What La démarche says, in Markdown."""
    keywords: list[str] = strawberry.field(default=())
    requires_account: bool = False
    state: ProcedureState = ProcedureState.DRAFT
    appointment: AppointmentPolicy = AppointmentPolicy.NONE
    schedules: list[strawberry.ID] = strawberry.field(default=())
    estimated_days: int | None = strawberry.UNSET
    retention_months: int | None = strawberry.UNSET
    """How long its requests are kept once closed, 1 to 1,200; null: as long as the others; left out: as now."""
    step_help: list[StepHelpInput] = strawberry.field(default=())
    fields: list[FormFieldInput]


@output
class SaveProcedureSuccess:
    procedure: Procedure


@query(list[ProcedureCategory], callers=EVERYONE)
async def procedure_categories(info: Info) -> list[Row]:
    """The headings of the catalogue, in the mairie's order."""
    return await resolvers.procedures.procedure_categories(info.context.actor, selection=selection_of(info))


@query(ProcedureConnection, callers=EVERYONE)
async def procedures(
    info: Info,
    search: str | None = None,
    category: strawberry.ID | None = None,
    first: int | None = 20,
    after: str | None = None,
) -> Row:
    """The catalogue: procedures that are open. `search` forgives accents, plurals and typing slips, and looks in
    titles, summaries and keywords.

    With `search` the best match comes first, else they come by category, then by title. `first` is at most 100.
    """
    return await resolvers.procedures.procedures(
        info.context.actor,
        search=search,
        category=category,
        first=first,
        after=after,
        selection=selection_of(info),
    )


@query(Procedure | None, callers=EVERYONE)
async def procedure(info: Info, slug: str) -> Row | None:
    """One procedure by its slug, as addresses of the site hold it."""
    return await resolvers.procedures.procedure(info.context.actor, slug=slug, selection=selection_of(info))


@mutation(
    SaveProcedureSuccess, refusals=(ValidationError, NotFoundError, ConflictError), callers=ADMINISTRATORS
)
async def save_procedure(info: Info, input: SaveProcedureInput) -> Row:
    """Writes a procedure: a new one, or the next version of a known one. Requests that were started keep theirs; what
    is written here is no longer changed by loading the municipality's files.
    """
    given = narrow(input)
    if input.retention_months is None:
        given["retention_months"] = None
    saved = await resolvers.writing_procedures.save_procedure(
        info.context.actor,
        id=given.pop("id", None),
        version=given.pop("version", None),
        given=given,
        selection=selection_of(info, "procedure"),
    )
    return {"procedure": saved}
