"""Mail that callers cause: to whom it counts, and that nothing is done where it is too much."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import pytest_asyncio

from core.errors import RateLimitedError
from core.limits import count
from core.limits.declared import MAIL, MAIL_OF_ACCOUNT, MAIL_OF_REQUEST, NEW_PASSWORD_MAIL
from core.selection import Selection
from core.settings import Settings
from models.actors import Actor, CitizenActor, Visitor
from models.appointments import Appointment, Slot
from models.captcha import Captcha
from models.database import execute, fetch
from models.events import RequestEvent
from models.mail import Mail
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers.appointments import move_appointment, set_reminder
from resolvers.mail_limits import count_mail, may_mail_new_password
from resolvers.requests import cancel_request, submit_request
from resolvers.sessions import authenticate
from tests.factories import (
    JEANNE,
    holder_of,
    id_of,
    make_agent,
    make_appointment,
    make_captcha,
    make_citizen,
    make_procedure,
    make_request,
    make_schedule,
    make_session,
    make_slot,
)

pytestmark = pytest.mark.usefixtures("limits_as_declared")

NOTHING = Selection.of()
MOST = MAIL.each_subject[0].amount
OF_REQUEST = MAIL_OF_REQUEST.each_caller[0].amount
VICTIM = JEANNE.email or ""


async def use_up(recipient: str = VICTIM) -> None:
    await count(MAIL, subject=recipient, amount=MOST)


async def refused(actor: Actor, recipient: str) -> bool:
    try:
        await count_mail(actor, recipient)
    except RateLimitedError:
        return True
    return False


@dataclass
class Booked:
    """A stranger's request with an appointment, and another slot."""

    request: ServiceRequest
    appointment: Appointment
    slots: list[Slot]

    async def move(self, actor: Actor) -> None:
        """To the other slot."""
        await move_appointment(
            actor,
            appointment=id_of(self.appointment),
            slot=id_of(self.slots[1]),
            selection=NOTHING,
            next_selection=NOTHING,
        )
        self.slots.reverse()


@pytest_asyncio.fixture
async def booked(database: Settings) -> Booked:
    schedule = await make_schedule()
    procedure = await make_procedure("passeport", appointment="OPTIONAL", schedules=[schedule])
    slots = [await make_slot(schedule, hours=hours) for hours in (48, 96)]
    request = await make_request(procedure)
    return Booked(request, await make_appointment(request, slots[0]), slots)


async def test_whoever_holds_a_ticket_fills_no_mailbox_by_moving(booked: Booked) -> None:
    holder, most = holder_of(booked.request), OF_REQUEST + MOST
    for _ in range(most):
        await booked.move(holder)
    with pytest.raises(RateLimitedError):
        await booked.move(holder)
    assert await Mail.filter(recipient=VICTIM).count() == most
    assert await RequestEvent.filter(kind="AppointmentMoved").count() == most
    assert (await Appointment.get()).sequence == most, "what was refused was not done"
    await booked.move(await make_agent(username="martin"))
    assert await Mail.filter(recipient=VICTIM).count() == most + 1, "the mairie is not held up"


async def test_whoever_fills_a_mailbox_keeps_nobody_from_cancelling(booked: Booked) -> None:
    await use_up()
    await booked.move(holder_of(booked.request))
    await cancel_request(
        holder_of(booked.request), request=id_of(booked.request), reason=None, selection=NOTHING
    )
    assert await Mail.filter(recipient=VICTIM).count() == 3
    draft = await make_request(await Procedure.get(slug="passeport"), status="DRAFT")
    with pytest.raises(RateLimitedError):
        await submit_request(
            holder_of(draft),
            request=id_of(draft),
            version=1,
            captcha=await make_captcha("SUBMIT_REQUEST"),
            selection=NOTHING,
        )
    assert (await Captcha.get()).used_at is None, "the code is still good"


async def test_reminders_count_for_whom_they_will_be_sent_to(booked: Booked) -> None:
    holder = holder_of(booked.request)

    async def remind(email: str | None) -> None:
        await set_reminder(holder, appointment=id_of(booked.appointment), email=email, selection=NOTHING)

    for _ in range(MOST):
        await remind("victime@exemple.example")
        await remind(None)
    with pytest.raises(RateLimitedError):
        await remind("Victime@Exemple.example")
    assert (await Appointment.get()).reminder_email is None
    await remind("autre@exemple.example")
    await remind("autre@exemple.example")
    assert not await refused(Visitor(), "autre@exemple.example")


async def test_whoever_has_proved_an_address_has_it_for_themselves(database: Settings) -> None:
    citizen = await make_citizen("marie")
    await use_up()
    assert await refused(citizen, VICTIM), "their account names it, and anybody can write that"
    await execute("UPDATE account SET email_confirmed_at = now()")
    session = await fetch("SELECT credential_id FROM session WHERE id = $1", citizen.session_id)
    await make_session(session[0]["credential_id"], token="token")
    known = await authenticate(bearer="token", ticket=None, language="fr")
    assert isinstance(known, CitizenActor)
    assert not await refused(known, VICTIM.upper())
    await use_up("autre@exemple.example")
    assert await refused(known, "autre@exemple.example"), "nor do they fill somebody else's"
    assert VICTIM not in repr(known)
    await count(
        MAIL_OF_ACCOUNT, caller=str(known.account_id), amount=MAIL_OF_ACCOUNT.each_caller[0].amount - 3
    )
    assert await refused(known, VICTIM)


async def test_agents_and_the_mairies_jobs_are_not_counted(database: Settings) -> None:
    await use_up()
    assert not await refused(await make_agent(username="martin"), VICTIM)


async def test_new_passwords_have_their_own_count_and_tell_nothing(database: Settings) -> None:
    await use_up()
    most = NEW_PASSWORD_MAIL.each_subject[0].amount
    answers = [await may_mail_new_password(VICTIM) for _ in range(most + 3)]
    assert answers == [True] * most + [False] * 3
    assert await may_mail_new_password("autre@exemple.example")
