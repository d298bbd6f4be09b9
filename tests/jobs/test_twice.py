"""A job may run twice, in a row or at once, here or in another process: the thing happens once."""

from __future__ import annotations

import asyncio

import pytest

from core.settings import Settings
from jobs.mail import send_mail
from jobs.retention import sweep
from jobs.worker import CRON_JOBS, FUNCTIONS, STOCK_JOBS
from models.database import fetch
from tests.factories import make_captcha
from tests.jobs.mail_server import MailServer
from tests.jobs.mails import add_account, add_mail, count_mails

pytestmark = pytest.mark.usefixtures("mairie")


def test_every_job_is_run_twice_here() -> None:
    """Or beside: scans in test_scans.py, previews in test_previews.py, receipts in test_receipts.py, the sweep of files
    in test_file_retention.py, reminders in test_reminders.py, new passwords in test_new_passwords.py, what is read
    aloud in test_captcha_audio.py, partners' tokens in test_partner_links.py, webhooks in test_webhooks.py, the erasure
    in test_erasure.py, exports in test_data_exports.py.
    """
    assert {function.name for function in FUNCTIONS} == {
        "send_mail",
        "scan_file",
        "draw_preview_of",
        "make_receipt",
        "remind",
        "make_export",
        "call_webhook",
        "answer_new_password",
        "speak_captcha",
        "end_partner_link",
    }
    assert {job.name for job in (*CRON_JOBS, *STOCK_JOBS)} == {"sweep", "sweep_files", "erase", "keep_stock"}


async def test_sweeping_twice_in_a_row_and_at_once_takes_away_once() -> None:
    for minutes in (-90, -90, 5):
        await make_captcha("CREATE_ACCOUNT", minutes=minutes)
    await asyncio.gather(sweep(), sweep())
    await sweep()
    assert len(await fetch("SELECT id FROM captcha")) == 1


async def test_sending_twice_in_a_row_sends_once(inbox: MailServer) -> None:
    mail = str(await add_mail(account_id=await add_account()))
    await send_mail(mail)
    await send_mail(mail)
    assert len(inbox.kept) == 1


async def test_sending_many_times_at_once_sends_once(inbox: MailServer, mairie: Settings) -> None:
    account_id = await add_account()
    mails = [str(await add_mail(recipient=f"p{n}@example.fr", account_id=account_id)) for n in range(5)]
    inbox.slow_by_chance(0.05)
    assert mairie.database_pool_size >= 5
    for _ in range(4):
        await asyncio.gather(*(send_mail(mail) for mail in (*mails, *mails)))
    assert len(inbox.kept) == len(set(inbox.message_ids)) == len(mails)
    assert await count_mails("SENT") == len(mails)
