"""Who may call what. Every root field says it once, where it is declared; a test walks them all."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from core.errors import ForbiddenError, UnauthenticatedError
from core.i18n import Text
from models.actors import (
    Actor,
    AgentActor,
    CitizenActor,
    Duty,
    PartnerActor,
    RestrictedActor,
    TicketHolder,
    Visitor,
)

__all__ = [
    "ADMINISTRATORS",
    "AGENTS",
    "ANYBODY",
    "APPLICANTS",
    "CITIZENS",
    "EVERYONE",
    "PARTIES",
    "PARTNERS",
    "PEOPLE",
    "RESTRICTED",
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
    MUST_CHANGE_PASSWORD = "citizen who has to change the password"  # noqa: S105 - a kind of caller
    MUST_ENROL = "agent who has to enrol a second factor"


RESTRICTED = frozenset({Caller.MUST_CHANGE_PASSWORD, Caller.MUST_ENROL})
"""Whoever has a duty first. They are in no other set: what they may call names them."""
ANYBODY = frozenset(Caller)
EVERYONE = ANYBODY - RESTRICTED
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
        case RestrictedActor(duty=duty):
            return _KINDS_BY_DUTY[duty]


def refuse_others(actor: Actor, callers: Collection[Caller]) -> None:
    """Raises UnauthenticatedError for a visitor, whom logging in would help, and ForbiddenError for anybody
    else; who has a duty first is told which.
    """
    kind = caller(actor)
    if kind in callers:
        return
    if kind is Caller.VISITOR:
        raise UnauthenticatedError
    if isinstance(actor, RestrictedActor):
        raise ForbiddenError(_DUTIES[actor.duty], duty=actor.duty)
    raise ForbiddenError


_KINDS_BY_DUTY: Mapping[Duty, Caller] = {
    "CHANGE_PASSWORD": Caller.MUST_CHANGE_PASSWORD,
    "ENROL_SECOND_FACTOR": Caller.MUST_ENROL,
}
_DUTIES: Mapping[Duty, Text] = {
    "CHANGE_PASSWORD": Text(
        fr="Choisissez d’abord votre nouveau mot de passe : le mot de passe provisoire ne donne accès à rien d’autre.",
        en="Choose your new password first: the temporary one gives access to nothing else.",
    ),
    "ENROL_SECOND_FACTOR": Text(
        fr="La mairie demande un second facteur à ses agents : enregistrez d’abord le vôtre.",
        en="The mairie asks its agents for a second factor: enrol yours first.",
    ),
}
