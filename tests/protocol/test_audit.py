"""The public audit and the public JavaScript clients, run by Node against a real server."""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from espace.graphql import graphql_app
from schema.build import build_schema
from tests.node import node_for
from tests.protocol.conftest import make_settings, mount, serve
from tests.protocol.sample import authenticate
from tests.protocol.test_websocket import eventually_closed

FOLDER = Path(__file__).parent.parent / "audit"


@pytest.fixture(scope="session")
def node() -> str:
    """Node, with the packages of tests/audit installed from its lock file."""
    return node_for(FOLDER)


async def run(node: str, script: str, server: str, *arguments: str) -> Any:
    process = await asyncio.create_subprocess_exec(
        node,
        script,
        f"{server}/graphql",
        *arguments,
        cwd=FOLDER,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
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


async def test_the_public_clients_send_files(node: str, server: str) -> None:
    """Ten large files go over what one request may hold; eleven small ones are too many."""
    content = b"\7" * 6_000_000
    large = {
        "name": "grande pièce.pdf",
        "mediaType": "application/pdf",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    small = {
        "name": "l’accusé « bis ».png",
        "mediaType": "image/png",
        "size": 7,
        "sha256": hashlib.sha256(b"bonjour").hexdigest(),
    }
    report = await run(node, "uploads.mjs", server, str(len(content)))
    for told in (report["apollo"], report["urql"]):
        assert _without_typenames(told["one"]) == {"see": large}
        assert _without_typenames(told["several"]) == {"seeAll": [small, large]}
        assert _without_typenames(told["same"]) == {"seeAll": [small, small]}
        assert _without_typenames(told["nested"]) == {"seePieces": [small, None]}
        assert told["visitor"] == ["UNAUTHENTICATED"]
        assert told["tooMany"] == ["MALFORMED_OPERATION"]
        assert told["tooLarge"] == ["MALFORMED_OPERATION"]


def _without_typenames(value: Any) -> Any:
    """Apollo Client asks for `__typename` everywhere."""
    if isinstance(value, list):
        return [_without_typenames(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_typenames(item) for name, item in value.items() if name != "__typename"}
    return value
