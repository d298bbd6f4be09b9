"""A store that is away or full: UnavailableError soon, and one line for the operator that says why."""

from __future__ import annotations

import logging
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from core.clock import now
from core.errors import UnavailableError
from core.settings import get_settings
from tests.stack import ROOT
from tests.uploads.storing.conftest import S3Server, Use, start_s3_server
from tests.uploads.storing.contents import make_content, read, store
from tests.uploads.storing.places import FolderPlace, S3Place, s3_url
from uploads.storing import MissingBlobError, blobs, s3
from uploads.storing.blobs import make_blobs

ADDRESS = f"ab/{'0' * 30}-{'0' * 32}"
SOON_SECONDS = 60.0
"""Far more than it takes, far less than obstore's own three minutes of retries."""


@contextmanager
def unavailable(caplog: pytest.LogCaptureFixture, why: str) -> Iterator[None]:
    """What is done meanwhile is UnavailableError, soon, and logged as the error that it is."""
    caplog.clear()
    before = time.monotonic()
    with caplog.at_level(logging.ERROR, "uploads.storing"), pytest.raises(UnavailableError):
        yield
    assert time.monotonic() - before < SOON_SECONDS
    assert why in caplog.text
    assert "of/the+tests" not in caplog.text


async def _everything(caplog: pytest.LogCaptureFixture, why: str) -> None:
    with unavailable(caplog, why):
        await store(b"x")
    with unavailable(caplog, why):
        await read(ADDRESS)
    with unavailable(caplog, why):
        await blobs().delete(ADDRESS)
    with unavailable(caplog, why):
        await blobs().encrypt_again(ADDRESS)
    with unavailable(caplog, why):
        [address async for address in blobs().older_than(now())]


async def test_a_stopped_s3_server_is_away_and_comes_back(use: Use, caplog: pytest.LogCaptureFixture) -> None:
    running = start_s3_server()
    place = running.place()
    use(storage_url=place.url)
    content = make_content(7_000_000)
    address = await store(content)
    running.server.stop()
    await _everything(caplog, f"bucket {running.bucket}) cannot be used")
    with unavailable(caplog, "cannot be used"):
        await store(content)
    again = start_s3_server(port=int(running.endpoint.rpartition(":")[2]))
    try:
        assert await read(address) == content
        assert place.addresses() == [address]
    finally:
        running.client.close()
        again.stop()


async def test_an_s3_server_that_never_answers_is_away(
    use: Use, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(s3.CLIENT, "timeout", timedelta(seconds=0.5))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(storage_url=s3_url(f"http://127.0.0.1:{silent.getsockname()[1]}", "pieces"))
        with unavailable(caplog, "cannot be used"):
            await store(b"x")
        with unavailable(caplog, "cannot be used"):
            await read(ADDRESS)


async def test_a_bucket_that_is_not_there_is_no_missing_blob(
    s3_server: S3Server, use: Use, caplog: pytest.LogCaptureFixture
) -> None:
    use(storage_url=S3Place(s3_server.client, s3_server.endpoint, "elsewhere", "prefix").url)
    await _everything(caplog, "elsewhere")


async def test_credentials_may_come_from_the_usual_variables(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "REGION": "eu-west-3"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    url = f"s3://{s3_server.bucket}/of-the-variables?endpoint={s3_server.endpoint}"
    there = make_blobs(get_settings().model_copy(update={"storage_url": url}))
    with pytest.raises(MissingBlobError):
        await read(ADDRESS, store=there)


async def test_a_file_in_the_place_of_the_folder(
    folder: FolderPlace, caplog: pytest.LogCaptureFixture
) -> None:
    folder.root.write_text("not a folder")
    await _everything(caplog, "Not a directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_may_not_be_written(
    folder: FolderPlace, caplog: pytest.LogCaptureFixture
) -> None:
    address = await store(b"x")
    for path in (folder.root, *(path for path in folder.root.rglob("*") if path.is_dir())):
        path.chmod(0o500)
    with unavailable(caplog, "Permission denied"):
        await store(b"y")
    assert await read(address) == b"x"


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """The disk is full from there on: writing goes on to fail half-way (setrlimit(2), EFBIG)."""
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


async def test_a_disk_that_is_full_keeps_nothing_of_it(
    folder: FolderPlace, caplog: pytest.LogCaptureFixture
) -> None:
    address = await store(b"x")
    with unavailable(caplog, "File too large"), no_file_larger_than(150_000):
        await store(make_content(1_000_000))
    assert folder.addresses() == [address]
    assert list((folder.root / "unfinished").iterdir()) == []
    assert await read(address) == b"x"


def test_a_process_ends_well_right_after_it_has_used_a_store(s3_server: S3Server, tmp_path: Path) -> None:
    """Threads of obstore, and ours, must not keep it nor abort it; even with a call under way."""
    program = (
        "import asyncio, io\n"
        "from uploads.storing import blobs\n"
        "async def main():\n"
        "    await blobs().write(io.BytesIO(b'x'), bytes(32))\n"
        "    tasks = [asyncio.create_task(blobs().write(io.BytesIO(bytes(9_000_000)), bytes(32))) for _ in range(3)]\n"
        "    await asyncio.wait(tasks, timeout=0.01)\n"
        "asyncio.run(main())\n"
    )
    environment = {
        "PATH": os.environ["PATH"],
        "ESPACE_DATA": str(tmp_path),
        "ESPACE_STORAGE_URL": s3_server.place().url,
    }
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
