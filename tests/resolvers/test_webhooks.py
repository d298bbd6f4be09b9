"""Making webhooks, changing them, deleting them: only the token that they belong to does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.errors import ForbiddenError, NotFoundError, ValidationError
from core.keys import unseal
from core.selection import Selection
from core.settings import Settings
from models.actors import PartnerActor
from models.database import counted, execute
from models.ids import encode
from models.procedures import Procedure
from models.webhooks import MOST_WEBHOOKS, SECRET_SEAL, Webhook
from resolvers.nodes import node
from resolvers.webhooks import delete_webhook, save_webhook
from tests.factories import make_event, make_partner, make_request, make_webhook

WEBHOOK = Selection.of("id", "url", "events", "state", "last_delivery_at", "last_error", "waiting_requests")
URL = "https://partner.example/events?key=1"


async def _save(partner: PartnerActor, **changed: Any) -> tuple[dict[str, Any], str | None]:
    given = {"id": None, "url": URL, "events": [], "state": "ACTIVE", "rotate_secret": False, **changed}
    return await save_webhook(partner, **given, selection=WEBHOOK)


async def test_a_new_one_is_told_of_what_happens_from_now_on(procedure: Procedure) -> None:
    event = await make_event(await make_request(procedure))
    await event.refresh_from_db(["position"])
    row, secret = await _save(await make_partner(), events=["RequestSubmitted", "RequestSubmitted"])
    assert secret is not None
    assert secret.startswith("whsec_")
    assert row == {
        "__typename": "Webhook",
        "id": row["id"],
        "url": URL,
        "events": ["RequestSubmitted"],
        "state": "ACTIVE",
        "last_delivery_at": None,
        "last_error": None,
        "waiting_requests": 0,
    }
    stored = await Webhook.get()
    assert (stored.position, stored.host) == (event.position, "partner.example")
    assert unseal(SECRET_SEAL, bytes(stored.secret_sealed)).decode() == secret


async def test_changing_one_shows_no_secret_unless_it_is_rotated(database: Settings) -> None:
    partner = await make_partner()
    row, first = await _save(partner)
    await execute(
        'UPDATE webhook SET failures = 3, failing_since = now(), last_error = \'{"fr": "x", "en": "y"}\''
    )
    changed, secret = await _save(partner, id=row["id"], url="https://other.example/", state="PAUSED")
    assert secret is None
    assert (changed["id"], changed["url"], changed["state"]) == (
        row["id"],
        "https://other.example/",
        "PAUSED",
    )
    stored = await Webhook.get()
    assert (stored.failures, stored.failing_since) == (0, None)
    assert changed["last_error"] == "x"

    _, second = await _save(partner, id=row["id"], rotate_secret=True)
    assert second not in (None, first)
    stored = await Webhook.get()
    assert stored.previous_secret_sealed is not None
    assert unseal(SECRET_SEAL, bytes(stored.secret_sealed)).decode() == second
    assert unseal(SECRET_SEAL, bytes(stored.previous_secret_sealed)).decode() == first


@pytest.mark.parametrize(
    ("changed", "paths", "words"),
    [
        ({"url": "http://partner.example/"}, ["url"], "https://"),
        ({"url": "https://127.0.0.1/"}, ["url"], "private"),
        ({"url": "https://2130706433/"}, ["url"], "full name"),
        ({"url": "https://u:p@partner.example/"}, ["url"], "password"),
        ({"url": "https://partner.example:22/"}, ["url"], "port"),
        ({"events": ["RequestSubmitted", "Nothing"]}, ["events"], "Nothing"),
        ({"url": "https://[::1]/", "events": ["*"]}, ["url", "events"], "private"),
    ],
)
async def test_every_mistake_is_named(
    changed: dict[str, Any], paths: list[str], words: str, database: Settings
) -> None:
    with pytest.raises(ValidationError) as raised:
        await _save(await make_partner(), **changed)
    assert [problem.path for problem in raised.value.problems] == paths
    assert words in raised.value.problems[0].text.en
    assert await Webhook.all().count() == 0


async def test_a_token_has_so_many_and_no_more_however_many_ask_at_once(
    patient: None, database: Settings
) -> None:
    partner = await make_partner()
    saved = await asyncio.gather(*(_save(partner) for _ in range(14)), return_exceptions=True)
    assert sum(isinstance(one, ValidationError) for one in saved) == 14 - MOST_WEBHOOKS
    assert await Webhook.all().count() == MOST_WEBHOOKS
    made = [one for one in saved if not isinstance(one, BaseException)]
    left = await delete_webhook(partner, webhook=made[3][0]["id"], selection=WEBHOOK)
    assert len(left) == MOST_WEBHOOKS - 1
    await _save(partner)


async def test_they_are_the_tokens_own(database: Settings) -> None:
    partner, other = await make_partner(), await make_partner(name="Autre")
    webhook = await make_webhook(partner)
    id = encode("Webhook", webhook.id)
    assert await node(partner, id=id, selection=Selection.of("url")) is not None
    assert await node(other, id=id, selection=Selection.of("url")) is None
    for wrong in (id, encode("Webhook", partner.token_id), encode("Agent", webhook.id), "nonsense"):
        with pytest.raises(NotFoundError):
            await _save(other, id=wrong)
        with pytest.raises(NotFoundError):
            await delete_webhook(other, webhook=wrong, selection=WEBHOOK)
    assert await Webhook.all().count() == 1


async def test_they_take_the_scope(database: Settings) -> None:
    reader = await make_partner("READ_CHANGES", "READ_REQUESTS")
    webhook = encode("Webhook", (await make_webhook(reader)).id)
    with pytest.raises(ForbiddenError, match="MANAGE_WEBHOOKS"):
        await _save(reader)
    with pytest.raises(ForbiddenError, match="MANAGE_WEBHOOKS"):
        await delete_webhook(reader, webhook=webhook, selection=WEBHOOK)
    assert await node(reader, id=webhook, selection=Selection.of("url")) is None


async def test_a_token_that_is_gone_saves_nothing(database: Settings) -> None:
    partner = await make_partner()
    await execute("DELETE FROM partner_token")
    with pytest.raises(NotFoundError):
        await _save(partner)


async def test_statements(database: Settings) -> None:
    partner = await make_partner()
    with counted() as count:
        row, _ = await _save(partner)
    making = count.value
    with counted() as count:
        await _save(partner, id=row["id"])
    assert (making, count.value) == (4, 4)
