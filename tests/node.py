"""Node, and the packages that a folder of tests names in its lock file."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path


def node_for(folder: Path) -> str:
    """The path of Node, once the folder's packages are installed as its lock file says: `make test` has done so."""
    path, npm = shutil.which("node"), shutil.which("npm")
    assert path, "these tests need Node 20 or later"
    assert npm, "these tests need npm"
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(npm, folder)
    return path


def _install(npm: str, folder: Path) -> None:
    installed, locked = folder / "node_modules" / ".package-lock.json", folder / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < locked.stat().st_mtime:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
