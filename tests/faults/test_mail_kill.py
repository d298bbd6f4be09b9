"""`kill -9` of a worker at any moment: every mail arrives, and at most one of them once more for each kill.

Between the server's 250 and our commit nobody can know: such a mail is sent once more, under the same Message-ID.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.settings import Settings
from tests.jobs.conftest import inbox, mairie  # noqa: F401 -- fixtures
from tests.jobs.mail_server import MailServer
from tests.jobs.mails import add_confirmations, count_mails
from tests.stack import Command

KILLS = 8
RECOVERY_SECONDS = 30.0


@pytest.fixture
def worker(mairie: Settings, tmp_path: Path) -> Command:  # noqa: F811
    """A worker process on the test's database and inbox, not yet started."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ESPACE_")},
        "ESPACE_DATA": str(mairie.data),
        "ESPACE_DATABASE_URL": mairie.database_url or "",
        "ESPACE_REDIS_URL": mairie.redis_url or "",
        "ESPACE_SMTP_URL": mairie.smtp_url or "",
        "ESPACE_MAIL_FROM": mairie.mail_from,
        "ESPACE_SECRET_KEY": mairie.secret_key.get_secret_value(),
    }
    return Command(["worker"], environment, tmp_path / "worker.log")


@asynccontextmanager
async def running(worker: Command) -> AsyncIterator[None]:
    await worker.start()
    try:
        yield
    finally:
        if worker.running:
            worker.kill()


async def _until_kept(inbox: MailServer, count: int, within: float) -> None:  # noqa: F811
    """Waits until that many different mails have arrived."""
    deadline = time.monotonic() + within
    while len(set(inbox.message_ids)) < count:
        assert time.monotonic() < deadline, f"{len(set(inbox.message_ids))} of {count} mails after {within} s"
        await asyncio.sleep(0.02)


async def _until_all_are_marked(count: int, worker: Command, within: float) -> None:
    deadline = time.monotonic() + within
    while await count_mails("SENT") < count:
        assert time.monotonic() < deadline, worker.output()
        await asyncio.sleep(0.05)


@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_killed_at_any_moment_it_loses_nothing(inbox: MailServer, worker: Command) -> None:  # noqa: F811
    """A worker has one mail at a time on its way: as many duplicates as kills, at most."""
    message_ids = await add_confirmations(60)
    inbox.slow_by_chance(0.12)
    kills = 0
    chance = random.Random(KILLS)
    while kills < KILLS:
        async with running(worker):
            already = len(inbox.kept)
            await _until_kept(inbox, min(already + 1, 60), RECOVERY_SECONDS)
            await asyncio.sleep(chance.uniform(0, 0.4))
            worker.kill()
            kills += 1
    async with running(worker):
        await _until_kept(inbox, 60, RECOVERY_SECONDS)
        await _until_all_are_marked(60, worker, RECOVERY_SECONDS)
    assert set(inbox.message_ids) == message_ids
    assert len(inbox.kept) - 60 <= kills
    assert max(Counter(inbox.message_ids).values()) <= 1 + kills


async def test_killed_before_the_server_took_it_it_is_sent_again_in_time(
    inbox: MailServer,  # noqa: F811
    worker: Command,
) -> None:
    (message_id,) = await add_confirmations(1)
    begun = asyncio.Event()

    def hold() -> float:
        begun.set()
        return 20.0

    inbox.seconds_before_taking = hold
    async with running(worker):
        await asyncio.wait_for(begun.wait(), 20)
        worker.kill()
    inbox.seconds_before_taking = lambda: 0.0
    inbox.on_data = None
    async with running(worker):
        began = time.monotonic()
        await _until_kept(inbox, 1, RECOVERY_SECONDS)
        assert time.monotonic() - began < RECOVERY_SECONDS
        await _until_all_are_marked(1, worker, 5)
    assert set(inbox.message_ids) == {message_id}


async def test_killed_after_the_server_took_it_there_is_one_duplicate_of_the_same_name(
    inbox: MailServer,  # noqa: F811
    worker: Command,
) -> None:
    (message_id,) = await add_confirmations(1)
    inbox.seconds_before_saying_so = lambda: 20.0
    async with running(worker):
        await _until_kept(inbox, 1, 20)
        worker.kill()
    inbox.seconds_before_saying_so = lambda: 0.0
    async with running(worker):
        await _until_all_are_marked(1, worker, RECOVERY_SECONDS)
        await asyncio.sleep(1)
    assert inbox.message_ids == [message_id, message_id]
    assert inbox.kept[0]["Date"] == inbox.kept[1]["Date"]


async def test_another_worker_takes_over_while_the_killed_one_is_away(
    inbox: MailServer,  # noqa: F811
    worker: Command,
    tmp_path: Path,
) -> None:
    message_ids = await add_confirmations(40)
    inbox.slow_by_chance(0.1)
    other = Command(["worker"], worker.environment, tmp_path / "other.log")
    async with running(other), running(worker):
        await _until_kept(inbox, 5, 20)
        worker.kill()
        await _until_kept(inbox, 40, RECOVERY_SECONDS)
        await _until_all_are_marked(40, other, RECOVERY_SECONDS)
    assert set(inbox.message_ids) == message_ids
    assert len(inbox.kept) - 40 <= 1, "no more than the one that was on its way"


async def test_sigterm_ends_it_cleanly_and_nothing_is_sent_twice(
    inbox: MailServer,  # noqa: F811
    worker: Command,
) -> None:
    message_ids = await add_confirmations(30)
    inbox.slow_by_chance(0.1)
    for stop_at in (5, 15):
        async with running(worker):
            await _until_kept(inbox, stop_at, 20)
            assert await asyncio.to_thread(worker.stop) == 0
    async with running(worker):
        await _until_kept(inbox, 30, RECOVERY_SECONDS)
        await _until_all_are_marked(30, worker, RECOVERY_SECONDS)
        assert await asyncio.to_thread(worker.stop) == 0
    assert sorted(inbox.message_ids) == sorted(message_ids)
