"""What an export costs in memory does not depend on how much there is."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from core.settings import Settings
from tests.stack import ROOT

MIB = 1024 * 1024


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measured by proc_pid_status(5)")
async def test_a_hundred_mebibytes_are_exported_in_some_mebibytes(database: Settings) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.jobs.export_memory",
        "100",
        env={
            "PATH": os.environ["PATH"],
            "ESPACE_DATA": str(database.data),
            "ESPACE_DATABASE_URL": database.database_url or "",
            "ESPACE_DATABASE_TIMEOUT_SECONDS": "30",
            "ESPACE_REDIS_URL": database.redis_url or "",
            "ESPACE_SECRET_KEY": database.secret_key.get_secret_value(),
        },
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    more, size = map(int, said.split())
    assert size > 100 * MIB, "or it held less than was measured"
    assert more < 16 * MIB
