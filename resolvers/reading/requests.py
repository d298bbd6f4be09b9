"""Reading requests."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from uuid import UUID

from core.selection import SelectedField, Selection
from core.tickets import unseal_ticket
from models.actors import AgentActor
from models.attachments import Piece, attached, rejected, titles
from models.contact import Contact
from models.database import Row
from models.forms import AppointmentPolicy, answer_rows, problems, summary
from models.ids import encode
from models.receipts import receipt_name
from resolvers import procedures
from resolvers.catalogue import VersionEntry
from resolvers.policies import RequestState, permitted_actions, permitted_statuses
from resolvers.reading import appointments, attachments, events, exchanges
from resolvers.reading.agents import agent_by_id, agent_list, may_be_in_charge
from resolvers.reading.files import file_part
from resolvers.reading.pages import OrderBy, Window, page
from resolvers.reading.partner_scope import check_request
from resolvers.reading.shape import Finish, Part, Raw, Reading, Shape

PLAIN = {
    "status", "version", "contact", "created_at", "updated_at", "submitted_at", "closed_at", "archived_at",
}  # fmt: skip

NEEDS: Mapping[str, tuple[str, ...]] = {
    "id": ("id",),
    "ticket": ("ticket_sealed",),
    "procedure": ("procedure_id",),
    "steps": ("procedure_version_id",),
    "answers": ("answers", "procedure_version_id"),
    "problems": ("status", "contact", "answers", "procedure_version_id", "pieces", "booked"),
    "summary": ("contact", "answers", "procedure_version_id", "pieces", "booked"),
    "permitted_actions": ("status", "account_id", "procedure_version_id", "booked"),
    "permitted_statuses": ("status",),
    "claimed": ("account_id",),
}
"""Which columns each computed field is made of."""


def request_part(reading: Reading, selection: Selection, r: str) -> Part:
    """The request at alias `r`. The visibility of `r` is the caller's concern; all below it follows."""
    check_request(reading.actor, selection)
    shape = Shape(reading, "ServiceRequest")
    for field in selection:
        name = field.name
        if name in PLAIN:
            shape.plain(name, f"{r}.{name}")
        elif name in NEEDS:
            shape.need({column: _column(r, column) for column in NEEDS[name]})
            shape.output(name, _computed(reading, field))
        elif name == "exchanges":
            shape.child(field.key, exchanges.exchange_page(reading, field, r))
        elif name == "history":
            shape.child(field.key, events.history_page(reading, field, r))
        elif name == "attachments":
            a = reading.alias("a")
            shape.child(
                name, attachments.attachment_list(reading, field.selection, f"{a}.request_id = {r}.id", a)
            )
        elif name == "appointments":
            p = reading.alias("p")
            condition = f"{p}.request_id = {r}.id AND {p}.state <> 'CANCELLED'"
            shape.child(name, appointments.appointment_list(reading, field.selection, condition, p))
        elif name == "receipt":
            shape.child(name, _receipt(reading, field.selection, r))
        elif name == "unread_exchange_count":
            shape.plain(name, exchanges.unread_count(reading, f"{r}.id"))
        elif name == "assignee":
            if isinstance(reading.actor, AgentActor):
                shape.child(name, agent_by_id(reading, field.selection, f"{r}.assignee_id"))
            else:
                shape.output(name, lambda raw: None)
        elif name == "permitted_assignees":
            if isinstance(reading.actor, AgentActor):
                g = reading.alias("g")
                condition = may_be_in_charge(g, f"{r}.procedure_id")
                shape.child(name, agent_list(reading, field.selection, g, condition))
            else:
                shape.output(name, lambda raw: [])
    return shape.part()


def request_by_id(reading: Reading, selection: Selection, id: str) -> Part:
    """The request that an SQL expression names."""
    r = reading.alias("r")
    part = request_part(reading, selection, r)
    return Part(f"(SELECT {part.sql} FROM service_request {r} WHERE {r}.id = {id})", part.finish)


def request_page(
    reading: Reading, field: SelectedField, r: str, *, condition: str, order: list[OrderBy], default: int
) -> Part:
    """A page of the requests for which `condition` holds."""
    return page(
        reading,
        field.selection,
        Window.of(field),
        source=f"service_request {r} WHERE {condition}",
        order=order,
        node=lambda wanted: request_part(reading, wanted, r),
        default=default,
    )


def _column(r: str, name: str) -> str:
    match name:
        case "ticket_sealed":
            return f"encode({r}.ticket_sealed, 'base64')"
        case "booked":
            return (
                "(SELECT json_build_object('start', s.start, 'end', s.\"end\", 'schedule_id', s.schedule_id, "
                "'is_to_come', a.state = 'HELD' OR s.start > now()) "
                "FROM appointment a JOIN slot s ON s.id = a.slot_id "
                f"WHERE a.request_id = {r}.id AND a.state <> 'CANCELLED' AND NOT a.past)"
            )
        case "pieces":
            return attachments.PIECES.format(request=r)
        case _:
            return f"{r}.{name}"


def _receipt(reading: Reading, selection: Selection, r: str) -> Part:
    f, w = reading.alias("f"), reading.alias("w")
    # No value to bind: one that is bound has to be asked for.
    name = f"'{receipt_name(reading.language)}'"
    part = file_part(
        reading, selection, f, kind="receipt", link_id=f"{r}.id", name=name, request_id=f"{r}.id"
    )
    source = f"receipt {w} JOIN file {f} ON {f}.id = {w}.file_id WHERE {w}.request_id = {r}.id"
    return Part(f"(SELECT {part.sql} FROM {source})", part.finish)


def _computed(reading: Reading, field: SelectedField) -> Finish:
    actor, language = reading.actor, reading.language

    def version(raw: Raw) -> VersionEntry:
        return reading.catalogue.version(UUID(raw["procedure_version_id"]))

    def problem_rows(raw: Raw) -> list[Row]:
        if raw["status"] != "DRAFT":
            return []
        entry, pieces = version(raw), [Piece(**piece) for piece in raw["pieces"]]
        found = problems(
            entry.definition,
            contact_of(raw),
            raw["answers"],
            attached(pieces),
            appointment=entry.appointment,
            appointment_held=raw["booked"] is not None,
        )
        found += rejected(pieces)
        return [{"path": problem.path, "message": problem.text.in_(language)} for problem in found]

    def sections(raw: Raw) -> list[Row]:
        return summary(
            version(raw).definition,
            contact_of(raw),
            raw["answers"],
            language=language,
            attachments=titles(Piece(**piece) for piece in raw["pieces"]),
            appointment=appointments.appointment_line(reading.catalogue, raw["booked"]),
        )

    def actions(raw: Raw) -> list[str]:
        account_id = UUID(raw["account_id"]) if raw["account_id"] else None
        takes = version(raw).appointment is not AppointmentPolicy.NONE
        booked = raw["booked"] is not None and raw["booked"]["is_to_come"]
        state = RequestState(raw["status"], account_id, takes_appointments=takes, booked=booked)
        return permitted_actions(actor, state)

    def procedure(raw: Raw) -> Row:
        entry = reading.catalogue.procedure(UUID(raw["procedure_id"]))
        return procedures.procedure_row(reading, entry, field.selection)

    computed: dict[str, Finish] = {
        "id": lambda raw: encode("ServiceRequest", UUID(raw["id"])),
        "ticket": lambda raw: unseal_ticket(b64decode(raw["ticket_sealed"])),
        "procedure": procedure,
        "steps": lambda raw: procedures.version_steps(actor, version(raw)),
        "answers": lambda raw: answer_rows(version(raw).definition, raw["answers"]),
        "problems": problem_rows,
        "summary": sections,
        "permitted_actions": actions,
        "permitted_statuses": lambda raw: permitted_statuses(actor, raw["status"]),
        "claimed": lambda raw: raw["account_id"] is not None,
    }
    return computed[field.name]


def contact_of(raw: Raw) -> Contact | None:
    return Contact.from_json(raw["contact"]) if raw["contact"] else None
