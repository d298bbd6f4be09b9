"""New passwords on their way: the lifetime begins when the mail server says 250, and what is sent twice is the same."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from core.clock import now
from jobs.mail import send_mail
from jobs.new_passwords import answer_new_password
from jobs.retention import sweep
from models.accounts import Account, NewPasswordRequest, TemporaryPassword
from models.actors import Visitor
from models.database import execute, fetch
from models.ids import encode
from models.temporary_password import LIFETIME, temporary_password
from resolvers.desk import resend_mail
from resolvers.new_passwords import begin_lifetime, request_new_password
from tests.factories import make_agent, make_captcha
from tests.jobs.mail_server import MailServer
from tests.jobs.mails import add_account, add_mail, mail_row, make_due

pytestmark = pytest.mark.usefixtures("mairie")


async def new_password_mail() -> UUID:
    account_id = await add_account()
    return await add_mail("new_password", account_id=account_id)


def password_in(inbox: MailServer, number: int = -1) -> str:
    text = inbox.kept[number].get_body(("plain",))
    assert text is not None
    found = re.search(r"(?:[a-z]{4}-){4}[a-z]{4}", text.get_content())
    assert found is not None
    return found[0]


async def expiry(id: UUID) -> datetime:
    return (await TemporaryPassword.get(id=id)).expires_at


async def test_what_was_asked_for_is_mailed_once_however_often_the_job_runs(inbox: MailServer) -> None:
    account_id = await add_account()
    await Account.filter(id=account_id).update(email_confirmed_at=now())
    await request_new_password(
        Visitor(), username_or_email="marie", captcha=await make_captcha("REQUEST_PASSWORD")
    )
    (request,) = await NewPasswordRequest.all()
    await asyncio.gather(*(answer_new_password(str(request.id)) for _ in range(4)))
    await answer_new_password(str(request.id))
    (mail,) = await fetch("SELECT id FROM mail")
    await send_mail(str(mail["id"]))
    await send_mail(str(mail["id"]))
    assert len(inbox.kept) == 1
    assert password_in(inbox) == temporary_password(mail["id"])


async def test_its_lifetime_begins_when_the_server_has_taken_it(inbox: MailServer) -> None:
    mail = await new_password_mail()
    await execute("UPDATE mail SET created_at = now() - interval '5 hours' WHERE id = $1", mail)
    inbox.seconds_before_taking = lambda: 1.5
    started = now()
    await send_mail(str(mail))
    assert started + timedelta(seconds=1.5) < await expiry(mail) - LIFETIME <= now()


@pytest.mark.parametrize("refusal", ["451 later", "550 no"])
async def test_what_the_server_does_not_take_opens_nothing(inbox: MailServer, refusal: str) -> None:
    mail = await new_password_mail()
    inbox.on_data = refusal
    await send_mail(str(mail))
    assert await TemporaryPassword.all().count() == 0
    inbox.on_data = None
    await execute("UPDATE mail SET state = 'PENDING' WHERE id = $1", mail)
    await make_due(mail)
    await send_mail(str(mail))
    assert await TemporaryPassword.filter(id=mail).count() == 1


async def test_a_mail_whose_250_was_lost_brings_the_same_password_again(inbox: MailServer) -> None:
    """Whoever reads either of the two, which have one Message-ID, has what works."""
    mail = await new_password_mail()
    await send_mail(str(mail))
    # As a worker that was killed between the 250 and the commit leaves it.
    await TemporaryPassword.all().delete()
    await execute("UPDATE mail SET state = 'PENDING', sent_at = NULL WHERE id = $1", mail)
    await send_mail(str(mail))
    assert password_in(inbox, 0) == password_in(inbox, 1) == temporary_password(mail)
    assert len(set(inbox.message_ids)) == 1
    assert await TemporaryPassword.filter(id=mail).count() == 1


async def test_taken_while_the_commit_failed_it_has_its_ten_minutes_from_then(
    inbox: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = await new_password_mail()
    times: list[datetime] = []

    async def fail_once(id: UUID, taken_at: datetime) -> None:
        times.append(taken_at)
        if len(times) == 1:
            raise ConnectionError
        await begin_lifetime(id, taken_at)

    monkeypatch.setattr("jobs.mail.begin_lifetime", fail_once)
    with pytest.raises(ConnectionError):
        await send_mail(str(mail))
    await asyncio.sleep(0.5)
    await send_mail(str(mail))
    assert len(inbox.kept) == 1
    assert times[0] == times[1] == await expiry(mail) - LIFETIME


async def test_after_a_day_it_is_not_sent_any_more(inbox: MailServer) -> None:
    mail = await new_password_mail()
    await execute("UPDATE mail SET created_at = now() - interval '25 hours' WHERE id = $1", mail)
    await send_mail(str(mail))
    assert inbox.kept == []
    assert await fetch("SELECT id FROM mail") == []


@pytest.mark.parametrize(("hours", "sent"), [(23, 1), (25, 0)])
async def test_nor_where_an_administrator_has_it_tried_again(
    inbox: MailServer, hours: int, sent: int
) -> None:
    mail = await new_password_mail()
    await execute(
        "UPDATE mail SET state = 'PARKED', created_at = now() - make_interval(hours => $2) WHERE id = $1",
        mail,
        hours,
    )
    await resend_mail(await make_agent(), mail=encode("ParkedMail", mail))
    await send_mail(str(mail))
    assert len(inbox.kept) == await TemporaryPassword.all().count() == sent


async def test_to_an_address_that_was_replaced_it_is_not_sent_any_more(inbox: MailServer) -> None:
    mail = await new_password_mail()
    await Account.all().update(email="marie@example.net", former_email="Marie@Example.fr")
    inbox.on_data = "451 later"
    await send_mail(str(mail))
    assert (await mail_row(mail))["state"] == "PENDING"  # The one before has it still.
    inbox.on_data = None
    await Account.all().update(former_email=None)
    await make_due(mail)
    await send_mail(str(mail))
    assert inbox.kept == []
    assert await fetch("SELECT id FROM mail") == []


async def test_no_secret_is_in_the_row_or_the_log(
    inbox: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    mail = await new_password_mail()
    inbox.on_data = "451 later"
    await send_mail(str(mail))
    inbox.on_data = None
    await make_due(mail)
    await send_mail(str(mail))
    password = password_in(inbox)
    assert password not in str(await mail_row(mail))
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("mail.")]
    assert password not in "\n".join(ours)


async def test_what_is_over_is_swept() -> None:
    account_id = await add_account()
    for minutes in (-1, 5):
        mail = await add_mail("new_password", account_id=account_id)
        credential = (await fetch("SELECT id FROM credential"))[0]["id"]
        await TemporaryPassword(
            id=mail, credential_id=credential, expires_at=now() + timedelta(minutes=minutes)
        ).save(force_create=True)
    for hours in (25, 1):
        await NewPasswordRequest(typed=b"x", language="fr", created_at=now() - timedelta(hours=hours)).save(
            force_create=True
        )
    await sweep()
    assert await TemporaryPassword.all().count() == 1
    assert await NewPasswordRequest.all().count() == 1
