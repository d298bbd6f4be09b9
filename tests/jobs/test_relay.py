from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from arq.connections import ArqRedis

from core.clock import now
from core.event_bus import EventBus
from core.settings import Settings
from core.tasks import end_tasks
from jobs import relay as relaying
from jobs.relay import (
    MAIL,
    NEW_PASSWORDS,
    PREVIEWS,
    RECEIPTS,
    REMINDERS,
    SCANS,
    SOURCES,
    WEBHOOKS,
    Relay,
    Source,
)
from jobs.worker import make_queue
from models.captcha import CaptchaAudio
from models.data_exports import DataExport
from models.database import execute, fetch_one
from models.partner_links import PartnerRevocation
from models.receipts import Receipt
from tests.factories import (
    make_event,
    make_partner,
    make_partner_system,
    make_schedule,
    make_slot,
    make_webhook,
)
from tests.jobs.appointments import add_due
from tests.jobs.files import add_clean_file, add_file
from tests.jobs.mails import add_account, add_confirmations, add_mail, add_request


@pytest_asyncio.fixture
async def queue(mairie: Settings) -> AsyncIterator[ArqRedis]:
    queue = make_queue(mairie)
    yield queue
    await queue.aclose()


async def _queued(queue: ArqRedis) -> list[str]:
    return sorted(job.args[0] for job in await queue.queued_jobs(queue_name=queue.default_queue_name))


async def test_what_is_due_is_handed_out_once_and_nothing_else(queue: ArqRedis) -> None:
    account_id = await add_account()
    due = await add_mail(account_id=account_id)
    await add_mail(account_id=account_id, next_attempt_at=now() + timedelta(minutes=1))
    await add_mail(account_id=account_id, state="PARKED")
    relay = Relay(queue)
    assert await relay.hand_out() == 1
    assert await relay.hand_out() == 0
    assert await _queued(queue) == [str(due)]


async def test_the_next_attempt_is_handed_out_at_once(queue: ArqRedis) -> None:
    mail = await add_mail(account_id=await add_account())
    relay = Relay(queue)
    await relay.hand_out()
    await execute("UPDATE mail SET attempts = 1 WHERE id = $1", mail)
    assert await relay.hand_out() == 1


async def test_a_job_that_was_lost_is_handed_out_again(
    queue: ArqRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_confirmations(3)
    relay = Relay(queue)
    assert await relay.hand_out() == 3
    await queue.flushall()
    assert await relay.hand_out() == 0
    monkeypatch.setattr(relaying, "FORGET_SECONDS", 0.0)
    assert await relay.hand_out() == 3


async def test_after_a_kill_another_process_hands_out_everything(queue: ArqRedis) -> None:
    await add_confirmations(3)
    await Relay(queue).hand_out()
    assert await Relay(queue).hand_out() == 3


async def test_the_queue_does_not_grow_without_end(queue: ArqRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "MOST_QUEUED", 5)
    monkeypatch.setattr(relaying, "FORGET_SECONDS", 0.0)
    await add_confirmations(8)
    relay = Relay(queue)
    assert [await relay.hand_out() for _ in range(3)] == [5, 0, 0]
    assert len(await _queued(queue)) == 5


async def test_a_wake_up_has_it_look_at_once(
    queue: ArqRedis, mairie: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "PERIOD_SECONDS", 60.0)
    bus = EventBus(mairie.redis_url)
    running = asyncio.create_task(Relay(queue).run(bus))
    await asyncio.sleep(0.1)
    mail = await add_mail(account_id=await add_account())
    await bus.wake("mail")
    for _ in range(100):
        if await _queued(queue):
            break
        await asyncio.sleep(0.05)
    assert await _queued(queue) == [str(mail)]
    await end_tasks([running])


async def test_a_job_says_nothing_but_an_id(queue: ArqRedis) -> None:
    mail = await add_mail(recipient=f"{uuid4()}@example.fr", account_id=await add_account())
    await Relay(queue).hand_out()
    (job,) = await queue.queued_jobs(queue_name=queue.default_queue_name)
    assert (job.function, list(job.args), job.kwargs) == ("send_mail", [str(mail)], {})


async def _add_receipt(**columns: object) -> str:
    request, _ = await add_request()
    receipt = Receipt(request_id=request.id, **columns)
    await receipt.save(force_create=True)
    return str(receipt.id)


async def _add_recording() -> None:
    soon = now() + timedelta(minutes=5)
    recording = CaptchaAudio(
        captcha_id=uuid4(), language="fr", next_attempt_at=now(), taken_at=now(), expires_at=soon
    )
    await recording.save(force_create=True)


async def _add_webhook() -> str:
    """With an event to tell."""
    request, _ = await add_request()
    await make_event(request)
    return str((await make_webhook(await make_partner())).id)


async def _add_revocation() -> None:
    system = await make_partner_system()
    row = PartnerRevocation(id=uuid4(), system_id=system.id, next_attempt_at=now())
    await row.save(force_create=True)


async def _jobs_of(queue: ArqRedis, source: Source) -> list[tuple[str, str]]:
    jobs = await queue.queued_jobs(queue_name=source.queue)
    return sorted((job.function, job.args[0]) for job in jobs)


async def test_each_kind_has_a_queue_of_its_own(queue: ArqRedis) -> None:
    mail = str(await add_mail(account_id=await add_account()))
    pending, clean = str(await add_file()), str(await add_clean_file())
    receipt = await _add_receipt()
    assert len({source.queue for source in SOURCES}) == len(SOURCES)

    appointment = str((await add_due(await make_slot(await make_schedule()))).id)

    webhook = await _add_webhook()

    assert await Relay(queue).hand_out() == 6

    assert await _jobs_of(queue, MAIL) == [("send_mail", mail)]
    assert await _jobs_of(queue, SCANS) == [("scan_file", pending)]
    assert await _jobs_of(queue, PREVIEWS) == [("draw_preview_of", clean)]
    assert await _jobs_of(queue, RECEIPTS) == [("make_receipt", receipt)]
    assert await _jobs_of(queue, REMINDERS) == [("remind", appointment)]
    assert await _jobs_of(queue, WEBHOOKS) == [("call_webhook", webhook)]


async def test_a_webhook_is_due_while_it_is_not_up_to_date_and_lets_somebody_in(queue: ArqRedis) -> None:
    webhook = await _add_webhook()
    for change in (
        "UPDATE webhook SET state = 'PAUSED'",
        "UPDATE webhook SET state = 'ACTIVE', next_attempt_at = now() + interval '1 minute'",
        "UPDATE webhook SET next_attempt_at = now(), position = 1000000",
    ):
        await execute(change)
        assert await Relay(queue).hand_out() == 0
    request = await fetch_one("SELECT id FROM service_request")
    assert request is not None
    await execute(
        "INSERT INTO webhook_block (id, webhook_id, request_id, position, attempts, failing_since, next_attempt_at) "
        "VALUES ($1, $2, $3, 1, 1, now(), now() + interval '1 minute')",
        uuid4(),
        UUID(webhook),
        request["id"],
    )
    assert await Relay(queue).hand_out() == 0
    await execute("UPDATE webhook_block SET next_attempt_at = now()")
    await execute("UPDATE partner_token SET expires_at = now()")
    assert await Relay(queue).hand_out() == 0
    await execute("UPDATE partner_token SET expires_at = now() + interval '1 day'")
    assert await Relay(queue).hand_out() == 1


async def test_of_files_and_receipts_only_what_is_due_is_handed_out(queue: ArqRedis) -> None:
    later = now() + timedelta(minutes=1)
    await add_file(next_scan_at=later)
    await add_clean_file(next_preview_at=later)
    await add_clean_file(next_preview_at=None)
    await _add_receipt(next_attempt_at=later)
    await _add_receipt(next_attempt_at=None)
    assert await Relay(queue).hand_out() == 0


@pytest.mark.parametrize(
    "source", [source for source in SOURCES if source is not NEW_PASSWORDS], ids=lambda source: source.job
)
async def test_a_row_is_handed_out_again_at_its_next_attempt(queue: ArqRedis, source: Source) -> None:
    await add_mail(account_id=await add_account())
    await add_file()
    await add_clean_file()
    await _add_receipt()
    await add_due(await make_slot(await make_schedule()))
    await _add_recording()
    await _add_webhook()
    await _add_revocation()
    await DataExport(account_id=await add_account("zoe"), language="fr").save(force_create=True)
    relay = Relay(queue)
    assert await relay.hand_out([source]) == 1
    assert await relay.hand_out([source]) == 0
    await execute("UPDATE mail SET attempts = attempts + 1")
    await execute(
        "UPDATE file SET scan_attempts = scan_attempts + 1, preview_attempts = preview_attempts + 1"
    )
    await execute("UPDATE receipt SET attempts = attempts + 1")
    await execute("UPDATE appointment SET sequence = sequence + 1")
    await execute("UPDATE captcha_audio SET attempts = attempts + 1")
    await execute("UPDATE webhook SET runs = runs + 1")
    await execute("UPDATE partner_revocation SET attempts = attempts + 1")
    await execute("UPDATE data_export SET attempts = attempts + 1")
    assert await relay.hand_out([source]) == 1


async def test_one_kind_that_is_stuck_takes_no_room_from_the_others(
    queue: ArqRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "MOST_QUEUED", 5)
    for _ in range(8):
        await add_file()
    relay = Relay(queue)
    assert await relay.hand_out() == 5
    mail = str(await add_mail(account_id=await add_account()))
    assert await relay.hand_out() == 1
    assert await _jobs_of(queue, MAIL) == [("send_mail", mail)]
    assert len(await _jobs_of(queue, SCANS)) == 5


async def test_a_wake_up_for_files_has_it_look_at_once(
    queue: ArqRedis, mairie: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "PERIOD_SECONDS", 60.0)
    bus = EventBus(mairie.redis_url)
    running = asyncio.create_task(Relay(queue).run(bus))
    await asyncio.sleep(0.1)
    id = str(await add_file())
    await bus.wake("files")
    for _ in range(100):
        if await _jobs_of(queue, SCANS):
            break
        await asyncio.sleep(0.05)
    assert await _jobs_of(queue, SCANS) == [("scan_file", id)]
    await end_tasks([running])


async def test_only_reminders_that_are_due_are_handed_out(queue: ArqRedis) -> None:
    schedule = await make_schedule()
    slots = [await make_slot(schedule, hours=hours) for hours in (20, 21, 22, 23, 24, -1)]
    due, later, cancelled, sent, nobody, begun = [await add_due(slot) for slot in slots]
    await execute("UPDATE appointment SET reminder_at = now() + interval '1 minute' WHERE id = $1", later.id)
    await execute("UPDATE appointment SET state = 'CANCELLED', counts = false WHERE id = $1", cancelled.id)
    await execute("UPDATE appointment SET reminder_sent_at = now() WHERE id = $1", sent.id)
    await execute("UPDATE appointment SET reminder_at = NULL, reminder_email = NULL WHERE id = $1", nobody.id)
    assert begun.reminder_at is not None
    assert await Relay(queue).hand_out() == 1
    assert await _jobs_of(queue, REMINDERS) == [("remind", str(due.id))]


async def test_a_wake_up_for_reminders_has_it_look_at_once(
    queue: ArqRedis, mairie: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "PERIOD_SECONDS", 60.0)
    bus = EventBus(mairie.redis_url)
    running = asyncio.create_task(Relay(queue).run(bus))
    await asyncio.sleep(0.1)
    appointment = await add_due(await make_slot(await make_schedule()))
    await bus.wake("reminders")
    for _ in range(100):
        if await _jobs_of(queue, REMINDERS):
            break
        await asyncio.sleep(0.05)
    assert await _jobs_of(queue, REMINDERS) == [("remind", str(appointment.id))]
    await end_tasks([running])
