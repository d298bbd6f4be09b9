"""A worker that scans, draws and typesets until the process dies: `python -m tests.faults.file_working`.

It finds work of its own: files and a submitted request, as the API leaves them.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import espace.cli  # noqa: F401 - loaded before the first process is forked
import jobs.previews
import jobs.receipts
import jobs.scans
from core.settings import get_settings
from jobs import worker
from models import database
from models.procedures import Procedure
from resolvers import catalogue
from tests.factories import make_request
from tests.faults.doomed import Doom, run
from tests.faults.uploading import a_picture
from tests.file_rows import make_attachment, make_file, make_receipt
from tests.scanner import EICAR

PICTURES = 3
MEDIA_TYPE = "image/jpeg"


def live(doom: Doom, order: Mapping[str, Any]) -> None:
    asyncio.run(_leave_work(doom, UUID(order["procedure"])))
    doom.watch_store()
    doom.watch_database()
    doom.announce(jobs.scans, "scan", "scanning", "scanned")
    doom.announce(jobs.scans, "record_verdict", "recording a verdict", "verdict recorded")
    doom.announce(jobs.previews, "draw_preview", "drawing", "drawn")
    doom.announce(jobs.previews, "_keep", "keeping a preview", "preview kept")
    doom.announce(jobs.receipts, "typeset", "typesetting", "typeset")
    doom.announce(jobs.receipts, "_hand_in", "handing a receipt in", "receipt handed in")
    worker.run(get_settings())


async def _leave_work(doom: Doom, procedure: UUID) -> None:
    chance = random.Random(doom.plan.number)
    async with database.connected(get_settings()):
        catalogue.forget()
        request = await make_request(await Procedure.get(id=procedure))
        await make_receipt(request, None)
        for _ in range(PICTURES):
            picture = a_picture(chance.randrange(1 << 62))
            file = await make_file(picture, media_type=MEDIA_TYPE, scan="PENDING")
            await make_attachment(request, file)
            doom.say(picture=hashlib.sha256(picture).hexdigest())
        infected = await make_file(EICAR + chance.randbytes(1000), media_type=MEDIA_TYPE, scan="PENDING")
        attachment = await make_attachment(request, infected, name="virus.jpg")
        doom.say(infected=str(attachment.id))


if __name__ == "__main__":
    run(live)
