"""From a file that waits to what the scanner says of it, and to whom that is told."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from core.clock import now
from core.event_bus import EventBus
from core.settings import Settings, get_settings
from jobs import scans
from jobs.mail import send_mail
from jobs.scans import OURS_FOR, next_pause, scan_file
from jobs.worker import work
from models.database import Row, execute, fetch
from models.requests import ServiceRequest
from resolvers.files import initial_scan_state, record_verdict
from tests.factories import make_citizen, make_procedure, make_request
from tests.jobs.files import (
    add_file,
    attach,
    content_at,
    file_row,
    make_due,
    some_bytes,
    until,
    until_scanned,
)
from tests.jobs.mail_server import MailServer
from tests.scanner import (
    EICAR,
    STREAM_MEGABYTES,
    Scanner,
    pretender,
    running_scanner,  # noqa: F401 -- fixtures
    scanner,  # noqa: F401
)
from tests.stack import Command
from uploads import scanning
from uploads.scanning import Verdict

INFECTED = Verdict("INFECTED", "Eicar-Test-Signature.UNOFFICIAL")
PDF = b"%PDF-1.7\n1 0 obj\n<< /Length 68 >>\nstream\n" + EICAR + b"\nendstream\nendobj\n%%EOF\n"


def _ask(url: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ESPACE_CLAMD_URL", url)
    get_settings.cache_clear()
    return get_settings()


@pytest.fixture
def scanned(
    mairie: Settings,
    scanner: Scanner,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> Settings:
    """A database and a mairie, and settings that name the scanner."""
    return _ask(scanner.unix_url, monkeypatch)


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(work(settings, stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 15)


async def _request(status: str = "SUBMITTED") -> ServiceRequest:
    return await make_request(await make_procedure(), citizen=await make_citizen(), status=status)


async def _events() -> list[Row]:
    return await fetch("SELECT kind, actor, request_id, data::text FROM request_event ORDER BY position")


async def _mails() -> list[Row]:
    return await fetch("SELECT id, template, recipient FROM mail")


@pytest.mark.usefixtures("scanned")
class TestOneScan:
    async def test_a_clean_file_is_to_be_drawn_next(self) -> None:
        id = await add_file()
        await scan_file(str(id))
        row = await file_row(id)
        assert (row["scan"], row["next_scan_at"], row["scan_attempts"]) == ("CLEAN", None, 1)
        assert row["scanned_at"] is not None
        assert row["next_preview_at"] <= now()

    @pytest.mark.parametrize("content", [EICAR, PDF])
    async def test_infected_bytes_are_thrown_away(self, content: bytes) -> None:
        id = await add_file(content)
        address = (await file_row(id))["address"]
        assert await content_at(address) == content
        await scan_file(str(id))
        row = await file_row(id)
        assert (row["scan"], row["address"], row["next_preview_at"]) == ("INFECTED", None, None)
        assert await content_at(address) is None

    async def test_what_the_scanner_refuses_has_failed(self) -> None:
        id = await add_file(bytes((STREAM_MEGABYTES + 1) * 1024 * 1024))
        await scan_file(str(id))
        row = await file_row(id)
        assert (row["scan"], row["next_preview_at"]) == ("FAILED", None)

    async def test_what_is_not_in_the_store_has_failed(self) -> None:
        id = await add_file(address="ab/" + "0" * 30 + "-" + "0" * 32)
        await scan_file(str(id))
        assert (await file_row(id))["scan"] == "FAILED"

    async def test_what_was_damaged_in_the_store_has_failed(self, scanned: Settings) -> None:
        content = some_bytes()
        id = await add_file(content)
        path = scanned.data / "files" / (await file_row(id))["address"]
        kept = path.read_bytes()
        path.chmod(0o600)
        path.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))
        await scan_file(str(id))
        assert (await file_row(id))["scan"] == "FAILED"

    async def test_what_is_not_due_is_left_alone(self) -> None:
        id = await add_file(EICAR, next_scan_at=now() + timedelta(minutes=1))
        await scan_file(str(id))
        assert (await file_row(id))["scan"] == "PENDING"

    async def test_scanning_a_file_that_is_gone_does_nothing(self) -> None:
        id = await add_file()
        await execute("DELETE FROM file WHERE id = $1", id)
        await scan_file(str(id))

    async def test_scanning_twice_in_a_row_and_at_once_says_it_once(self) -> None:
        request = await _request()
        id = await add_file(EICAR)
        await attach(id, request)
        await asyncio.gather(*(scan_file(str(id)) for _ in range(5)))
        await scan_file(str(id))
        assert [event["kind"] for event in await _events()] == ["AttachmentRejected"]
        assert len(await _mails()) == 1

    async def test_two_verdicts_at_once_say_it_once(self) -> None:
        """As when a worker took a file that another one was still at."""
        request = await _request()
        id = await add_file(EICAR)
        await attach(id, request)
        recorded = await asyncio.gather(*(record_verdict(id, INFECTED) for _ in range(4)))
        assert sorted(recorded) == [False, False, False, True]
        assert await record_verdict(id, Verdict("CLEAN")) is False
        assert (await file_row(id))["scan"] == "INFECTED"
        assert len(await _events()) == 1


@pytest.mark.usefixtures("mairie")
class TestWhoIsTold:
    async def test_everybody_who_was_sent_the_piece(self) -> None:
        one, other = await _request("IN_PROGRESS"), await _request("AWAITING_CITIZEN")
        id = await add_file(EICAR)
        first = await attach(id, one, title="Passeport")
        second = await attach(id, other, title="Autre nom")
        await attach(await add_file(), one, title="Sans virus")

        await record_verdict(id, INFECTED)

        told = {event["request_id"]: event for event in await _events()}
        assert set(told) == {one.id, other.id}
        assert all(event["kind"] == "AttachmentRejected" for event in told.values())
        assert all(event["actor"] == "SYSTEM" for event in told.values())
        assert str(first) in told[one.id]["data"]
        assert "Passeport" in told[one.id]["data"]
        assert str(second) in told[other.id]["data"]
        assert [mail["template"] for mail in await _mails()] == ["attachment_rejected"] * 2

    @pytest.mark.parametrize(
        ("status", "added_by", "events", "mails"),
        [
            ("DRAFT", "CITIZEN", 0, 0),
            ("SUBMITTED", "CITIZEN", 1, 1),
            ("SUBMITTED", "MUNICIPALITY", 1, 0),
            ("ACCEPTED", "CITIZEN", 1, 0),
            ("CANCELLED", "CITIZEN", 1, 0),
        ],
    )
    async def test_as_its_state_asks(self, status: str, added_by: str, events: int, mails: int) -> None:
        id = await add_file(EICAR)
        await attach(id, await _request(status), added_by=added_by)
        await record_verdict(id, INFECTED)
        assert (len(await _events()), len(await _mails())) == (events, mails)

    @pytest.mark.parametrize("scan", ["CLEAN", "FAILED"])
    async def test_nobody_where_there_is_no_virus(self, scan: Any) -> None:
        id = await add_file()
        await attach(id, await _request())
        await record_verdict(id, Verdict(scan))
        assert (await _events(), await _mails()) == ([], [])

    async def test_the_mail_says_which_piece_and_what_to_do(self, inbox: MailServer) -> None:
        id = await add_file(EICAR)
        await attach(id, await _request(), title="Acte de naissance")
        await record_verdict(id, INFECTED)
        (mail,) = await _mails()
        await send_mail(str(mail["id"]))
        (kept,) = inbox.kept
        text = kept.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        assert "Acte de naissance" in text
        assert "Joignez-en une autre" in text
        assert "Acte de naissance" not in str(kept["Subject"])

    async def test_a_request_that_takes_the_piece_at_that_moment_is_told_too(self, mairie: Settings) -> None:
        """The verdict waits for whoever links to the file; the request, locked by them, is not waited for in turn."""
        request = await _request()
        id = await add_file(EICAR)
        attaching = await asyncpg.connect(mairie.database_url)
        try:
            async with attaching.transaction():
                await attaching.execute(
                    "SELECT 1 FROM service_request WHERE id = $1 FOR NO KEY UPDATE", request.id
                )
                await attaching.execute("UPDATE file SET linked_at = now() WHERE id = $1", id)
                recording = asyncio.create_task(record_verdict(id, INFECTED))
                await _until_somebody_waits_for_a_lock()
                await attaching.execute(
                    "INSERT INTO attachment (id, request_id, file_id, title, name, added_by, added_at) "
                    "VALUES (gen_random_uuid(), $1, $2, 'Justificatif', 'a.pdf', 'CITIZEN', now())",
                    request.id,
                    id,
                )
                assert not recording.done()
            assert await recording
        finally:
            await attaching.close()
        assert [event["kind"] for event in await _events()] == ["AttachmentRejected"]


async def _until_somebody_waits_for_a_lock() -> None:
    async def is_so() -> bool:
        return bool(await fetch("SELECT 1 FROM pg_locks WHERE NOT granted"))

    await until(is_so, 5)


@pytest.mark.usefixtures("mairie")
class TestWhileTheScannerIsAway:
    async def test_a_file_waits_longer_and_longer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        _ask("unix:///nowhere/clamd.sock", monkeypatch)
        id = await add_file()
        for attempts in range(1, 4):
            await make_due(id)
            await scan_file(str(id))
            row = await file_row(id)
            assert (row["scan"], row["scan_attempts"]) == ("PENDING", attempts)
            pause = (row["next_scan_at"] - now()).total_seconds()
            assert 4 * 2 ** (attempts - 1) - 2 < pause <= 6 * 2 ** (attempts - 1)

    async def test_it_is_never_given_up(self, monkeypatch: pytest.MonkeyPatch) -> None:
        _ask("unix:///nowhere/clamd.sock", monkeypatch)
        id = await add_file(scan_attempts=100_000)
        await scan_file(str(id))
        row = await file_row(id)
        assert row["scan"] == "PENDING"
        assert timedelta(0) < row["next_scan_at"] - now() <= timedelta(minutes=6)

    async def test_what_ends_the_scanner_each_time_has_failed_in_the_end(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if await reader.readuntil(b"\0") == b"zPING\0":
                writer.write(b"PONG\0")
                await reader.read()

        async with pretender(converse) as url:
            _ask(url, monkeypatch)
            id = await add_file()
            for expected in ["PENDING"] * (scans.MOST_UNFINISHED - 1) + ["FAILED"]:
                await make_due(id)
                await scan_file(str(id))
                assert (await file_row(id))["scan"] == expected

    async def test_a_scan_that_takes_too_long_is_tried_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

        monkeypatch.setattr(scans, "SCAN_SECONDS", 0.2)
        async with pretender(converse) as url:
            _ask(url, monkeypatch)
            id = await add_file()
            await scan_file(str(id))
        assert (await file_row(id))["scan"] == "PENDING"

    async def test_while_a_scan_lasts_nobody_else_takes_the_file(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        conversations = 0
        begun, prolonged = asyncio.Event(), asyncio.Event()

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal conversations
            conversations += 1
            begun.set()
            await prolonged.wait()
            await reader.readuntil(bytes(4))
            writer.write(b"stream: OK\0")
            await reader.read()

        monkeypatch.setattr(scans, "PROLONGED_EVERY_SECONDS", 0.05)
        async with pretender(converse) as url:
            _ask(url, monkeypatch)
            id = await add_file()
            scan = asyncio.create_task(scan_file(str(id)))
            await begun.wait()
            await make_due(id)

            async def is_prolonged() -> bool:
                return bool((await file_row(id))["next_scan_at"] > now() + OURS_FOR / 2)

            await until(is_prolonged)
            await scan_file(str(id))
            assert conversations == 1
            prolonged.set()
            await scan
        assert (await file_row(id))["scan"] == "CLEAN"

    async def test_no_transaction_is_open_meanwhile(self, monkeypatch: pytest.MonkeyPatch) -> None:
        begun, goes_on = asyncio.Event(), asyncio.Event()

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            begun.set()
            await goes_on.wait()

        async with pretender(converse) as url:
            _ask(url, monkeypatch)
            id = await add_file()
            scan = asyncio.create_task(scan_file(str(id)))
            await begun.wait()
            assert await execute("UPDATE file SET linked_at = now() WHERE id = $1", id) == 1
            open_ones = await fetch(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
                "AND state LIKE 'idle in transaction%'"
            )
            assert open_ones == []
            monkeypatch.setattr(scanning, "PING_SECONDS", 0.1)
            goes_on.set()
            await scan

    def test_pauses_grow_to_five_minutes(self) -> None:
        assert [round(next_pause(n).total_seconds() / (5 * 2 ** (n - 1))) for n in (1, 2, 3)] == [1, 1, 1]
        assert all(timedelta(minutes=4) <= next_pause(n) <= timedelta(minutes=6) for n in (7, 50, 10**9))


@pytest.mark.usefixtures("mairie")
class TestWithoutAScanner:
    @pytest.mark.parametrize("url", ["", "none://"])
    async def test_new_files_are_clean_and_those_that_wait_become_so(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings = _ask(url, monkeypatch)
        assert initial_scan_state(settings) == ("CLEAN", None)
        id = await add_file(EICAR)
        await scan_file(str(id))
        assert (await file_row(id))["scan"] == "CLEAN"

    async def test_with_one_new_files_wait(self, scanned: Settings) -> None:
        scan, due = initial_scan_state(scanned)
        assert scan == "PENDING"
        assert due is not None
        assert due <= now()

    async def test_the_worker_says_so(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        async with working(_ask("", monkeypatch)):
            await asyncio.sleep(0.1)
        assert "files are not scanned for viruses" in caplog.text


class TestByWorkers:
    async def test_a_virus_is_found_and_told_by_mail(self, scanned: Settings, inbox: MailServer) -> None:
        bus = EventBus(scanned.redis_url)
        await bus.start()
        async with working(scanned):
            id, clean = await add_file(PDF), await add_file()
            await attach(id, await _request())
            await bus.wake("files")
            await until_scanned(id, "INFECTED")
            await until_scanned(clean, "CLEAN")

            async def is_told() -> bool:
                return len(inbox.kept) == 1

            await until(is_told)
        await bus.stop()

    async def test_files_wait_for_a_scanner_and_are_scanned_once_it_is_back(
        self,
        scanned: Settings,
        scanner: Scanner,  # noqa: F811
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(scans, "FIRST_PAUSE", timedelta(seconds=0.2))
        monkeypatch.setattr(scans, "LONGEST_PAUSE", timedelta(seconds=0.5))
        scanner.stop()
        clean, infected = await add_file(), await add_file(EICAR)
        async with working(scanned):

            async def has_tried_again() -> bool:
                rows = [await file_row(id) for id in (clean, infected)]
                assert {row["scan"] for row in rows} == {"PENDING"}
                return all(row["scan_attempts"] >= 2 for row in rows)

            await until(has_tried_again)
            scanner.start()
            await until_scanned(clean, "CLEAN")
            await until_scanned(infected, "INFECTED")

    async def test_after_a_kill_another_worker_scans(
        self,
        mairie: Settings,
        scanner: Scanner,  # noqa: F811
        tmp_path: Path,
    ) -> None:
        begun = asyncio.Event()

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            begun.set()
            await asyncio.Event().wait()

        id = await add_file(EICAR)
        async with pretender(converse) as url:
            doomed = _worker(mairie, url, tmp_path / "doomed.log")
            await doomed.start()
            try:
                await asyncio.wait_for(begun.wait(), 20)
            finally:
                doomed.kill()
        row = await file_row(id)
        assert (row["scan"], row["scan_attempts"]) == ("PENDING", 1)
        assert row["next_scan_at"] - now() <= OURS_FOR
        await make_due(id)  # As if that time were over.
        other = _worker(mairie, scanner.tcp_url, tmp_path / "other.log")
        await other.start()
        try:
            await until_scanned(id, "INFECTED")
        finally:
            other.stop()
        assert EICAR.decode() not in other.output()


def _worker(settings: Settings, clamd_url: str, log: Path) -> Command:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ESPACE_")},
        "ESPACE_DATA": str(settings.data),
        "ESPACE_DATABASE_URL": settings.database_url or "",
        "ESPACE_REDIS_URL": settings.redis_url or "",
        "ESPACE_SECRET_KEY": settings.secret_key.get_secret_value(),
        "ESPACE_CLAMD_URL": clamd_url,
    }
    return Command(["worker"], environment, log)
