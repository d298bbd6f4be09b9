"""The demo municipality, as `dev` and `seed` put it into a database. Repeating any of it changes nothing."""

from __future__ import annotations

from pathlib import Path

import yaml

from core.settings import Settings
from espace.municipality import load
from models import database
from resolvers.demonstration import DemonstrationFacts, publish_ahead, seed_people

FOLDER = Path(__file__).parent.parent / "municipalities" / "demonstration"
PEOPLE = FOLDER / "people.yaml"
SLOTS = FOLDER / "slots.yaml"


async def prepare(settings: Settings) -> DemonstrationFacts:
    """Migrate, load the demo municipality, add its people. Raises UnavailableError and MunicipalityFilesError."""
    await database.migrate(settings)
    await load(settings, FOLDER)
    return await seed(settings)


async def seed(settings: Settings) -> DemonstrationFacts:
    """Add the demo municipality's people, their requests and slots, once it is loaded. Raises UnavailableError."""
    people, hours = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in (PEOPLE, SLOTS))
    async with database.connected(settings):
        facts = await seed_people(people)
        await publish_ahead(people, hours)
        return facts


def describe(facts: DemonstrationFacts) -> list[tuple[str, str]]:
    """What to tell whoever wants to try it, as names and values."""
    lines = [
        ("Agents", ", ".join(facts.agents)),
        ("Citizens", ", ".join(facts.citizens)),
        ("Password", f"{facts.password} (for all of them)"),
    ]
    if facts.ticket is not None:
        lines.append(("Ticket", facts.ticket))
    return lines
