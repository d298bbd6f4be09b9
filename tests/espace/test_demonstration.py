"""The demo municipality: a newcomer can book at once, today and a year from now."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
import yaml

from core.clock import now
from core.selection import SelectedField, Selection
from core.settings import Settings
from espace.demonstration import FOLDER, PEOPLE, SLOTS
from models.actors import Visitor
from models.appointments import Slot
from models.database import counted, execute, fetch
from models.forms import AppointmentPolicy
from models.municipality_files import MunicipalityData, read_municipality
from models.openings import public_holidays
from resolvers import catalogue
from resolvers.demonstration import AHEAD, LOOKED_AT, publish_ahead, seed_people
from resolvers.municipality import load_municipality
from resolvers.procedures import procedure

PARIS = ZoneInfo("Europe/Paris")
HOURS = yaml.safe_load(SLOTS.read_text(encoding="utf-8"))
AT_LEAST = LOOKED_AT[1]
CROWD: dict[str, Any] = {**yaml.safe_load(PEOPLE.read_text(encoding="utf-8")), "requests": []}


@pytest_asyncio.fixture
async def demonstration(database: Settings) -> MunicipalityData:
    """Loaded, with its people."""
    data = read_municipality(FOLDER)
    await load_municipality(data)
    await catalogue.refresh()
    await seed_people(CROWD)
    return data


async def spans() -> list[tuple[str, datetime]]:
    rows = await fetch(
        "SELECT h.slug, s.start FROM slot s JOIN schedule h ON h.id = s.schedule_id ORDER BY 2, 1"
    )
    return [(row["slug"], row["start"]) for row in rows]


async def test_every_procedure_with_appointments_has_slots_for_weeks(demonstration: MunicipalityData) -> None:
    assert await publish_ahead(CROWD, HOURS) == await Slot.all().count() > 500
    first = SelectedField("first_available_slot", {}, Selection.of("start"))
    late = SelectedField("first_available_slot", {"after": now() + AT_LEAST}, Selection.of("start"))
    taking = [each for each in demonstration.procedures if each.appointment is not AppointmentPolicy.NONE]
    assert len(taking) == 10
    for each in taking:
        for field, within in ((first, timedelta(days=10)), (late, AT_LEAST + timedelta(days=10))):
            row = await procedure(Visitor(), slug=each.slug, selection=Selection((field,)))
            assert row is not None
            assert datetime.fromisoformat(row[field.key]["start"]) < now() + within, each.slug


async def test_another_start_looks_and_publishes_nothing(demonstration: MunicipalityData) -> None:
    await publish_ahead(CROWD, HOURS)
    with counted() as count:
        assert await publish_ahead(CROWD, HOURS) == 0
    assert count.value == 1


async def test_a_slot_far_away_does_not_hide_that_others_are_missing(demonstration: MunicipalityData) -> None:
    schedule = (await fetch("SELECT id FROM schedule WHERE slug = $1", HOURS[0]["schedule"]))[0]["id"]
    far = now() + timedelta(days=400)
    await Slot(schedule_id=schedule, start=far, end=far + timedelta(minutes=20)).save(force_create=True)
    await publish_ahead(CROWD, HOURS)
    assert {slug for slug, start in await spans() if start < far} == {each["schedule"] for each in HOURS}


async def test_weeks_later_there_are_slots_again(
    demonstration: MunicipalityData, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish_ahead(CROWD, HOURS)
    before = await spans()
    later = now() + AHEAD
    for module in ("resolvers.demonstration", "resolvers.slots", "resolvers.catalogue"):
        monkeypatch.setattr(f"{module}.now", lambda: later)
    assert await publish_ahead(CROWD, HOURS) > 500
    after = await spans()
    assert set(before) < set(after)
    assert max(start for _, start in after) > later + AT_LEAST
    assert {slug for slug, start in after if start > later} == {each["schedule"] for each in HOURS}


async def test_it_is_closed_on_public_holidays(
    demonstration: MunicipalityData, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the 20th of December, a year that has Christmas and New Year on weekdays."""
    begin = datetime(2030, 12, 20, 6, tzinfo=PARIS)
    for module in ("resolvers.demonstration", "resolvers.slots", "resolvers.catalogue"):
        monkeypatch.setattr(f"{module}.now", lambda: begin)
    await publish_ahead(CROWD, HOURS)
    days = {start.astimezone(PARIS).date() for _, start in await spans()}
    closed = public_holidays(begin.date(), (begin + AHEAD).date(), "49985")
    assert len(closed) == 2
    assert not days & closed
    assert {day - timedelta(days=1) for day in closed} <= days


async def test_agendas_of_another_municipality_are_left_alone(demonstration: MunicipalityData) -> None:
    await execute("UPDATE schedule SET slug = 'autre' WHERE slug = $1", HOURS[0]["schedule"])
    await publish_ahead(CROWD, HOURS)
    assert {slug for slug, _ in await spans()} == {each["schedule"] for each in HOURS[1:]}
