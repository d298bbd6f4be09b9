"""A unit of work that lost a race is run again from the start, and leaves one event."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest

from core.errors import NotFoundError
from core.event_bus import event_bus
from models.actors import CitizenActor
from models.database import fetch
from models.events import RequestEvent
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers.work import ATTEMPTS, Work, unit_of_work
from tests.factories import make_request


async def test_of_two_that_wait_for_each_other_both_are_done(
    procedure: Procedure, citizen: CitizenActor
) -> None:
    one, other = [await make_request(procedure, citizen=citizen) for _ in range(2)]
    both_hold_one = asyncio.Barrier(2)
    attempts: list[UUID] = []

    @unit_of_work
    async def lock_both(work: Work, first: ServiceRequest, second: ServiceRequest) -> None:
        attempts.append(first.id)
        work.happened("RequestClaimed", first, citizen)
        await ServiceRequest.lock_visible(citizen, first.id)
        if attempts.count(first.id) == 1:
            await both_hold_one.wait()
        await ServiceRequest.lock_visible(citizen, second.id)

    await asyncio.gather(lock_both(one, other), lock_both(other, one))

    assert len(attempts) == 3, "PostgreSQL ends one of two that wait for each other"
    assert {event.request_id for event in await RequestEvent.all()} == {one.id, other.id}
    assert await RequestEvent.all().count() == 2


async def test_workers_are_woken_once_what_they_look_for_is_there(
    procedure: Procedure, citizen: CitizenActor
) -> None:
    sent = await make_request(procedure, citizen=citizen)

    @unit_of_work
    async def attach(work: Work, fails: bool) -> None:
        work.wake("files")
        work.happened("AttachmentAdded", sent, citizen)
        if fails:
            raise NotFoundError

    async with event_bus().listen("files") as files, event_bus().listen("events") as events:
        with pytest.raises(NotFoundError):
            await attach(True)
        assert not await files.wait(0)
        await attach(False)
        assert await files.wait(0)
        assert await events.wait(0)
    assert await RequestEvent.all().count() == 1


async def test_whoever_loses_every_time_is_told(procedure: Procedure) -> None:
    attempts = 0

    @unit_of_work
    async def lose(work: Work) -> None:
        nonlocal attempts
        attempts += 1
        await fetch("SELECT 1")
        raise asyncpg.SerializationError

    with pytest.raises(asyncpg.SerializationError):
        await lose()
    assert attempts == ATTEMPTS
