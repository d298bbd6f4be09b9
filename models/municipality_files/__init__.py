"""A municipality's data files: what they come to, and how they are read and checked."""

from __future__ import annotations

from models.municipality_files.data import (
    CategoryData,
    MunicipalityData,
    PartnerSystemData,
    ProcedureData,
    ScheduleData,
)
from models.municipality_files.reading import FileMistake, MunicipalityFilesError, read_municipality

__all__ = [
    "CategoryData",
    "FileMistake",
    "MunicipalityData",
    "MunicipalityFilesError",
    "PartnerSystemData",
    "ProcedureData",
    "ScheduleData",
    "read_municipality",
]
