"""Telling webhooks: at least once, in the order of each request, for three days; then paused, and caught up on."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import timedelta

import pytest
import pytest_asyncio
from standardwebhooks import Webhook as Verifier

from core import outgoing
from core.outgoing import Answer
from core.selection import Selection
from core.settings import Settings, get_settings
from core.webhook_signatures import new_signing_secret
from jobs import webhooks
from jobs.mail import send_mail
from jobs.relay import WEBHOOKS
from jobs.webhooks import DOWN_AFTER, call_webhook, next_pause
from models.actors import PartnerActor
from models.database import execute, fetch, fetch_one
from models.events import RequestEvent
from models.ids import encode
from models.partner_tokens import SCOPES
from models.procedures import Procedure
from models.requests import ServiceRequest
from models.webhooks import Webhook, WebhookBlock
from resolvers.exchanges import post_exchange
from resolvers.webhooks import save_webhook
from tests.factories import holder_of, make_event, make_partner, make_procedure, make_request, make_webhook
from tests.jobs.mail_server import MailServer
from tests.webhook_receiver import Delivery, Receiver, receiving


@pytest_asyncio.fixture
async def receiver(mairie: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Receiver]:
    monkeypatch.setenv("ESPACE_OUTGOING_ALLOWED_HOSTS", "127.0.0.1")
    get_settings.cache_clear()
    async with receiving() as receiver:
        yield receiver


@pytest_asyncio.fixture
async def procedure(mairie: Settings) -> Procedure:
    return await make_procedure()


@pytest_asyncio.fixture
async def partner(mairie: Settings) -> PartnerActor:
    return await make_partner()


@pytest_asyncio.fixture
async def webhook(partner: PartnerActor, receiver: Receiver) -> Webhook:
    return await make_webhook(partner, url=receiver.url)


async def _tell(webhook: Webhook) -> Webhook:
    """Runs the job, due or not; the row afterwards."""
    await _make_due(webhook)
    await call_webhook(str(webhook.id))
    return await Webhook.get(id=webhook.id)


async def _make_due(webhook: Webhook) -> None:
    await execute("UPDATE webhook SET next_attempt_at = now() WHERE id = $1", webhook.id)
    await execute("UPDATE webhook_block SET next_attempt_at = now() WHERE webhook_id = $1", webhook.id)


async def _happen(*requests: ServiceRequest, times: int = 1) -> list[RequestEvent]:
    events = [await make_event(request) for _ in range(times) for request in requests]
    for event in events:
        await event.refresh_from_db(["position"])
    return events


def _ids(events: Sequence[RequestEvent]) -> list[str]:
    return [encode("RequestEvent", event.id) for event in events]


def _refusing(request: ServiceRequest, status: int = 500) -> Callable[[Delivery], int]:
    refused = encode("ServiceRequest", request.id)
    return lambda delivery: status if delivery.request == refused else 204


async def _is_due(webhook: Webhook) -> bool:
    return webhook.id in {row["id"] for row in await fetch(WEBHOOKS.due, 10)}


async def test_what_happens_is_told_once_and_signed(
    webhook: Webhook, receiver: Receiver, procedure: Procedure
) -> None:
    one, other = await make_request(procedure), await make_request(procedure)
    events = await _happen(one, other, times=2)
    assert await _is_due(webhook)
    told = await _tell(webhook)

    assert sorted(receiver.ids()) == sorted(_ids(events))
    delivery = receiver.deliveries[0]
    assert delivery.headers["content-type"] == "application/json"
    assert delivery.id == delivery.event["id"]
    assert (told.position, told.failures, told.last_error) == (events[-1].position, 0, None)
    assert told.last_delivery_at is not None
    assert not await _is_due(webhook)

    await _tell(webhook)
    assert len(receiver.deliveries) == len(events)


async def test_events_of_a_request_come_in_their_order_one_at_a_time(
    webhook: Webhook, receiver: Receiver, procedure: Procedure
) -> None:
    requests = [await make_request(procedure) for _ in range(3)]
    events = await _happen(*requests, times=5)
    receiver.seconds = 0.02
    await _tell(webhook)
    for request in requests:
        of_it = [event for event in events if event.request_id == request.id]
        assert [d.id for d in receiver.taken if d.request == encode("ServiceRequest", request.id)] == _ids(
            of_it
        )
    assert receiver.most_under_way == 3


async def test_a_stuck_request_holds_up_no_other(
    webhook: Webhook, receiver: Receiver, procedure: Procedure
) -> None:
    stuck, other = await make_request(procedure), await make_request(procedure)
    receiver.decide = _refusing(stuck)
    events = await _happen(stuck, other, times=3)
    told = await _tell(webhook)

    of_other = [event for event in events if event.request_id == other.id]
    assert receiver.ids() == _ids(of_other)
    assert [d.id for d in receiver.deliveries if d.status == 500] == _ids(events[:1])
    block = await WebhookBlock.get(webhook_id=webhook.id)
    assert (block.request_id, block.position, block.attempts) == (stuck.id, events[0].position, 1)
    assert told.position == events[-1].position
    assert told.last_error == {
        "fr": "L’adresse a répondu 500 au lieu d’un code 2xx.",
        "en": "The address answered 500 instead of a 2xx code.",
    }
    assert not await _is_due(webhook)

    more = await _happen(stuck, other)
    await call_webhook(str(webhook.id))
    assert receiver.ids()[3:] == _ids(more[1:])

    receiver.decide = lambda _: 204
    told = await _tell(webhook)
    of_stuck = [event for event in [*events, *more] if event.request_id == stuck.id]
    assert receiver.ids()[4:] == _ids(of_stuck)
    assert await WebhookBlock.all().count() == 0
    assert told.last_error is None


async def test_each_attempt_at_an_event_waits_longer(
    webhook: Webhook, receiver: Receiver, procedure: Procedure
) -> None:
    stuck = await make_request(procedure)
    receiver.decide = lambda _: 503
    await _happen(stuck, times=2)
    for attempts in (1, 2, 3):
        await _tell(webhook)
        block = await WebhookBlock.get(webhook_id=webhook.id)
        assert block.attempts == attempts
    pauses = [next_pause(attempts, timedelta(hours=1)).total_seconds() for attempts in range(1, 30)]
    assert 4 <= pauses[0] <= 6
    assert 8 <= pauses[1] <= 12
    assert all(2_880 <= pause <= 4_320 for pause in pauses[10:])

    # Once one is taken, the next one begins anew.
    taken = iter((204, 503))
    receiver.decide = lambda _: next(taken)
    await _tell(webhook)
    after = await WebhookBlock.get(webhook_id=webhook.id)
    assert after.attempts == 1
    assert after.position > block.position
    assert after.failing_since > block.failing_since


async def test_where_nobody_is_there_one_call_now_and_then(
    webhook: Webhook, receiver: Receiver, procedure: Procedure
) -> None:
    requests = [await make_request(procedure) for _ in range(40)]
    events = await _happen(*requests)
    receiver.decide = lambda _: None
    told = await _tell(webhook)
    first = len(receiver.deliveries)
    assert DOWN_AFTER <= first <= DOWN_AFTER + webhooks.AT_ONCE
    assert told.failures == first
    assert not await _is_due(webhook)
    stuck = await WebhookBlock.all().count()

    more = await _happen(*requests[:1])
    for probes in (1, 2, 3):
        await _tell(webhook)
        assert len(receiver.deliveries) - first <= 2 * probes
    assert await WebhookBlock.all().count() == stuck

    receiver.decide = lambda _: 204
    told = await _tell(webhook)
    while await _is_due(webhook):
        await call_webhook(str(webhook.id))
    told = await Webhook.get(id=webhook.id)
    assert sorted(receiver.ids()) == sorted(_ids([*events, *more]))
    assert (told.failures, told.failing_since, told.last_error) == (0, None, None)
    assert await WebhookBlock.all().count() == 0


async def test_one_bad_request_alone_keeps_others_waiting_no_longer_than_a_probe(
    webhook: Webhook, receiver: Receiver, procedure: Procedure
) -> None:
    stuck, other = await make_request(procedure), await make_request(procedure)
    receiver.decide = _refusing(stuck)
    await _happen(stuck)
    for _ in range(DOWN_AFTER + 2):
        told = await _tell(webhook)
    assert told.failures >= DOWN_AFTER
    waits = (told.next_attempt_at - (await fetch_one("SELECT now() AS now"))["now"]).total_seconds()  # type: ignore[index]
    assert waits <= webhooks.LONGEST_PROBE_PAUSE.total_seconds() * 1.2

    (event,) = await _happen(other)
    await execute("UPDATE webhook SET next_attempt_at = now() WHERE id = $1", webhook.id)
    await call_webhook(str(webhook.id))
    assert receiver.ids() == _ids([event])


@pytest.mark.parametrize("whose", ["webhook_block", "webhook"])
async def test_after_three_days_it_is_paused_told_and_caught_up_on(
    whose: str,
    webhook: Webhook,
    partner: PartnerActor,
    receiver: Receiver,
    procedure: Procedure,
    inbox: MailServer,
) -> None:
    stuck = await make_request(procedure)
    receiver.decide = lambda _: 500
    events = await _happen(stuck)
    await _tell(webhook)
    await execute(f"UPDATE {whose} SET failing_since = now() - interval '71 hours'")
    assert (await _tell(webhook)).state == "ACTIVE"
    await execute(f"UPDATE {whose} SET failing_since = now() - interval '73 hours'")
    paused = await _tell(webhook)
    assert paused.state == "PAUSED"
    assert not await _is_due(webhook)

    (mail,) = await fetch("SELECT id, recipient FROM mail WHERE webhook_id = $1", webhook.id)
    await send_mail(str(mail["id"]))
    (message,) = inbox.kept
    text = message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "Espace Famille" in message["subject"]
    assert "partner.example" in text
    assert "500" in text
    assert "secret-of-the-address" not in message.as_string()

    events += await _happen(stuck, await make_request(procedure), times=2)
    await _tell(webhook)
    assert receiver.ids() == []

    receiver.decide = lambda _: 204
    await save_webhook(
        partner,
        id=encode("Webhook", webhook.id),
        url=receiver.url,
        events=[],
        state="ACTIVE",
        rotate_secret=False,
        selection=Selection.of("id"),
    )
    await call_webhook(str(webhook.id))
    assert sorted(receiver.ids()) == sorted(_ids(events))
    assert [id for id in receiver.ids() if id in _ids(events[:2])] == _ids(events[:2])


async def test_410_pauses_at_once(webhook: Webhook, receiver: Receiver, procedure: Procedure) -> None:
    receiver.decide = lambda _: 410
    await _happen(await make_request(procedure))
    assert (await _tell(webhook)).state == "PAUSED"
    assert await fetch("SELECT id FROM mail WHERE webhook_id = $1", webhook.id)


async def test_only_the_kinds_that_were_asked_for(
    partner: PartnerActor, receiver: Receiver, procedure: Procedure
) -> None:
    webhook = await make_webhook(partner, url=receiver.url, events=["RequestCancelled"])
    sent = await make_request(procedure)
    await make_event(sent)
    cancelled = await make_event(sent, "RequestCancelled", data={"previous": "SUBMITTED", "reason": None})
    (last,) = await _happen(sent)
    told = await _tell(webhook)
    assert receiver.ids() == _ids([cancelled])
    assert told.position == last.position


async def test_only_what_is_in_the_tokens_scope(receiver: Receiver, procedure: Procedure) -> None:
    other = await make_procedure()
    webhook = await make_webhook(await make_partner(procedures=[procedure]), url=receiver.url)
    await _happen(await make_request(other), await make_request(procedure, status="DRAFT"))
    events = await _happen(await make_request(procedure))
    await _tell(webhook)
    assert receiver.ids() == _ids(events)


@pytest.mark.parametrize(
    "end",
    [
        "DELETE FROM partner_token",
        "UPDATE partner_token SET expires_at = now() - interval '1 second'",
        "UPDATE webhook SET state = 'PAUSED'",
        "DELETE FROM webhook",
    ],
)
async def test_whoever_loses_its_token_is_told_nothing_more_in_the_midst_of_a_run(
    end: str, webhook: Webhook, receiver: Receiver, procedure: Procedure
) -> None:
    events = await _happen(await make_request(procedure), times=5)
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def call(*arguments: object, **named: object) -> Answer:
        answer = await outgoing.call(*arguments, **named)  # type: ignore[arg-type]
        reached.set()
        await go_on.wait()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(webhooks, "call", call)
        telling = asyncio.create_task(call_webhook(str(webhook.id)))
        await asyncio.wait_for(reached.wait(), 10)
        await execute(end)
        go_on.set()
        await asyncio.wait_for(telling, 10)
    assert receiver.ids() == _ids(events[:1])
    assert not await _is_due(webhook)
    await call_webhook(str(webhook.id))
    assert len(receiver.deliveries) == 1


async def test_a_new_address_in_the_midst_of_a_run_gets_what_is_left(
    webhook: Webhook, partner: PartnerActor, receiver: Receiver, procedure: Procedure
) -> None:
    events = await _happen(await make_request(procedure), times=3)
    receiver.seconds = 0.2
    async with receiving() as elsewhere:
        telling = asyncio.create_task(call_webhook(str(webhook.id)))
        while not receiver.deliveries:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await save_webhook(
            partner,
            id=encode("Webhook", webhook.id),
            url=elsewhere.url,
            events=[],
            state="ACTIVE",
            rotate_secret=False,
            selection=Selection.of("id"),
        )
        await call_webhook(str(webhook.id))
        await telling
        assert elsewhere.ids() == _ids(events)
    assert len(receiver.deliveries) <= 2


async def test_while_the_secret_is_rotated_both_sign(
    webhook: Webhook, partner: PartnerActor, receiver: Receiver, procedure: Procedure
) -> None:
    _, secret = await save_webhook(
        partner,
        id=encode("Webhook", webhook.id),
        url=receiver.url,
        events=[],
        state="ACTIVE",
        rotate_secret=True,
        selection=Selection.of("id"),
    )
    assert secret is not None
    sent = await make_request(procedure)
    await _happen(sent)
    await _tell(webhook)
    (delivery,) = receiver.taken  # Verified with the old one.
    assert Verifier(secret).verify(delivery.body, dict(delivery.headers)) == delivery.event

    await execute("UPDATE webhook SET previous_secret_until = now() - interval '1 second'")
    receiver.secret = secret
    await _happen(sent)
    await _tell(webhook)
    assert len(receiver.taken) == 2
    assert len(receiver.taken[1].headers["webhook-signature"].split(" ")) == 1


async def test_two_workers_at_once_tell_nothing_twice(
    webhook: Webhook, receiver: Receiver, procedure: Procedure
) -> None:
    events = await _happen(*[await make_request(procedure) for _ in range(5)], times=4)
    receiver.seconds = 0.01
    await asyncio.gather(*(call_webhook(str(webhook.id)) for _ in range(6)))
    assert sorted(receiver.ids()) == sorted(_ids(events))


async def test_a_run_that_was_killed_is_done_again_and_nothing_is_lost(
    webhook: Webhook, receiver: Receiver, procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = await _happen(*[await make_request(procedure) for _ in range(3)], times=3)

    async def never(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(webhooks, "_write", never)
    with pytest.raises(KeyboardInterrupt):
        await call_webhook(str(webhook.id))
    monkeypatch.undo()
    monkeypatch.setenv("ESPACE_OUTGOING_ALLOWED_HOSTS", "127.0.0.1")
    get_settings.cache_clear()
    assert not await _is_due(webhook)
    await _tell(webhook)
    assert set(receiver.ids()) == set(_ids(events))


async def test_a_run_ends_in_time_and_the_rest_is_due_at_once(
    webhook: Webhook, receiver: Receiver, procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "RUN_SECONDS", 0.3)
    receiver.seconds = 0.1
    events = await _happen(*[await make_request(procedure) for _ in range(2)], times=6)
    await call_webhook(str(webhook.id))
    assert 0 < len(receiver.deliveries) < len(events)
    assert await _is_due(webhook)
    while await _is_due(webhook):
        await call_webhook(str(webhook.id))
    assert sorted(receiver.ids()) == sorted(_ids(events))
    assert await WebhookBlock.all().count() == 0


async def test_a_request_that_is_erased_takes_its_block_along(
    webhook: Webhook, receiver: Receiver, procedure: Procedure
) -> None:
    stuck = await make_request(procedure)
    receiver.decide = lambda _: 500
    await _happen(stuck)
    await _tell(webhook)
    await execute("DELETE FROM service_request WHERE id = $1", stuck.id)
    receiver.decide = lambda _: 204
    events = await _happen(await make_request(procedure))
    await _tell(webhook)
    assert receiver.ids() == _ids(events)


async def test_an_address_that_is_not_public_is_not_called(
    partner: PartnerActor, receiver: Receiver, procedure: Procedure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Allowed when it was saved, and not any more."""
    webhook = await make_webhook(partner, url=receiver.url)
    monkeypatch.setenv("ESPACE_OUTGOING_ALLOWED_HOSTS", "")
    get_settings.cache_clear()
    await _happen(await make_request(procedure))
    told = await _tell(webhook)
    assert receiver.deliveries == []
    assert told.last_error is not None
    assert "https://" in told.last_error["en"]


async def test_with_another_secret_key_it_is_paused(
    webhook: Webhook, receiver: Receiver, procedure: Procedure
) -> None:
    await execute("UPDATE webhook SET secret_sealed = $1", b"sealed with another key")
    await _happen(await make_request(procedure))
    paused = await _tell(webhook)
    assert paused.state == "PAUSED"
    assert paused.last_error is not None
    assert "Make the webhook anew" in paused.last_error["en"]


async def test_nothing_in_clear_in_the_database(partner: PartnerActor, receiver: Receiver) -> None:
    secret = new_signing_secret()
    await make_webhook(partner, url=receiver.url, secret=secret)
    for table in ("webhook", "partner_token"):
        rows = await fetch(f"SELECT t::text AS row FROM {table} t")
        for row in rows:
            for clear in (secret, "secret-of-the-address", "ecp_"):
                assert clear not in row["row"]
                assert clear.encode().hex() not in row["row"]


async def test_payloads_hold_what_scopes_tell(receiver: Receiver, procedure: Procedure) -> None:
    knowing = await make_webhook(await make_partner(*SCOPES), url=receiver.url)
    unknowing = await make_webhook(await make_partner("READ_CHANGES", "MANAGE_WEBHOOKS"), url=receiver.url)
    sent = await make_request(procedure)
    data = {"previous": "SUBMITTED", "status": "ACCEPTED", "reason": "Parce que."}
    await make_event(sent, "RequestStatusChanged", actor="MUNICIPALITY", data=data)
    await make_event(sent, "AttachmentRemoved", data={"title": "Secret"})
    await post_exchange(
        holder_of(sent),
        request=encode("ServiceRequest", sent.id),
        body="Bonjour.",
        attachments=[],
        idempotency_key=None,
        selection=Selection.of("id"),
    )
    await _tell(knowing)
    changed, removed, posted = [delivery.event for delivery in receiver.deliveries]
    assert set(posted["exchange"]) == {"id", "author", "postedAt"}
    for told in receiver.deliveries:
        assert not re.search("Jeanne|Durand|Bonjour", json.dumps(told.event))
    assert set(changed) == {
        "__typename", "id", "cursor", "occurredAt", "actor", "description", "request",
        "previous", "status", "reason",
    }  # fmt: skip
    assert (changed["reason"], removed["title"]) == ("Parce que.", "Secret")
    assert changed["occurredAt"].endswith("Z")

    receiver.deliveries.clear()
    await _tell(unknowing)
    changed, removed, posted = [delivery.event for delivery in receiver.deliveries]
    assert "exchange" not in posted
    assert "reason" not in changed
    assert "title" not in removed
    assert removed["description"] == "Le demandeur a retiré la pièce « … »."
    for told in receiver.deliveries:
        assert "Jeanne" not in json.dumps(told.event)
