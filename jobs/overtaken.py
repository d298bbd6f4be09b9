"""Mails that time has overtaken between the change that they tell of and the moment of sending.

New passwords that are too old are none any more, nor those to an address that was replaced meanwhile. That an account
was closed is not mailed once it is open again, nor the other way round; nor that an export is there which is gone by
then.

For appointments there are two rules. What a mail tells, its text and its invitation, is the appointment's row as one
statement reads it when the mail is sent: an invitation with an older SEQUENCE never has newer dates. And a mail is
dropped where a later one tells what holds now: whoever booked, moved and cancelled while the mail server was away gets
one mail, not three that contradict each other.

Two mails may still cross on their way. The one that was read first has the smaller SEQUENCE then, and calendar programs
leave it aside (RFC 5546, 2.1.4).

Dropped rows are deleted: as SENT they would claim what was not, as PARKED they would call for an agent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from models.database import Row, execute
from models.reminders import TEMPLATE as REMINDER
from models.temporary_password import TEMPLATE as NEW_PASSWORD

NEW_PASSWORD_AGE = timedelta(days=1)
"""A new password that could not be sent for that long surprises more than it helps."""

OF_ACCOUNTS: Mapping[str, Callable[[Row, datetime], bool]] = {
    "account_closed": lambda row, at: row["erasure_at"] is None,
    "account_restored": lambda row, at: row["erasure_at"] is not None,
    "data_export_ready": lambda row, at: row["expires_at"] is None or row["expires_at"] <= at,
}

STANDING = ("appointment_booked", "appointment_moved")
"""Mails that say that there is an appointment."""


def is_overtaken(row: Row, at: datetime) -> bool:
    """Whether the mail (a row of `jobs.facts.read_row`) is not to be sent any more, at this instant."""
    if row["template"] in OF_ACCOUNTS:
        return OF_ACCOUNTS[row["template"]](row, at)
    if row["template"] == NEW_PASSWORD:
        asked_at: datetime = row["created_at"]
        return asked_at < at - NEW_PASSWORD_AGE or not row["to_the_account"]
    if row["appointment_id"] is None:
        return False
    is_confirmed = row["appointment_state"] == "CONFIRMED"
    if row["template"] == REMINDER:
        # The one that the appointment names: moved to another day or reminded elsewhere, it names another or none.
        is_the_one = row["reminder_sent_at"] == row["created_at"]
        return not (is_confirmed and is_the_one and row["appointment_start"] > at)
    return row["told_later"] or (row["template"] in STANDING and not is_confirmed)


async def forget(row: Row) -> None:
    """Deletes the mail. An appointment whose reminder it was has not been reminded of."""
    await execute(
        "UPDATE appointment SET reminder_sent_at = NULL WHERE id = $1 AND reminder_sent_at = $2 AND $3 = $4",
        row["appointment_id"],
        row["created_at"],
        row["template"],
        REMINDER,
    )
    await execute("DELETE FROM mail WHERE id = $1", row["mail_id"])
