"""What a municipality's data files come to: everything that is loaded, already checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from core.i18n import Text
from models.address import Address
from models.forms import AppointmentPolicy, FormDefinition, ProcedureState
from models.mistakes import written_as

Slug = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100),
    written_as(
        r"[a-z0-9]+(-[a-z0-9]+)*",
        Text(
            fr="des lettres minuscules sans accent, des chiffres et des tirets",
            en="small letters without accents, digits and hyphens",
        ),
    ),
]
Title = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Keyword = Annotated[str, StringConstraints(min_length=2, max_length=80, strip_whitespace=True)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AddressFile(_Frozen):
    lines: tuple[Annotated[str, StringConstraints(min_length=1, max_length=100)], ...] = Field(max_length=6)
    postal_code: str
    city: str
    country: str = "FR"

    def to_address(self) -> Address:
        return Address(self.lines, self.postal_code, self.city, self.country)


class LinkData(_Frozen):
    """A page of the municipality's own site."""

    title: Title
    url: Annotated[str, StringConstraints(max_length=500)]


class MunicipalityFile(_Frozen):
    """`municipality.yaml`"""

    name: Title
    timezone: Annotated[str, StringConstraints(max_length=64)] = "Europe/Paris"
    contact_email: Annotated[str, StringConstraints(max_length=254)]
    phone: Annotated[str, StringConstraints(max_length=40)] | None = None
    address: AddressFile | None = None
    links: tuple[LinkData, ...] = Field(default=(), max_length=10)


class CategoryData(_Frozen):
    """One element of `categories.yaml`; the file's order is the order of the catalogue."""

    slug: Slug
    title: Title


class ScheduleData(_Frozen):
    """One element of `schedules.yaml`: an agenda in which appointments are taken."""

    slug: Slug
    title: Title
    place: Title
    address: AddressFile | None = None


class CredentialLabelsFile(_Frozen):
    """What the partner calls what it gives its users."""

    code: Title
    password: Title


class PartnerSystemData(_Frozen):
    """One element of `partners.yaml`: a system of another provider that citizens may link to their account.

    `address` is where docs/partners.md is spoken. Secrets are none of the municipality's data: settings hold them.
    """

    slug: Slug
    name: Title
    address: Annotated[str, StringConstraints(max_length=500)]
    credential_labels: CredentialLabelsFile


class ProcedureHead(_Frozen):
    """What a file of `procedures/` says beside the form."""

    slug: Slug
    title: Title
    category: Slug
    summary: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
    keywords: tuple[Keyword, ...] = Field(default=(), max_length=40)
    requires_account: bool = False
    state: ProcedureState = ProcedureState.OPEN
    appointment: AppointmentPolicy = AppointmentPolicy.NONE
    schedules: tuple[Slug, ...] = Field(default=(), max_length=20)
    estimated_days: int | None = Field(default=None, ge=0, le=730)
    retention_months: int | None = Field(default=None, ge=1, le=1200)
    """How long its requests are kept once they are closed; None: as the settings say."""


class ProcedureFile(ProcedureHead, FormDefinition):
    """One file of `procedures/`."""

    def to_definition(self) -> FormDefinition:
        return FormDefinition(body=self.body, step_help=self.step_help, fields=self.fields)


class ProcedureData(ProcedureHead):
    definition: FormDefinition


@dataclass(frozen=True, slots=True)
class MunicipalityData:
    name: str
    timezone: str
    contact_email: str
    categories: tuple[CategoryData, ...]
    schedules: tuple[ScheduleData, ...]
    procedures: tuple[ProcedureData, ...]
    partners: tuple[PartnerSystemData, ...] = ()
    phone: str | None = None
    """In E.164."""
    address: Address | None = None
    links: tuple[LinkData, ...] = ()
