"""Heads of requests without an end, too long or too slow: what they cost, and that all others are served."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import nullcontext
from typing import Any

import httpx
import pytest
import pytest_asyncio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from espace import head_limits
from espace.head_limits import HEAD_BYTES, LimitedHttp

MEBIBYTE = 1024 * 1024
SENT = 8 * MEBIBYTE


class Server(uvicorn.Server):
    """In the loop of the test; signals are the test's own affair."""

    def capture_signals(self) -> Any:
        return nullcontext()


async def count(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{len(await request.body())}")


async def answer_slowly(_: Request) -> PlainTextResponse:
    await asyncio.sleep(0.5)
    return PlainTextResponse("slow")


async def serving(protocol: type[HttpToolsProtocol]) -> AsyncIterator[int]:
    app = Starlette(routes=[Route("/", count, methods=["GET", "POST"]), Route("/slow", answer_slowly)])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(uvicorn.Config(app, http=protocol, log_config=None, lifespan="off"))
        running = asyncio.create_task(server.serve([listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await running


@pytest_asyncio.fixture
async def port() -> AsyncIterator[int]:
    async for port in serving(LimitedHttp):
        yield port


@pytest_asyncio.fixture
async def unlimited() -> AsyncIterator[int]:
    """The negative control."""
    async for port in serving(HttpToolsProtocol):
        yield port


async def pour(port: int, start: bytes, piece: bytes) -> tuple[int, bytes]:
    """How many bytes of a request that never ends are taken in, up to SENT, and the status line of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = 0
    try:
        writer.write(start)
        while sent < SENT and not reader.at_eof():
            writer.write(piece)
            await writer.drain()
            sent += len(piece)
            await asyncio.sleep(0)
        if sent >= SENT:
            return sent, b""
        return sent, await reader.readline()
    except ConnectionError:
        return sent, b""
    finally:
        writer.close()


ENDLESS = {
    "an address": (b"GET /", b"a" * 65536),
    "one header": (b"GET / HTTP/1.1\r\nHost: mairie\r\nX: ", b"a" * 65536),
    "many headers": (b"GET / HTTP/1.1\r\nHost: mairie\r\n", b"".join(b"x%d: y\r\n" % n for n in range(7000))),
    "a trailer": (
        b"POST / HTTP/1.1\r\nHost: mairie\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n",
        b"".join(b"x%d: y\r\n" % n for n in range(7000)),
    ),
}


@pytest.mark.parametrize("which", ENDLESS)
async def test_a_head_without_an_end_is_cut_off(port: int, which: str) -> None:
    sent, _ = await pour(port, *ENDLESS[which])
    assert sent < SENT


@pytest.mark.parametrize("which", ENDLESS)
async def test_without_the_limit_it_would_be_taken_in(unlimited: int, which: str) -> None:
    sent, _ = await pour(unlimited, *ENDLESS[which])
    assert sent >= SENT


async def test_who_sends_too_much_is_told(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: mairie\r\nX: " + b"a" * (HEAD_BYTES + 1))
    assert await reader.readline() == b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    writer.close()


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nHost: mairie\r\n"])
async def test_a_head_that_does_not_come_is_not_waited_for(
    port: int, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(head_limits, "HEAD_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(start)
    answer = await asyncio.wait_for(reader.read(), 30)
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    writer.close()


async def test_a_second_request_has_its_own_time(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: mairie\r\n\r\n")
    assert b"200" in await reader.readline()
    monkeypatch.setattr(head_limits, "HEAD_SECONDS", 0.05)
    writer.write(b"GET / HTT")
    assert b"HTTP/1.1 408 Request Timeout\r\n" in await asyncio.wait_for(reader.read(), 30)
    writer.close()


async def test_what_is_within_the_limits_is_served(port: int) -> None:
    """A long head, a long body by length and in chunks, one connection for all of it."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        for _ in range(3):
            assert (await client.get("/", headers={"X": "a" * (HEAD_BYTES - 1000)})).text == "0"
            assert (await client.post("/", content=b"a" * SENT)).text == f"{SENT}"
            assert (await client.post("/", content=chunks())).text == f"{SENT}"


async def test_an_answer_under_way_is_not_cut_off(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not though its client has sent half of another request ahead, which is not read before."""
    monkeypatch.setattr(head_limits, "HEAD_SECONDS", 0.05)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /slow HTTP/1.1\r\nHost: mairie\r\n\r\nGET / HTT")
    answer = await asyncio.wait_for(reader.read(), 30)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"slowHTTP/1.1 408 Request Timeout\r\n" in answer
    writer.close()


async def test_requests_sent_ahead_are_all_answered(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    one = b"GET / HTTP/1.1\r\nHost: mairie\r\nX: " + b"a" * 1000 + b"\r\n\r\n"
    writer.write(one * 200)
    for _ in range(200):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        assert await reader.readexactly(1) == b"0"
    writer.close()


async def chunks() -> AsyncIterator[bytes]:
    for _ in range(SENT // 65536):
        yield b"a" * 65536
