"""People of the mairie, as others see them."""

from enum import StrEnum

from schema.connections import Node
from schema.declare import enumeration, output


@enumeration
class AgentRole(StrEnum):
    """What an agent may do."""

    HANDLER = "HANDLER"
    """Handles requests of the procedures they are given."""
    ADMINISTRATOR = "ADMINISTRATOR"
    """Also writes procedures, schedules, agents and partner tokens."""


@output
class Agent(Node):
    """Somebody who works at the mairie."""

    display_name: str
    role: AgentRole
