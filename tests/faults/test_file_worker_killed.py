"""`kill -9` of the worker while it scans, draws previews and makes receipts: all of it is done in the end, once."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from core.settings import Settings
from jobs.file_retention import sweep_files
from models.database import execute, fetch, fetch_one
from tests.factories import make_procedure
from tests.faults.doomed import Plan, kill_all, left_over
from tests.faults.wholeness import let_a_day_pass, look_around
from tests.jobs.conftest import inbox, mairie  # noqa: F401 -- fixtures
from tests.jobs.mail_server import MailServer
from tests.scanner import Scanner, running_scanner, scanner  # noqa: F401 -- fixtures
from tests.stack import Command

KILLS = 20
LONGEST_SECONDS = 0.1
END_SECONDS = 120.0
PROGRAM = "tests.faults.file_working"

STAGES = [
    "scanning",
    "recording a verdict",
    "verdict recorded",
    "throwing away",
    "drawing",
    "storing",
    "keeping a preview",
    "preview kept",
    "typesetting",
    "moved",
    "handing a receipt in",
    "committing",
    "committed",
]


def plans() -> list[Plan]:
    """Every other time a random time after the point."""
    chance = random.Random(7)
    return [
        Plan(
            number,
            "",
            STAGES[number % len(STAGES)],
            part=chance.random() if STAGES[number % len(STAGES)] == "storing" else None,
            seconds=chance.uniform(0, LONGEST_SECONDS) if number >= len(STAGES) else None,
        )
        for number in range(KILLS)
    ]


async def unfinished() -> int:
    """Files not scanned or drawn yet, receipts not made."""
    row = await fetch_one(
        "SELECT (SELECT count(*) FROM file WHERE scan = 'PENDING' OR next_preview_at IS NOT NULL) "
        "+ (SELECT count(*) FROM receipt WHERE file_id IS NULL) AS left"
    )
    assert row is not None
    left: int = row["left"]
    return left


@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_killed_20_times_it_ends_all_of_it_once(
    mairie: Settings,  # noqa: F811
    inbox: MailServer,  # noqa: F811
    scanner: Scanner,  # noqa: F811
    tmp_path: Path,
) -> None:
    scratch = tmp_path / "scratch"
    await asyncio.to_thread(scratch.mkdir)
    environment = {
        "ESPACE_DATA": str(mairie.data),
        "ESPACE_DATABASE_URL": mairie.database_url or "",
        "ESPACE_DATABASE_TIMEOUT_SECONDS": "10",
        "ESPACE_REDIS_URL": mairie.redis_url or "",
        "ESPACE_SMTP_URL": mairie.smtp_url or "",
        "ESPACE_SECRET_KEY": mairie.secret_key.get_secret_value(),
        "ESPACE_CLAMD_URL": scanner.unix_url,
        "TMPDIR": str(scratch),
    }
    procedure = await make_procedure()
    deaths = await kill_all(PROGRAM, plans(), {"procedure": str(procedure.id)}, environment, at_once=1)
    assert set(STAGES) <= {stage for death in deaths for stage in death.stages}
    assert await unfinished() > 0
    assert (await look_around()).visible() == []

    # What was under way at a kill is another worker's after a while: that while is over.
    await execute("UPDATE file SET next_scan_at = now() WHERE next_scan_at IS NOT NULL")
    await execute("UPDATE file SET next_preview_at = now() WHERE next_preview_at IS NOT NULL")
    worker = Command(["worker"], environment, tmp_path / "worker.log")
    await worker.start()
    try:
        deadline = time.monotonic() + END_SECONDS
        while await unfinished():
            assert time.monotonic() < deadline, worker.output()
            await asyncio.sleep(0.05)
    finally:
        worker.stop()
    while left_over({death.process for death in deaths}):
        assert time.monotonic() < deadline, "a sandbox has outlived its worker"
        await asyncio.sleep(0.05)
    assert [path.name for path in await asyncio.to_thread(lambda: list(scratch.iterdir()))] == []

    assert (await look_around()).visible() == []
    await let_a_day_pass(mairie.data)
    await sweep_files()
    # Infected files have a row without bytes for as long as something links to them.
    assert (await look_around()).all() == []

    pictures = {said["picture"] for death in deaths for said in death.said if "picture" in said}
    infected = {said["infected"] for death in deaths for said in death.said if "infected" in said}
    files = await fetch(
        "SELECT f.sha256, f.scan, f.preview_address, r.id AS receipt "
        "FROM file f LEFT JOIN receipt r ON r.file_id = f.id"
    )
    assert Counter(file["scan"] for file in files) == {"CLEAN": len(pictures) + KILLS, "INFECTED": KILLS}
    assert all(file["preview_address"] for file in files if file["scan"] == "CLEAN")
    clean = {bytes(file["sha256"]).hex() for file in files if file["scan"] == "CLEAN" and not file["receipt"]}
    assert clean == pictures
    assert len([file for file in files if file["receipt"]]) == KILLS
    events = await fetch("SELECT data->>'attachment' AS attachment FROM request_event")
    assert Counter(event["attachment"] for event in events) == dict.fromkeys(infected, 1), "told once each"
    mails = await fetch("SELECT count(*) AS mails FROM mail WHERE template = 'attachment_rejected'")
    assert mails[0]["mails"] == KILLS
