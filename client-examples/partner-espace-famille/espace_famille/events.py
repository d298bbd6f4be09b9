"""`/webhooks`: what happens to requests at the mairie, as Standard Webhooks.

An event may come more than once, and late: its id makes it one, and a request is what its latest event says.
"""

from __future__ import annotations

import json
import logging
import time
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from espace_famille.following import webhook_secret
from espace_famille.store import Store

MOST_BYTES = 256 * 1024

logger = logging.getLogger(__name__)


async def receive(request: Request) -> Response:
    """2xx once it is kept; whatever else is sent again by the mairie."""
    store: Store = request.app.state.store
    secret = await run_in_threadpool(webhook_secret, store)
    if secret is None:
        return JSONResponse({"error": "NOT_FOLLOWED"}, 404)
    body = await _body(request)
    try:
        event: Any = Webhook(secret).verify(body, dict(request.headers))
    except (WebhookVerificationError, ValueError):
        return JSONResponse({"error": "UNAUTHORIZED"}, 401)
    id = request.headers["webhook-id"]
    try:
        about = str(event["request"]["id"])
    except (TypeError, KeyError):
        return JSONResponse({"error": "MALFORMED"}, 400)
    is_new = await run_in_threadpool(keep, store, id, about, event)
    logger.info("event %s %s", id, "kept" if is_new else "was known")
    return Response(status_code=204)


def keep(store: Store, id: str, request: str, event: dict[str, Any]) -> bool:
    """False where the event was there before."""
    with store.transaction() as work:
        kept = work.execute(
            "INSERT INTO event (id, request, occurred_at, body, received_at) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO NOTHING",
            (id, request, str(event.get("occurredAt", "")), json.dumps(event), time.time()),
        )
        return kept.rowcount == 1


def describe(store: Store) -> str:
    """One line a request: how many events there were, and what the latest of them says."""
    with store.transaction() as work:
        rows = work.execute(
            "SELECT request, count(*) OVER (PARTITION BY request) AS events, body, "
            "row_number() OVER (PARTITION BY request ORDER BY occurred_at DESC, id DESC) AS place "
            "FROM event ORDER BY request"
        ).fetchall()
    return "\n".join(
        f"{row['request']}: {row['events']} events, the latest: {json.loads(row['body']).get('description')}"
        for row in rows
        if row["place"] == 1
    )


async def _body(request: Request) -> bytes:
    """As far as MOST_BYTES: what is longer has no signature that fits."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            return b""
    return body
