"""Ending links at the partner: once, again and again, later and later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from core.clock import now
from core.settings import Settings
from jobs import partner_links
from jobs.partner_links import LONGEST_PAUSE, OURS_FOR, end_partner_link
from models.partner_links import PartnerRevocation, PartnerSystem
from resolvers.catalogue import PartnerSystemEntry
from tests.factories import make_partner_system
from tests.partner import Misbehaviour, hangs, misbehaving, new_secret, point_to, says


@pytest.fixture
def pointed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    return lambda address: point_to(monkeypatch, address, new_secret())


async def make_revocation(*, attempts: int = 0, age: timedelta = timedelta()) -> UUID:
    system = await PartnerSystem.first() or await make_partner_system()
    row = PartnerRevocation(
        id=uuid4(), system_id=system.id, attempts=attempts, next_attempt_at=now(), created_at=now() - age
    )
    await row.save(force_create=True)
    return row.id


async def wait_of(id: UUID) -> timedelta | None:
    row = await PartnerRevocation.get(id=id)
    return None if row.next_attempt_at is None else row.next_attempt_at - now()


async def test_two_workers_end_it_once(database: Settings, pointed: Callable[[str], None]) -> None:
    heard: list[bytes] = []

    async def end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(b"")
        await asyncio.sleep(0.2)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await writer.drain()

    id = await make_revocation()
    async with misbehaving(end) as address:
        pointed(address)
        await asyncio.gather(*(end_partner_link(str(id)) for _ in range(3)))
        await end_partner_link(str(id))
    assert len(heard) == 1
    assert await PartnerRevocation.all().count() == 0


@pytest.mark.parametrize(
    "behave", [hangs, says("200 OK", "{}"), says("404 Not Found", ""), says("500 No", "")]
)
async def test_anything_but_204_is_asked_again(
    database: Settings, pointed: Callable[[str], None], behave: Misbehaviour
) -> None:
    id = await make_revocation()
    async with misbehaving(behave) as address:
        pointed(address)
        await end_partner_link(str(id))
    waits = await wait_of(id)
    assert waits is not None
    assert timedelta(seconds=10) < waits <= timedelta(seconds=15)
    await end_partner_link(str(id))  # Not due: nobody is asked.
    assert (await PartnerRevocation.get(id=id)).attempts == 1


async def test_a_killed_workers_is_somebody_elses_soon(
    database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await make_revocation()

    async def killed(system: PartnerSystemEntry, reference: UUID) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(partner_links, "end_link", killed)
    with pytest.raises(asyncio.CancelledError):
        await end_partner_link(str(id))
    waits = await wait_of(id)
    assert waits is not None
    assert timedelta(seconds=3) < waits <= OURS_FOR


async def test_later_and_later_and_given_up_after_a_month(
    database: Settings, pointed: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    pointed("http://127.0.0.1:1")
    tried, old = await make_revocation(attempts=30), await make_revocation(age=timedelta(days=31))
    for id in (tried, old):
        await end_partner_link(str(id))
    waits = await wait_of(tried)
    assert waits is not None
    assert LONGEST_PAUSE - timedelta(minutes=1) < waits <= LONGEST_PAUSE
    assert await wait_of(old) is None
    (told,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert told.getMessage() == f"link {old} is given up: espace-famille has not ended it at attempt 1"
