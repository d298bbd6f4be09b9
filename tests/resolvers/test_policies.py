from __future__ import annotations

from uuid import uuid4

import pytest

from core.errors import NotAllowedError
from models.actors import Actor, AgentActor, CitizenActor, PartnerActor, TicketHolder, party
from models.event_texts import describe
from models.requests import CLOSED_STATUSES, OPEN_STATUSES
from resolvers.policies import TRANSITIONS, RequestState, permitted_actions, require, require_transition

OWNER = CitizenActor(account_id=uuid4(), session_id=uuid4())
STRANGER = CitizenActor(account_id=uuid4(), session_id=uuid4())
HOLDER = TicketHolder(request_id=uuid4())
AGENT = AgentActor(agent_id=uuid4(), session_id=uuid4(), role="HANDLER", display_name="Agent")
PARTNER = PartnerActor(token_id=uuid4(), scopes=frozenset({"READ_REQUESTS"}), procedure_ids=frozenset())

STATUSES = ("DRAFT", *OPEN_STATUSES, *CLOSED_STATUSES)
OF_THE_CITIZEN = {
    "DRAFT": ["EDIT", "SUBMIT", "CANCEL", "ADD_ATTACHMENT"],
    "SUBMITTED": ["CANCEL", "POST_EXCHANGE", "ADD_ATTACHMENT"],
    "IN_PROGRESS": ["CANCEL", "POST_EXCHANGE", "ADD_ATTACHMENT"],
    "AWAITING_CITIZEN": ["CANCEL", "POST_EXCHANGE", "ADD_ATTACHMENT"],
    "ACCEPTED": ["POST_EXCHANGE"],
    "REFUSED": ["POST_EXCHANGE"],
    "CANCELLED": [],
}
OF_AGENTS = ["POST_EXCHANGE", "ADD_ATTACHMENT", "CHANGE_STATUS", "ASSIGN"]


@pytest.mark.parametrize("status", STATUSES)
def test_who_may_do_what(status: str) -> None:
    claimed, unclaimed = RequestState(status, OWNER.account_id), RequestState(status, None)
    mine = OF_THE_CITIZEN[status]
    of_agents = [] if status in ("DRAFT", "CANCELLED") else OF_AGENTS
    table: list[tuple[Actor, RequestState, list[str]]] = [
        (OWNER, claimed, mine),
        (OWNER, unclaimed, [*mine, "CLAIM"]),
        (STRANGER, claimed, []),
        (HOLDER, claimed, mine),
        (HOLDER, unclaimed, mine),
        (AGENT, claimed, of_agents),
        (AGENT, unclaimed, of_agents),
        (PARTNER, claimed, []),
    ]
    for actor, request, actions in table:
        assert permitted_actions(actor, request) == actions


@pytest.mark.parametrize("status", STATUSES)
def test_who_may_book_and_who_may_move(status: str) -> None:
    """Whoever may still change the request books where there is no appointment; what is booked may be moved as long as
    the request is not cancelled."""
    changes = status in ("DRAFT", *OPEN_STATUSES)

    def about(actor: Actor, **state: bool) -> list[str]:
        actions = permitted_actions(actor, RequestState(status, OWNER.account_id, **state))
        return [action for action in actions if action.endswith("_APPOINTMENT")]

    for citizen in (OWNER, HOLDER):
        assert about(citizen, takes_appointments=True) == (["BOOK_APPOINTMENT"] if changes else [])
        booked = about(citizen, takes_appointments=True, booked=True)
        assert booked == ([] if status == "CANCELLED" else ["MOVE_APPOINTMENT"])
    of_agents = status not in ("DRAFT", "CANCELLED")
    assert about(AGENT, takes_appointments=True) == (["BOOK_APPOINTMENT"] if of_agents else [])
    assert about(AGENT, takes_appointments=True, booked=True) == (["MOVE_APPOINTMENT"] if of_agents else [])
    for stranger in (STRANGER, PARTNER):
        assert about(stranger, takes_appointments=True, booked=True) == []


def test_what_is_not_permitted_says_why_in_both_languages() -> None:
    request = RequestState("CANCELLED", OWNER.account_id)
    appointments = ("BOOK_APPOINTMENT", "MOVE_APPOINTMENT")
    for action in ("EDIT", "SUBMIT", "CANCEL", "CLAIM", *OF_AGENTS, *appointments):
        with pytest.raises(NotAllowedError) as raised:
            require(action, OWNER, request)
        assert raised.value.text.fr.endswith(".")
        assert raised.value.text.en.endswith(".")
        assert raised.value.text.fr != raised.value.text.en


def test_transitions_never_lead_to_a_draft_nor_out_of_a_cancellation() -> None:
    assert "CANCELLED" not in TRANSITIONS
    targets = {after for possible in TRANSITIONS.values() for after in possible}
    assert targets <= set(STATUSES) - {"DRAFT", "SUBMITTED", "CANCELLED"}
    with pytest.raises(NotAllowedError):
        require_transition(AGENT, RequestState("CANCELLED", None), "IN_PROGRESS")


def test_a_transition_that_is_refused_names_the_others_in_words() -> None:
    with pytest.raises(NotAllowedError) as raised:
        require_transition(AGENT, RequestState("ACCEPTED", None), "REFUSED")
    assert raised.value.text.fr == (
        "De l’état « Acceptée », la demande peut passer à : « En cours de traitement »."
    )
    assert raised.value.text.en == "From “Accepted”, the request can go to: “In progress”."


def test_those_who_answer_read_that_it_waits_for_the_citizen() -> None:
    with pytest.raises(NotAllowedError) as raised:
        require_transition(AGENT, RequestState("AWAITING_CITIZEN", None), "AWAITING_CITIZEN")
    assert raised.value.text.fr.startswith("De l’état « En attente du demandeur », ")
    changed = {"previous": "SUBMITTED", "status": "AWAITING_CITIZEN"}
    for actor, called in (
        (AGENT, "En attente du demandeur"),
        (PARTNER, "En attente du demandeur"),
        (OWNER, "En attente de votre réponse"),
    ):
        told = describe("RequestStatusChanged", "MUNICIPALITY", changed, party(actor))
        assert told.fr == f"L’état de la demande est passé de « Envoyée » à « {called} »."
