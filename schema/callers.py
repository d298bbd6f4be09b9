"""Who may call what. Every root field says it once, where it is declared; a test walks them all."""

from collections.abc import Collection
from enum import StrEnum

from core.errors import ForbiddenError, UnauthenticatedError
from models.actors import Actor, AgentActor, CitizenActor, PartnerActor, TicketHolder, Visitor

__all__ = [
    "ADMINISTRATORS",
    "AGENTS",
    "APPLICANTS",
    "CITIZENS",
    "EVERYONE",
    "PARTIES",
    "PARTNERS",
    "PEOPLE",
    "Caller",
    "caller",
    "refuse_others",
]


class Caller(StrEnum):
    """The kinds of caller. An administrator is no AGENT here: fields name both where both may call."""

    VISITOR = "visitor"
    TICKET_HOLDER = "ticket holder"
    CITIZEN = "citizen"
    AGENT = "agent"
    ADMINISTRATOR = "administrator"
    PARTNER = "partner system"


EVERYONE = frozenset(Caller)
PEOPLE = EVERYONE - {Caller.PARTNER}
AGENTS = frozenset({Caller.AGENT, Caller.ADMINISTRATOR})
ADMINISTRATORS = frozenset({Caller.ADMINISTRATOR})
CITIZENS = frozenset({Caller.CITIZEN})
PARTNERS = frozenset({Caller.PARTNER})
APPLICANTS = frozenset({Caller.TICKET_HOLDER, Caller.CITIZEN})
"""The citizen's side of a request that exists."""
PARTIES = APPLICANTS | AGENTS
"""Both sides of a request."""


def caller(actor: Actor) -> Caller:
    """Which kind of caller an actor is."""
    match actor:
        case Visitor():
            return Caller.VISITOR
        case TicketHolder():
            return Caller.TICKET_HOLDER
        case CitizenActor():
            return Caller.CITIZEN
        case AgentActor(role=role):
            return Caller.ADMINISTRATOR if role == "ADMINISTRATOR" else Caller.AGENT
        case PartnerActor():
            return Caller.PARTNER


def refuse_others(actor: Actor, callers: Collection[Caller]) -> None:
    """Raises UnauthenticatedError for a visitor, whom logging in would help, and ForbiddenError for anybody
    else.
    """
    kind = caller(actor)
    if kind in callers:
        return
    if kind is Caller.VISITOR:
        raise UnauthenticatedError
    raise ForbiddenError
