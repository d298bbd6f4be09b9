"""`kill -9` of workers while reminders go out: each appointment is reminded of by one mail, none is forgotten."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from core.settings import Settings
from models.database import fetch
from tests.factories import make_schedule, make_slot
from tests.faults.test_mail_kill import running, worker  # noqa: F401 -- fixtures
from tests.jobs.appointments import add_due
from tests.jobs.conftest import inbox, mairie  # noqa: F401 -- fixtures
from tests.jobs.mail_server import MailServer
from tests.stack import Command

APPOINTMENTS = 80
KILLS = 6
RECOVERY_SECONDS = 40.0


async def _add_due() -> set[UUID]:
    slot = await make_slot(await make_schedule(), hours=12, capacity=APPOINTMENTS)
    return {(await add_due(slot, email=f"p{n}@example.fr")).id for n in range(APPOINTMENTS)}


async def _until(statement: str, count: int, worker: Command) -> None:  # noqa: F811
    deadline = time.monotonic() + RECOVERY_SECONDS
    while len(await fetch(statement)) < count:
        assert time.monotonic() < deadline, worker.output()
        await asyncio.sleep(0.01)


@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_killed_while_reminders_go_out_none_is_lost_or_doubled(
    inbox: MailServer,  # noqa: F811
    worker: Command,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Two workers, which hand out the same rows; kills fall while reminders are written and while they are sent."""
    ids = await _add_due()
    inbox.slow_by_chance(0.05)
    other = Command(["worker"], worker.environment, tmp_path / "other.log")
    chance = random.Random(KILLS)
    kills = 0
    async with running(other):
        while kills < KILLS:
            async with running(worker):
                written = len(await fetch("SELECT 1 FROM mail"))
                sent = len(await fetch("SELECT 1 FROM mail WHERE state = 'SENT'"))
                if written < APPOINTMENTS:
                    await _until("SELECT 1 FROM mail", written + 1, worker)
                else:
                    await _until(
                        "SELECT 1 FROM mail WHERE state = 'SENT'", min(sent + 1, APPOINTMENTS), worker
                    )
                await asyncio.sleep(chance.uniform(0, 0.1))
                (worker if kills % 2 else other).kill()
                kills += 1
                if not other.running:
                    await other.start()
        await _until("SELECT 1 FROM mail WHERE state = 'SENT'", APPOINTMENTS, other)
    mails = await fetch("SELECT appointment_id, template, recipient, state, created_at FROM mail")
    assert {mail["appointment_id"] for mail in mails} == ids
    assert len(mails) == APPOINTMENTS, "one row an appointment"
    assert {(mail["template"], mail["state"]) for mail in mails} == {("appointment_reminder", "SENT")}
    marked = await fetch(
        "SELECT 1 FROM appointment a JOIN mail m ON m.appointment_id = a.id AND m.created_at = a.reminder_sent_at"
    )
    assert len(marked) == APPOINTMENTS
    assert set(Counter(str(message["To"]) for message in inbox.kept)) == {
        f"p{n}@example.fr" for n in range(APPOINTMENTS)
    }
    assert len(inbox.kept) - APPOINTMENTS <= kills, "what RFC 1047 leaves open, once a kill at most"


async def test_after_a_day_without_workers_what_has_not_begun_is_caught_up(
    mairie: Settings,  # noqa: F811
    inbox: MailServer,  # noqa: F811
    worker: Command,  # noqa: F811
) -> None:
    schedule = await make_schedule()
    missed = await add_due(await make_slot(schedule, hours=-1), email="missed@example.fr")
    last_moment = await add_due(await make_slot(schedule, hours=1), email="last@example.fr")
    assert mairie.reminder_hour == 18
    async with running(worker):
        await _until("SELECT 1 FROM mail WHERE state = 'SENT'", 1, worker)
    assert [mail["appointment_id"] for mail in await fetch("SELECT appointment_id FROM mail")] == [
        last_moment.id
    ]
    assert [recipients for _, recipients in inbox.envelopes] == [["last@example.fr"]]
    rows = await fetch("SELECT id FROM appointment WHERE reminder_sent_at IS NULL")
    assert [row["id"] for row in rows] == [missed.id]
