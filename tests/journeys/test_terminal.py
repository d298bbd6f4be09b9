"""What a newcomer types: `make run`, and the stories in the terminal against it."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import httpx
import pytest

from tests.stack import ROOT, Command, free_port

READY_SECONDS = 60.0


async def test_the_stories_are_told_against_the_development_server(tmp_path: Path) -> None:
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ESPACE_")}
    development = Command(
        ["dev"],
        {**environment, "ESPACE_DATA": str(tmp_path / "data"), "ESPACE_PORT": str(port)},
        tmp_path / "dev.log",
    )
    await development.start()
    try:
        url = f"http://localhost:{port}"
        await until_ready(development, url)
        journey, booking = [
            await tell(f"client-examples/{name}.py", {**environment, "ESPACE_URL": url})
            for name in ("journey", "booking")
        ]
    finally:
        development.stop()

    assert "l’accusé de lecture arrive en direct : SENT_READ" in journey
    assert "Accusé de réception de votre demande" in journey
    assert "arrive trop tard, et se voit proposer" in booking
    assert "SUMMARY:Rendez-vous à la mairie" in booking
    assert "voit qui vient : Hélène Marchand" in booking
    assert "le créneau est libre pour d’autres" in booking


async def tell(program: str, environment: dict[str, str]) -> str:
    told = await asyncio.create_subprocess_exec(
        sys.executable,
        program,
        cwd=ROOT,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(told.communicate(), 60)
    story = output.decode()
    assert told.returncode == 0, story
    return story


async def until_ready(development: Command, url: str) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(READY_SECONDS):
        while True:
            try:
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx.HTTPError:
                if not development.running:
                    pytest.fail(development.output())
            await asyncio.sleep(0.1)
