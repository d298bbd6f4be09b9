"""What a call brings, and that nobody who answers can make it long or large."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

import pytest

from core.outgoing import (
    AnswerRefusedError,
    OutgoingError,
    OutOfTimeError,
    UnreachableError,
    call,
    calling,
)
from tests.core.outgoing.certificates import Authority
from tests.core.outgoing.conftest import Allowing
from tests.core.outgoing.network import PUBLIC, Names, Router, listening

SECONDS = 5.0
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """The only one that this process trusts."""
    authority = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    calling._tls.cache_clear()
    yield authority
    calling._tls.cache_clear()


async def test_an_answer_is_brought_whatever_its_status(allow: Allowing) -> None:
    answer = b"HTTP/1.1 418 Teapot\r\nContent-Length: 2\r\nX-Some: Thing\r\n\r\n{}"
    async with listening(answer) as partner:
        allow("127.0.0.1")
        got = await call(
            "POST",
            f"http://127.0.0.1:{partner.port}/events?key=1",
            headers={"content-type": "application/json"},
            content=b"{}",
            seconds=SECONDS,
        )
    assert (got.status, got.headers["x-some"], got.body) == (418, "Thing", b"{}")
    head = partner.heads[0].lower()
    assert head.startswith(b"post /events?key=1 http/1.1\r\n")
    assert f"host: 127.0.0.1:{partner.port}\r\n".encode() in head
    assert b"content-type: application/json\r\n" in head


async def test_the_name_is_asked_once_and_stays_the_name(
    names: Names, allow: Allowing, authority: Authority
) -> None:
    names.set("partner.example", ["127.0.0.1"])
    async with _serving(
        _answering(b"HTTP/1.1 204 OK\r\n\r\n"), authority.server("partner.example")
    ) as served:
        allow("partner.example")
        assert (await call("GET", f"https://partner.example:{served.port}/", seconds=SECONDS)).status == 204
    assert names.asked == ["partner.example"]
    assert served.server_names == ["partner.example"]
    assert f"host: partner.example:{served.port}\r\n".encode() in served.received.lower()


async def test_the_certificate_has_to_be_the_names(
    names: Names, allow: Allowing, authority: Authority
) -> None:
    names.set("partner.example", ["127.0.0.1"])
    async with _serving(_answering(b"HTTP/1.1 204 OK\r\n\r\n"), authority.server("other.example")) as served:
        allow("partner.example")
        with pytest.raises(UnreachableError, match="certificate"):
            await call("GET", f"https://partner.example:{served.port}/", seconds=SECONDS)
    assert not served.received


async def test_a_certificate_is_looked_at_for_each_name_of_an_address(
    names: Names, allow: Allowing, authority: Authority
) -> None:
    """No connection of one name is used for another with the same address."""
    names.set("partner.example", ["127.0.0.1"])
    names.set("other.example", ["127.0.0.1"])
    async with _serving(
        _answering(b"HTTP/1.1 204 OK\r\n\r\n"), authority.server("partner.example")
    ) as served:
        allow("partner.example", "other.example")
        await call("GET", f"https://partner.example:{served.port}/", seconds=SECONDS)
        with pytest.raises(UnreachableError, match="certificate"):
            await call("GET", f"https://other.example:{served.port}/", seconds=SECONDS)


async def test_only_what_is_named_is_allowed(allow: Allowing) -> None:
    async with listening() as one, listening() as other:
        allow(f"127.0.0.1:{one.port}")
        assert (await call("GET", f"http://127.0.0.1:{one.port}/", seconds=SECONDS)).status == 204
        for url in (
            f"http://127.0.0.1:{other.port}/",
            f"http://127.0.0.2:{one.port}/",
            f"http://127.1:{one.port}/",
        ):
            with pytest.raises(OutgoingError):
                await call("GET", url, seconds=SECONDS)
    assert (one.connections, other.connections) == (1, 0)


async def test_the_next_address_is_tried_where_nobody_is_there(
    names: Names, router: Router, allow: Allowing
) -> None:
    names.set("partner.lan", [PUBLIC, "127.0.0.1"])
    async with listening() as partner:
        allow("partner.lan")
        assert (await call("GET", f"http://partner.lan:{partner.port}/", seconds=SECONDS)).status == 204
    assert router.destinations == [PUBLIC, "127.0.0.1"]


async def test_a_name_that_leads_nowhere(names: Names) -> None:
    with pytest.raises(UnreachableError, match="no address"):
        await call("GET", "https://nowhere.example/", seconds=SECONDS)


async def test_nobody_there(names: Names, router: Router) -> None:
    names.set("partner.example", [PUBLIC])
    with pytest.raises(UnreachableError, match="cannot be reached"):
        await call("GET", "https://partner.example/", seconds=SECONDS)
    assert router.destinations == [PUBLIC]


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000,
        b"",
    ],
    ids=[
        "no HTTP",
        "bad length",
        "endless head",
        "compressed",
        "too long",
        "too long without saying so",
        "nothing",
    ],
)
async def test_answers_that_are_refused(answer: bytes, allow: Allowing) -> None:
    async with listening(answer) as partner:
        allow("127.0.0.1")
        with pytest.raises(AnswerRefusedError):
            await call("GET", f"http://127.0.0.1:{partner.port}/", seconds=SECONDS)


async def test_a_body_that_is_not_asked_for_is_not_read(allow: Allowing) -> None:
    async with _serving(_trickling(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")) as served:
        allow("127.0.0.1")
        url = f"http://127.0.0.1:{served.port}/"
        got = await call("GET", url, seconds=SECONDS, most_bytes=0)
    assert (got.status, got.body) == (200, b"")


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1",
    ],
    ids=["nothing", "head", "body", "chunks"],
)
async def test_bytes_that_trickle_end_with_the_time(start: bytes, allow: Allowing) -> None:
    async with _serving(_trickling(start)) as served:
        allow("127.0.0.1")
        before = monotonic()
        with pytest.raises(OutOfTimeError):
            await call("GET", f"http://127.0.0.1:{served.port}/", seconds=0.5)
        assert monotonic() - before < 2


async def test_a_handshake_that_never_comes_ends_with_the_time(allow: Allowing) -> None:
    async with _serving(_trickling(b"")) as served:
        allow("127.0.0.1")
        with pytest.raises(OutgoingError):
            await call("GET", f"https://127.0.0.1:{served.port}/", seconds=0.5)


async def test_a_slow_name_server_ends_with_the_time(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    released = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(host: str, port: int) -> list[str]:
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result(10)
        return [PUBLIC]

    monkeypatch.setattr(calling, "_resolve", slowly)
    with pytest.raises(OutOfTimeError):
        await call("GET", "https://slow.example/", seconds=0.3)
    released.set()


class Served:
    """A server, and what it has heard."""

    def __init__(self) -> None:
        self.port = 0
        self.received = b""
        self.server_names: list[str | None] = []


@asynccontextmanager
async def _serving(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[Served]:
    served = Served()
    if tls is not None:
        tls.sni_callback = lambda _, name, __: served.server_names.append(name)
    running: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            served.received += await reader.read(65_536)
            await serve(reader, writer)
        except OSError:
            pass  # Whoever called has gone.
        finally:
            writer.close()
            running.discard(task)

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    served.port = server.sockets[0].getsockname()[1]
    try:
        yield served
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def _answering(answer: bytes) -> Serve:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return serve


def _trickling(start: bytes) -> Serve:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            await writer.drain()
            await asyncio.sleep(0.05)
            if start:
                writer.write(b"0")

    return serve
