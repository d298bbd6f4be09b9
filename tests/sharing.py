"""How many processes `make test` has, and which tests one has for itself: what is dear to make is made once."""

from __future__ import annotations

import os

import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

TOGETHER = ("tests/authorization/", "tests/openid/")
"""Folders that stay together; otherwise a file does."""


MOST = 5


class BySharing(LoadScopeScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> BySharing:
    return BySharing(config, log)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One more than the machine has cores: a process waits a fifth of its time, for servers and browsers."""
    return min((os.cpu_count() or 1) + 1, MOST)
