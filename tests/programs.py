"""Programs that some tests need and that no package of Python brings along (`make programs` installs them).

Where one is missing its tests are skipped, and say what to install; `.ci/run` counts that as failed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

DIRECTORIES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", "/usr/local/sbin"])
"""Daemons are in /usr/sbin, which is not on everybody's path."""


def find_program(name: str, package: str) -> Path:
    """Where the program is; otherwise the test is skipped, naming Debian's package."""
    found = shutil.which(name, path=DIRECTORIES)
    if found is None:
        pytest.skip(f"{name} is not on this machine: `make programs`, or install the package {package}")
    return Path(found)
