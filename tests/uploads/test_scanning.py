"""A real scanner says what it finds; whatever else answers, or does not, is never taken for « clean »."""

from __future__ import annotations

import asyncio
import struct
import tracemalloc
from collections.abc import AsyncIterator, Iterator

import pytest

from core.errors import UnavailableError
from core.settings import get_settings
from tests.scanner import (
    EICAR,
    SIGNATURE,
    STREAM_MEGABYTES,
    Scanner,
    pretender,
    running_scanner,  # noqa: F401 -- fixtures
    scanner,  # noqa: F401
)
from uploads import scanning
from uploads.scanning import CLEAN, ScannerAwayError, ScanUnfinishedError, Verdict, has_scanner, ping, scan

MEGABYTE = 1024 * 1024
INFECTED = Verdict("INFECTED", f"{SIGNATURE}.UNOFFICIAL")


@pytest.fixture(autouse=True)
def settings_of_the_test() -> Iterator[None]:
    yield
    get_settings.cache_clear()


def _ask(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPACE_CLAMD_URL", url)
    get_settings.cache_clear()


@pytest.fixture(params=["unix", "tcp"])
def asked(request: pytest.FixtureRequest, scanner: Scanner, monkeypatch: pytest.MonkeyPatch) -> Scanner:  # noqa: F811
    """The scanner that the settings name, over each kind of socket."""
    _ask(scanner.unix_url if request.param == "unix" else scanner.tcp_url, monkeypatch)
    return scanner


async def _chunks(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content


async def _zeros(megabytes: int) -> AsyncIterator[bytes]:
    for _ in range(16 * megabytes):
        yield bytes(MEGABYTE // 16)


@pytest.mark.usefixtures("asked")
class TestWithAScanner:
    async def test_what_holds_nothing_is_clean(self) -> None:
        assert await scan(_chunks(b"%PDF-1.7\n", b"nothing to see")) == CLEAN

    async def test_no_bytes_at_all_are_clean(self) -> None:
        assert await scan(_chunks()) == CLEAN

    @pytest.mark.parametrize("cut", [0, 1, 30, len(EICAR)])
    async def test_a_virus_is_found_wherever_the_chunks_are_cut(self, cut: int) -> None:
        assert await scan(_chunks(EICAR[:cut], b"", EICAR[cut:])) == INFECTED

    async def test_a_virus_is_found_inside_a_pdf(self) -> None:
        pdf = b"%PDF-1.7\n1 0 obj\n<< /Length 68 >>\nstream\n" + EICAR + b"\nendstream\nendobj\n%%EOF\n"
        assert await scan(_chunks(pdf)) == INFECTED

    async def test_a_virus_is_found_behind_twenty_megabytes(self) -> None:
        async def content() -> AsyncIterator[bytes]:
            async for chunk in _zeros(20):
                yield chunk
            yield EICAR

        assert await scan(content()) == INFECTED

    async def test_what_is_longer_than_it_takes_is_refused_each_time(self) -> None:
        """clamd answers and closes the connection while we still send: the answer must not get lost."""
        for _ in range(5):
            verdict = await scan(_zeros(STREAM_MEGABYTES + 2))
            assert verdict == Verdict("FAILED", "it is longer than the scanner takes")

    async def test_one_chunk_that_is_longer_than_it_takes_is_refused(self) -> None:
        verdict = await scan(_chunks(bytes((STREAM_MEGABYTES + 2) * MEGABYTE)))
        assert verdict.scan == "FAILED"

    async def test_a_virus_in_what_is_too_long_is_not_called_clean(self) -> None:
        assert (await scan(_chunks(EICAR, bytes((STREAM_MEGABYTES + 2) * MEGABYTE)))).scan != "CLEAN"

    async def test_many_at_once_are_not_mixed_up(self) -> None:
        verdicts = await asyncio.gather(
            *(scan(_chunks(b"fine" * 1000, EICAR if number % 3 == 0 else b"")) for number in range(30))
        )
        assert verdicts == [INFECTED if number % 3 == 0 else CLEAN for number in range(30)]

    async def test_a_long_file_costs_the_memory_of_a_chunk(self) -> None:
        tracemalloc.start()
        try:
            assert await scan(_zeros(20)) == CLEAN
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < MEGABYTE

    async def test_what_the_store_raises_is_not_the_scanners_fault(self) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield b"some"
            raise ConnectionResetError("the store's")

        with pytest.raises(ConnectionResetError, match="the store's"):
            await scan(broken())

    async def test_it_says_that_it_is_there(self) -> None:
        await ping()


async def test_stopped_it_is_away_and_started_again_it_answers(asked: Scanner) -> None:
    asked.stop()
    for _ in range(2):
        with pytest.raises(ScannerAwayError, match="cannot be reached"):
            await scan(_chunks(b"fine"))
    with pytest.raises(UnavailableError):
        await ping()
    asked.start()
    assert await scan(_chunks(b"fine")) == CLEAN


async def _take_all(reader: asyncio.StreamReader) -> None:
    """Reads a whole INSTREAM."""
    await reader.readuntil(b"\0")
    while length := struct.unpack("!L", await reader.readexactly(4))[0]:
        await reader.readexactly(length)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0",
        b"stream: OK",
        b"stream: OK\n",
        b"OK\0",
        b"stream: ok\0",
        b"stream: OK and more\0",
        b"stream: FOUND\0",
        b"PONG\0",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"\xff\xfe\0",
        b"x" * 100_000,
        b"stream: OK" + b" " * 5_000 + b"\0",
    ],
)
async def test_an_answer_that_is_none_is_never_clean(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _take_all(reader)
        writer.write(answer)
        writer.write_eof()
        await reader.read()

    async with pretender(converse) as url:
        _ask(url, monkeypatch)
        monkeypatch.setattr(scanning, "PING_SECONDS", 0.2)
        with pytest.raises(ScannerAwayError):
            await scan(_chunks(b"fine"))


async def test_the_pretender_is_believed_where_it_speaks_like_clamd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the other tests with one would say nothing."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _take_all(reader)
        writer.write(b"stream: OK\0")
        await reader.read()

    async with pretender(converse) as url:
        _ask(url, monkeypatch)
        assert await scan(_chunks(b"fine")) == CLEAN


async def test_clean_before_it_had_everything_is_not_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(100)
        writer.write(b"stream: OK\0")
        await writer.drain()
        writer.close()

    async with pretender(converse) as url:
        _ask(url, monkeypatch)
        with pytest.raises(ScannerAwayError):
            await scan(_zeros(20))


async def test_who_answers_nothing_is_away_after_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with pretender(converse) as url:
        _ask(url, monkeypatch)
        monkeypatch.setattr(scanning, "ANSWER_SECONDS", 0.1)
        monkeypatch.setattr(scanning, "PING_SECONDS", 0.1)
        with pytest.raises(ScannerAwayError, match="does not answer in time"):
            await scan(_chunks(b"fine"))
        with pytest.raises(ScannerAwayError):
            await ping()


async def test_who_takes_nothing_is_away_after_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with pretender(converse) as url:
        _ask(url, monkeypatch)
        monkeypatch.setattr(scanning, "STALL_SECONDS", 0.2)
        with pytest.raises(ScannerAwayError, match="takes nothing any more"):
            await scan(_zeros(20))


@pytest.mark.parametrize("after", [0, 10, 100_000])
async def test_who_resets_every_connection_is_away(after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if after:
            await reader.readexactly(after)
        writer.transport.abort()

    async with pretender(converse) as url:
        _ask(url, monkeypatch)
        monkeypatch.setattr(scanning, "PING_SECONDS", 0.2)
        with pytest.raises(ScannerAwayError) as caught:
            await scan(_zeros(2))
        assert not isinstance(caught.value, ScanUnfinishedError)


@pytest.mark.parametrize(
    "answer",
    [b"", b"INSTREAM: Can't write to temporary file. ERROR\0", b"stream: Can't allocate memory ERROR\0"],
)
async def test_who_lives_but_does_not_get_to_the_end_is_told_apart(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readuntil(b"\0") == b"zPING\0":
            writer.write(b"PONG\0")
            await reader.read()
            return
        await reader.readexactly(1000)
        writer.write(answer)
        await writer.drain()

    async with pretender(converse) as url:
        _ask(url, monkeypatch)
        with pytest.raises(ScanUnfinishedError):
            await scan(_zeros(1))


@pytest.mark.parametrize(
    "url", ["unix:///nowhere/clamd.sock", "tcp://127.0.0.1:1", "tcp://no.such.host.invalid"]
)
async def test_nobody_there_is_away(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _ask(url, monkeypatch)
    with pytest.raises(ScannerAwayError, match="cannot be reached"):
        await scan(_chunks(b"fine"))


@pytest.mark.parametrize(
    ("url", "is_scanned"),
    [("", False), ("none://", False), ("unix:///run/clamav/clamd.ctl", True), ("tcp://scanner:3310", True)],
)
def test_files_are_scanned_unless_nobody_is_named(
    url: str, is_scanned: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _ask(url, monkeypatch)
    assert has_scanner(get_settings()) == is_scanned
    scanning.warn_without_a_scanner(get_settings())
    assert ("not scanned" in caplog.text) != is_scanned
