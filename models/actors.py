"""Who is calling. Made once at the door; what exists for a caller follows from it (models/visibility.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from core.i18n import DEFAULT_LANGUAGE, Language

AgentRole = Literal["HANDLER", "ADMINISTRATOR"]
Party = Literal["CITIZEN", "MUNICIPALITY", "PARTNER", "SYSTEM"]
Duty = Literal["CHANGE_PASSWORD", "ENROL_SECOND_FACTOR"]
"""What somebody has to do before their session is good for anything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Nobody in particular."""

    language: Language = DEFAULT_LANGUAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketHolder:
    """Whoever holds the ticket of one request."""

    request_id: UUID
    language: Language = DEFAULT_LANGUAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class CitizenActor:
    """A citizen who is logged in. `confirmed_email`: a mailbox that they have proved to be theirs, in small letters."""

    account_id: UUID
    session_id: UUID
    language: Language = DEFAULT_LANGUAGE
    confirmed_email: str | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentActor:
    """Somebody who works at the mairie, logged in."""

    agent_id: UUID
    session_id: UUID
    role: AgentRole
    display_name: str
    language: Language = DEFAULT_LANGUAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerActor:
    """A partner system, by one of its tokens."""

    token_id: UUID
    scopes: frozenset[str]
    procedure_ids: frozenset[UUID]
    """Whose requests it sees; empty, all."""
    name: str = ""
    """The token's: what citizens read where it writes to them."""
    language: Language = DEFAULT_LANGUAGE


ANSWERING: tuple[Party, ...] = ("MUNICIPALITY", "PARTNER")
"""Who answers citizens: a partner system writes to them for the mairie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestrictedActor:
    """Somebody who is logged in and has a duty first. Nothing exists for them but the municipality, and they may call
    nothing but what names them (schema/callers.py): that acts as `who`.
    """

    who: CitizenActor | AgentActor
    duty: Duty

    @property
    def session_id(self) -> UUID:
        return self.who.session_id

    @property
    def language(self) -> Language:
        return self.who.language


Actor = Visitor | TicketHolder | CitizenActor | AgentActor | PartnerActor | RestrictedActor


def party(actor: Actor) -> Party:
    """Whose side the caller is on."""
    match actor:
        case AgentActor():
            return "MUNICIPALITY"
        case PartnerActor():
            return "PARTNER"
        case RestrictedActor():
            return party(actor.who)
        case _:
            return "CITIZEN"


def other_side(actor: Actor) -> tuple[Party, ...]:
    """Whose messages the caller receives: there are two sides, the citizen's and that of those who answer."""
    return ("CITIZEN",) if party(actor) in ANSWERING else ANSWERING
