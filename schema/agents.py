"""People of the mairie, as others see them."""

from enum import StrEnum

from schema.connections import Node
from schema.declare import enumeration, output
from schema.references import ProcedureReference


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
    active: bool
    """Whether they may log in. One who has left stays as a name in what they did."""
    username: str | None
    """What they log in with. Null for anyone but an administrator, and where the agent is not active."""
    procedures: list[ProcedureReference]
    """Those that a HANDLER was given; an ADMINISTRATOR handles all."""
