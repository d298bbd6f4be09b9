"""Makes an export and erases a closed account, until the process dies: `python -m tests.faults.leaving_working`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import espace.cli  # noqa: F401 - loaded before the first process is forked
import jobs.data_exports.making
import resolvers.erasure
from core.selection import Selection
from core.settings import get_settings
from jobs.erasure import erase
from models import database
from models.actors import CitizenActor
from models.database import execute, fetch_one
from models.procedures import Procedure
from resolvers import catalogue
from resolvers.data_exports import request_data_export
from tests.factories import make_citizen, make_exchange, make_request
from tests.faults.doomed import Doom, run
from tests.file_rows import make_attachment, make_document, make_file

PIECES = 3


def live(doom: Doom, order: Mapping[str, Any]) -> None:
    asyncio.run(_live(doom, UUID(order["procedure"])))


async def _live(doom: Doom, procedure: UUID) -> None:
    async with database.connected(get_settings()):
        catalogue.forget()
        export = await _leave_work(doom, await Procedure.get(id=procedure))
        doom.watch_store()
        doom.watch_database()
        doom.announce(jobs.data_exports.making, "take_export", "taking", "taken")
        doom.announce(jobs.data_exports.making, "hand_in_export", "handing in", "handed in")
        doom.announce(resolvers.erasure, "execute", "erasing", "erased")
        await jobs.data_exports.making.make_export(export)
        await erase()
        doom.reached("done")
        await asyncio.sleep(60)


async def _leave_work(doom: Doom, procedure: Procedure) -> str:
    """An account that waits for its export, whose id this is, and one that is due to be erased."""
    chance = random.Random(doom.plan.number)
    leaving, staying = await _account(procedure, chance), await _account(procedure, chance)
    doom.say(leaving=str(leaving.account_id), staying=str(staying.account_id))
    await execute(
        "UPDATE account SET closed_at = now() - interval '31 days', erasure_at = now() WHERE id = $1",
        leaving.account_id,
    )
    await request_data_export(staying, selection=Selection.of("state"))
    row = await fetch_one("SELECT id FROM data_export WHERE account_id = $1", staying.account_id)
    assert row is not None
    return str(row["id"])


async def _account(procedure: Procedure, chance: random.Random) -> CitizenActor:
    citizen = await make_citizen(f"citizen-{chance.randrange(1 << 62):x}")
    sent = await make_request(procedure, citizen=citizen)
    await make_request(procedure, citizen=citizen, status="DRAFT")
    await make_exchange(sent)
    for number in range(PIECES):
        await make_attachment(sent, await make_file(chance.randbytes(50_000)), title=f"{number}")
        await make_document(citizen, await make_file(chance.randbytes(50_000)), title=f"{number}")
    return citizen


if __name__ == "__main__":
    run(live)
