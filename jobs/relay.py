"""From the database to the workers: finds the mails that are due and hands their ids to arq.

It looks whenever somebody says that there is mail, and every two seconds all the same: what a wake-up,
Redis or a killed worker lost is found then. Handing an id out twice does no harm (jobs/mail.py).
"""

from __future__ import annotations

import logging
from time import monotonic
from uuid import UUID

from arq.connections import ArqRedis

from core.errors import UnavailableError
from core.event_bus import EventBus
from models.database import fetch

PERIOD_SECONDS = 2.0
MOST_QUEUED = 200
"""While that many jobs wait for a worker, no more are added."""

FORGET_SECONDS = 10.0
"""After that long, a mail still due is handed out again: its job was lost, or waits."""

SEND_MAIL = "send_mail"

logger = logging.getLogger(__name__)


class Relay:
    """One worker process's relay. Other processes may have theirs: they need not know of each other."""

    def __init__(self, queue: ArqRedis) -> None:
        self._queue = queue
        self._handed_out: dict[tuple[UUID, int], float] = {}
        """Mail and attempt, and when: only spares work, and dies with the process."""

    async def run(self, bus: EventBus) -> None:
        """Until it is cancelled. Raises RedisError where Redis is away; waits where the database is."""
        database_is_away = False
        async with bus.listen("mail") as listener:
            while True:
                try:
                    await self.hand_out()
                    database_is_away = False
                except UnavailableError:
                    if not database_is_away:
                        logger.warning("the database is away: mails wait")
                    database_is_away = True
                await listener.wait(PERIOD_SECONDS)

    async def hand_out(self) -> int:
        """Queues a job for each mail that is due and was not handed out just now; returns how many."""
        self._forget()
        room = MOST_QUEUED - await self._queue.zcard(self._queue.default_queue_name)
        if room <= 0:
            return 0
        due = await fetch(
            "SELECT id, attempts FROM mail WHERE state = 'PENDING' AND next_attempt_at <= now() "
            "ORDER BY next_attempt_at LIMIT $1",
            MOST_QUEUED,
        )
        fresh = [mail for mail in due if (mail["id"], mail["attempts"]) not in self._handed_out][:room]
        for mail in fresh:
            # No job id of our own: arq would refuse it for as long as it remembers the one that a killed
            # worker had.
            await self._queue.enqueue_job(SEND_MAIL, str(mail["id"]))
            self._handed_out[mail["id"], mail["attempts"]] = monotonic()
        return len(fresh)

    def _forget(self) -> None:
        oldest = monotonic() - FORGET_SECONDS
        self._handed_out = {mail: at for mail, at in self._handed_out.items() if at > oldest}
