from __future__ import annotations

from typing import Any

import pytest

from core.errors import ConflictError, NotAllowedError, NotFoundError, ValidationError
from core.selection import SelectedField, Selection
from core.tickets import new_ticket
from models.accounts import Credential
from models.actors import AgentActor, CitizenActor, Visitor
from models.contact import Contact, ContactMethod
from models.database import counted
from models.events import RequestEvent
from models.ids import encode, new_id
from models.mail import Mail
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers import catalogue
from resolvers.desk import assign_request, change_request_status, desk
from resolvers.policies import TRANSITIONS
from resolvers.requests import cancel_request, read_request
from tests.factories import id_of, make_agent, make_citizen, make_exchange, make_procedure, make_request

SELECTION = Selection.of("status", "version", "closed_at", assignee=Selection.of("id"))
PAUL = Contact(
    first_name="Paul",
    last_name="Lefèvre_100%",
    email="paul@mail.example",
    preferred_contact_method=ContactMethod.EMAIL,
)


async def found(agent: AgentActor, **filter: Any) -> set[str]:
    wanted = Selection.of("total_count", nodes=Selection.of("id"))
    field = SelectedField("requests", {"filter": filter} if filter else {}, wanted)
    await catalogue.current()
    with counted() as statements:
        row = await desk(agent, selection=Selection((field,)))
    assert statements.value == 1
    assert row is not None
    page = row[field.key]
    ids = {node["id"] for node in page["nodes"]}
    assert page["total_count"] == len(ids)
    return ids


async def change(agent: AgentActor, request: ServiceRequest, status: str, version: int = 1) -> Any:
    return await change_request_status(
        agent, request=id_of(request), version=version, status=status, reason="Motif", selection=SELECTION
    )


async def test_each_filter(procedure: Procedure, agent: AgentActor) -> None:
    other = await make_procedure("other")
    ticket = new_ticket()
    await make_request(procedure, status="DRAFT")
    plain = await make_request(procedure, ticket=ticket)
    accepted = await make_request(other, status="ACCEPTED", contact=PAUL)
    cancelled = await make_request(procedure, status="CANCELLED")
    plain.assignee_id = agent.agent_id
    await plain.save()
    await make_exchange(plain, author="CITIZEN")
    await make_exchange(accepted, author="CITIZEN", read=True)
    await make_exchange(cancelled, author="MUNICIPALITY")
    a, b, c = id_of(plain), id_of(accepted), id_of(cancelled)

    assert await found(agent) == {a, b, c}
    assert await found(agent, status=["SUBMITTED"]) == {a}
    assert await found(agent, status=["ACCEPTED", "CANCELLED"]) == {b, c}
    assert await found(agent, status=[]) == set()
    assert await found(agent, procedure=id_of(other)) == {b}
    assert await found(agent, procedure=encode("Procedure", new_id())) == set()
    assert await found(agent, procedure="x") == set()
    assert await found(agent, assignee=id_of(agent)) == {a}
    assert await found(agent, unassigned=True) == {b, c}
    assert await found(agent, unassigned=True, status=["ACCEPTED"]) == {b}
    assert await found(agent, unassigned=False) == {a}
    assert await found(agent, unassigned=False, assignee=id_of(agent)) == {a}
    with pytest.raises(ValidationError):
        await found(agent, unassigned=True, assignee=id_of(agent))
    assert await found(agent, unread=True) == {a}
    assert await found(agent, unread=False) == {b, c}
    assert await found(agent, archived=True) == {c}
    assert await found(agent, archived=False) == {a, b}
    assert await found(agent, search=ticket.lower()) == {a}
    assert await found(agent, search=new_ticket()) == set()
    assert await found(agent, search=" paul LEF ") == {b}
    assert await found(agent, search="mail.example") == {b}
    assert await found(agent, search="_100%") == {b}
    for text in ("Jeanne%Durand", "Jeanne_Durand", "\\", "'"):
        assert await found(agent, search=text) == set()
    assert await found(agent, search="  ") == {a, b, c}
    assert await found(agent, search="durand", archived=False, unread=True) == {a}


async def test_names_are_found_as_people_type_them(procedure: Procedure, agent: AgentActor) -> None:
    """Without accents, in any order, in part; with any apostrophe or dash."""
    names = {
        "Hélène Lecœur-Müller": "helene@mail.example",
        "Jean-François D’Artagnan": None,
        "Ἑλένη Çelik": None,
    }
    ids = []
    for name, email in names.items():
        first, last = name.split()
        method = ContactMethod.EMAIL if email else ContactMethod.POST
        contact = Contact(first_name=first, last_name=last, email=email, preferred_contact_method=method)
        ids.append(id_of(await make_request(procedure, contact=contact)))
    a, b, c = ids
    for text in (
        "Hélène Lecœur-Müller", "helene lecoeur muller", "MULLER HÉLÈNE", "LECOEUR", "he\u0301le\u0300ne", "mul lene",
        "muller helene@mail.example", "Lecœur – Müller",
    ):  # fmt: skip
        assert await found(agent, search=text) == {a}, text
    for text in ("jean francois d'artagnan", "D Artagnan", "artagnan jean", "Jean‑François", "FRANÇOIS"):
        assert await found(agent, search=text) == {b}, text
    for text in ("celik", "ελενη", "ἙΛΈΝΗ"):
        assert await found(agent, search=text) == {c}, text
    for text in ("helene dartagnan", "helene jean", "héléna", "％", "l%r", "hel_ne"):
        assert await found(agent, search=text) == set(), text


async def test_a_whole_ticket_is_found_where_it_lies(procedure: Procedure, agent: AgentActor) -> None:
    ticket = new_ticket()
    archived = await make_request(procedure, ticket=ticket, status="CANCELLED")
    handler = await make_agent("HANDLER", procedures=[])
    for typed in (ticket, ticket.lower().replace("-", " ")):
        assert await found(agent, search=typed, archived=False) == {id_of(archived)}
        assert await found(agent, search=typed, archived=True) == {id_of(archived)}
    assert await found(agent, search=ticket, archived=False, status=["REFUSED"]) == set()
    assert await found(agent, search=ticket[:14], archived=True) == set()
    assert await found(handler, search=ticket) == set()


async def test_a_handler_sees_only_the_procedures_given_to_them(procedure: Procedure) -> None:
    other = await make_procedure("other")
    handler = await make_agent("HANDLER", procedures=[procedure])
    mine, strange = await make_request(procedure), await make_request(other)
    assert await found(handler) == {id_of(mine)}
    with pytest.raises(NotFoundError):
        await change(handler, strange, "IN_PROGRESS")
    with pytest.raises(NotFoundError):
        await assign_request(handler, request=id_of(strange), agent=id_of(handler), selection=SELECTION)
    assert (await change(handler, mine, "IN_PROGRESS"))["status"] == "IN_PROGRESS"


async def test_for_anyone_else_there_is_no_desk(citizen: CitizenActor) -> None:
    for actor in (Visitor(), citizen):
        assert await desk(actor, selection=Selection.of("unread_exchange_count")) is None


STATUSES = ("SUBMITTED", "IN_PROGRESS", "AWAITING_CITIZEN", "ACCEPTED", "REFUSED", "CANCELLED")


@pytest.mark.parametrize("before", STATUSES)
async def test_every_transition(procedure: Procedure, agent: AgentActor, before: str) -> None:
    """Those of the table are made and told by mail; all others are refused and leave no trace."""
    for after in (*STATUSES, "DRAFT", "LOST"):
        request = await make_request(procedure, status=before)
        if after in TRANSITIONS.get(before, ()):
            row = await change(agent, request, after)
            assert (row["status"], row["version"]) == (after, 2)
            assert (row["closed_at"] is not None) is (after in ("ACCEPTED", "REFUSED"))
            event = await RequestEvent.get(request_id=request.id)
            assert event.kind == "RequestStatusChanged"
            assert event.data == {"previous": before, "status": after, "reason": "Motif"}
            assert (await Mail.get(event_id=event.id)).template == "status_changed"
        else:
            with pytest.raises(NotAllowedError):
                await change(agent, request, after)
            assert await RequestEvent.filter(request_id=request.id).count() == 0


async def test_a_refused_transition_names_what_is_possible(procedure: Procedure, agent: AgentActor) -> None:
    with pytest.raises(NotAllowedError, match="“In progress”"):
        await change(agent, await make_request(procedure, status="ACCEPTED"), "REFUSED")


async def test_a_stale_version_is_a_conflict(procedure: Procedure, agent: AgentActor) -> None:
    request = await make_request(procedure)
    await change(agent, request, "IN_PROGRESS")
    with pytest.raises(ConflictError) as raised:
        await change(agent, request, "ACCEPTED")
    assert raised.value.current_version == 2


async def test_a_draft_is_nobodys_business(procedure: Procedure, agent: AgentActor) -> None:
    draft = await make_request(procedure, status="DRAFT")
    with pytest.raises(NotFoundError):
        await change(agent, draft, "IN_PROGRESS")


async def test_assigning(procedure: Procedure, agent: AgentActor, citizen: CitizenActor) -> None:
    request = await make_request(procedure)

    async def assign(to: str | None) -> Any:
        return await assign_request(agent, request=id_of(request), agent=to, selection=SELECTION)

    row = await assign(id_of(agent))
    assert (row["assignee"]["id"], row["version"]) == (id_of(agent), 2)
    assert (await assign(id_of(agent)))["version"] == 2
    row = await assign(None)
    assert (row["assignee"], row["version"]) == (None, 3)
    assert [event.kind for event in await RequestEvent.all()] == ["RequestAssigned"] * 2
    outsider, gone = await make_agent("HANDLER", procedures=[]), await make_agent("ADMINISTRATOR")
    await Credential.filter(agent_id=gone.agent_id).delete()
    for nobody in (encode("Agent", new_id()), id_of(outsider), id_of(gone), id_of(citizen), "x", ""):
        with pytest.raises(ValidationError) as raised:
            await assign(nobody)
        assert [problem.path for problem in raised.value.problems] == ["agent"]
    cancelled = await make_request(procedure, status="CANCELLED")
    with pytest.raises(NotAllowedError):
        await assign_request(agent, request=id_of(cancelled), agent=None, selection=SELECTION)


async def test_agents_are_told_which_of_them_it_was(
    procedure: Procedure, agent: AgentActor, citizen: CitizenActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)
    await change(agent, sent, "IN_PROGRESS")
    await cancel_request(citizen, request=id_of(sent), reason=None, selection=SELECTION)
    wanted = Selection.of(history=Selection.of(nodes=Selection.of("actor", agent=Selection.of("id"))))
    for reader, told in ((agent, [id_of(agent), None]), (citizen, [None, None])):
        row = await read_request(reader, sent.id, wanted)
        assert row is not None
        nodes = row["history"]["nodes"]
        assert [node["actor"] for node in nodes] == ["MUNICIPALITY", "CITIZEN"]
        assert [node["agent"] and node["agent"]["id"] for node in nodes] == told


async def test_who_may_be_put_in_charge(
    procedure: Procedure, agent: AgentActor, citizen: CitizenActor
) -> None:
    """Administrators, and handlers of the procedure, as long as they log in: that is told to agents alone."""
    handler = await make_agent("HANDLER", procedures=[procedure])
    await make_agent("HANDLER", procedures=[await make_procedure("other")])
    gone = await make_agent("HANDLER", procedures=[procedure])
    await Credential.filter(agent_id=gone.agent_id).delete()
    sent = await make_request(procedure, citizen=citizen)
    wanted = Selection.of(permitted_assignees=Selection.of("id"))
    for actor, ids in ((handler, {id_of(handler), id_of(agent)}), (citizen, set())):
        row = await read_request(actor, sent.id, wanted)
        assert row is not None
        assert {one["id"] for one in row["permitted_assignees"]} == ids


async def test_mail_that_could_not_be_sent(procedure: Procedure, agent: AgentActor) -> None:
    """An administrator sees all of it; a handler that of requests they see."""
    handler = await make_agent("HANDLER", procedures=[procedure])
    mine, strange = await make_request(procedure), await make_request(await make_procedure("other"))
    account = (await make_citizen()).account_id
    for columns in (
        {"request_id": mine.id, "state": "PARKED"},
        {"request_id": mine.id, "state": "PENDING"},
        {"request_id": strange.id, "state": "PARKED"},
        {"account_id": account, "state": "PARKED"},
    ):
        mail = Mail(
            template="x", recipient="x@example.fr", language="fr", message_id=str(new_id()), **columns
        )
        await mail.save(force_create=True)
    wanted = Selection.of(
        parked_mails=Selection.of("total_count", nodes=Selection.of("recipient", request=Selection.of("id")))
    )
    for actor, requests in ((agent, [None, id_of(strange), id_of(mine)]), (handler, [id_of(mine)])):
        row = await desk(actor, selection=wanted)
        assert row is not None
        assert [(node["request"] or {}).get("id") for node in row["parked_mails"]["nodes"]] == requests
        assert row["parked_mails"]["total_count"] == len(requests)
