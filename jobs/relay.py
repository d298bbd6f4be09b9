"""From the database to the workers: finds the rows that are due and hands their ids to arq, a queue for each kind.

It looks whenever somebody says that there is something, and every two seconds all the same: what a wake-up, Redis or
a killed worker lost is found then. Handing an id out twice does no harm (docs/decisions/0004).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from arq.connections import ArqRedis

from core.errors import UnavailableError
from core.event_bus import EventBus, Kind
from core.tasks import end_tasks
from models.database import fetch
from models.reminders import IS_DUE

PERIOD_SECONDS = 2.0
MOST_QUEUED = 200
"""While that many jobs of a kind wait for a worker, no more of it are added."""

FORGET_SECONDS = 10.0
"""After that long, a row still due is handed out again: its job was lost, or waits."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """Where jobs of one kind come from.

    `due`: a statement for the `id` and the number of `attempts` of rows that are due, the longest due first, at most
    $1. `channel`: who is woken there looks at once. `queue`: the kind's own, so that no other kind is in its way.
    """

    job: str
    channel: Kind
    queue: str
    due: str


MAIL = Source(
    "send_mail",
    "mail",
    "espace:jobs",
    "SELECT id, attempts FROM mail WHERE state = 'PENDING' AND next_attempt_at <= now() "
    "ORDER BY next_attempt_at LIMIT $1",
)
SCANS = Source(
    "scan_file",
    "files",
    "espace:scans",
    "SELECT id, scan_attempts AS attempts FROM file WHERE next_scan_at <= now() ORDER BY next_scan_at LIMIT $1",
)
PREVIEWS = Source(
    "draw_preview_of",
    "files",
    "espace:previews",
    "SELECT id, preview_attempts AS attempts FROM file WHERE next_preview_at <= now() "
    "ORDER BY next_preview_at LIMIT $1",
)
RECEIPTS = Source(
    "make_receipt",
    "files",
    "espace:receipts",
    "SELECT id, attempts FROM receipt WHERE next_attempt_at <= now() ORDER BY next_attempt_at LIMIT $1",
)
REMINDERS = Source(
    "remind",
    "reminders",
    "espace:reminders",
    # Nothing fails and is tried again here: a row that is due anew has another sequence, or waits some seconds.
    "SELECT a.id, a.sequence AS attempts FROM appointment a JOIN slot s ON s.id = a.slot_id "
    f"WHERE {IS_DUE.format(at='now()')} ORDER BY a.reminder_at LIMIT $1",
)
CAPTCHA_AUDIO = Source(
    "speak_captcha",
    "captchas",
    "espace:captchas",
    "SELECT id, attempts FROM captcha_audio WHERE next_attempt_at <= now() AND expires_at > now() "
    "ORDER BY next_attempt_at LIMIT $1",
)
WEBHOOKS = Source(
    "call_webhook",
    "events",
    "espace:webhooks",
    # Each run has a number of its own: whoever ends one may be due again at once.
    "SELECT w.id, w.runs AS attempts FROM webhook w JOIN partner_token t ON t.id = w.token_id "
    "WHERE w.state = 'ACTIVE' AND w.next_attempt_at <= now() AND t.expires_at > now() "
    "AND (w.position < (SELECT coalesce(max(position), 0) FROM request_event) OR EXISTS ("
    "SELECT 1 FROM webhook_block b WHERE b.webhook_id = w.id AND b.next_attempt_at <= now())) "
    "ORDER BY w.next_attempt_at LIMIT $1",
)
NEW_PASSWORDS = Source(
    "answer_new_password",
    # Nobody is woken when one is asked for: it is due a little later (resolvers/new_passwords.py).
    "mail",
    "espace:passwords",
    "SELECT id, 0 AS attempts FROM new_password_request WHERE due_at <= now() ORDER BY due_at LIMIT $1",
)
PARTNER_LINKS = Source(
    "end_partner_link",
    "partners",
    "espace:partners",
    "SELECT id, attempts FROM partner_revocation WHERE next_attempt_at <= now() ORDER BY next_attempt_at LIMIT $1",
)
EXPORTS = Source(
    "make_export",
    "exports",
    "espace:exports",
    "SELECT id, attempts FROM data_export WHERE next_attempt_at <= now() ORDER BY next_attempt_at LIMIT $1",
)
SOURCES = (
    MAIL,
    SCANS,
    PREVIEWS,
    RECEIPTS,
    REMINDERS,
    CAPTCHA_AUDIO,
    WEBHOOKS,
    NEW_PASSWORDS,
    PARTNER_LINKS,
    EXPORTS,
)


class Relay:
    """One worker process's relay. Other processes may have theirs: they need not know of each other."""

    def __init__(self, queue: ArqRedis) -> None:
        self._queue = queue
        self._handed_out: dict[tuple[str, UUID, int], float] = {}
        """Kind, row and attempt, and when: only spares work, and dies with the process."""

    async def run(self, bus: EventBus) -> None:
        """Until it is cancelled. Raises RedisError where Redis is away; waits where the database is."""
        channels = list(dict.fromkeys(source.channel for source in SOURCES))
        serving = [
            asyncio.create_task(self._serve(bus, channel), name=f"relay: {channel}") for channel in channels
        ]
        try:
            # Each channel on its own, so that what is slow for one keeps no other waiting.
            await asyncio.gather(*serving)
        finally:
            await end_tasks(serving)

    async def _serve(self, bus: EventBus, channel: Kind) -> None:
        sources = [source for source in SOURCES if source.channel == channel]
        database_is_away = False
        async with bus.listen(channel) as listener:
            while True:
                try:
                    await self.hand_out(sources)
                    database_is_away = False
                except UnavailableError:
                    if not database_is_away:
                        logger.warning("the database is away: %s wait", channel)
                    database_is_away = True
                await listener.wait(PERIOD_SECONDS)

    async def hand_out(self, sources: Sequence[Source] = SOURCES) -> int:
        """Queues a job for each row that is due and was not handed out just now; returns how many."""
        self._forget()
        return sum([await self._hand_out(source) for source in sources])

    async def _hand_out(self, source: Source) -> int:
        room = MOST_QUEUED - await self._queue.zcard(source.queue)
        if room <= 0:
            return 0
        due = [(source.job, row["id"], row["attempts"]) for row in await fetch(source.due, MOST_QUEUED)]
        fresh = [key for key in due if key not in self._handed_out][:room]
        for key in fresh:
            # No job id of our own: arq would refuse it for as long as it remembers the one that a killed
            # worker had.
            await self._queue.enqueue_job(source.job, str(key[1]), _queue_name=source.queue)
            self._handed_out[key] = monotonic()
        return len(fresh)

    def _forget(self) -> None:
        oldest = monotonic() - FORGET_SECONDS
        self._handed_out = {key: at for key, at in self._handed_out.items() if at > oldest}
