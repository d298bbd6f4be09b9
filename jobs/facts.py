"""What a mail tells, read at the moment of sending from the rows that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast, get_args
from uuid import UUID

import orjson

from core.i18n import Language
from core.tickets import unseal_ticket
from models.address import Address
from models.database import Row, fetch_one
from models.phone_number import readable_phone

Template = Literal[
    "email_confirmation",
    "acknowledgement",
    "new_exchange",
    "status_changed",
    "attachment_added",
    "attachment_rejected",
]
TEMPLATES: tuple[Template, ...] = get_args(Template)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFacts:
    """One mail's content before it is put into words. What the template does not tell of is None.

    `ticket` is a secret: it is in no column and must be in no log.
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


_FACTS = """
SELECT m.template, m.language, m.recipient, m.account_id,
       c.username,
       r.ticket_sealed, r.submitted_at, v.title AS procedure,
       x.author_name, x.posted_at,
       e.data AS event_data, e.actor AS event_actor, e.occurred_at,
       t.name AS municipality_name, t.contact_email AS municipality_email, t.timezone,
       t.phone AS municipality_phone, t.address AS municipality_address
FROM mail m
LEFT JOIN credential c ON c.account_id = m.account_id
LEFT JOIN service_request r ON r.id = m.request_id
LEFT JOIN procedure_version v ON v.id = r.procedure_version_id
LEFT JOIN exchange x ON x.id = m.exchange_id
LEFT JOIN request_event e ON e.id = m.event_id
LEFT JOIN municipality t ON true
WHERE m.id = $1
"""


async def read_row(mail_id: UUID) -> Row:
    """The columns that `facts_of` makes sense of, in one statement.

    Raises LookupError where there is no such mail.
    """
    row = await fetch_one(_FACTS, mail_id)
    if row is None:
        raise LookupError("no such mail")
    return row


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
        procedure=row["procedure"],
        submitted_at=row["submitted_at"],
        author_name=row["author_name"],
        posted_at=row["posted_at"],
        status=data.get("status"),
        has_reason=row["event_actor"] == "MUNICIPALITY" and bool(data.get("reason")),
        changed_at=row["occurred_at"],
        title=data.get("title"),
    )


def _json(value: Any) -> Mapping[str, Any]:
    parsed = orjson.loads(value) if isinstance(value, str | bytes) else value
    return parsed if isinstance(parsed, dict) else {}
