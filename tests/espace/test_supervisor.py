"""`python -m espace dev`, for real: it starts, mends itself, stops, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from core.settings import Settings
from espace.supervisor import describe
from resolvers.demonstration import DemonstrationFacts
from tests.espace.processes import descendants, wait_until_gone
from tests.journeys.documents import document
from tests.stack import ROOT, free_port

READY_SECONDS = 60.0
SECOND_START_SECONDS = 5.0


class Development:
    """One `dev` process on a data folder."""

    def __init__(self, data: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.log = data.parent / f"{data.name}-{port}.log"
        self.environment = {**os.environ, "ESPACE_DATA": str(data), "ESPACE_PORT": str(port)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "espace", "dev"],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.log.read_text()

    def wait_until_ready(self) -> float:
        """Seconds since now until it said so."""
        started_at = time.monotonic()
        wait_for(lambda: "is ready" in self.output or self.process.poll() is not None, READY_SECONDS)
        assert self.process.poll() is None, self.output
        assert httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        return time.monotonic() - started_at

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "espace", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def find_child(self, name: str) -> psutil.Process | None:
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if name in " ".join(child.cmdline()):
                    return child
        return None

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def end(self) -> None:
        """kill -9, where it runs; nothing of it may be left."""
        if self.process.poll() is None:
            children = descendants(self.process.pid)
            self.process.kill()
            self.process.wait()
            assert wait_until_gone(children, within=5) == []


def wait_for(condition: Callable[[], bool], within: float) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A data folder in a private folder, which the tests of this module use one after the other."""
    folder = Path(tempfile.mkdtemp(prefix="espace-dev-"))
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def start(data: Path) -> Iterator[Callable[..., Development]]:
    started: list[Development] = []

    def start_development(*, folder: Path = data, port: int | None = None) -> Development:
        development = Development(folder, port or free_port())
        started.append(development)
        return development

    yield start_development
    for development in started:
        development.end()


@pytest.fixture(scope="class")
def running(data: Path) -> Iterator[Development]:
    """One that several tests look at, and leave as it is."""
    development = Development(data, free_port())
    try:
        development.wait_until_ready()
        yield development
    finally:
        development.end()


Start = Callable[..., Development]


@pytest.mark.parametrize("stop_signal", [signal.SIGTERM, signal.SIGINT])
def test_it_starts_says_where_everything_is_and_stops(start: Start, stop_signal: signal.Signals) -> None:
    development = start()
    development.wait_until_ready()
    for expected in (f":{development.url.rpartition(':')[2]}/graphql", "/dev/inbox", "Demonstration-2026"):
        assert expected in development.output
    assert httpx.get(f"{development.url}/", timeout=5).status_code == 200
    assert httpx.get(f"{development.url}/healthz", timeout=5).json() == {"status": "alive"}
    children = descendants(development.process.pid)
    development.process.send_signal(stop_signal)
    assert development.process.wait(15) == 0, development.output
    assert wait_until_gone(children, within=0) == []
    assert "Traceback" not in development.output


def test_nothing_is_left_when_it_is_killed_and_it_starts_again_within_seconds(start: Start) -> None:
    development = start()
    development.wait_until_ready()
    durations: list[float] = []
    # The limit is for a machine of one's own: on a busy one, the best of three, and in proportion to the load.
    limit = SECOND_START_SECONDS
    while not durations or (min(durations) >= limit and len(durations) < 3):
        children = descendants(development.process.pid)
        assert {child.name() for child in children} >= {"postgres", "valkey-server"}
        development.process.kill()
        development.process.wait()
        development = start()
        durations.append(development.wait_until_ready())
        assert wait_until_gone(children, within=0) == []
        limit = SECOND_START_SECONDS * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert min(durations) < limit, durations


def test_it_stops_while_it_starts(start: Start, data: Path) -> None:
    for moment in (0.2, 0.6, 1.0):
        development = start(folder=data.with_name(f"stopped-{moment}"))
        time.sleep(moment)
        children = descendants(development.process.pid)
        development.process.terminate()
        development.process.wait(15)
        assert wait_until_gone(children, within=2) == [], moment


def test_what_ends_by_itself_is_started_again(start: Start) -> None:
    development = start()
    development.wait_until_ready()
    for name in ("espace serve", "espace worker", "espace_famille", "bin/postgres", "valkey-server"):
        killed = development.find_child(name)
        assert killed is not None, name
        killed.kill()

        def replaced(name: str = name, killed: psutil.Process = killed) -> bool:
            found = development.find_child(name)
            return found is not None and found.pid != killed.pid and development.is_ready()

        wait_for(replaced, 20)
    assert "started again" in development.output


class TestWhileItRuns:
    def test_a_newcomer_links_an_account_to_the_partner_that_it_names(self, running: Development) -> None:
        told = re.search(r"Partner +(http://localhost:\d+), code (\S+), password (\S+)", running.output)
        assert told, running.output
        site, code, password = told.groups()

        def ask(operation: str, **variables: str) -> dict[str, Any]:
            answer = citizen.post(
                "/graphql", json={"query": document(operation).text, "variables": variables}
            )
            (value,) = answer.json()["data"].values()
            return dict(value)

        with httpx.Client(base_url=running.url, timeout=20) as citizen:
            token = ask("LogIn", username="citoyen1", password="Demonstration-2026")["token"]
            citizen.headers["Authorization"] = f"Bearer {token}"
            link = ask("LinkPartner", system="espace-famille", code=code, password=password)["link"]
            assert link["label"] == "Famille DELACOURT"
            opened = ask("OpenPartner", link=link["id"])
        assert opened["url"].startswith(f"{site}/espace-citoyens/sign-on?token=")
        page = httpx.get(opened["url"], follow_redirects=True, timeout=20)
        assert (page.status_code, "Famille DELACOURT" in page.text) == (200, True)

    def test_two_on_one_folder(self, running: Development, start: Start) -> None:
        second = start()
        assert second.process.wait(15) == 1
        assert "is in use by another process" in second.output
        assert "Traceback" not in second.output
        assert running.is_ready()

    def test_other_commands_find_its_servers_and_its_inbox_receives(
        self, running: Development, data: Path
    ) -> None:
        result = running.command("migrate")
        assert (result.returncode, result.stdout) == (0, "Nothing to apply.\n"), result.stderr
        addresses = data / "servers" / "addresses.json"
        assert addresses.stat().st_mode & 0o777 == 0o600
        port = int(addresses.read_text().partition("smtp://127.0.0.1:")[2].partition('"')[0])
        before = len(httpx.get(f"{running.url}/dev/inbox.json", timeout=5).json())
        with smtplib.SMTP("127.0.0.1", port, timeout=5) as server:
            server.sendmail("a@example.fr", ["b@example.fr"], "Subject: Bonjour\r\n\r\nBonjour\r\n")
        assert len(httpx.get(f"{running.url}/dev/inbox.json", timeout=5).json()) == before + 1


def test_where_the_settings_name_a_partner_none_is_started(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ESPACE_PARTNER_ADDRESSES", "espace-famille=http://localhost:1/espace-citoyens")
    development = start()
    development.wait_until_ready()
    assert development.find_child("espace_famille") is None
    assert "Partner " not in development.output


def test_a_port_that_is_taken(start: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        development = start(port=port)
        assert development.process.wait(15) == 1
    assert development.output.startswith(f"Port {port} on 127.0.0.1 cannot be used")
    assert len(development.output.splitlines()) == 1


def test_without_it_a_command_starts_servers_for_itself(data: Path) -> None:
    environment = {**os.environ, "ESPACE_DATA": str(data.with_name("alone"))}
    arguments = [sys.executable, "-m", "espace", "migrate"]
    for expected in ("Applied 0001_initial", "Nothing to apply."):
        result = subprocess.run(
            arguments, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
        )
        assert result.returncode == 0, result.stderr
        assert expected in result.stdout


@pytest.mark.parametrize("inbox", [True, False])
def test_the_inbox_is_named_where_mails_land_in_it(inbox: bool) -> None:
    facts = DemonstrationFacts(citizens=(), agents=(), password="x", ticket=None)
    assert ("/dev/inbox" in describe(Settings(), facts, 1.0, inbox=inbox)) is inbox


@pytest.mark.parametrize("built", [(), ("portal",), ("portal", "desk")])
def test_the_sites_are_named_that_are_built(tmp_path: Path, built: tuple[str, ...]) -> None:
    for folder in built:
        (tmp_path / folder / "dist").mkdir(parents=True)
        (tmp_path / folder / "dist" / "index.html").touch()
    facts = DemonstrationFacts(citizens=(), agents=(), password="x", ticket=None)
    told = describe(Settings(sites=tmp_path), facts, 1.0, inbox=False)
    assert ("Citizens' site" in told, "/mairie/" in told) == ("portal" in built, "desk" in built)


def test_it_is_not_for_production(data: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if name != "ESPACE_CAPTCHA_FIXED_CODE"},
        "ESPACE_DATA": str(data),
        "ESPACE_MODE": "production",
        "ESPACE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "ESPACE_REDIS_URL": "redis://127.0.0.1:1/0",
        "ESPACE_SMTP_URL": "smtp://127.0.0.1:1",
        "ESPACE_PUBLIC_URL": "https://example.fr",
        "ESPACE_CLAMD_URL": "none://",
    }
    result = subprocess.run(
        [sys.executable, "-m", "espace", "dev"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("`dev` is for ESPACE_MODE=development")
