"""The stack that journeys and faults are told on: every part can be stopped, killed and started again."""

from __future__ import annotations

import smtplib
from asyncio import to_thread

import httpx
import pytest
from aiosmtpd.smtp import Envelope

from tests.espace.processes import descendants, wait_until_gone
from tests.stack import Inbox, Stack

COUNT_PROCEDURES = "{ procedures(first: 1) { totalCount } }"


async def count_procedures(url: str) -> int:
    async with httpx.AsyncClient() as client:
        response = await client.post(url, json={"query": COUNT_PROCEDURES})
    return int(response.json()["data"]["procedures"]["totalCount"])


async def test_several_api_processes_serve_the_demo_municipality(stack: Stack) -> None:
    other = await stack.start_api()
    assert other.url != stack.api.url
    assert await count_procedures(stack.api.graphql_url) >= 25
    assert await count_procedures(other.graphql_url) >= 25
    assert other.stop() == 0


async def test_an_api_of_several_workers_leaves_none_behind(stack: Stack) -> None:
    api = await stack.start_api(workers=2)
    assert await count_procedures(api.graphql_url) >= 25
    assert api.process is not None
    children = descendants(api.process.pid)
    assert len(children) >= 2
    api.kill()
    assert wait_until_gone(children, within=10) == []


async def test_killed_parts_come_back(stack: Stack) -> None:
    stack.api.kill()
    stack.worker.kill()
    stack.servers.valkey.stop()
    stack.servers.postgres.stop()
    await stack.recover()
    assert stack.worker.running
    assert await count_procedures(stack.api.graphql_url) >= 25


async def test_the_inbox_keeps_refuses_and_goes_away() -> None:
    inbox = Inbox()
    inbox.start()
    port = inbox.port

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=5) as server:
            server.sendmail("a@example.fr", ["b@example.fr"], "Subject: Bonjour\r\n\r\nBonjour\r\n")

    def refuse(_: Envelope) -> str:
        return "451 Later"

    try:
        await to_thread(send)
        assert (await inbox.wait_for("b@example.fr", subject="Bonjour"))["Subject"] == "Bonjour"
        inbox.answer = refuse
        with pytest.raises(smtplib.SMTPDataError):
            await to_thread(send)
        inbox.stop()
        with pytest.raises(ConnectionRefusedError):
            await to_thread(send)
        inbox.answer = None
        inbox.start()
        assert inbox.port == port
        await to_thread(send)
        await inbox.wait_for("b@example.fr", count=2)
    finally:
        inbox.close()
