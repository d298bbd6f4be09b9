"""A municipality's data files: what they come to, and how they are read and checked."""

from __future__ import annotations

from models.municipality_files.data import CategoryData, MunicipalityData, ProcedureData, ScheduleData
from models.municipality_files.reading import FileMistake, MunicipalityFilesError, read_municipality

__all__ = [
    "CategoryData",
    "FileMistake",
    "MunicipalityData",
    "MunicipalityFilesError",
    "ProcedureData",
    "ScheduleData",
    "read_municipality",
]
