"""Many events, each delivered three times and in any order, as at-least-once over several ways may: at a receiver that
does what Standard Webhooks asks of it (the example of client-examples), nothing is lost, nothing has its effect twice.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import httpx
import pytest

from core.clock import now
from core.settings import get_settings
from core.webhook_signatures import signed_headers
from jobs.webhooks import call_webhook
from models.database import fetch
from models.ids import encode
from models.webhooks import Webhook
from tests.factories import make_partner, make_procedure, make_request, make_webhook
from tests.partner import Partner
from tests.webhook_receiver import Delivery, Receiver, receiving

TIMES = 3
AT_ONCE = 20


@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(
    ("requests", "events_each"), [(20, 20), pytest.param(500, 20, marks=pytest.mark.soak)]
)
async def test_delivered_three_times_and_shuffled(requests: int, events_each: int, partner: Partner) -> None:
    expected = await _happen(requests, events_each)
    told = await _tell_everything(partner.webhook_secret)
    assert len({delivery.id for delivery in told}) == requests * events_each

    await _deliver_shuffled(told, partner.webhook_secret, f"{partner.address}/webhooks")
    kept = partner.rows("SELECT id, request FROM event")
    assert Counter(row["request"] for row in kept) == expected
    assert {row["id"] for row in kept} == {delivery.id for delivery in told}


async def test_a_careless_receiver_is_seen(partner: Partner) -> None:
    """The test above sees what it is about: who does not look at ids counts three times."""
    expected = await _happen(3, 3)
    told = await _tell_everything(partner.webhook_secret)
    async with receiving(secret=partner.webhook_secret) as careless:
        await _deliver_shuffled(told, partner.webhook_secret, careless.url)
    counted = Counter(delivery.request for delivery in careless.taken)
    assert counted == {request: TIMES * events for request, events in expected.items()}


async def _happen(requests: int, events_each: int) -> dict[str, int]:
    """How many events each request has."""
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


async def _tell_everything(secret: str) -> list[Delivery]:
    """What the job has told by the time that it has nothing more to tell."""
    assert "127.0.0.1" in get_settings().outgoing_allowed_hosts
    receiver: Receiver
    async with receiving(secret=secret) as receiver:
        webhook = await make_webhook(await make_partner(), url=receiver.url, secret=secret)
        while not await _is_up_to_date(webhook):
            await call_webhook(str(webhook.id))
        return receiver.taken


async def _is_up_to_date(webhook: Webhook) -> bool:
    (row,) = await fetch(
        "SELECT position = (SELECT max(position) FROM request_event) AS done FROM webhook WHERE id = $1",
        webhook.id,
    )
    done: bool = row["done"]
    return done


async def _deliver_shuffled(told: list[Delivery], secret: str, url: str) -> None:
    """Each three times, in any order, several at once; signed anew, as attempts are."""
    again = told * TIMES
    random.shuffle(again)
    waiting = iter(again)

    async def send(client: httpx.AsyncClient) -> None:
        for delivery in waiting:
            signed = signed_headers([secret], delivery.id, now(), delivery.body)
            response = await client.post(
                url, content=delivery.body, headers={**signed, "connection": "close"}
            )
            assert response.status_code == 204

    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_keepalive_connections=0)) as client:
        await asyncio.gather(*(send(client) for _ in range(AT_ONCE)))
