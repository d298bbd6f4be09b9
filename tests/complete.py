"""`pytest -p tests.complete`, as `.ci/run` has it: a test that is skipped has failed. Nothing is passed over there."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import pytest

Reports = Generator[None, pytest.TestReport, pytest.TestReport]
CollectReports = Generator[None, pytest.CollectReport, pytest.CollectReport]
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Reports:
    return _as_failure((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> CollectReports:
    return _as_failure((yield))


def _as_failure(report: Report) -> Report:
    if report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: {reason}"
    return report
