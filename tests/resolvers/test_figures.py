"""What waits, what was answered and how long it took, by procedure and week."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.errors import MalformedError
from core.selection import SelectedField, Selection
from models.actors import AgentActor
from models.database import counted
from models.figures import ErasedRequestFigure
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers.desk import desk
from resolvers.erasure import erase_closed_requests
from tests.factories import make_agent, make_procedure, make_request

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
WANTED = Selection.of(
    "waiting",
    procedure=Selection.of("slug"),
    weeks=Selection.of("start", "received", "answered", "median_hours"),
)


async def figures(actor: AgentActor, first: date, last: date) -> Any:
    field = SelectedField("figures", {"from": first, "to": last}, WANTED)
    row = await desk(actor, selection=Selection((field,)))
    assert row is not None
    return [
        (
            each["procedure"]["slug"],
            each["waiting"],
            [
                (week["start"], week["received"], week["answered"], week["median_hours"])
                for week in each["weeks"]
            ],
        )
        for each in row[field.key]
    ]


async def add(
    procedure: Procedure, status: str, submitted: datetime, hours: float | None = None
) -> ServiceRequest:
    request = await make_request(procedure, status=status)
    request.submitted_at = submitted
    request.closed_at = submitted + timedelta(hours=hours) if hours is not None else None
    await request.save()
    return request


async def test_by_procedure_and_week(procedure: Procedure, administrator: AgentActor) -> None:
    other = await make_procedure("zzz-autre")
    for hours in (1, 5, 12):
        await add(procedure, "ACCEPTED", MONDAY, hours)
    await add(procedure, "REFUSED", MONDAY, 24 * 7)
    await add(procedure, "IN_PROGRESS", MONDAY + timedelta(days=1))
    await add(procedure, "CANCELLED", MONDAY, 1)
    await add(other, "SUBMITTED", MONDAY - timedelta(days=400))
    found = await figures(administrator, date(2026, 3, 1), date(2026, 3, 31))
    assert found == [
        (procedure.slug, 1, [(date(2026, 3, 2), 6, 3, 5.0), (date(2026, 3, 9), 0, 1, 168.0)]),
        (other.slug, 1, []),
    ]


async def test_days_are_the_municipalitys(procedure: Procedure, administrator: AgentActor) -> None:
    """Half an hour before midnight of a Sunday in UTC it is Monday in Paris."""
    await add(procedure, "SUBMITTED", datetime(2026, 3, 8, 23, 30, tzinfo=UTC))
    ((_, _, weeks),) = await figures(administrator, date(2026, 3, 9), date(2026, 3, 9))
    assert weeks == [(date(2026, 3, 9), 1, 0, None)]
    ((_, _, none),) = await figures(administrator, date(2026, 3, 1), date(2026, 3, 8))
    assert none == []


async def test_only_of_what_the_agent_sees(procedure: Procedure, agent: AgentActor) -> None:
    other = await make_procedure("autre")
    await add(procedure, "SUBMITTED", MONDAY)
    await add(other, "SUBMITTED", MONDAY)
    await make_request(procedure, status="DRAFT")
    handler = await make_agent("HANDLER", procedures=[other])
    assert [slug for slug, _, _ in await figures(handler, MONDAY.date(), MONDAY.date())] == [other.slug]


async def test_what_was_erased_still_counts(procedure: Procedure, administrator: AgentActor) -> None:
    """A week of years ago, before and after retention has done its work, in as many statements."""
    monday = datetime(2015, 3, 2, 9, tzinfo=UTC)
    for status, days in (("ACCEPTED", 1), ("ACCEPTED", 1), ("REFUSED", 3), ("CANCELLED", 4), ("ACCEPTED", 8)):
        await add(procedure, status, monday, 24 * days)
    kept = await add(procedure, "IN_PROGRESS", monday)
    span = (date(2015, 3, 1), date(2015, 3, 31))
    with counted() as count:
        before = await figures(administrator, *span)
    statements = count.value
    assert before == [
        (procedure.slug, 1, [(date(2015, 3, 2), 6, 3, 24.0), (date(2015, 3, 9), 0, 1, 24.0 * 8)])
    ]

    assert await erase_closed_requests() == 5
    assert [left.id for left in await ServiceRequest.all()] == [kept.id]
    with counted() as count:
        assert await figures(administrator, *span) == before
    assert count.value == statements == 1
    # What falls outside the span on either side is not of it.
    assert await figures(administrator, date(2015, 3, 9), date(2015, 3, 15)) == [
        (procedure.slug, 1, [(date(2015, 3, 9), 0, 1, 24.0 * 8)])
    ]


async def test_erased_ones_too_are_only_of_what_the_agent_sees(
    procedure: Procedure, administrator: AgentActor
) -> None:
    other = await make_procedure("autre")
    for each in (procedure, other):
        figure = ErasedRequestFigure(
            procedure_id=each.id,
            status="ACCEPTED",
            submitted_on=MONDAY.date(),
            closed_on=MONDAY.date(),
            requests=2,
        )
        await figure.save(force_create=True)
    handler = await make_agent("HANDLER", procedures=[other])
    week = [(MONDAY.date(), 2, 2, 0.0)]
    assert await figures(handler, MONDAY.date(), MONDAY.date()) == [(other.slug, 0, week)]
    assert {slug for slug, _, _ in await figures(administrator, MONDAY.date(), MONDAY.date())} == {
        procedure.slug,
        other.slug,
    }


@pytest.mark.parametrize(
    ("first", "last"), [(date(2026, 3, 2), date(2026, 3, 1)), (date(2025, 1, 1), date(2026, 3, 1))]
)
async def test_a_wrong_span_is_refused(agent: AgentActor, first: date, last: date) -> None:
    with pytest.raises(MalformedError):
        await figures(agent, first, last)
