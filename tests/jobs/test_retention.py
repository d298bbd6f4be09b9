"""What strangers leave behind goes; what anybody may still want stays."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.settings import Settings
from jobs import retention
from jobs.retention import HOLD, PARKED_MAIL, SENT_MAIL, VISITOR_DRAFT, sweep
from models.database import execute, fetch, transaction
from tests.factories import (
    make_appointment,
    make_captcha,
    make_citizen,
    make_procedure,
    make_request,
    make_schedule,
    make_session,
    make_slot,
)

DAY = timedelta(days=1)

pytestmark = pytest.mark.usefixtures("database")


async def _age(table: str, column: str, age: timedelta) -> None:
    await execute(f"UPDATE {table} SET {column} = now() - $1::interval", age)


async def _count(table: str) -> int:
    number: int = (await fetch(f"SELECT count(*) AS number FROM {table}"))[0]["number"]
    return number


@pytest.mark.parametrize(("age", "left"), [(VISITOR_DRAFT - DAY, 1), (VISITOR_DRAFT + DAY, 0)])
async def test_a_forgotten_draft_of_a_visitor_goes(database: Settings, age: timedelta, left: int) -> None:
    await make_request(await make_procedure(), status="DRAFT")
    await _age("service_request", "updated_at", age)

    await sweep()
    await sweep()

    assert await _count("service_request") == left


async def test_drafts_of_accounts_and_what_was_sent_stay(database: Settings) -> None:
    procedure = await make_procedure()
    await make_request(procedure, citizen=await make_citizen(), status="DRAFT")
    await make_request(procedure)
    await _age("service_request", "updated_at", 10 * VISITOR_DRAFT)

    await sweep()

    assert await _count("service_request") == 2


async def test_ended_sessions_and_old_captchas_go(database: Settings) -> None:
    citizen = await make_citizen()
    credential = (await fetch("SELECT id FROM credential WHERE account_id = $1", citizen.account_id))[0]["id"]
    before = await _count("session")
    await make_session(credential, days=1)
    await make_session(credential, days=-1)
    await make_captcha("CREATE_ACCOUNT")
    await make_captcha("CREATE_ACCOUNT", minutes=-90)

    await sweep()

    assert await _count("session") == before + 1
    assert await _count("captcha") == 1


async def test_more_than_one_statement_takes_goes_in_one_run(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    for _ in range(7):
        await make_captcha("CREATE_ACCOUNT", minutes=-90)

    await sweep()

    assert await _count("captcha") == 0


@pytest.mark.parametrize(
    ("state", "age", "left"),
    [
        ("SENT", SENT_MAIL - DAY, 1),
        ("SENT", SENT_MAIL + DAY, 0),
        ("PARKED", PARKED_MAIL - DAY, 1),
        ("PARKED", PARKED_MAIL + DAY, 0),
        ("PENDING", 2 * PARKED_MAIL, 1),
    ],
)
async def test_mail_goes_when_nobody_needs_it_any_more(
    database: Settings, state: str, age: timedelta, left: int
) -> None:
    await execute(
        "INSERT INTO mail (id, template, recipient, language, state, attempts, next_attempt_at, message_id, "
        "created_at, sent_at) VALUES (gen_random_uuid(), 'acknowledgement', 'a@b.example', 'fr', $1::text, 1, "
        "now(), '<1@b.example>', now() - $2::interval, CASE WHEN $1::text = 'SENT' THEN now() - $2::interval END)",
        state,
        age,
    )

    await sweep()

    assert await _count("mail") == left


async def test_slots_forget_holds_that_ran_out_long_ago_and_nothing_else(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    schedule = await make_schedule()
    procedure, citizen = await make_procedure(), await make_citizen()
    minutes = HOLD.total_seconds() / 60
    forgotten = await make_slot(schedule, hours=10, capacity=9)
    for _ in range(5):
        draft = await make_request(procedure, citizen=citizen, status="DRAFT")
        await make_appointment(draft, forgotten, state="HELD", minutes=-minutes - 1)
    kept = await make_slot(schedule, hours=11, capacity=9)
    for state, since in (("HELD", -minutes + 1), ("HELD", 15), ("CONFIRMED", 0)):
        status = "DRAFT" if state == "HELD" else "SUBMITTED"
        draft = await make_request(procedure, citizen=citizen, status=status)
        await make_appointment(draft, kept, state=state, minutes=since)

    await sweep()
    await sweep()

    rows = await fetch("SELECT id, taken, held FROM slot")
    assert {row["id"]: (row["taken"], row["held"]) for row in rows} == {forgotten.id: (0, 0), kept.id: (3, 2)}
    assert await _count("appointment") == 8, "their drafts may still find a place"


async def test_the_sweep_of_holds_waits_for_nobody_who_books(database: Settings) -> None:
    slot = await make_slot(await make_schedule())
    draft = await make_request(await make_procedure(), citizen=await make_citizen(), status="DRAFT")
    await make_appointment(draft, slot, state="HELD", minutes=-10_000)
    locked, done = asyncio.Event(), asyncio.Event()

    async def book() -> None:
        async with transaction():
            await fetch("SELECT id FROM slot FOR NO KEY UPDATE")
            locked.set()
            await done.wait()

    booking = asyncio.create_task(book())
    await locked.wait()
    await sweep()
    done.set()
    await booking
    assert (await fetch("SELECT held FROM slot"))[0]["held"] == 1
    await sweep()
    assert (await fetch("SELECT held FROM slot"))[0]["held"] == 0
