"""Where a request stands."""

from enum import StrEnum

from schema.declare import enumeration


@enumeration
class RequestStatus(StrEnum):
    """Where a request stands, in the order in which it usually goes."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    IN_PROGRESS = "IN_PROGRESS"
    AWAITING_CITIZEN = "AWAITING_CITIZEN"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    CANCELLED = "CANCELLED"
