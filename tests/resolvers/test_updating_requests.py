from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from core.errors import ConflictError, NotAllowedError, NotFoundError, ValidationError
from core.selection import Selection
from models.actors import Actor, Visitor
from models.address import Address
from models.contact import Contact, ContactMethod
from models.database import Row
from models.forms import AnswerValue, BooleanValue, NumberValue, TextValue
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers.requests import update_request
from tests.factories import JEANNE, holder_of, id_of, make_citizen, make_request

SELECTION = Selection.of("version", "contact", "answers", "problems", "summary")
PAUL = replace(JEANNE, first_name="Paul")


async def update(
    actor: Actor,
    request: ServiceRequest,
    version: int = 1,
    *,
    contact: Contact | None = None,
    answers: Sequence[tuple[str, AnswerValue | None]] | None = None,
) -> Row:
    return await update_request(
        actor, request=id_of(request), version=version, contact=contact, answers=answers, selection=SELECTION
    )


async def make_draft(procedure: Procedure) -> ServiceRequest:
    return await make_request(procedure, status="DRAFT", contact=None, answers={})


async def test_step_by_step(procedure: Procedure) -> None:
    """Each step is kept, and what is still to be done gets less."""
    draft = await make_draft(procedure)
    row = await update(holder_of(draft), draft, 1, contact=JEANNE)
    assert row["contact"] == JEANNE.to_json()
    assert [problem["path"] for problem in row["problems"]] == ["reason"]
    row = await update(holder_of(draft), draft, 2, answers=[("reason", TextValue("  Mariage "))])
    assert row["problems"] == []
    assert row["contact"] == JEANNE.to_json()
    assert [(answer["field"], answer["text"]) for answer in row["answers"]] == [("reason", "Mariage")]
    row = await update(holder_of(draft), draft, 3, answers=[("reason", None)])
    assert row["answers"] == []
    assert row["version"] == 4


async def test_hidden_answers_come_back_when_they_are_asked_again(procedure: Procedure) -> None:
    draft = await make_draft(procedure)
    holder = holder_of(draft)

    def shown(row: Row) -> set[str]:
        lines = {line["value"] for section in row["summary"] for line in section["lines"]}
        return lines & {"Mariage", "Belgique"}

    filled = [("reason", TextValue("Mariage")), ("country", TextValue("Belgique"))]
    row = await update(holder, draft, 1, answers=[*filled, ("abroad", BooleanValue(True))])
    assert shown(row) == {"Mariage", "Belgique"}
    row = await update(holder, draft, 2, answers=[("abroad", BooleanValue(False))])
    assert shown(row) == {"Mariage"}
    row = await update(holder, draft, 3, answers=[("abroad", BooleanValue(True))])
    assert shown(row) == {"Mariage", "Belgique"}


async def test_a_condition_decides_what_is_required(procedure: Procedure) -> None:
    draft = await make_draft(procedure)
    answers: list[tuple[str, AnswerValue]] = [
        ("reason", TextValue("Mariage")),
        ("abroad", BooleanValue(True)),
    ]
    row = await update(holder_of(draft), draft, 1, contact=JEANNE, answers=answers)
    assert [problem["path"] for problem in row["problems"]] == ["country"]


async def test_all_or_nothing_and_every_problem_at_once(procedure: Procedure) -> None:
    draft = await make_draft(procedure)
    wrong = replace(JEANNE, first_name="a\0b", email="jeanne@", address=Address((), "", "Brest"))
    with pytest.raises(ValidationError) as raised:
        await update(
            holder_of(draft),
            draft,
            contact=wrong,
            answers=[
                ("reason", TextValue("Mariage")),
                ("abroad", NumberValue(1)),
                ("absent", TextValue("x")),
            ],
        )
    assert {problem.path for problem in raised.value.problems} == {
        "contact.firstName",
        "contact.email",
        "contact.address.lines",
        "contact.address.postalCode",
        "abroad",
        "absent",
    }
    unchanged = await ServiceRequest.get(id=draft.id)
    assert (unchanged.version, unchanged.contact, unchanged.answers) == (1, None, {})


async def test_what_is_missing_is_no_mistake(procedure: Procedure) -> None:
    draft = await make_draft(procedure)
    half = replace(JEANNE, last_name=" ", email=None, preferred_contact_method=ContactMethod.EMAIL)
    row = await update(holder_of(draft), draft, 1, contact=half)
    assert [problem["path"] for problem in row["problems"]][:2] == ["contact.lastName", "contact.email"]
    assert (await ServiceRequest.get(id=draft.id)).contact == replace(half, last_name="").to_json()


async def test_a_stale_version_is_a_conflict(procedure: Procedure) -> None:
    draft = await make_draft(procedure)
    await update(holder_of(draft), draft, 1, contact=JEANNE)
    for version in (0, 1, 3):
        with pytest.raises(ConflictError) as raised:
            await update(holder_of(draft), draft, version, contact=PAUL)
        assert raised.value.current_version == 2
    assert (await ServiceRequest.get(id=draft.id)).contact == JEANNE.to_json()


async def test_of_many_at_once_one_wins(procedure: Procedure) -> None:
    draft = await make_draft(procedure)
    outcomes = await asyncio.gather(
        *(
            update(holder_of(draft), draft, answers=[("reason", TextValue(f"Motif {number}"))])
            for number in range(30)
        ),
        return_exceptions=True,
    )
    losers = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(losers) == 29
    assert {type(loser) for loser in losers} == {ConflictError}
    (winner,) = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    stored = await ServiceRequest.get(id=draft.id)
    assert (stored.version, stored.answers["reason"]) == (2, winner["answers"][0]["text"])


async def test_what_was_sent_is_not_edited(procedure: Procedure) -> None:
    for status in ("SUBMITTED", "ACCEPTED", "CANCELLED"):
        request = await make_request(procedure, status=status)
        with pytest.raises(NotAllowedError):
            await update(holder_of(request), request, contact=PAUL)


async def test_nobody_elses(procedure: Procedure) -> None:
    owner = await make_citizen()
    draft = await make_request(procedure, citizen=owner, status="DRAFT")
    other = await make_request(procedure, status="DRAFT")
    for stranger in (Visitor(), await make_citizen(), holder_of(other)):
        with pytest.raises(NotFoundError):
            await update(stranger, draft, contact=PAUL)
    assert (await update(owner, draft, contact=PAUL))["version"] == 2
    assert (await update(holder_of(draft), draft, 2, contact=JEANNE))["version"] == 3
