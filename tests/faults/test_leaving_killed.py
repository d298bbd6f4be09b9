"""`kill -9` of whoever makes an export or erases an account, at each of its steps: in the end there is one export for
each that was asked for, nothing of those who left, and all of those who stayed.
"""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from pathlib import Path

from core.settings import Settings
from jobs.data_exports import make_export
from jobs.erasure import erase
from jobs.file_retention import sweep_files
from models.database import execute, fetch
from tests.factories import make_procedure
from tests.faults.doomed import Plan, kill_all
from tests.faults.leaving_working import PIECES
from tests.faults.wholeness import content_at, let_a_day_pass, look_around

PROGRAM = "tests.faults.leaving_working"

DEATHS = [
    ("taken", 1, None),
    ("storing", 1, 0.1),
    ("storing", 1, 0.9),
    ("moved", 1, None),
    ("handing in", 1, None),
    ("committing", 1, None),
    ("committed", 1, None),
    ("handed in", 1, None),
    ("erasing", 1, None),
    ("erased", 1, None),
    ("erased", 3, None),
    ("erased", 5, None),
    ("erasing", 7, None),
    ("done", 1, None),
]


async def test_killed_at_each_step_all_of_it_is_done_in_the_end(database: Settings, tmp_path: Path) -> None:
    environment = {
        "ESPACE_DATA": str(database.data),
        "ESPACE_DATABASE_URL": database.database_url or "",
        "ESPACE_DATABASE_TIMEOUT_SECONDS": "30",
        "ESPACE_REDIS_URL": database.redis_url or "",
        "ESPACE_SECRET_KEY": database.secret_key.get_secret_value(),
    }
    procedure = await make_procedure()
    plans = [
        Plan(number, "", stage, times=times, part=part) for number, (stage, times, part) in enumerate(DEATHS)
    ]
    deaths = await kill_all(PROGRAM, plans, {"procedure": str(procedure.id)}, environment, at_once=1)
    assert {stage for stage, _, _ in DEATHS} <= {stage for death in deaths for stage in death.stages}
    assert await fetch("SELECT id FROM data_export WHERE state = 'PENDING'")
    assert (await look_around()).visible() == []

    # What was under way at a kill is another worker's after a while: that while is over.
    await execute("UPDATE data_export SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL")
    for row in await fetch("SELECT id FROM data_export"):
        await make_export(str(row["id"]))
    await erase()
    assert (await look_around()).visible() == []
    await let_a_day_pass(database.data)
    await sweep_files()
    assert (await look_around()).all() == []

    said = [what for death in deaths for what in death.said]
    staying = {what["staying"] for what in said if "staying" in what}
    assert len(staying) == len(DEATHS)
    assert {str(row["id"]) for row in await fetch("SELECT id FROM account")} == staying
    exports = await fetch("SELECT account_id, state, address FROM data_export")
    assert {str(row["account_id"]): row["state"] for row in exports} == dict.fromkeys(staying, "READY")
    for row in exports:
        content = await content_at(row["address"])
        assert content is not None
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None
            assert len([name for name in archive.namelist() if name.startswith("pieces/")]) == 2 * PIECES
    mails = await fetch("SELECT account_id FROM mail WHERE template = 'data_export_ready'")
    assert Counter(str(mail["account_id"]) for mail in mails) == dict.fromkeys(staying, 1)
    requests = await fetch(
        "SELECT account_id IS NULL AS detached, status, count(*) FROM service_request GROUP BY 1, 2"
    )
    assert {(row["detached"], row["status"]): row["count"] for row in requests} == dict.fromkeys(
        [(True, "SUBMITTED"), (False, "SUBMITTED"), (False, "DRAFT")], len(DEATHS)
    )
