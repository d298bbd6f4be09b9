"""Programs that some tests need and that no package of Python brings along.

Where one is missing its tests are skipped, and say what to install; where TESTS_COMPLETE is set, as `.ci/run` does,
they fail instead: nothing is passed over there.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

DIRECTORIES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", "/usr/local/sbin"])
"""Daemons are in /usr/sbin, which is not on everybody's path."""


def find_program(name: str, package: str) -> Path:
    """Where the program is; otherwise the test ends, naming Debian's package."""
    found = shutil.which(name, path=DIRECTORIES)
    if found is None:
        reason = f"{name} is not on this machine: `make programs`, or install the package {package}"
        if os.environ.get("TESTS_COMPLETE"):
            pytest.fail(reason)
        pytest.skip(reason)
    return Path(found)
