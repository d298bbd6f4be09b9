"""Making webhooks, changing them, deleting them: only the token that they belong to does."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from core.clock import now
from core.errors import ForbiddenError, NotAllowedError, NotFoundError, ValidationError
from core.i18n import Text
from core.keys import unseal
from core.selection import Selection
from core.settings import Settings
from models.actors import AgentActor, PartnerActor
from models.database import counted, execute
from models.ids import encode
from models.procedures import Procedure
from models.webhooks import MOST_WEBHOOKS, SECRET_SEAL, Webhook, WebhookBlock
from resolvers.desk import desk
from resolvers.nodes import node
from resolvers.reading import webhooks as reading
from resolvers.webhooks import delete_webhook, pause_webhook, resume_webhook, save_webhook
from tests.factories import make_agent, make_event, make_partner, make_procedure, make_request, make_webhook

WEBHOOK = Selection.of("id", "url", "events", "state", "last_delivery_at", "last_error", "waiting_requests")
AT_THE_DESK = Selection.of(
    "id",
    "host",
    "events",
    "state",
    "paused_at",
    "failing_since",
    "last_delivery_at",
    "last_error",
    "waiting_events",
    partner_token=Selection.of("name"),
)
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


async def _at_the_desk(agent: AgentActor) -> list[dict[str, Any]]:
    row = await desk(agent, selection=Selection.of(webhooks=AT_THE_DESK))
    assert row is not None
    listed: list[dict[str, Any]] = row["webhooks"]
    return listed


async def _resume(agent: AgentActor, id: str) -> dict[str, Any]:
    return await resume_webhook(agent, webhook=id, selection=AT_THE_DESK)


async def test_administrators_see_how_each_fares_and_no_secret(
    procedure: Procedure, administrator: AgentActor
) -> None:
    handler = await make_agent("HANDLER", procedures=[procedure])
    partner = await make_partner(name="Cantine", procedures=[procedure])
    await make_webhook(partner, url="https://partner.example/events?key=hidden", events=["RequestSubmitted"])
    (row,) = await _at_the_desk(administrator)
    assert row == {
        "__typename": "DeskWebhook",
        "id": row["id"],
        "partner_token": {"__typename": "PartnerToken", "name": "Cantine"},
        "host": "partner.example",
        "events": ["RequestSubmitted"],
        "state": "ACTIVE",
        "paused_at": None,
        "failing_since": None,
        "last_delivery_at": None,
        "last_error": None,
        "waiting_events": 0,
    }
    assert await node(administrator, id=row["id"], selection=AT_THE_DESK) == row
    assert await _at_the_desk(handler) == []
    for other in (handler, partner):
        assert await node(other, id=row["id"], selection=AT_THE_DESK) is None
    assert (
        await node(administrator, id=encode("Webhook", (await Webhook.get()).id), selection=WEBHOOK) is None
    )


async def test_what_waits_is_what_the_partner_would_be_told(
    procedure: Procedure, administrator: AgentActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its kinds and procedures: after the cursor, and behind what is stuck."""
    partner = await make_partner(procedures=[procedure])
    webhook = await make_webhook(partner, events=["RequestSubmitted", "RequestCancelled"])
    stuck, other = await make_request(procedure), await make_request(procedure)
    elsewhere = await make_request(await make_procedure())

    async def happen(kind: str) -> int:
        events = [await make_event(each, kind) for each in (stuck, other, elsewhere)]
        await events[0].refresh_from_db(["position"])
        position: int = events[0].position
        return position

    async def waiting() -> int:
        (row,) = await _at_the_desk(administrator)
        count: int = row["waiting_events"]
        return count

    await happen("RequestSubmitted")
    first_stuck = await happen("RequestCancelled")
    await happen("RequestClaimed")
    assert await waiting() == 4
    await execute("UPDATE webhook SET position = (SELECT max(position) FROM request_event)")
    assert await waiting() == 0
    block = WebhookBlock(webhook_id=webhook.id, request_id=stuck.id, position=first_stuck, attempts=2)
    await block.save(force_create=True)
    assert await waiting() == 1
    await happen("RequestSubmitted")
    assert await waiting() == 3
    (row,) = await _at_the_desk(administrator)
    assert row["failing_since"] is not None
    monkeypatch.setattr(reading, "MOST_COUNTED", 2)
    assert await waiting() == 2


async def test_a_paused_one_says_since_when_and_is_told_again(
    procedure: Procedure, administrator: AgentActor
) -> None:
    webhook = await make_webhook(await make_partner())
    request = await make_request(procedure)
    await make_event(request)
    await WebhookBlock(webhook_id=webhook.id, request_id=request.id, position=1, attempts=9).save(
        force_create=True
    )
    await execute(
        "UPDATE webhook SET failures = 9, failing_since = now() - interval '4 days', "
        "next_attempt_at = now() + interval '1 hour'"
    )
    assert await pause_webhook(webhook.id, 0, Text(fr="Fermé.", en="Closed."))
    await make_webhook(await make_partner(name="Autre"))
    row, healthy = await _at_the_desk(administrator)
    assert (row["state"], healthy["state"], healthy["paused_at"]) == ("PAUSED", "ACTIVE", None)
    assert row["last_error"] == "Fermé."
    paused = datetime.fromisoformat(row["paused_at"])
    assert timedelta() <= now() - paused < timedelta(minutes=1)
    assert now() - datetime.fromisoformat(row["failing_since"]) > timedelta(days=3)

    with counted() as count:
        resumed = await _resume(administrator, row["id"])
    assert count.value == 3
    assert (resumed["state"], resumed["paused_at"], resumed["failing_since"]) == ("ACTIVE", None, None)
    assert resumed["last_error"] == "Fermé."
    stored, block = await Webhook.get(id=webhook.id), await WebhookBlock.get()
    assert (stored.failures, block.attempts) == (0, 0)
    assert max(stored.next_attempt_at, block.next_attempt_at) <= now()


async def test_one_that_its_partner_keeps_paused_has_been_so_since_then(administrator: AgentActor) -> None:
    partner = await make_partner()
    saved, _ = await _save(partner, state="PAUSED")
    await execute("UPDATE webhook SET next_attempt_at = now() - interval '2 days'")
    (before,) = await _at_the_desk(administrator)
    await _save(partner, id=saved["id"], url="https://other.example/", state="PAUSED")
    (after,) = await _at_the_desk(administrator)
    assert (after["host"], after["paused_at"]) == ("other.example", before["paused_at"])
    await _save(partner, id=saved["id"])
    await _save(partner, id=saved["id"], state="PAUSED")
    (again,) = await _at_the_desk(administrator)
    assert now() - datetime.fromisoformat(again["paused_at"]) < timedelta(minutes=1)


async def test_what_is_not_there_or_has_no_token_is_not_resumed(administrator: AgentActor) -> None:
    expired = await make_webhook(await make_partner(days=-1), state="PAUSED")
    with pytest.raises(NotAllowedError, match="expired"):
        await _resume(administrator, encode("DeskWebhook", expired.id))
    for wrong in (encode("Webhook", expired.id), encode("DeskWebhook", expired.token_id), "nonsense"):
        with pytest.raises(NotFoundError):
            await _resume(administrator, wrong)
    assert (await Webhook.get()).state == "PAUSED"
