"""The public audit and the public JavaScript clients, run by Node against a real server."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from espace.graphql import graphql_app
from schema.build import build_schema
from tests.protocol.conftest import make_settings, mount, serve
from tests.protocol.sample import authenticate
from tests.protocol.test_websocket import eventually_closed

FOLDER = Path(__file__).parent.parent / "audit"


@pytest.fixture(scope="session")
def node() -> str:
    """Node, with the packages of tests/audit installed from its lock file."""
    path, npm = shutil.which("node"), shutil.which("npm")
    assert path, "the protocol's tests need Node 20 or later"
    assert npm, "the protocol's tests need npm"
    if not (FOLDER / "node_modules").is_dir():
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=FOLDER, check=True, capture_output=True)
    return path


async def run(node: str, script: str, server: str) -> Any:
    process = await asyncio.create_subprocess_exec(
        node, script, f"{server}/graphql", cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    output, complaints = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, complaints.decode()
    return json.loads(output)


async def test_the_audit_passes_without_a_warning(node: str, server: str) -> None:
    results = await run(node, "audit.mjs", server)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == 61


async def test_the_audit_passes_with_the_whole_schema(node: str, tmp_path: Path) -> None:
    whole = graphql_app(build_schema(), make_settings(tmp_path), authenticate=authenticate)
    with serve(mount(whole)) as server:
        results = await run(node, "audit.mjs", server)
    assert [result["status"] for result in results] == ["ok"] * 61


@pytest.fixture
async def report(node: str, server: str) -> Any:
    return await run(node, "clients.mjs", server)


async def test_the_public_clients_understand_the_server(report: Any) -> None:
    for transport in ("sse", "ws"):
        told = report[transport]
        assert told["query"] == {"received": [{"data": {"hello": "hello Zoé"}}], "end": "complete"}
        assert told["mutation"] == {"received": [{"data": {"logOut": True}}], "end": "complete"}
        assert told["subscription"] == {
            "received": [{"data": {"count": number}} for number in (1, 2, 3)],
            "end": "complete",
        }
        assert told["who"]["received"] == [{"data": {"who": "CitizenActor"}}]
        assert told["left"] == {"data": {"wait": 1}}
        await eventually_closed(f"left by {transport}")


async def test_the_public_clients_learn_why_they_are_refused(report: Any) -> None:
    [errors] = report["sse"]["invalid"]["received"]
    assert errors["errors"][0]["extensions"]["code"] == "MALFORMED_OPERATION"
    assert report["ws"]["invalid"]["detail"][0]["extensions"]["code"] == "MALFORMED_OPERATION"
    assert report["ws"]["refused"]["end"] == 4403
    assert report["sse"]["refused"]["received"] == []
    assert "401" in report["sse"]["refused"]["detail"]
