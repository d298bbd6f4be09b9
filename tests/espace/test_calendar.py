from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from icalendar import Calendar
from starlette.applications import Starlette

from core.keys import sign
from core.selection import Selection
from core.settings import Settings
from espace.calendar import routes
from models.actors import AgentActor
from models.appointments import Appointment, Schedule, Slot
from models.database import close, execute, initialise
from models.ids import encode
from models.requests import ServiceRequest
from resolvers.appointments import cancel_appointment, move_appointment
from resolvers.calendar_links import GOOD_AFTERWARDS, PURPOSE, calendar_url
from resolvers.requests import cancel_request
from tests.factories import (
    holder_of,
    id_of,
    make_agent,
    make_appointment,
    make_procedure,
    make_request,
    make_schedule,
    make_slot,
)

ID = Selection.of("id")


def _client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Starlette(routes=routes))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def _get(appointment: Appointment, **headers: str) -> httpx.Response:
    async with _client() as client:
        return await client.get(_path(calendar_url(appointment.id)), headers=headers)


def _path(url: str) -> str:
    return url.removeprefix("http://localhost:8000")


def _event(response: httpx.Response) -> tuple[Any, Any]:
    assert response.status_code == 200, response.text
    calendar = Calendar.from_ical(response.content)
    assert isinstance(calendar, Calendar)
    (event,) = calendar.events
    return calendar, event


@pytest_asyncio.fixture
async def schedule(database: Settings) -> Schedule:
    return await make_schedule(title="Cartes d’identité, passeports")


@pytest_asyncio.fixture
async def slot(schedule: Schedule) -> Slot:
    return await make_slot(schedule, hours=70)


@pytest_asyncio.fixture
async def sent(schedule: Schedule) -> ServiceRequest:
    return await make_request(await make_procedure(appointment="REQUIRED", schedules=[schedule]))


@pytest_asyncio.fixture
async def appointment(sent: ServiceRequest, slot: Slot) -> Appointment:
    return await make_appointment(sent, slot)


@pytest_asyncio.fixture
async def agent(database: Settings) -> AgentActor:
    return await make_agent()


async def test_the_file_is_the_event_published_for_whoever_looks(
    appointment: Appointment, slot: Slot
) -> None:
    response = await _get(appointment)
    calendar, event = _event(response)
    assert calendar["METHOD"] == "PUBLISH"
    assert event["UID"] == str(appointment.id)
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (slot.start, slot.end)
    assert (event["SEQUENCE"], event["STATUS"]) == (0, "CONFIRMED")
    assert "Cartes d’identité, passeports" in event["SUMMARY"]
    assert response.headers["content-type"] == "text/calendar; charset=utf-8; method=PUBLISH"
    assert response.headers["content-disposition"] == 'attachment; filename="rendez-vous.ics"'
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "private, no-cache"


async def test_it_names_nobody_and_opens_nothing(appointment: Appointment, sent: ServiceRequest) -> None:
    """Who has the address of the calendar has neither the citizen's name nor the request."""
    await execute("UPDATE appointment SET reminder_email = 'marie@example.fr', reminder_at = now()")
    response = await _get(appointment)
    for secret in ("jeanne", "durand", "marie@example.fr", "/demandes/", "ATTENDEE", str(sent.id)):
        assert secret.lower() not in response.text.lower()


async def test_who_has_it_is_asked_for_nothing_until_it_changes(
    appointment: Appointment, schedule: Schedule, agent: AgentActor
) -> None:
    first = await _get(appointment)
    etag = first.headers["etag"]
    unchanged = await _get(appointment, **{"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == etag
    later = await make_slot(schedule, hours=24 * 90)
    id = encode("Appointment", appointment.id)
    await move_appointment(agent, appointment=id, slot=id_of(later), selection=ID, next_selection=ID)
    _, event = _event(await _get(appointment, **{"If-None-Match": etag}))
    assert (event["SEQUENCE"], event["DTSTART"].dt) == (1, later.start)


async def test_a_cancelled_one_is_served_as_cancelled(appointment: Appointment, agent: AgentActor) -> None:
    await cancel_appointment(agent, appointment=encode("Appointment", appointment.id), selection=ID)
    calendar, event = _event(await _get(appointment))
    assert (calendar["METHOD"], event["STATUS"], event["SEQUENCE"]) == ("PUBLISH", "CANCELLED", 1)


async def test_head_has_the_same_headers_and_nothing_else_is_answered(appointment: Appointment) -> None:
    path = _path(calendar_url(appointment.id))
    async with _client() as client:
        head = await client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"].startswith("text/calendar")
        assert (await client.post(path)).status_code == 405


async def test_a_hold_is_no_appointment_yet_and_one_that_is_gone_is_none(
    sent: ServiceRequest, schedule: Schedule
) -> None:
    draft = await make_request(await make_procedure(), status="DRAFT")
    held = await make_appointment(draft, await make_slot(schedule, hours=80), state="HELD")
    assert (await _get(held)).status_code == 404
    await cancel_request(holder_of(draft), request=id_of(draft), reason=None, selection=ID)
    assert (await _get(held)).status_code == 404


async def test_some_time_after_the_appointment_the_address_is_no_longer_good(
    appointment: Appointment, slot: Slot
) -> None:
    for early, status in ((timedelta(minutes=1), 200), (-timedelta(minutes=1), 404)):
        await execute(
            "UPDATE slot SET start = now() - $1::interval - interval '1 hour', \"end\" = now() - $1::interval",
            GOOD_AFTERWARDS - early,
        )
        assert (await _get(appointment)).status_code == status


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_what_is_no_address_of_ours_is_refused_in_the_callers_language(
    appointment: Appointment, slot: Slot, language: str
) -> None:
    good = _path(calendar_url(appointment.id))
    elsewhere = sign("another purpose", {"appointment": str(appointment.id)}, slot.end)
    unknown = _path(calendar_url(slot.id))
    ended = sign(PURPOSE, {"appointment": str(appointment.id)}, slot.start - timedelta(days=365))
    paths = [
        f"{good.removesuffix('.ics')}x.ics",
        good.replace("/calendar/", "/calendar/A"),
        f"/calendar/{elsewhere}.ics",
        f"/calendar/{ended}.ics",
        unknown,
        "/calendar/x.ics",
        "/calendar/été.ics",
    ]
    async with _client() as client:
        for path in paths:
            response = await client.get(path, headers={"Accept-Language": language})
            assert response.status_code == 404, path
            assert {"fr": "Ce rendez-vous", "en": "This appointment"}[language] in response.text
            assert response.headers["content-language"] == language
            assert response.headers["cache-control"] == "no-store"


async def test_without_a_database_it_is_told_to_come_back(
    database: Settings, appointment: Appointment
) -> None:
    await close()
    await initialise(database.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/nothing"}))
    response = await _get(appointment)
    assert response.status_code == 503
    assert response.headers["retry-after"]
