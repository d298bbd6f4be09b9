"""Erasing what is due: accounts whose grace is over, requests that were kept long enough. Every hour."""

from __future__ import annotations

import logging

from resolvers.erasure import due_accounts, erase_account, erase_closed_requests

logger = logging.getLogger(__name__)


async def erase() -> None:
    """Erases what is due; running this twice, or at once, erases once. Broken off anywhere, the next run goes on.

    Raises UnavailableError where the database is away. What keeps one account from being erased keeps no other.
    """
    await _erase_accounts()
    erased = gone = await erase_closed_requests()
    while gone:
        gone = await erase_closed_requests()
        erased += gone
    if erased:
        logger.info("%d closed requests erased: they were kept as long as their procedures say", erased)


async def _erase_accounts() -> None:
    failures = []
    for id in await due_accounts():
        try:
            if await erase_account(id):
                logger.info("account %s erased", id)
        except Exception as error:  # noqa: BLE001 -- raised again below, once the others had their turn
            logger.error("account %s cannot be erased: %s", id, type(error).__name__)
            failures.append(error)
    if failures:
        raise failures[0]
