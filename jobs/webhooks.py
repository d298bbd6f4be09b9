"""Telling one webhook what has happened: its row is the job, its cursor what is done (docs/decisions/0017).

Events go out in the order of the log, those of one request one after the other, those of several side by side. A
request whose event is not taken gets a block: its events wait and are tried again, the cursor goes on. Where nothing at
all is taken any more, one call now and then finds out whether that has changed.

Whoever is at it holds the row for a moment and prolongs that. What was taken is written down after some events
together: killed before, the worker's successor sends those again, under the same ids.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import TypeVar
from uuid import UUID

import orjson

from core.clock import now
from core.errors import UnavailableError
from core.i18n import Text
from core.keys import unseal
from core.outgoing import OutgoingError, call
from core.tasks import end_tasks
from core.webhook_signatures import signed_headers
from models.actors import PartnerActor
from models.database import Row, execute, fetch, fetch_one, transaction
from models.ids import decode_as, new_id
from models.statement import Statement
from models.webhooks import SECRET_SEAL, URL_SEAL
from resolvers.event_tail import head
from resolvers.partner_tokens import partner_actor
from resolvers.reading.pages import decode_cursor
from resolvers.webhook_payloads import payload, read_payloads
from resolvers.webhooks import pause_webhook

CALL_SECONDS = 10.0
RUN_SECONDS = 20.0
"""After that long a run ends, and others have their turn; what is left is due at once."""

AT_ONCE = 8
"""Requests whose events are on their way together."""

EVENTS_AT_ONCE = 50
BLOCKS_AT_ONCE = 50

OURS_FOR = timedelta(seconds=30)
PROLONGED_EVERY_SECONDS = 8.0

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)
"""Between two attempts at the same event."""

GIVE_UP_AFTER = timedelta(days=3)

DOWN_AFTER = 5
"""After so many attempts in a row that failed, whatever the event, nobody is there."""

LONGEST_PROBE_PAUSE = timedelta(minutes=1)
"""Between two calls that find out whether somebody is there again."""

GONE = 410
"""What a receiver answers that wants nothing more (Standard Webhooks)."""

_NOT_TAKEN = Text(
    fr="L’adresse a répondu {status} au lieu d’un code 2xx.",
    en="The address answered {status} instead of a 2xx code.",
)
_GONE = Text(
    fr="L’adresse a répondu 410 : elle ne veut plus rien recevoir.",
    en="The address answered 410: it wants nothing more.",
)
_LOST = Text(
    fr="L’adresse ou son secret ne peuvent plus être lus : la clé du serveur a changé. Recréez le webhook.",
    en="The address or its secret cannot be read any more: the server’s key has changed. Make the webhook anew.",
)

Told = TypeVar("Told")

logger = logging.getLogger(__name__)

_TAKE = """
UPDATE webhook w SET runs = w.runs + 1, next_attempt_at = now() + $2::interval
FROM partner_token t
WHERE w.id = $1 AND t.id = w.token_id AND t.expires_at > now() AND w.state = 'ACTIVE' AND w.next_attempt_at <= now()
RETURNING w.id, w.runs, w.url_sealed, w.secret_sealed, w.events, w.position, w.failures, w.failing_since,
    CASE WHEN w.previous_secret_until > now() THEN w.previous_secret_sealed END AS previous_secret_sealed,
    t.id AS token_id, t.name, t.scopes, t.procedure_ids
"""

_STILL_OURS = """
SELECT w.id FROM webhook w JOIN partner_token t ON t.id = w.token_id
WHERE w.id = $1 AND w.runs = $2 AND w.state = 'ACTIVE' AND t.expires_at > now()
"""


class _OverError(Exception):
    """The webhook is gone, paused, changed, or somebody else's: this run has nothing more to say."""


@dataclass(slots=True)
class _Block:
    """Where a request is stuck: its next event is the first at `position` or after. Without `id`, a new one."""

    request_id: UUID
    position: int
    id: UUID | None = None
    attempts: int = 0
    failing_since: datetime = field(default_factory=now)
    next_attempt_at: datetime = field(default_factory=now)

    def fail(self, position: int) -> None:
        """The event at `position` was not taken; those before it were."""
        if position != self.position or not self.attempts:
            self.attempts, self.failing_since = 0, now()
        self.position = position
        self.attempts += 1
        self.next_attempt_at = now() + next_pause(self.attempts, LONGEST_PAUSE)


@dataclass(slots=True)
class _Run:
    """One run of the job. `failures`: attempts since the last that was taken."""

    id: UUID
    number: int
    actor: PartnerActor
    url: str
    secrets: list[str]
    events: list[str]
    position: int
    failures: int
    failing_since: datetime | None
    ends_at: float
    delivered: bool = False
    was_down: bool = False
    error: Text | None = None
    gone: bool = False

    def is_down(self) -> bool:
        return self.failures >= DOWN_AFTER

    def is_ending(self) -> bool:
        return self.gone or monotonic() > self.ends_at

    def took(self) -> None:
        self.was_down = self.was_down or self.is_down()
        self.failures, self.failing_since, self.delivered = 0, None, True

    def failed(self, error: Text) -> None:
        self.failures += 1
        self.failing_since = self.failing_since or now()
        self.error = error


async def call_webhook(webhook_id: str) -> None:
    """Tells the webhook what it has not been told yet, if it is due; running this twice tells nothing twice.

    Raises UnavailableError where the database is away.
    """
    id = UUID(webhook_id)
    row = await fetch_one(_TAKE, id, OURS_FOR)
    if row is None:
        return
    run = _begin(row)
    if run is None:
        await pause_webhook(id, row["runs"], _LOST)
        return
    try:
        async with _ours(run):
            while await _go_on(run) and not run.is_ending():
                pass
        await _end(run)
    except _OverError:
        logger.info("webhook %s: run %d is over", id, run.number)


def _begin(row: Row) -> _Run | None:
    try:
        url = unseal(URL_SEAL, bytes(row["url_sealed"])).decode()
        sealed = (row["secret_sealed"], row["previous_secret_sealed"])
        secrets = [unseal(SECRET_SEAL, bytes(one)).decode() for one in sealed if one is not None]
    except ValueError:
        return None
    return _Run(
        id=row["id"],
        number=row["runs"],
        actor=partner_actor({**row, "id": row["token_id"]}, "fr"),
        url=url,
        secrets=secrets,
        events=row["events"],
        position=row["position"],
        failures=row["failures"],
        failing_since=row["failing_since"],
        ends_at=monotonic() + RUN_SECONDS,
    )


async def _go_on(run: _Run) -> bool:
    """One round: what is stuck and due, then what is new. Whether there is more to do at once."""
    if run.is_down():
        # What is new first, since what is stuck may be so for a reason of its own.
        more = await _tell_new(run, 1) or await _tell_stuck(run, 1)
        return more and run.failures == 0
    more_stuck = await _tell_stuck(run, BLOCKS_AT_ONCE)
    more_new = False if run.is_down() or run.is_ending() else await _tell_new(run, EVENTS_AT_ONCE)
    return (more_stuck or more_new) and not run.is_down()


async def _tell_stuck(run: _Run, limit: int) -> bool:
    """Tries the blocks that are due. Whether anything was taken."""
    rows = await fetch(
        "SELECT id, request_id, position, attempts, failing_since FROM webhook_block "
        "WHERE webhook_id = $1 AND next_attempt_at <= now() ORDER BY next_attempt_at LIMIT $2",
        run.id,
        limit,
    )
    blocks = [_Block(**row) for row in rows]
    events, together = 1 if run.is_down() else EVENTS_AT_ONCE, asyncio.Semaphore(AT_ONCE)

    async def tell(block: _Block) -> tuple[_Block, bool]:
        async with together:
            return block, await _tell_block(run, block, events)

    told = await _all([tell(block) for block in blocks])
    if blocks:
        await _write(run, [block for block, done in told if not done], [b.id for b, done in told if done])
    return run.delivered and bool(blocks)


async def _tell_block(run: _Run, block: _Block, limit: int) -> bool:
    """Sends what waits for one request, up to the cursor. Whether all was taken; else the block says from where."""
    statement = Statement()
    condition = (
        f"e.request_id = {statement.bind(block.request_id, 'uuid')} "
        f"AND e.position >= {statement.bind(block.position, 'bigint')} "
        f"AND e.position <= {statement.bind(run.position, 'bigint')} AND {_of_kinds(statement, run)}"
    )
    rows = await read_payloads(run.actor, condition, statement, limit)
    stuck_at, failed = await _send_in_order(run, rows, probing=limit == 1)
    if failed:
        block.fail(stuck_at)
        return False
    if stuck_at or len(rows) == limit:
        block.position = stuck_at or _position(rows[-1]) + 1
        block.attempts, block.next_attempt_at = 0, now()
        return False
    return True


async def _tell_new(run: _Run, limit: int) -> bool:
    """Sends what came after the cursor, and moves it. Whether more may be there."""
    end = await head()
    if end <= run.position:
        return False
    statement = Statement()
    condition = (
        f"e.position > {statement.bind(run.position, 'bigint')} AND e.position <= {statement.bind(end, 'bigint')} "
        f"AND {_of_kinds(statement, run)} AND NOT EXISTS (SELECT 1 FROM webhook_block b "
        f"WHERE b.webhook_id = {statement.bind(run.id, 'uuid')} AND b.request_id = e.request_id)"
    )
    rows = await read_payloads(run.actor, condition, statement, limit)
    by_request: dict[UUID, list[Row]] = {}
    for row in rows:
        by_request.setdefault(_request_of(row), []).append(row)
    probing, together = run.is_down(), asyncio.Semaphore(AT_ONCE)

    async def tell(request_id: UUID, events: list[Row]) -> _Block | None:
        async with together:
            stuck_at, failed = await _send_in_order(run, events, probing=probing)
        if not stuck_at:
            return None
        block = _Block(request_id, stuck_at)
        if failed:
            block.fail(stuck_at)
        return block

    told = await _all([tell(request_id, events) for request_id, events in by_request.items()])
    blocks = [block for block in told if block is not None]
    if probing and blocks:
        # Nobody is there still: it stays new, and stuck is only what was tried before.
        return False
    run.position = _position(rows[-1]) if len(rows) == limit else end
    await _write(run, blocks, [])
    return len(rows) == limit


async def _send_in_order(run: _Run, rows: Sequence[Row], *, probing: bool) -> tuple[int, bool]:
    """Sends events of one request until one is not taken: its position, or 0; and whether it was tried."""
    for row in rows:
        if run.is_ending() or (run.is_down() and not probing):
            return _position(row), False
        if not await _send(run, row):
            return _position(row), True
    return 0, False


async def _send(run: _Run, row: Row) -> bool:
    """Whether the receiver has taken the event. Raises _OverError where this run may send no more."""
    if await fetch_one(_STILL_OURS, run.id, run.number) is None:
        raise _OverError
    body = payload(run.actor, row)
    headers = {"content-type": "application/json", **signed_headers(run.secrets, row["id"], now(), body)}
    try:
        answer = await call(
            "POST", run.url, headers=headers, content=body, seconds=CALL_SECONDS, most_bytes=0
        )
    except OutgoingError as error:
        run.failed(error.text)
        return False
    if 200 <= answer.status < 300:
        run.took()
        return True
    run.gone = run.gone or answer.status == GONE
    run.failed(_GONE if answer.status == GONE else _NOT_TAKEN.format(status=answer.status))
    return False


async def _write(run: _Run, blocks: Sequence[_Block], done: Sequence[UUID | None]) -> None:
    """What was taken, and what is stuck, together. Raises _OverError where the row is not ours any more."""
    async with transaction():
        ours = await execute(
            "UPDATE webhook SET position = $3, failures = $4, failing_since = $5, "
            "last_delivery_at = CASE WHEN $6 THEN now() ELSE last_delivery_at END, "
            "last_error = coalesce($7::jsonb, last_error) WHERE id = $1 AND runs = $2",
            run.id,
            run.number,
            run.position,
            run.failures,
            run.failing_since,
            run.delivered,
            orjson.dumps({"fr": run.error.fr, "en": run.error.en}).decode() if run.error else None,
        )
        if not ours:
            raise _OverError
        if done:
            await execute("DELETE FROM webhook_block WHERE id = ANY($1::uuid[])", list(done))
        for block in blocks:
            await fetch(
                "INSERT INTO webhook_block "
                "(id, webhook_id, request_id, position, attempts, failing_since, next_attempt_at) "
                "SELECT $1, $2, id, $4, $5, $6, $7 FROM service_request WHERE id = $3 "
                "ON CONFLICT (webhook_id, request_id) DO UPDATE SET position = excluded.position, "
                "attempts = excluded.attempts, failing_since = excluded.failing_since, "
                "next_attempt_at = excluded.next_attempt_at",
                block.id or new_id(),
                run.id,
                block.request_id,
                block.position,
                block.attempts,
                block.failing_since,
                block.next_attempt_at,
            )


async def _end(run: _Run) -> None:
    """Gives the row back: due at once, or, where nobody is there, after a pause; for good after three days."""
    await _write(run, [], [])
    if run.error is not None and (run.gone or await _has_failed_too_long(run)):
        await pause_webhook(run.id, run.number, run.error)
        return
    if run.was_down and not run.is_down():
        await execute("UPDATE webhook_block SET next_attempt_at = now() WHERE webhook_id = $1", run.id)
    probe = next_pause(run.failures - DOWN_AFTER + 1, LONGEST_PROBE_PAUSE) if run.is_down() else timedelta()
    await execute(
        "UPDATE webhook w SET next_attempt_at = now() + $3::interval, last_error = CASE WHEN failures = 0 "
        "AND NOT EXISTS (SELECT 1 FROM webhook_block b WHERE b.webhook_id = w.id) THEN NULL ELSE last_error END "
        "WHERE id = $1 AND runs = $2 AND state = 'ACTIVE'",
        run.id,
        run.number,
        probe,
    )
    if run.error is not None:
        logger.warning("webhook %s: %d attempts failed: %s", run.id, run.failures, run.error.en)


async def _has_failed_too_long(run: _Run) -> bool:
    oldest = await fetch_one(
        "SELECT min(failing_since) AS since FROM webhook_block WHERE webhook_id = $1 AND attempts > 0", run.id
    )
    assert oldest is not None
    since = [moment for moment in (run.failing_since, oldest["since"]) if moment is not None]
    return bool(since) and now() - min(since) > GIVE_UP_AFTER


@asynccontextmanager
async def _ours(run: _Run) -> AsyncIterator[None]:
    prolonging = asyncio.create_task(_prolong(run), name="prolong a webhook")
    try:
        yield
    finally:
        await end_tasks([prolonging])


async def _prolong(run: _Run) -> None:
    while True:
        await asyncio.sleep(PROLONGED_EVERY_SECONDS)
        try:
            await execute(
                "UPDATE webhook SET next_attempt_at = now() + $3::interval "
                "WHERE id = $1 AND runs = $2 AND state = 'ACTIVE'",
                run.id,
                run.number,
                OURS_FOR,
            )
        except UnavailableError:
            logger.info("the database is away while webhook %s is told: events may be sent twice", run.id)


async def _all(telling: Iterable[Coroutine[None, None, Told]]) -> list[Told]:
    """All of them, side by side; where one raises, the others end before it is raised."""
    tasks = [asyncio.create_task(one) for one in telling]
    try:
        if tasks:
            await asyncio.wait(tasks)
    finally:
        await end_tasks(tasks)
    return [task.result() for task in tasks]


def _of_kinds(statement: Statement, run: _Run) -> str:
    return f"e.kind = ANY({statement.bind(run.events, 'text[]')})" if run.events else "TRUE"


def _position(row: Row) -> int:
    position: int = decode_cursor(row["cursor"], "bigint")[0]
    return position


def _request_of(row: Row) -> UUID:
    id = decode_as("ServiceRequest", row["request"]["id"])
    assert id is not None
    return id


def next_pause(attempts: int, longest: timedelta) -> timedelta:
    """About 5 s after the first attempt, twice as long each time, at most `longest`; spread by a fifth."""
    pause: timedelta = min(FIRST_PAUSE * 2 ** min(max(attempts - 1, 0), 20), longest)
    return pause * random.uniform(0.8, 1.2)  # noqa: S311
