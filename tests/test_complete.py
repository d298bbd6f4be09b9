"""What is skipped where a program is missing is failed where all tests have to run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from tests.stack import ROOT

SKIPPING = [
    """
        from tests.programs import find_program

        def test_one():
            find_program("no-such-program", "no-such-package")
        """,
    """
        import pytest

        @pytest.fixture
        def browser():
            pytest.skip("there is none")

        def test_one(browser):
            pass
        """,
    """
        import pytest

        @pytest.mark.skip
        def test_one():
            pass
        """,
    """
        import pytest

        pytest.importorskip("no_such_module")

        def test_one():
            pass
        """,
]
SOUND = """
import pytest

@pytest.mark.xfail
def test_other():
    assert False

def test_one():
    pass
"""


def _run(folder: Path, *options: str) -> str:
    """What pytest says of the folder's tests, and its exit status."""
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-c", os.devnull]
    result = subprocess.run(
        [*command, "--import-mode=importlib", *options, folder],
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return f"{result.stdout}\n{result.stderr}\nexit status {result.returncode}"


def test_a_skipped_test_has_failed_and_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "test_sound.py").write_text(SOUND)
    for number, program in enumerate(SKIPPING):
        (tmp_path / f"test_{number}.py").write_text(dedent(program))

    usual = _run(tmp_path)
    assert "1 passed, 4 skipped, 1 xfailed" in usual
    assert "no-such-program is not on this machine" in usual
    assert "exit status 0" in usual

    complete = _run(tmp_path, "-p", "tests.complete", "--continue-on-collection-errors")
    assert "1 failed, 1 passed, 1 xfailed, 3 errors" in complete
    assert "no-such-program is not on this machine" in complete
    assert "exit status 1" in complete
