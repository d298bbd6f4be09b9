"""What a blob costs in memory does not depend on its size."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stack import ROOT
from tests.uploads.storing.places import FolderPlace, Place

MIB = 1024 * 1024

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="measured by proc_pid_status(5)"
)


def test_a_large_blob_is_written_and_read_in_a_few_mebibytes(place: Place, tmp_path: Path) -> None:
    """S3 takes parts of 5 MiB at least: two or three are in memory while a larger blob is written."""
    size, allowed = (64 * MIB, 4 * MIB) if isinstance(place, FolderPlace) else (40 * MIB, 20 * MIB)

    def run(*arguments: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-m", "tests.uploads.storing.memory_program", *arguments],
            env={"PATH": os.environ["PATH"], "ESPACE_DATA": str(tmp_path), "ESPACE_STORAGE_URL": place.url},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=100,
        )
        return done.stdout.split()

    address, written = run("write", str(size))
    (read,) = run("read", address)
    assert int(written) < allowed
    assert int(read) < 4 * MIB
