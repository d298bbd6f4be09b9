"""What is erased, and what is left: of accounts whose grace is over, and of requests that were kept long enough.

**Of an account**, everything that hangs on its row goes with it: foreign keys say so (ON DELETE CASCADE), and a test
sees that whoever adds a table says it, too. What has to be done before that is one of STEPS. What was sent to the
mairie is an administrative file, which the law has it keep: it is detached from the account, with its contact in it.

**Of a request** that has been closed for as long as its procedure says, everything goes: contact, answers, exchanges,
pieces, appointments, history, mail and the row itself. A figure is left: that there was one, of which procedure, and
how it ended (models/figures.py).

Both are done in small transactions, each of which may be the last: what is due and still there is found again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from core.settings import get_settings
from models.database import execute, fetch, fetch_json

REQUESTS_AT_ONCE = 50
"""With all that hangs on them, so that no statement lasts."""

DETACHED_AT_ONCE = 500
DOCUMENTS_AT_ONCE = 200

Step = Callable[[UUID], Awaitable[int]]
"""Does some of it for the account of this id; how much. Called until there is nothing left to do."""


async def due_accounts() -> list[UUID]:
    """Closed accounts whose grace is over, the longest first. From now on nothing restores them."""
    rows = await fetch("SELECT id FROM account WHERE erasure_at <= now() ORDER BY erasure_at, id")
    return [row["id"] for row in rows]


async def erase_account(id: UUID) -> bool:
    """Erases an account that is due; whether it did. Broken off, it goes on where it was when it is called again."""
    for step in STEPS:
        while await step(id):
            pass
    return bool(await execute(f"DELETE FROM account WHERE id = $1 AND {_IS_DUE}", id))


_IS_DUE = "erasure_at <= now()"


async def _drop_drafts(id: UUID) -> int:
    """What was never sent is nobody's but the citizen's."""
    return await execute(
        "DELETE FROM service_request WHERE id IN ("
        "SELECT r.id FROM service_request r JOIN account a ON a.id = r.account_id "
        f"WHERE a.id = $1 AND a.{_IS_DUE} AND r.status = 'DRAFT' LIMIT {REQUESTS_AT_ONCE}) AND status = 'DRAFT'",
        id,
    )


async def _detach_requests(id: UUID) -> int:
    """They stay as they are, in no account: their tickets open them, and could attach them to another one."""
    return await execute(
        "UPDATE service_request SET account_id = NULL WHERE id IN ("
        "SELECT r.id FROM service_request r JOIN account a ON a.id = r.account_id "
        f"WHERE a.id = $1 AND a.{_IS_DUE} AND r.status <> 'DRAFT' LIMIT {DETACHED_AT_ONCE})",
        id,
    )


async def _empty_storage(id: UUID) -> int:
    """Their bytes go with the sweep of files, unless a request holds a copy."""
    return await execute(
        "DELETE FROM stored_document WHERE id IN ("
        "SELECT d.id FROM stored_document d JOIN account a ON a.id = d.account_id "
        f"WHERE a.id = $1 AND a.{_IS_DUE} LIMIT {DOCUMENTS_AT_ONCE})",
        id,
    )


STEPS: tuple[Step, ...] = (_drop_drafts, _detach_requests, _empty_storage)
"""What foreign keys do not do by themselves, or not in small pieces. An area that keeps something of an account
elsewhere (a token at a partner's, say) adds its own."""


async def erase_closed_requests() -> int:
    """Erases some requests that were closed, and not spoken of since, for as long as their procedure says; how many.

    One that has an appointment to come is not over. The figures and the erasure are one statement: all or nothing.
    """
    erased: int = await fetch_json(
        f"""
        WITH due AS (
            SELECT r.id FROM procedure p
            CROSS JOIN LATERAL (
                SELECT now() - make_interval(months => coalesce(p.retention_months, $1)) AS before
            ) t
            JOIN service_request r ON r.procedure_id = p.id AND r.closed_at < t.before
            WHERE NOT EXISTS (SELECT 1 FROM exchange x WHERE x.request_id = r.id AND x.posted_at >= t.before)
            AND NOT EXISTS (
                SELECT 1 FROM appointment a JOIN slot s ON s.id = a.slot_id
                WHERE a.request_id = r.id AND a.state = 'CONFIRMED' AND s."end" >= t.before
            )
            ORDER BY r.id LIMIT {REQUESTS_AT_ONCE} FOR UPDATE OF r SKIP LOCKED
        ), erased AS (
            DELETE FROM service_request r USING due WHERE r.id = due.id
            RETURNING r.procedure_id, r.status, r.submitted_at, r.closed_at
        ), counted AS (
            INSERT INTO erased_request_figure AS f (id, procedure_id, status, submitted_on, closed_on, requests)
            SELECT gen_random_uuid(), e.procedure_id, e.status,
                   (e.submitted_at AT TIME ZONE coalesce(m.timezone, 'Europe/Paris'))::date,
                   (e.closed_at AT TIME ZONE coalesce(m.timezone, 'Europe/Paris'))::date, count(*)
            FROM erased e LEFT JOIN municipality m ON true GROUP BY 2, 3, 4, 5
            ON CONFLICT (procedure_id, status, submitted_on, closed_on)
            DO UPDATE SET requests = f.requests + excluded.requests
        )
        SELECT to_json(count(*)) FROM erased
        """,
        get_settings().request_retention_months,
    )
    return erased
