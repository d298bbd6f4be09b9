"""Tells the mairie that a link has ended here: a Standard Webhook, sent until it is taken. The row is the job."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from datetime import UTC, datetime
from typing import Any

import httpx
from standardwebhooks import Webhook
from starlette.concurrency import run_in_threadpool

from espace_famille.settings import Settings
from espace_famille.store import Store

LOOK_EVERY_SECONDS = 5.0
ANSWER_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Telling:
    """Runs beside the application, for as long as it does."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is something to tell."""
        self._woken.set()

    async def run(self) -> None:
        while True:
            for link in await run_in_threadpool(self._due):
                try:
                    await self._tell(link)
                except httpx.HTTPError as error:
                    logger.warning("the mairie cannot be told (%s): again later", type(error).__name__)
                    break
            try:
                async with asyncio.timeout(LOOK_EVERY_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                pass
            self._woken.clear()

    async def _tell(self, link: dict[str, Any]) -> None:
        at = datetime.now(UTC)
        body = json.dumps(
            {
                "type": "link.ended",
                "timestamp": datetime.fromtimestamp(link["ended_at"], UTC).isoformat(),
                "data": {"link": link["reference"], "state": link["ended_as"]},
            }
        )
        id = f"link-ended-{link['reference']}"  # The same each time, so that it is known again.
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
            response = await client.post(
                f"{self._settings.mairie}/partners/{self._settings.slug}/events",
                content=body,
                headers={
                    "Content-Type": "application/json",
                    "webhook-id": id,
                    "webhook-timestamp": str(int(at.timestamp())),
                    "webhook-signature": Webhook(self._settings.secret).sign(id, at, body),
                },
            )
            response.raise_for_status()
        await run_in_threadpool(self._told, link["reference"])

    def _due(self) -> list[dict[str, Any]]:
        with self._store.transaction() as work:
            rows = work.execute(
                "SELECT reference, ended_at, ended_as FROM link WHERE to_be_told AND ended_at <= ? "
                "ORDER BY ended_at LIMIT 100",
                (time.time(),),
            )
            return [dict(row) for row in rows]

    def _told(self, reference: str) -> None:
        with self._store.transaction() as work:
            work.execute("UPDATE link SET to_be_told = 0 WHERE reference = ?", (reference,))
