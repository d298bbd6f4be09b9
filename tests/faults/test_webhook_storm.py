"""Many events, each delivered three times and in any order, as at-least-once over several ways may: to a receiver that
does what Standard Webhooks asks of it, nothing is lost and nothing has its effect twice.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from core.settings import Settings, get_settings
from jobs.webhooks import call_webhook
from models.database import fetch
from models.ids import encode
from models.webhooks import Webhook
from tests.factories import make_partner, make_procedure, make_request, make_webhook
from tests.webhook_receiver import Delivery, receiving

TIMES = 3
AT_ONCE = 20


class Books:
    """What a receiver keeps: an event and its effect in one transaction, by the event's id; or it is careless."""

    def __init__(self, path: Path) -> None:
        self.careless = False
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("CREATE TABLE told (id TEXT PRIMARY KEY)")
        self._database.execute("CREATE TABLE tally (request TEXT PRIMARY KEY, events INT NOT NULL)")

    def take(self, delivery: Delivery) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        new = self._database.execute("INSERT OR IGNORE INTO told VALUES (?)", (delivery.id,)).rowcount
        if new or self.careless:
            self._database.execute(
                "INSERT INTO tally VALUES (?, 1) ON CONFLICT (request) DO UPDATE SET events = events + 1",
                (delivery.request,),
            )
        self._database.execute("COMMIT")

    def tally(self) -> dict[str, int]:
        return dict(self._database.execute("SELECT request, events FROM tally"))

    def close(self) -> None:
        self._database.close()


@pytest.fixture(autouse=True)
def receivers_are_here(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPACE_OUTGOING_ALLOWED_HOSTS", "127.0.0.1")
    get_settings.cache_clear()


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path / "receiver.sqlite")
    yield books
    books.close()


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("requests", "events_each"), [(20, 20), pytest.param(500, 20, marks=pytest.mark.soak)]
)
async def test_delivered_three_times_and_shuffled(
    requests: int,
    events_each: int,
    database: Settings,
    books: Books,
) -> None:
    expected = await _happen(requests, events_each)
    await _storm(books, requests * events_each)
    assert books.tally() == expected


async def test_a_careless_receiver_is_seen(database: Settings, books: Books) -> None:
    """The test above sees what it is about."""
    expected = await _happen(3, 3)
    books.careless = True
    await _storm(books, 9)
    assert books.tally() == {request: TIMES * events for request, events in expected.items()}


async def _storm(books: Books, events: int) -> None:
    """Has the job tell one receiver everything; delivers what that got three times, in any order, to the other."""
    async with receiving() as first:
        webhook = await make_webhook(await make_partner(), url=first.url)
        while not await _is_up_to_date(webhook):
            await call_webhook(str(webhook.id))
        told = first.taken
    assert len({delivery.id for delivery in told}) == events
    again = told * TIMES
    random.shuffle(again)

    def decide(delivery: Delivery) -> int:
        books.take(delivery)
        return 204

    async with receiving(decide=decide) as second:
        await _deliver(again, second.url)
    assert len(second.deliveries) >= TIMES * events


async def _happen(requests: int, events_each: int) -> dict[str, int]:
    procedure = await make_procedure()
    made = [await make_request(procedure) for _ in range(requests)]
    for _ in range(events_each):
        await fetch(
            "INSERT INTO request_event (id, kind, request_id, actor, data, occurred_at) "
            "SELECT gen_random_uuid(), 'RequestClaimed', id, 'CITIZEN', '{}', now() "
            "FROM unnest($1::uuid[]) AS id",
            [request.id for request in made],
        )
    return {encode("ServiceRequest", request.id): events_each for request in made}


async def _is_up_to_date(webhook: Webhook) -> bool:
    (row,) = await fetch(
        "SELECT position = (SELECT max(position) FROM request_event) AS done FROM webhook WHERE id = $1",
        webhook.id,
    )
    done: bool = row["done"]
    return done


async def _deliver(deliveries: list[Delivery], url: str) -> None:
    """Sends them as they were signed, several at once."""
    waiting = iter(deliveries)

    async def send(client: httpx.AsyncClient) -> None:
        for delivery in waiting:
            sent = {name: delivery.headers[name] for name in delivery.headers if name.startswith("webhook-")}
            response = await client.post(url, content=delivery.body, headers={**sent, "connection": "close"})
            assert response.status_code == 204

    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_keepalive_connections=0)) as client:
        await asyncio.gather(*(send(client) for _ in range(AT_ONCE)))
