"""What `dev`, `load` and `seed` put into a database. Repeating any of it changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from core.settings import Settings
from models import database
from models.municipality_files import read_municipality
from resolvers.demonstration import DemonstrationFacts, seed_people
from resolvers.municipality import LoadedMunicipality, load_municipality

FOLDER = Path(__file__).parent.parent / "municipalities" / "demonstration"
PEOPLE = FOLDER / "people.yaml"


async def prepare(settings: Settings) -> DemonstrationFacts:
    """Migrate, load the demo municipality, add its people. Raises UnavailableError and MunicipalityFilesError."""
    await database.migrate(settings)
    await load(settings, FOLDER)
    return await seed(settings)


async def load(settings: Settings, folder: Path) -> LoadedMunicipality:
    """Check a municipality's data files, then load them. Raises UnavailableError and MunicipalityFilesError."""
    data = read_municipality(folder)
    async with connected(settings):
        return await load_municipality(data)


async def seed(settings: Settings) -> DemonstrationFacts:
    """Add the demo municipality's people and their requests, once it is loaded. Raises UnavailableError."""
    async with connected(settings):
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


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[None]:
    """The database, for as long as a command needs it."""
    await database.initialise(settings)
    try:
        yield
    finally:
        await database.close()
