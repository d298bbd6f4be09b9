"""Ending links at the partner: unlinked, replaced, erased with their account, or granted to nobody who kept them."""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from core.errors import PartnerError
from models.database import execute, fetch_one
from resolvers.partner_calls import end_link
from resolvers.partner_links import system_of

OURS_FOR = timedelta(seconds=15)
"""Longer than asking a partner may take: then a worker that was at it is gone."""

FIRST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(hours=6)
GIVE_UP_AFTER = timedelta(days=30)

logger = logging.getLogger(__name__)


async def end_partner_link(reference: str) -> None:
    """Ends one link at its partner if that is due; running this twice ends it once.

    Raises UnavailableError where the database is away.
    """
    id = UUID(reference)
    row = await fetch_one(
        "UPDATE partner_revocation SET attempts = attempts + 1, next_attempt_at = now() + $2::interval "
        "WHERE id = $1 AND next_attempt_at <= now() "
        "RETURNING system_id, attempts, created_at < now() - $3::interval AS is_old",
        id,
        OURS_FOR,
        GIVE_UP_AFTER,
    )
    if row is None:
        return
    system = await system_of(row["system_id"])
    try:
        await end_link(system, id)
    except PartnerError:
        await _again(id, system.slug, row["attempts"], give_up=row["is_old"])
    else:
        await execute("DELETE FROM partner_revocation WHERE id = $1", id)


async def _again(id: UUID, system: str, attempts: int, *, give_up: bool) -> None:
    pause = min(FIRST_PAUSE * 2 ** min(attempts - 1, 20), LONGEST_PAUSE)
    await execute(
        "UPDATE partner_revocation SET next_attempt_at = now() + $2::interval WHERE id = $1",
        id,
        None if give_up else pause,
    )
    if give_up:
        logger.error("link %s is given up: %s has not ended it at attempt %d", id, system, attempts)
