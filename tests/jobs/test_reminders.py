"""Me notifier la veille: exactly once, on the right day, never for what is cancelled or has begun."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from tortoise.exceptions import IntegrityError

from core.clock import now
from core.selection import Selection
from core.settings import Settings
from jobs.mail import send_mail
from jobs.reminders import remind, write_reminders
from models.actors import AgentActor
from models.appointments import Appointment, Schedule, Slot
from models.database import execute, fetch
from models.ids import encode
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers.appointments import book_appointment, cancel_appointment, move_appointment, set_reminder
from tests.factories import JEANNE, id_of, make_agent, make_procedure, make_request, make_schedule, make_slot
from tests.jobs.appointments import add_due, appointment_row, reminders_of
from tests.jobs.mail_server import MailServer

ID = Selection.of("id")
DAY = timedelta(days=1)
PARIS = ZoneInfo("Europe/Paris")
SOMEBODY = "quelqu.un@example.fr"


@pytest_asyncio.fixture
async def schedule(mairie: Settings) -> Schedule:
    return await make_schedule()


@pytest_asyncio.fixture
async def procedure(schedule: Schedule) -> Procedure:
    return await make_procedure("passeport", appointment="REQUIRED", schedules=[schedule])


@pytest_asyncio.fixture
async def sent(procedure: Procedure) -> ServiceRequest:
    return await make_request(procedure)


@pytest_asyncio.fixture
async def agent(mairie: Settings) -> AgentActor:
    return await make_agent()


async def _book(
    agent: AgentActor, sent: ServiceRequest, slot: Slot, email: str | None = SOMEBODY
) -> Appointment:
    await book_appointment(
        agent, request=id_of(sent), slot=id_of(slot), reminder_email=email, selection=ID, next_selection=ID
    )
    return await Appointment.get(request_id=sent.id, state="CONFIRMED")


async def _move(agent: AgentActor, appointment: Appointment, slot: Slot) -> None:
    await move_appointment(
        agent,
        appointment=encode("Appointment", appointment.id),
        slot=id_of(slot),
        selection=ID,
        next_selection=ID,
    )


async def _cancel(agent: AgentActor, appointment: Appointment) -> None:
    await cancel_appointment(agent, appointment=encode("Appointment", appointment.id), selection=ID)


async def _send_reminders() -> None:
    for mail in await fetch(
        "SELECT id FROM mail WHERE template = 'appointment_reminder' AND state = 'PENDING'"
    ):
        await send_mail(str(mail["id"]))


async def test_a_reminder_is_written_once_however_often_the_job_runs(
    schedule: Schedule, inbox: MailServer
) -> None:
    appointment = await add_due(await make_slot(schedule), email=SOMEBODY)
    await asyncio.gather(*(remind(str(appointment.id)) for _ in range(6)))
    await remind(str(appointment.id))
    (mail,) = await reminders_of(appointment)
    row = await appointment_row(appointment.id)
    assert row["reminder_sent_at"] == mail["created_at"]
    assert (mail["recipient"], mail["language"], mail["request_id"]) == (SOMEBODY, "fr", row["request_id"])
    assert mail["appointment_sequence"] == row["sequence"]
    await send_mail(str(mail["id"]))
    (message,) = inbox.kept
    assert message["To"] == SOMEBODY
    assert message["Message-ID"] == mail["message_id"]
    assert "Rappel" in message["Subject"]
    assert not list(message.iter_attachments())


async def test_without_a_commit_there_is_neither_mark_nor_mail(
    schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = [(await add_due(await make_slot(schedule, hours=hours))).id for hours in (20, 21)]
    with monkeypatch.context() as patch:
        patch.setattr("jobs.reminders.message_id", lambda _: "<the-same@mairie.example>")
        with pytest.raises(IntegrityError):
            await write_reminders(due, now())
    for id in due:
        assert (await appointment_row(id))["reminder_sent_at"] is None
        assert await reminders_of(id) == []
    assert await write_reminders(due, now()) == 2


async def test_what_is_booked_ahead_waits_for_the_day_before(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule
) -> None:
    slot = await make_slot(schedule, hours=24 * 5)
    appointment = await _book(agent, sent, slot)
    assert appointment.reminder_at is not None
    second = timedelta(seconds=1)
    assert await write_reminders([appointment.id], appointment.reminder_at - second) == 0
    assert await write_reminders([appointment.id], slot.start) == 0, "never once it has begun"
    assert await write_reminders([appointment.id], slot.start - second) == 1, "but as late as that"
    assert await write_reminders([appointment.id], slot.start - second) == 0


@pytest.mark.parametrize("hours", [1, 20])
async def test_what_is_booked_on_the_day_before_is_reminded_of_at_once(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule, inbox: MailServer, hours: int
) -> None:
    appointment = await _book(agent, sent, await make_slot(schedule, hours=hours))
    await remind(str(appointment.id))
    await _send_reminders()
    assert inbox.envelopes == [("ne-pas-repondre@mairie.example", [SOMEBODY])]


async def test_asking_for_none_or_cancelling_in_time_there_is_none(
    agent: AgentActor, procedure: Procedure, schedule: Schedule
) -> None:
    without = await _book(agent, await make_request(procedure), await make_slot(schedule, hours=5), None)
    cancelled = await _book(agent, await make_request(procedure), await make_slot(schedule, hours=6))
    await _cancel(agent, cancelled)
    for appointment in (without, cancelled):
        await remind(str(appointment.id))
        assert await reminders_of(appointment) == []


async def test_cancelled_between_writing_and_sending_it_is_dropped(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule, inbox: MailServer
) -> None:
    appointment = await _book(agent, sent, await make_slot(schedule, hours=5))
    await remind(str(appointment.id))
    await _cancel(agent, appointment)
    await _send_reminders()
    assert await reminders_of(appointment) == []
    assert (await appointment_row(appointment.id))["reminder_sent_at"] is None, "nobody was reminded"
    assert inbox.kept == []


async def test_begun_between_writing_and_sending_it_is_dropped(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule, inbox: MailServer
) -> None:
    slot = await make_slot(schedule, hours=5)
    appointment = await _book(agent, sent, slot)
    await remind(str(appointment.id))
    await execute("UPDATE slot SET start = now() - interval '1 second' WHERE id = $1", slot.id)
    await _send_reminders()
    await remind(str(appointment.id))
    assert await reminders_of(appointment) == []
    assert inbox.kept == []


async def test_taken_back_or_sent_elsewhere_between_writing_and_sending(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule, inbox: MailServer
) -> None:
    appointment = await _book(agent, sent, await make_slot(schedule, hours=5))
    id = encode("Appointment", appointment.id)
    await remind(str(appointment.id))
    await set_reminder(agent, appointment=id, email=None, selection=ID)
    await _send_reminders()
    assert inbox.kept == []
    await set_reminder(agent, appointment=id, email=SOMEBODY, selection=ID)
    await remind(str(appointment.id))
    await set_reminder(agent, appointment=id, email="autre@example.fr", selection=ID)
    await remind(str(appointment.id))
    await _send_reminders()
    assert [recipients for _, recipients in inbox.envelopes] == [["autre@example.fr"]]


async def test_moved_to_another_day_it_is_reminded_of_anew(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule, inbox: MailServer
) -> None:
    tomorrow, later = await make_slot(schedule, hours=20), await make_slot(schedule, hours=24 * 6)
    appointment = await _book(agent, sent, tomorrow)
    await remind(str(appointment.id))
    await _send_reminders()
    await _move(agent, appointment, later)
    row = await appointment_row(appointment.id)
    assert row["reminder_sent_at"] is None
    assert timedelta(0) < later.start - row["reminder_at"] < 2 * DAY
    await remind(str(appointment.id))
    assert len(await reminders_of(appointment)) == 1, "not yet"
    assert await write_reminders([appointment.id], row["reminder_at"]) == 1
    assert len(inbox.kept) == 1


async def test_moved_to_another_day_before_it_left_the_old_one_is_dropped(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule, inbox: MailServer
) -> None:
    tomorrow, later = await make_slot(schedule, hours=20), await make_slot(schedule, hours=24 * 6)
    appointment = await _book(agent, sent, tomorrow)
    await remind(str(appointment.id))
    await _move(agent, appointment, later)
    # The mail server was away for days: the new one is written while the old one still waits.
    at = (await appointment_row(appointment.id))["reminder_at"]
    await write_reminders([appointment.id], at)
    await execute("UPDATE mail SET next_attempt_at = now() WHERE appointment_id = $1", appointment.id)
    await _send_reminders()
    assert len(inbox.kept) == 1
    (left,) = await reminders_of(appointment)
    assert (left["state"], left["appointment_sequence"], left["created_at"]) == ("SENT", 1, at)


@pytest.mark.parametrize("has_left", [False, True])
async def test_moved_within_its_day_there_is_still_exactly_one(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule, inbox: MailServer, has_left: bool
) -> None:
    """One that has not left yet tells the new hour."""
    day = now().astimezone(PARIS).date() + 3 * DAY
    first, second = [
        Slot(schedule_id=schedule.id, start=start, end=start + timedelta(minutes=20))
        for start in (datetime.combine(day, time(10, minute), PARIS).astimezone(UTC) for minute in (0, 40))
    ]
    for slot in (first, second):
        await slot.save(force_create=True)
    appointment = await _book(agent, sent, first)
    await execute("UPDATE appointment SET reminder_at = now() WHERE id = $1", appointment.id)
    at = now() + 2 * DAY
    assert await write_reminders([appointment.id], at) == 1
    await execute("UPDATE mail SET next_attempt_at = now() WHERE appointment_id = $1", appointment.id)
    if has_left:
        await _send_reminders()
    await _move(agent, appointment, second)
    assert await write_reminders([appointment.id], at + timedelta(minutes=1)) == 0
    await _send_reminders()
    (message,) = inbox.kept
    assert ("à 10 h 00" if has_left else "à 10 h 40") in str(message["Subject"])


async def test_to_the_citizen_themselves_it_opens_the_request_to_others_it_does_not(
    agent: AgentActor, procedure: Procedure, schedule: Schedule, inbox: MailServer
) -> None:
    assert JEANNE.email
    for hours, email in ((5, JEANNE.email), (6, SOMEBODY)):
        request = await make_request(procedure)
        await remind(str((await _book(agent, request, await make_slot(schedule, hours=hours), email)).id))
    await _send_reminders()
    links = {}
    for message in inbox.kept:
        body = message.get_body(("plain",))
        assert body is not None
        links[str(message["To"])] = "/demandes/" in body.get_content()
    assert links == {JEANNE.email: True, SOMEBODY: False}
