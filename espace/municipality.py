"""What the command `load` does."""

from __future__ import annotations

from pathlib import Path

from core.settings import Settings
from models.database import connected
from models.municipality_files import read_municipality
from resolvers.municipality import LoadedMunicipality, load_municipality


async def load(settings: Settings, folder: Path) -> LoadedMunicipality:
    """Check a municipality's data files, then load them. Raises UnavailableError and MunicipalityFilesError."""
    data = read_municipality(folder)
    async with connected(settings):
        return await load_municipality(data)
