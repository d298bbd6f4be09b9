"""The words of the catalogue, as the contract spells them."""

from __future__ import annotations

from enum import StrEnum


class ProcedureState(StrEnum):
    DRAFT = "DRAFT"
    OPEN = "OPEN"
    CLOSED = "CLOSED"


class AppointmentPolicy(StrEnum):
    NONE = "NONE"
    OPTIONAL = "OPTIONAL"
    REQUIRED = "REQUIRED"


class StepKind(StrEnum):
    """In the order in which they are gone through."""

    PROCEDURE = "PROCEDURE"
    APPOINTMENT = "APPOINTMENT"
    CONTACT = "CONTACT"
    FORM = "FORM"
    SUMMARY = "SUMMARY"


class ConditionOperator(StrEnum):
    EQUALS = "EQUALS"
    NOT_EQUALS = "NOT_EQUALS"
    IN = "IN"
    GREATER_THAN = "GREATER_THAN"
    LESS_THAN = "LESS_THAN"
    IS_ANSWERED = "IS_ANSWERED"
