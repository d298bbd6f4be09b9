"""What a mail tells, read at the moment of sending from the rows that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast, get_args
from uuid import UUID

import orjson

from core.i18n import Language
from core.selection import Selection
from core.tickets import unseal_ticket
from models.actors import ANSWERING, Visitor
from models.address import Address
from models.database import Row, fetch_one
from models.invitations import COLUMNS, Invitation, invitation_of
from models.phone_number import readable_phone
from models.reminders import TEMPLATE as REMINDER
from models.temporary_password import TEMPLATE as NEW_PASSWORD
from models.temporary_password import temporary_password
from resolvers.reading.shape import read_value, reading_for
from resolvers.reading.slots import first_free

Template = Literal[
    "email_confirmation",
    "identity_linked",
    "identity_unlinked",
    "acknowledgement",
    "new_exchange",
    "status_changed",
    "attachment_added",
    "attachment_rejected",
    "appointment_booked",
    "appointment_moved",
    "appointment_cancelled",
    "appointment_closed",
    "appointment_reminder",
    "account_closed",
    "account_restored",
    "data_export_ready",
    "webhook_paused",
    "new_password",
    "new_password_unconfirmed",
    "temporary_password_used",
    "credentials_changed",
    "email_changed",
]
TEMPLATES: tuple[Template, ...] = get_args(Template)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFacts:
    """One mail's content before it is put into words. What the template does not tell of is None.

    `ticket` and `temporary_password` are secrets: they are in no column and must be in no log.
    """

    template: Template
    language: Language
    recipient: str
    municipality_name: str
    municipality_email: str
    timezone: str
    municipality_phone: str | None = None
    municipality_address: Address | None = None
    account_id: UUID | None = None
    username: str | None = None
    ticket: str | None = field(default=None, repr=False)
    temporary_password: str | None = field(default=None, repr=False)
    written_at: datetime | None = None
    """When what the mail tells of happened, where that is no event of a request."""
    procedure: str | None = None
    submitted_at: datetime | None = None
    author_name: str | None = None
    posted_at: datetime | None = None
    status: str | None = None
    has_reason: bool = False
    """Whether the mairie gave one, to be read on the request's page."""
    changed_at: datetime | None = None
    title: str | None = None
    """Of the attachment."""
    appointment: Invitation | None = None
    """As its row has it now."""
    previous_start: datetime | None = None
    """Of an appointment that was moved."""
    next_free: datetime | None = None
    """When the next slot of the schedule begins that has room, where the mairie has closed one."""
    erasure_at: datetime | None = None
    """When the data of the account will be erased, which was closed."""
    expires_at: datetime | None = None
    """Until when the account's export can be fetched."""
    partner: str | None = None
    """The name of a partner's token."""
    host: str | None = None
    """Of the address that the partner wants to be called at."""
    problem: str | None = None
    """Why what was to be told was not taken."""
    to_the_contact: bool = True
    """Whether the recipient is whom the request's own mails go to: a reminder may go to somebody else."""


FACTS = f"""
SELECT m.id AS mail_id, m.template, m.language, m.recipient, m.account_id,
       c.username, k.erasure_at, d.expires_at,
       r.ticket_sealed, r.submitted_at, v.title AS procedure,
       x.author_name, x.posted_at,
       e.data AS event_data, e.actor AS event_actor, e.occurred_at,
       t.name AS municipality_name, t.contact_email AS municipality_email, t.timezone,
       t.phone AS municipality_phone, t.address AS municipality_address,
       {COLUMNS}, h.id AS schedule_id, a.reminder_sent_at,
       coalesce(r.contact ->> 'email' = m.recipient, false) AS to_the_contact,
       coalesce(lower(m.recipient) IN (lower(k.email), lower(k.former_email)), false) AS to_the_account,
       q.name AS partner, w.host, w.last_error ->> m.language AS problem,
       m.created_at, m.appointment_sequence AS told_sequence,
       EXISTS (
           SELECT 1 FROM mail l WHERE l.appointment_id = m.appointment_id AND l.recipient = m.recipient
           AND l.template <> '{REMINDER}' AND l.appointment_sequence > m.appointment_sequence
       ) AS told_later
FROM mail m
LEFT JOIN credential c ON c.account_id = m.account_id
LEFT JOIN account k ON k.id = m.account_id
LEFT JOIN data_export d ON d.account_id = m.account_id
LEFT JOIN service_request r ON r.id = m.request_id
LEFT JOIN procedure_version v ON v.id = r.procedure_version_id
LEFT JOIN exchange x ON x.id = m.exchange_id
LEFT JOIN request_event e ON e.id = m.event_id
LEFT JOIN appointment a ON a.id = m.appointment_id
LEFT JOIN slot s ON s.id = a.slot_id
LEFT JOIN schedule h ON h.id = s.schedule_id
LEFT JOIN webhook w ON w.id = m.webhook_id
LEFT JOIN partner_token q ON q.id = w.token_id
LEFT JOIN municipality t ON true
WHERE m.id = ANY($1::uuid[])
"""


async def read_row(mail_id: UUID) -> Row:
    """The columns that `facts_of` makes sense of, in one statement; where a slot was closed, one more.

    Raises LookupError where there is no such mail.
    """
    row = await fetch_one(FACTS, [mail_id])
    if row is None:
        raise LookupError("no such mail")
    if row["template"] == "appointment_closed" and row["schedule_id"]:
        row["next_free"] = await _next_free(row["schedule_id"], row["appointment_start"])
    return row


async def _next_free(schedule_id: UUID, after: datetime) -> datetime | None:
    """The first slot with room after the one that was closed, or else the first of all."""
    for earliest in (after, None):
        reading = await reading_for(Visitor())
        part = first_free(reading, Selection.of("start"), [schedule_id], earliest)
        slot = await read_value(reading, part)
        if slot is not None:
            return datetime.fromisoformat(slot["start"])
    return None


def facts_of(row: Row) -> MailFacts:
    """Raises ValueError where the mail names a template that there is not, or a ticket sealed with another
    secret.
    """
    if row["template"] not in TEMPLATES:
        raise ValueError(f"no template named {row['template']}")
    data = _json(row["event_data"])
    return MailFacts(
        template=cast("Template", row["template"]),
        language=cast("Language", row["language"]),
        recipient=row["recipient"],
        municipality_name=row["municipality_name"] or "Mairie",
        municipality_email=row["municipality_email"] or "",
        timezone=row["timezone"] or "Europe/Paris",
        municipality_phone=row["municipality_phone"] and readable_phone(row["municipality_phone"]),
        municipality_address=(
            Address.from_json(_json(row["municipality_address"])) if row["municipality_address"] else None
        ),
        account_id=row["account_id"],
        username=row["username"],
        ticket=unseal_ticket(row["ticket_sealed"]) if row["ticket_sealed"] else None,
        temporary_password=temporary_password(row["mail_id"]) if row["template"] == NEW_PASSWORD else None,
        written_at=row["created_at"],
        procedure=row["procedure"],
        submitted_at=row["submitted_at"],
        author_name=row["author_name"],
        posted_at=row["posted_at"],
        status=data.get("status"),
        has_reason=row["event_actor"] in ANSWERING and bool(data.get("reason")),
        changed_at=row["occurred_at"],
        title=data.get("title"),
        appointment=invitation_of(row) if row["appointment_id"] else None,
        previous_start=(datetime.fromisoformat(data["previous_start"]) if "previous_start" in data else None),
        next_free=row.get("next_free"),
        erasure_at=row["erasure_at"],
        expires_at=row["expires_at"],
        partner=row["partner"],
        host=row["host"],
        problem=row["problem"],
        to_the_contact=row["to_the_contact"],
    )


def _json(value: Any) -> Mapping[str, Any]:
    parsed = orjson.loads(value) if isinstance(value, str | bytes) else value
    return parsed if isinstance(parsed, dict) else {}
