from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from core.clock import now
from core.errors import UnavailableError
from core.settings import Settings
from jobs import mail as sending
from jobs.mail import GIVE_UP_AFTER, next_attempt, send_mail
from models.database import execute, fetch, transaction
from tests.jobs.mail_server import MailServer
from tests.jobs.mails import add_account, add_event, add_exchange, add_mail, add_request, mail_row, make_due

pytestmark = pytest.mark.usefixtures("mairie")


async def _confirmation(recipient: str = "marie@example.fr") -> UUID:
    return await add_mail(recipient=recipient, account_id=await add_account())


def _said_by_us(caplog: pytest.LogCaptureFixture) -> str:
    """The log without what the test's own mail server writes."""
    return "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("jobs"))


async def test_a_mail_arrives_and_is_marked(inbox: MailServer) -> None:
    mail = await _confirmation()
    await send_mail(str(mail))
    row = await mail_row(mail)
    assert (row["state"], row["attempts"], row["last_error"]) == ("SENT", 0, None)
    assert row["sent_at"] is not None
    (message,) = inbox.kept
    assert message["Message-ID"] == row["message_id"]
    assert message["To"] == "marie@example.fr"
    assert message["Date"].datetime == row["created_at"].replace(microsecond=0)
    assert inbox.envelopes == [("ne-pas-repondre@mairie.example", ["marie@example.fr"])]
    assert inbox.quits == 1


async def test_each_mail_tells_what_its_rows_say(inbox: MailServer) -> None:
    request, ticket = await add_request()
    exchange_id = await add_exchange(request)
    changed = await add_event(
        request, "RequestStatusChanged", {"status": "ACCEPTED", "reason": "Tout est en ordre"}
    )
    submitted = await add_event(request, "RequestSubmitted")
    for mail in (
        await add_mail("acknowledgement", request_id=request.id, event_id=submitted),
        await add_mail("new_exchange", request_id=request.id, exchange_id=exchange_id),
        await add_mail("status_changed", request_id=request.id, event_id=changed, language="en"),
    ):
        await send_mail(str(mail))
    texts = []
    for message in inbox.kept:
        body = message.get_body(("plain",))
        assert body is not None
        texts.append(body.get_content())
    acknowledgement, exchange, status = texts
    assert f"    {ticket}" in acknowledgement
    assert "Mairie de Saint-Aubin" in acknowledgement
    assert "Service état civil vous a écrit" in exchange
    assert "À compléter" not in exchange
    assert "It is now: Accepted" in status
    assert "Tout est en ordre" not in status
    assert all(f"https://demarches.mairie.example/demandes/{ticket}" in text for text in texts)
    assert [str(message["Content-Language"]) for message in inbox.kept] == ["fr", "fr", "en"]


async def test_the_row_holds_no_secret() -> None:
    request, ticket = await add_request()
    mail = await add_mail("acknowledgement", request_id=request.id)
    await send_mail(str(mail))
    assert ticket not in str(await mail_row(mail))


async def test_later_means_five_seconds_then_longer(inbox: MailServer) -> None:
    mail = await _confirmation()
    inbox.on_data = "451 4.3.0 later, marie@example.fr"
    for attempt, seconds in enumerate((5, 10, 20), start=1):
        await send_mail(str(mail))
        row = await mail_row(mail)
        assert (row["state"], row["attempts"]) == ("PENDING", attempt)
        assert row["last_error"] == "451 4.3.0 later, marie@example.fr"
        assert 0.7 * seconds < (row["next_attempt_at"] - now()).total_seconds() < 1.3 * seconds
        await make_due(mail)
    inbox.on_data = None
    await send_mail(str(mail))
    row = await mail_row(mail)
    assert (row["state"], row["last_error"]) == ("SENT", None)
    assert len(inbox.kept) == 1


async def test_a_refusal_is_parked_at_once_with_the_reason(
    inbox: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    mail = await _confirmation("nobody@example.fr")
    inbox.on_recipient = lambda address: f"550 5.1.1 no such user {address} " + "x" * 600
    with caplog.at_level(logging.INFO):
        await send_mail(str(mail))
    row = await mail_row(mail)
    assert (row["state"], row["attempts"]) == ("PARKED", 1)
    assert row["last_error"].startswith("550 5.1.1 no such user nobody@example.fr")
    assert len(row["last_error"]) <= 500
    assert "nobody@example.fr" not in _said_by_us(caplog), "no personal data in the log"
    assert "550" in _said_by_us(caplog)


async def test_after_48_hours_it_is_parked(inbox: MailServer) -> None:
    mail = await _confirmation()
    inbox.on_data = "451 later"
    await make_due(mail, created_at=now() - GIVE_UP_AFTER - timedelta(seconds=1))
    await send_mail(str(mail))
    assert (await mail_row(mail))["state"] == "PARKED"


async def test_without_a_server_it_waits(inbox: MailServer) -> None:
    mail = await _confirmation()
    await inbox.stop()
    await send_mail(str(mail))
    row = await mail_row(mail)
    assert (row["state"], row["attempts"]) == ("PENDING", 1)


@pytest.mark.parametrize(
    "poison",
    [
        {"template": "no_such_template"},
        {"template": "acknowledgement"},
        {"recipient": "not an address"},
        {"recipient": "a@example.fr\r\nBcc: b@example.fr"},
        {"message_id": "<1@mairie.example>\r\nBcc: b@example.fr"},
    ],
)
async def test_a_mail_that_cannot_be_written_is_parked_and_never_loops(
    inbox: MailServer, poison: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    values: dict[str, Any] = {"account_id": await add_account(), **poison}
    mail = await add_mail(**values)
    with caplog.at_level(logging.INFO):
        await send_mail(str(mail))
        await send_mail(str(mail))
    row = await mail_row(mail)
    assert (row["state"], row["attempts"]) == ("PARKED", 1)
    assert row["last_error"]
    assert inbox.envelopes == []
    assert "example.fr" not in _said_by_us(caplog)


async def test_a_ticket_sealed_with_another_secret_parks_its_mail(inbox: MailServer) -> None:
    request, _ = await add_request()
    await execute("UPDATE service_request SET ticket_sealed = $2 WHERE id = $1", request.id, b"x" * 60)
    mail = await add_mail("acknowledgement", request_id=request.id)
    await send_mail(str(mail))
    assert (await mail_row(mail))["state"] == "PARKED"
    assert inbox.kept == []


async def test_what_is_not_due_is_left_alone(inbox: MailServer) -> None:
    account_id = await add_account()
    later = await add_mail(account_id=account_id, next_attempt_at=now() + timedelta(minutes=1))
    parked = await add_mail(account_id=account_id, state="PARKED")
    for mail in (later, parked, "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000"):
        await send_mail(str(mail))
    assert inbox.kept == []
    assert (await mail_row(later))["attempts"] == 0


async def test_while_it_is_sent_its_row_is_locked_and_the_rest_is_not(inbox: MailServer) -> None:
    mail = await _confirmation()
    inbox.seconds_before_taking = lambda: 0.3
    sending_it = asyncio.create_task(send_mail(str(mail)))
    await asyncio.sleep(0.15)
    assert await fetch("SELECT id FROM mail FOR UPDATE SKIP LOCKED") == []
    assert len(await fetch("SELECT id FROM mail")) == 1
    await asyncio.gather(sending_it, send_mail(str(mail)))
    assert len(inbox.kept) == 1


async def test_taken_but_not_committed_is_marked_later_and_not_sent_again(
    inbox: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = await _confirmation()

    async def fail(_sql: str, *_values: object) -> int:
        raise UnavailableError

    with monkeypatch.context() as patch:
        patch.setattr(sending, "execute", fail)
        with pytest.raises(UnavailableError):
            await send_mail(str(mail))
    assert (await mail_row(mail))["state"] == "PENDING"
    await send_mail(str(mail))
    assert (await mail_row(mail))["state"] == "SENT"
    assert len(inbox.kept) == 1


async def test_a_worker_whose_machine_is_gone_loses_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "IDLE_LIMIT", "200ms")
    mail = await _confirmation()

    async def hang() -> None:
        async with transaction():
            assert await sending._lock(mail)
            await asyncio.sleep(0.6)
            await fetch("SELECT 1")

    with pytest.raises(UnavailableError):
        await hang()
    assert len(await fetch("SELECT id FROM mail FOR UPDATE SKIP LOCKED")) == 1


def test_the_pauses_double_up_to_four_hours_until_48_hours_have_passed() -> None:
    created_at = datetime(2026, 11, 23, tzinfo=UTC)
    at, attempts, pauses = created_at, 0, []
    while (following := next_attempt(attempts + 1, created_at=created_at, at=at)) is not None:
        attempts += 1
        pauses.append((following - at).total_seconds())
        at = following
    assert at == created_at + timedelta(hours=48), "the last attempt is at the very end"
    assert 20 < attempts < 30
    assert 4 <= pauses[0] <= 6
    assert max(pauses) <= 1.2 * 4 * 3600


def test_what_failed_together_does_not_come_back_together(mairie: Settings) -> None:
    assert mairie.smtp_url
    at = now()
    assert len({next_attempt(5, created_at=at, at=at) for _ in range(20)}) == 20
