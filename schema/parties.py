"""The sides of a request."""

from enum import StrEnum

from schema.declare import enumeration


@enumeration
class Party(StrEnum):
    """Who acts: the citizen's side (account or ticket holder), the mairie's, a partner system, or the program
    itself.
    """

    CITIZEN = "CITIZEN"
    MUNICIPALITY = "MUNICIPALITY"
    PARTNER = "PARTNER"
    SYSTEM = "SYSTEM"
