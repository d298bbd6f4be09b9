"""Which limits (core/limits/declared.py) a root field counts against: said once, where the field is declared.

    @mutation(PostExchangeSuccess, ..., limits=(Counted(POST_EXCHANGE, of=APPLICANTS),))
    @mutation(LogInSuccess, ..., limits=(Counted(LOG_IN, subject=lambda given: given["input"].username),))

Counted each time the field is resolved, before anything else is done for it: a hundred aliases count a hundred times.
A test lists the fields that strangers may call, or that ask for a password, and state no limit.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from core import limits
from core.limits import Limit
from core.tickets import parse_ticket
from models.accounts import normalised_username
from models.actors import (
    Actor,
    AgentActor,
    CitizenActor,
    PartnerActor,
    RestrictedActor,
    TicketHolder,
    Visitor,
)
from schema.callers import ANYBODY, Caller, caller
from schema.context import Context

__all__ = [
    "Arguments",
    "Counted",
    "caller_key",
    "count",
    "count_field",
    "name_key",
    "remember_field",
    "ticket_key",
]

Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Counted:
    """A limit that a field counts against.

    `subject` is what the arguments name, written one way; where it is None, they name nothing and nothing is counted.
    `of`: whose calls count.
    """

    limit: Limit
    subject: Callable[[Arguments], str | None] | None = None
    of: AbstractSet[Caller] = ANYBODY


def caller_key(actor: Actor) -> str | None:
    """Who is counted, wherever they call from; None for a visitor."""
    match actor:
        case CitizenActor():
            return f"account {actor.account_id}"
        case AgentActor():
            return f"agent {actor.agent_id}"
        case PartnerActor():
            return f"partner {actor.token_id}"
        case TicketHolder():
            return f"request {actor.request_id}"
        case RestrictedActor():
            return caller_key(actor.who)
        case Visitor():
            return None


def ticket_key(text: str) -> str:
    """A ticket as it is counted: however it is typed, once. What is none is one of all that are none."""
    return parse_ticket(text) or ""


def name_key(text: str) -> str:
    """A name as it is counted: coarser than any comparison of names, so that writing it otherwise makes no other one.

    (Databases and Python do not agree on what is the small letter of İ or of a Σ at the end.)
    """
    plain = unicodedata.normalize("NFKD", normalised_username(text).casefold())
    return "".join(character for character in plain if not unicodedata.combining(character))


async def count(limit: Limit, context: Context, *, subject: str | None = None, amount: int = 1) -> bool:
    """As core.limits.count, for whoever calls. Raises RateLimitedError, UnavailableError."""
    return await limits.count(
        limit,
        address=context.facts.address,
        caller=caller_key(context.actor),
        subject=subject,
        amount=amount,
        logged_in=not isinstance(context.actor, (Visitor, TicketHolder)),
    )


async def count_field(counted: Sequence[Counted], context: Context, arguments: Arguments) -> list[Counted]:
    """Counts one field; those of `counted` that have to be told where it succeeds. Raises RateLimitedError."""
    to_remember = []
    for each in counted:
        subject = each.subject(arguments) if each.subject else None
        if caller(context.actor) not in each.of or (each.subject and subject is None):
            continue
        is_familiar = await count(each.limit, context, subject=subject)
        if each.limit.remembered and not is_familiar:
            to_remember.append(each)
    return to_remember


async def remember_field(counted: Sequence[Counted], context: Context, arguments: Arguments) -> None:
    """The field has succeeded, for the subject of these arguments, from this caller's address."""
    for each in counted:
        subject = each.subject(arguments) if each.subject else None
        assert subject is not None
        await limits.remember(each.limit, address=context.facts.address, subject=subject)
