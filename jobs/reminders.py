"""Me notifier la veille: writing the mail of one appointment that is due. The appointment's row is the job.

The row says that it has been reminded of in the transaction that writes the mail: whatever runs twice, or is killed,
there is one mail or none yet. The mail is created at the instant that the row names, which ties the two together: once
the row names another or none, because the appointment moved to another day, the mail is not sent (jobs/overtaken.py).

How late it is does not matter, as long as the appointment has not begun.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.clock import now
from models.database import fetch, transaction
from models.ids import new_id
from models.mail import Mail
from models.reminders import IS_DUE, TEMPLATE
from resolvers.work import message_id

_MARK = f"""
UPDATE appointment a SET reminder_sent_at = $2 FROM slot s, service_request r
WHERE a.id = ANY($1::uuid[]) AND s.id = a.slot_id AND r.id = a.request_id AND {IS_DUE.format(at="$2::timestamptz")}
RETURNING a.id, a.request_id, a.sequence, a.reminder_email, r.language
"""

logger = logging.getLogger(__name__)


async def remind(appointment_id: str) -> None:
    """Writes the mail if the appointment is to be reminded of now; running this twice writes one.

    Raises UnavailableError where the database is away.
    """
    id = UUID(appointment_id)
    if await write_reminders([id], now()):
        logger.info("appointment %s is reminded of", id)


async def write_reminders(ids: Sequence[UUID], at: datetime) -> int:
    """Marks those that are to be reminded of at this instant, and writes their mails: how many."""
    async with transaction():
        due = await fetch(_MARK, ids, at)
        await Mail.bulk_create([_mail(row, at) for row in due])
    return len(due)


def _mail(row: dict[str, object], at: datetime) -> Mail:
    id = new_id()
    return Mail(
        id=id,
        template=TEMPLATE,
        recipient=row["reminder_email"],
        language=row["language"],
        request_id=row["request_id"],
        appointment_id=row["id"],
        appointment_sequence=row["sequence"],
        message_id=message_id(id),
        created_at=at,
        next_attempt_at=at,
    )
