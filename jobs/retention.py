"""Taking away what nobody needs any more, most of all what strangers can make grow."""

from __future__ import annotations

import logging
from datetime import timedelta

from core.clock import now
from models.database import execute, fetch, transaction

VISITOR_DRAFT = timedelta(days=30)
"""A draft that no account holds, untouched for that long. Its ticket was shown, but never mailed."""

SENT_MAIL = timedelta(days=90)
PARKED_MAIL = timedelta(days=365)
"""Agents have seen it by then, or nobody will."""

EXPIRED_TOKEN = timedelta(days=90)

NEW_PASSWORD_REQUEST = timedelta(days=1)
"""Workers answer within seconds: after that long, whoever asked has asked again, or remembered."""

CAPTCHA = timedelta(hours=1)
HOLD = timedelta(hours=1)
"""After having run out. Whoever wants the place takes it long before; this only has slots forget who held them."""

SECURITY_EVENT = timedelta(days=365)
"""CNIL, recommendation 2021-122 of 14 October 2021 on logging: six months to a year."""

OFFERED_FACTOR = timedelta(days=1)
"""An enrolment that was never confirmed."""

AT_ONCE = 1_000
"""Rows a statement takes away, so that none lasts. Strangers can make more than that between two runs."""

_SWEEPS = (
    (
        "service_request",
        "status = 'DRAFT' AND account_id IS NULL AND updated_at < now() - $1::interval",
        VISITOR_DRAFT,
    ),
    ("session", "expires_at < now() - $1::interval", timedelta()),
    ("temporary_password", "expires_at < now() - $1::interval", timedelta()),
    ("new_password_request", "created_at < now() - $1::interval", NEW_PASSWORD_REQUEST),
    ("captcha", "expires_at < now() - $1::interval", CAPTCHA),
    ("mail", "state = 'SENT' AND sent_at < now() - $1::interval", SENT_MAIL),
    ("pending_identity", "expires_at < now() - $1::interval", timedelta()),
    ("spent_login", "expires_at < now() - $1::interval", timedelta()),
    ("limit_count", "expires_at < now() - $1::interval", timedelta()),
    # Administrators have seen by then that it has run out; its webhooks go with it.
    ("partner_token", "expires_at < now() - $1::interval", EXPIRED_TOKEN),
    ("security_event", "created_at < now() - $1::interval", SECURITY_EVENT),
    ("second_factor", "confirmed_at IS NULL AND offered_at < now() - $1::interval", OFFERED_FACTOR),
    ("mail", "state = 'PARKED' AND created_at < now() - $1::interval", PARKED_MAIL),
)

logger = logging.getLogger(__name__)


async def sweep() -> None:
    """Forgotten holds and drafts, ended sessions, old captchas, old mail, what was counted long ago, tokens of partners
    that ran out long ago, what happened to accesses a year ago.

    Running it twice takes nothing more away.
    """
    # Before drafts, which give back no place then: nobody who books there waits for them.
    await _sweep_holds()
    for table, condition, age in _SWEEPS:
        statement = (
            f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {condition} LIMIT {AT_ONCE} "
            "FOR UPDATE SKIP LOCKED)"
        )
        swept = gone = await execute(statement, age)
        while gone == AT_ONCE:
            gone = await execute(statement, age)
            swept += gone
        if swept:
            logger.info("%d rows of %s swept", swept, table)


async def _sweep_holds() -> None:
    """Holds that ran out long ago take no place any more. Their drafts stay: submitting finds a place again, or not."""
    swept, before = 0, now() - HOLD
    while True:
        async with transaction():
            # Slots before appointments, as whoever books locks them (resolvers/booking.py).
            slots = await fetch(
                "SELECT id FROM slot WHERE id IN (SELECT slot_id FROM appointment WHERE state = 'HELD' AND counts "
                "AND held_until < $1 LIMIT $2) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED",
                before,
                AT_ONCE,
            )
            gone = await execute(
                "UPDATE appointment SET counts = false "
                "WHERE slot_id = ANY($1::uuid[]) AND state = 'HELD' AND counts AND held_until < $2",
                [slot["id"] for slot in slots],
                before,
            )
        swept += gone
        if not gone:
            break
    if swept:
        logger.info("%d holds swept", swept)
