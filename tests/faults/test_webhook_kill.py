"""`kill -9` of a worker at any moment: every event is told, in the order of its request; some are told once more."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.settings import Settings
from models.events import RequestEvent
from models.ids import encode
from models.webhooks import Webhook
from tests.factories import make_event, make_partner, make_procedure, make_request, make_webhook
from tests.stack import Command
from tests.webhook_receiver import Receiver, receiving

KILLS = 6
REQUESTS = 12
EVENTS_EACH = 20
RECOVERY_SECONDS = 80.0
"""A killed worker's run is taken up by its successor after 30 s (jobs/webhooks.py, OURS_FOR)."""


def _worker(settings: Settings, folder: Path) -> Command:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ESPACE_")},
        "ESPACE_DATA": str(settings.data),
        "ESPACE_DATABASE_URL": settings.database_url or "",
        "ESPACE_REDIS_URL": settings.redis_url or "",
        "ESPACE_SECRET_KEY": settings.secret_key.get_secret_value(),
        "ESPACE_CAPTCHA_AUDIO_STOCK": "0",
        "ESPACE_OUTGOING_ALLOWED_HOSTS": "127.0.0.1",
    }
    return Command(["worker"], environment, folder / "worker.log")


@asynccontextmanager
async def _running(worker: Command) -> AsyncIterator[None]:
    await worker.start()
    try:
        yield
    finally:
        if worker.running:
            worker.kill()


@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_killed_at_random_moments(database: Settings, tmp_path: Path) -> None:
    procedure, partner = await make_procedure(), await make_partner()
    requests = [await make_request(procedure) for _ in range(REQUESTS)]
    for _ in range(EVENTS_EACH):
        for request in requests:
            await make_event(request)
    worker = _worker(database, tmp_path)
    async with receiving(seconds=0.02) as receiver:
        webhook = await make_webhook(partner, url=receiver.url)
        wanted, cut_short = REQUESTS * EVENTS_EACH, 0
        for _ in range(KILLS):
            async with _running(worker):
                await _until_more(receiver, len(receiver.deliveries) + 1)
                await asyncio.sleep(random.uniform(0, 0.3))
            cut_short += len(set(receiver.ids())) < wanted
            # Nobody waits here for the hold to run out that whoever was killed has left on the row.
            await Webhook.filter(id=webhook.id).update(next_attempt_at=webhook.created_at)
            if len(set(receiver.ids())) == wanted:
                break
        assert cut_short
        async with _running(worker):
            await _until_more(receiver, 0, wanted)

    log = await RequestEvent.all().order_by("position")
    for request in requests:
        of_it = [encode("RequestEvent", event.id) for event in log if event.request_id == request.id]
        told = [d.id for d in receiver.taken if d.request == encode("ServiceRequest", request.id)]
        # None came before an earlier one had come, however often each came.
        assert list(dict.fromkeys(told)) == of_it


async def _until_more(receiver: Receiver, deliveries: int, different: int = 0) -> None:
    """Waits for so many deliveries, of so many events."""
    deadline = time.monotonic() + RECOVERY_SECONDS
    while len(receiver.deliveries) < deliveries or len(set(receiver.ids())) < different:
        assert time.monotonic() < deadline, len(receiver.deliveries)
        await asyncio.sleep(0.02)
