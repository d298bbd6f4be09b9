"""What a caller may do with a request in the state it is in. Mutations ask it, and `permittedActions` tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from core.errors import ForbiddenError, NotAllowedError
from core.i18n import Text
from models.actors import Actor, AgentActor, CitizenActor, PartnerActor, RestrictedActor, party
from models.event_texts import statuses_for
from models.requests import OPEN_STATUSES

TRANSITIONS: Mapping[str, tuple[str, ...]] = {
    "SUBMITTED": ("IN_PROGRESS", "AWAITING_CITIZEN", "ACCEPTED", "REFUSED"),
    "IN_PROGRESS": ("AWAITING_CITIZEN", "ACCEPTED", "REFUSED"),
    "AWAITING_CITIZEN": ("IN_PROGRESS", "ACCEPTED", "REFUSED"),
    "ACCEPTED": ("IN_PROGRESS",),
    "REFUSED": ("IN_PROGRESS",),
}
"""From which status an agent may bring a request to which. A decision may be taken back; a cancellation may not."""

_REFUSALS = {
    "EDIT": Text(
        fr="Cette demande a déjà été envoyée : elle ne peut plus être modifiée. Écrivez un échange à la mairie.",
        en="This request has already been sent: it can no longer be edited. Write a message to the mairie.",
    ),
    "SUBMIT": Text(
        fr="Cette demande a déjà été envoyée.",
        en="This request has already been sent.",
    ),
    "CANCEL": Text(
        fr="Cette demande est close : elle ne peut plus être annulée.",
        en="This request is closed: it can no longer be cancelled.",
    ),
    "CLAIM": Text(
        fr="Cette demande est déjà rattachée à un compte citoyen.",
        en="This request already belongs to a citizen account.",
    ),
    "POST_EXCHANGE": Text(
        fr="Les échanges s’ouvrent une fois la demande envoyée, et se ferment quand elle est annulée.",
        en="Messages open once the request is sent, and close when it is cancelled.",
    ),
    "ADD_ATTACHMENT": Text(
        fr="Cette demande est close : ses pièces jointes ne changent plus.",
        en="This request is closed: its attachments no longer change.",
    ),
    "BOOK_APPOINTMENT": Text(
        fr="Cette demande ne prend pas ou plus de rendez-vous ; s’il y en a déjà un, déplacez-le.",
        en="This request takes no appointment, or no longer; if there is one already, move it.",
    ),
    "MOVE_APPOINTMENT": Text(
        fr="Le rendez-vous de cette demande ne peut plus être changé.",
        en="The appointment of this request can no longer be changed.",
    ),
    "CHANGE_STATUS": Text(
        fr="L’état de cette demande ne peut pas être changé.",
        en="The status of this request cannot be changed.",
    ),
    "ASSIGN": Text(
        fr="Cette demande est annulée : elle n’a plus à être attribuée.",
        en="This request is cancelled: there is nothing left to assign.",
    ),
}

_NOT_YOURS = Text(
    fr="Cette pièce a été jointe par l’autre partie, qui seule peut la remplacer ou la retirer. "
    "Écrivez-lui dans les échanges.",
    en="The other side attached this document, and only they can replace or remove it. Write them a message.",
)


_NO_SCOPE = Text(
    fr="Ce jeton n’a pas l’autorisation {scope} : demandez-en un autre à la mairie.",
    en="This token lacks the scope {scope}: ask the mairie for another one.",
)


@dataclass(frozen=True, slots=True)
class RequestState:
    """What decides: the request's status, whose it is, whether it may have an appointment, and has one to come."""

    status: str
    account_id: UUID | None
    takes_appointments: bool = False
    booked: bool = False


def permitted_actions(actor: Actor, request: RequestState) -> list[str]:
    """Values of RequestAction, for a caller who may see the request."""
    match actor:
        case AgentActor():
            return _for_agents(request)
        case PartnerActor(scopes=scopes):
            return _for_partners(request) if "WRITE_REQUESTS" in scopes else []
        case RestrictedActor():
            return []
        case CitizenActor(account_id=account_id) if request.account_id not in (None, account_id):
            return []
        case CitizenActor() if request.account_id is None:
            return [*_for_the_citizen(request), "CLAIM"]
        case _:
            return _for_the_citizen(request)


def permitted_statuses(actor: Actor, status: str) -> list[str]:
    """Values of RequestStatus that the caller may bring a request of this status to."""
    return list(TRANSITIONS.get(status, ())) if isinstance(actor, AgentActor) else []


def require(action: str, actor: Actor, request: RequestState) -> None:
    """Raises NotAllowedError, with what to do, where the action is not permitted now."""
    if action not in permitted_actions(actor, request):
        raise NotAllowedError(_REFUSALS[action])


def require_scope(actor: Actor, scope: str) -> None:
    """Raises ForbiddenError, which names the scope, for a partner whose token lacks it."""
    if isinstance(actor, PartnerActor) and scope not in actor.scopes:
        raise ForbiddenError(_NO_SCOPE.format(scope=scope))


def may_edit_attachment(actor: Actor, request: RequestState, added_by: str) -> bool:
    """Whether the caller may replace or remove a piece: one that their own side has added, as long as pieces change."""
    return added_by == party(actor) and "ADD_ATTACHMENT" in permitted_actions(actor, request)


def require_own_attachment(actor: Actor, request: RequestState, added_by: str) -> None:
    """Raises NotAllowedError, with what to do, where the caller may not replace or remove a piece now."""
    require("ADD_ATTACHMENT", actor, request)
    if not may_edit_attachment(actor, request, added_by):
        raise NotAllowedError(_NOT_YOURS)


def require_transition(actor: Actor, request: RequestState, status: str) -> None:
    """Raises NotAllowedError, naming what is possible, where the caller may not bring the request to `status`."""
    possible = TRANSITIONS.get(request.status, ())
    if status not in possible:
        called = statuses_for(party(actor))
        names = [called[name] for name in possible]
        raise NotAllowedError(
            Text(
                fr="De l’état « {current} », la demande peut passer à : {possible}.",
                en="From “{current}”, the request can go to: {possible}.",
            ).format(
                current=called[request.status],
                possible=Text(
                    fr=", ".join(f"« {name.fr} »" for name in names) or "—",
                    en=", ".join(f"“{name.en}”" for name in names) or "—",
                ),
            )
        )


def _for_the_citizen(request: RequestState) -> list[str]:
    if request.status == "DRAFT":
        return ["EDIT", "SUBMIT", "CANCEL", "ADD_ATTACHMENT", *_about_appointments(request)]
    if request.status in OPEN_STATUSES:
        return ["CANCEL", "POST_EXCHANGE", "ADD_ATTACHMENT", *_about_appointments(request)]
    if request.status == "CANCELLED":
        return []
    return ["POST_EXCHANGE", *(["MOVE_APPOINTMENT"] if request.booked else [])]


def _for_agents(request: RequestState) -> list[str]:
    if request.status in TRANSITIONS:
        about = _about_appointments(request)
        return ["POST_EXCHANGE", "ADD_ATTACHMENT", *about, "CHANGE_STATUS", "ASSIGN"]
    return []


def _for_partners(request: RequestState) -> list[str]:
    """They answer for the mairie. What else agents do (pieces, appointments, assigning) stays with agents."""
    return ["POST_EXCHANGE", "CHANGE_STATUS"] if request.status in TRANSITIONS else []


def _about_appointments(request: RequestState) -> list[str]:
    if request.booked:
        return ["MOVE_APPOINTMENT"]
    return ["BOOK_APPOINTMENT"] if request.takes_appointments else []
