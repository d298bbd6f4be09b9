"""What a receipt tells, read from the rows of its request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from core.i18n import Language
from core.tickets import unseal_ticket
from models.address import Address
from models.contact import Contact
from models.database import Row, fetch_one
from models.forms import FileField, summary
from models.phone_number import readable_phone
from resolvers import catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFacts:
    """One receipt's content before it is put into words. `ticket` is a secret; most of the rest is personal."""

    language: Language
    municipality_name: str
    municipality_email: str
    municipality_phone: str | None
    municipality_address: Address | None
    timezone: str
    ticket: str = field(repr=False)
    procedure: str
    submitted_at: datetime
    is_in_an_account: bool
    sections: Sequence[Row] = field(repr=False)
    """Rows of the type SummarySection, without the pieces."""
    pieces: Sequence[tuple[str | None, str]] = field(repr=False)
    """What was asked for, None where the citizen joined it freely, and the piece's title."""


# What was joined after the submission is not what this paper acknowledges.
_FACTS = """
SELECT r.language, r.ticket_sealed, r.procedure_version_id, r.account_id, r.submitted_at, r.contact, r.answers,
       ARRAY(SELECT ARRAY[a.field, a.title] FROM attachment a WHERE a.request_id = r.id AND a.added_by = 'CITIZEN'
             AND a.added_at <= r.submitted_at ORDER BY a.id) AS pieces
FROM receipt x
JOIN service_request r ON r.id = x.request_id
WHERE x.id = $1
"""


async def read_facts(receipt_id: UUID) -> ReceiptFacts:
    """Raises LookupError where there is no such receipt, ValueError where its request was never submitted or its
    ticket was sealed with another secret, UnavailableError where the database is away.
    """
    row = await fetch_one(_FACTS, receipt_id)
    if row is None:
        raise LookupError("no such receipt")
    if row["submitted_at"] is None:
        raise ValueError("a draft has no receipt")
    version = await catalogue.version(row["procedure_version_id"])
    municipality = (await catalogue.current()).municipality
    language: Language = "en" if row["language"] == "en" else "fr"
    contact = _json(row["contact"])
    labels = {asked.key: asked.label for asked in version.definition.fields if isinstance(asked, FileField)}
    return ReceiptFacts(
        language=language,
        municipality_name=municipality.name or "Mairie",
        municipality_email=municipality.contact_email,
        municipality_phone=municipality.phone and readable_phone(municipality.phone),
        municipality_address=Address.from_json(municipality.address) if municipality.address else None,
        timezone=municipality.timezone,
        ticket=unseal_ticket(row["ticket_sealed"]),
        procedure=version.title,
        submitted_at=row["submitted_at"],
        is_in_an_account=row["account_id"] is not None,
        sections=summary(
            version.definition,
            Contact.from_json(contact) if contact else None,
            _json(row["answers"]),
            language=language,
            attachments={},
            appointment=None,
        ),
        pieces=[(labels.get(key) if key else None, title) for key, title in row["pieces"]],
    )


def _json(value: Any) -> Mapping[str, Any]:
    parsed = orjson.loads(value) if isinstance(value, str | bytes) else value
    return parsed if isinstance(parsed, dict) else {}
