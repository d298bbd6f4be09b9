"""The demo municipality, as `dev` and `seed` put it into a database. Repeating any of it changes nothing."""

from __future__ import annotations

from pathlib import Path

import yaml

from core.settings import Settings
from espace.municipality import load
from models import database
from resolvers.demonstration import DemonstrationFacts, seed_people

FOLDER = Path(__file__).parent.parent / "municipalities" / "demonstration"
PEOPLE = FOLDER / "people.yaml"


async def prepare(settings: Settings) -> DemonstrationFacts:
    """Migrate, load the demo municipality, add its people. Raises UnavailableError and MunicipalityFilesError."""
    await database.migrate(settings)
    await load(settings, FOLDER)
    return await seed(settings)


async def seed(settings: Settings) -> DemonstrationFacts:
    """Add the demo municipality's people and their requests, once it is loaded. Raises UnavailableError."""
    async with database.connected(settings):
        return await seed_people(yaml.safe_load(PEOPLE.read_text(encoding="utf-8")))


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
