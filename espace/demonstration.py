"""What `dev` puts into its database: every migration, the demo municipality, demo users. Repeating it changes nothing."""

from __future__ import annotations

from pathlib import Path

from core.settings import Settings

FOLDER = Path(__file__).parent.parent / "municipalities" / "demonstration"


class Demonstration:
    def lines(self) -> list[tuple[str, str]]:
        return []


async def prepare_demonstration(settings: Settings) -> Demonstration:
    """Migrate, load and seed. Raises UnavailableError, and MunicipalityFilesError for files that were changed."""
    from models import database
    from resolvers.municipality import load_municipality

    await database.migrate(settings)
    await database.initialise(settings)
    try:
        await load_municipality(FOLDER)
    finally:
        await database.close()
    return Demonstration()
