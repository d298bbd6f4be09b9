"""Sending one mail: its row is the job, and its lock is the right to send it.

The row stays locked while the mail server is spoken to. So two workers never send the same mail, and a
worker that is killed frees it at once: PostgreSQL ends the transaction with the connection.

A mail that time has overtaken is not sent: its row is deleted (`jobs/overtaken.py`).

Killed before the server's 250, the mail is sent again. Killed between the 250 and our commit, it is sent
once more with the same Message-ID: that much no protocol can spare (RFC 1047).
"""

from __future__ import annotations

import asyncio
import logging
import random
import traceback
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from uuid import UUID

from core.clock import now
from core.settings import get_settings
from jobs.delivery import DeliveryError, DeliveryRefusedError, converse
from jobs.facts import facts_of, read_row
from jobs.message import compose
from jobs.overtaken import forget, is_overtaken
from jobs.rendering import render
from models.database import Row, execute, fetch, fetch_one, transaction
from models.temporary_password import TEMPLATE as NEW_PASSWORD
from resolvers.new_passwords import begin_lifetime

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(hours=48)
ERROR_LENGTH = 500
IDLE_LIMIT = "60s"
"""PostgreSQL takes the lock back after that long from a worker whose machine is gone."""

logger = logging.getLogger(__name__)

_one_at_a_time = asyncio.Lock()
"""So that a process that is killed leaves one mail at most in doubt. For more mails a second: more workers."""

_handed_over: dict[UUID, datetime] = {}
"""When the server took mails while our commit failed (PostgreSQL restarted): to be marked, not sent again."""


async def send_mail(mail_id: str) -> None:
    """Sends the mail if it is due and nobody else is at it; running this twice sends it once.

    The row ends as SENT, as PARKED with the reason, or PENDING again with the time of the next attempt.
    Raises UnavailableError where the database is away.
    """
    id = UUID(mail_id)
    async with AsyncExitStack() as afterwards:
        # The conversation is entered inside the transaction, and left after its commit.
        async with _one_at_a_time, transaction():
            mail = await _lock(id)
            if mail is None:
                return
            if id not in _handed_over:
                row = await read_row(id)
                if is_overtaken(row, now()):
                    await forget(row)
                    logger.info("mail %s (%s) dropped: time has overtaken it", id, mail["template"])
                    return
                try:
                    await _hand_over(mail, row, afterwards)
                except DeliveryError as error:
                    await _note_failure(mail, error)
                    return
                _handed_over[id] = now()
            if mail["template"] == NEW_PASSWORD:
                await begin_lifetime(id, _handed_over[id])
            await execute(
                "UPDATE mail SET state = 'SENT', sent_at = now(), last_error = NULL WHERE id = $1", id
            )
        _handed_over.pop(id, None)
        logger.info("mail %s (%s) sent at attempt %d", id, mail["template"], mail["attempts"] + 1)


async def _lock(id: UUID) -> Row | None:
    """The mail, ours until the transaction ends; None where it is not due, or somebody else's."""
    await fetch("SELECT set_config('idle_in_transaction_session_timeout', $1, true)", IDLE_LIMIT)
    return await fetch_one(
        "SELECT id, template, recipient, language, attempts, message_id, created_at FROM mail "
        "WHERE id = $1 AND state = 'PENDING' AND next_attempt_at <= now() FOR UPDATE SKIP LOCKED",
        id,
    )


async def _hand_over(mail: Row, row: Row, afterwards: AsyncExitStack) -> None:
    """Returns once the server has taken the mail. Raises DeliveryError."""
    settings = get_settings()
    message = _compose(mail, row, settings.mail_from)
    conversation = await afterwards.enter_async_context(
        converse(settings.smtp_url, sender=settings.mail_from)
    )
    await conversation.hand_over(mail["recipient"], message)


def _compose(mail: Row, row: Row, sender: str) -> bytes:
    try:
        return compose(
            render(facts_of(row)),
            sender=sender,
            recipient=mail["recipient"],
            message_id=mail["message_id"],
            language=mail["language"],
            written_at=mail["created_at"],
        )
    except Exception as error:
        # Whatever it is, it would be the same at every attempt. Its message may name somebody: only where it was.
        frame = traceback.extract_tb(error.__traceback__)[-1]
        logger.error("mail %s cannot be written, see %s:%d", mail["id"], frame.filename, frame.lineno or 0)
        raise DeliveryRefusedError(f"cannot be written: {type(error).__name__}") from error


async def _note_failure(mail: Row, error: DeliveryError) -> None:
    attempts = mail["attempts"] + 1
    next_attempt_at = next_attempt(attempts, created_at=mail["created_at"], at=now())
    is_over = isinstance(error, DeliveryRefusedError) or next_attempt_at is None
    await execute(
        "UPDATE mail SET state = $2, attempts = $3, next_attempt_at = coalesce($4, next_attempt_at), last_error = $5 "
        "WHERE id = $1",
        mail["id"],
        "PARKED" if is_over else "PENDING",
        attempts,
        next_attempt_at,
        _printable(error.reason),
    )
    # The server's words may name the recipient: they stay in the row.
    logger.warning(
        "mail %s (%s) %s after attempt %d: %s",
        mail["id"],
        mail["template"],
        "parked" if is_over else "postponed",
        attempts,
        error.code or type(error.__cause__ or error).__name__,
    )


def next_attempt(attempts: int, *, created_at: datetime, at: datetime) -> datetime | None:
    """When to try again after that many attempts; None once 48 hours have passed.

    About 5 s after the first, twice as long each time, at most 4 h; spread by a fifth, so that what failed
    together does not come back together. The last attempt is at the end of the 48 hours.
    """
    end = created_at + GIVE_UP_AFTER
    if at >= end:
        return None
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(attempts - 1, 20), LONGEST_PAUSE)
    return min(at + pause * random.uniform(0.8, 1.2), end)  # noqa: S311


def _printable(reason: str) -> str:
    return "".join(character if character.isprintable() else " " for character in reason)[:ERROR_LENGTH]
