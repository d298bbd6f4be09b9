"""Mails of appointments as they arrive: what they tell, and what calendar programs make of them."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from email.message import EmailMessage
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio

from core.i18n import LANGUAGES
from core.selection import Selection
from core.settings import Settings
from core.wording import readable_appointment
from jobs.dates import local
from jobs.mail import send_mail
from models.actors import AgentActor
from models.appointments import Appointment, Schedule, Slot
from models.database import execute, fetch
from models.ids import encode
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers.appointments import book_appointment, cancel_appointment, move_appointment
from resolvers.slots import close_slots
from tests.factories import JEANNE, id_of, make_agent, make_procedure, make_request, make_schedule
from tests.jobs.appointments import appointment_row, invitation_in, slots_in
from tests.jobs.mail_server import MailServer

ID = Selection.of("id")


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


async def _book(agent: AgentActor, sent: ServiceRequest, slot: Slot) -> Appointment:
    await book_appointment(
        agent, request=id_of(sent), slot=id_of(slot), reminder_email=None, selection=ID, next_selection=ID
    )
    return await Appointment.get(request_id=sent.id, state="CONFIRMED")


async def _move(agent: AgentActor, appointment: Appointment, slot: Slot) -> None:
    id = encode("Appointment", appointment.id)
    await move_appointment(agent, appointment=id, slot=id_of(slot), selection=ID, next_selection=ID)


async def _cancel(agent: AgentActor, appointment: Appointment) -> None:
    await cancel_appointment(agent, appointment=encode("Appointment", appointment.id), selection=ID)


async def _close(agent: AgentActor, slot: Slot, reason: str | None = None) -> None:
    await close_slots(agent, slots=[id_of(slot)], reason=reason, selection=ID)


async def _pending() -> list[str]:
    return [str(row["id"]) for row in await fetch("SELECT id FROM mail WHERE state = 'PENDING' ORDER BY id")]


async def _send_all() -> None:
    for mail in await _pending():
        await send_mail(mail)


def _text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    text: str = body.get_content()
    return text


def _in_words(start: datetime) -> str:
    return readable_appointment(local(start, "Europe/Paris"), "fr")


async def test_each_change_updates_the_same_entry_of_the_calendar(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule, inbox: MailServer
) -> None:
    first, second = await slots_in(schedule, 70, 90)
    appointment = await _book(agent, sent, first)
    await _send_all()
    await _move(agent, appointment, second)
    await _send_all()
    await _cancel(agent, appointment)
    await _send_all()
    assert [message["To"] for message in inbox.kept] == [JEANNE.email] * 3
    found = [invitation_in(message) for message in inbox.kept]
    assert [method for method, _ in found] == ["REQUEST", "REQUEST", "CANCEL"]
    assert {str(event["UID"]) for _, event in found} == {str(appointment.id)}
    assert [event["SEQUENCE"] for _, event in found] == [0, 1, 2]
    assert [event["DTSTART"].dt for _, event in found] == [first.start, second.start, second.start]
    assert [event["STATUS"] for _, event in found] == ["CONFIRMED", "CONFIRMED", "CANCELLED"]
    assert {str(event["ATTENDEE"]) for _, event in found} == {f"mailto:{JEANNE.email}"}
    booked, moved, cancelled = map(_text, inbox.kept)
    assert _in_words(first.start) in booked
    assert _in_words(first.start) in moved, "when it was to be"
    assert _in_words(second.start) in moved
    assert _in_words(second.start) in cancelled


async def test_what_is_submitted_with_a_hold_is_confirmed_with_the_sequence_it_has(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule, inbox: MailServer
) -> None:
    """Whoever chose another slot before submitting has a SEQUENCE to begin with."""
    (slot,) = await slots_in(schedule, 70)
    appointment = await _book(agent, sent, slot)
    await execute("UPDATE appointment SET sequence = 2 WHERE id = $1", appointment.id)
    await execute("UPDATE mail SET appointment_sequence = 2")
    await _send_all()
    method, event = invitation_in(inbox.kept[0])
    assert (method, event["SEQUENCE"]) == ("REQUEST", 2)


async def test_a_closed_slot_is_told_with_the_next_one_that_is_free(
    agent: AgentActor, sent: ServiceRequest, procedure: Procedure, schedule: Schedule, inbox: MailServer
) -> None:
    earlier, booked, taken, free = await slots_in(schedule, 10, 70, 80, 90)
    await _book(agent, sent, booked)
    await _book(agent, await make_request(procedure), taken)
    await _close(agent, booked, reason="Panne du chauffage")
    await _send_all()
    (message,) = [message for message in inbox.kept if "annuler" in message["Subject"]]
    assert invitation_in(message)[0] == "CANCEL"
    text = _text(message)
    assert _in_words(booked.start) in str(message["Subject"]).replace(" h ", "\u00a0h\u00a0")
    assert _in_words(free.start) in text
    assert _in_words(earlier.start) not in text
    assert "Panne du chauffage" not in text
    assert "pourquoi" in text
    assert "/demandes/" in text


@pytest.mark.parametrize("has_an_earlier_one", [True, False])
async def test_a_closed_slot_after_which_none_is_free(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule, inbox: MailServer, has_an_earlier_one: bool
) -> None:
    (booked,) = await slots_in(schedule, 70)
    await _book(agent, sent, booked)
    earlier = await slots_in(schedule, 10) if has_an_earlier_one else []
    await _close(agent, booked)
    await _send_all()
    text = _text(inbox.kept[0])
    assert ("Aucun autre créneau" in text) != has_an_earlier_one
    for slot in earlier:
        assert _in_words(slot.start) in text


async def test_of_what_changed_while_the_mail_server_was_away_only_the_last_is_told(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule, inbox: MailServer
) -> None:
    first, second, third = await slots_in(schedule, 70, 80, 90)
    appointment = await _book(agent, sent, first)
    await _move(agent, appointment, second)
    await _move(agent, appointment, third)
    await _send_all()
    (message,) = inbox.kept
    method, event = invitation_in(message)
    assert (method, event["SEQUENCE"], event["DTSTART"].dt) == ("REQUEST", 2, third.start)
    assert len(await fetch("SELECT 1 FROM mail")) == 1, "the others are gone"


async def test_booked_and_cancelled_again_there_is_one_mail_and_no_contradiction(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule, inbox: MailServer
) -> None:
    (slot,) = await slots_in(schedule, 70)
    await _cancel(agent, await _book(agent, sent, slot))
    await _send_all()
    (message,) = inbox.kept
    assert invitation_in(message)[0] == "CANCEL"


async def test_another_place_of_the_schedule_is_told_with_what_holds_when_the_mail_leaves(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule, inbox: MailServer
) -> None:
    (slot,) = await slots_in(schedule, 70)
    await _book(agent, sent, slot)
    await execute("UPDATE schedule SET place = 'Salle des mariages; étage 1, porte \\ 3'")
    await _send_all()
    assert invitation_in(inbox.kept[0])[1]["LOCATION"] == "Salle des mariages; étage 1, porte \\ 3"
    assert "Salle des mariages; étage 1, porte \\ 3" in _text(inbox.kept[0])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_mail_and_invitation_speak_the_language_of_the_request(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule, inbox: MailServer, language: str
) -> None:
    await execute("UPDATE service_request SET language = $1", language)
    (slot,) = await slots_in(schedule, 70)
    await _book(agent, sent, slot)
    await _send_all()
    (message,) = inbox.kept
    assert message["Content-Language"] == language
    word = {"fr": "Rendez-vous", "en": "Appointment"}[language]
    assert word in invitation_in(message)[1]["SUMMARY"]


@pytest.mark.parametrize("seed", range(8))
async def test_whenever_they_leave_and_however_they_arrive_the_calendar_is_right(
    agent: AgentActor, sent: ServiceRequest, schedule: Schedule, inbox: MailServer, seed: int
) -> None:
    """A calendar program by RFC 5546, 2.1.4 and 2.1.5: the greater SEQUENCE holds, then the later DTSTAMP."""
    chance = random.Random(seed)
    slots = await slots_in(schedule, *(50 + n for n in range(6)))
    appointment = await _book(agent, sent, slots[0])
    for slot in slots[1 : chance.randrange(2, 6)]:
        for mail in chance.sample(pending := await _pending(), chance.randrange(len(pending) + 1)):
            await send_mail(mail)
        await _move(agent, appointment, slot)
    if chance.random() < 0.6:
        await _cancel(agent, appointment)
    pending = await _pending()
    for mail in chance.sample(pending, len(pending)):
        await send_mail(mail)
    assert await _pending() == []

    sent_invitations = [invitation_in(message) for message in inbox.kept]
    sequences = [int(event["SEQUENCE"]) for _, event in sent_invitations]
    assert all(earlier <= later for earlier, later in pairwise(sequences)), "nothing older is sent later"
    row = await appointment_row(appointment.id)
    slot_now = await Slot.get(id=row["slot_id"])
    for order in range(10):
        arriving = [*sent_invitations, *chance.sample(sent_invitations, 1)]
        random.Random(order).shuffle(arriving)
        store: dict[str, tuple[str, Any]] = {}
        for method, event in arriving:
            known = store.get(str(event["UID"]))
            if known is None or _rank(known[1]) <= _rank(event):
                store[str(event["UID"])] = (method, event)
        ((method, event),) = store.values()
        assert (method == "CANCEL") == (row["state"] == "CANCELLED")
        assert (event["SEQUENCE"], event["DTSTART"].dt) == (row["sequence"], slot_now.start)
        assert event["DTEND"].dt - event["DTSTART"].dt == timedelta(minutes=20)


def _rank(event: Any) -> tuple[int, datetime]:
    stamp: datetime = event["DTSTAMP"].dt
    return int(event["SEQUENCE"]), stamp
