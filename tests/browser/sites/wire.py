"""A network that can be cut: what a browser reaches an API through."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Wire:
    """Carries bytes both ways between a port of its own and a server; cut, it drops all and takes none."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._server: asyncio.Server | None = None
        self._carried: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def lead_to(self, port: int) -> None:
        """Whoever comes from now on is carried to another server."""
        self._to = port

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._carried):
            task.cancel()
        await asyncio.gather(*self._carried, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._carried.add(task)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._to)
            with contextlib.closing(writer), contextlib.closing(back):
                async with asyncio.TaskGroup() as group:
                    group.create_task(_carry(reader, back))
                    group.create_task(_carry(there, writer))
        except* (OSError, asyncio.CancelledError):
            pass  # Either side has gone, or the wire was cut: the other side is closed, too.
        finally:
            self._carried.discard(task)


async def _carry(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
        await target.drain()
    target.close()


@contextlib.asynccontextmanager
async def wire_to(port: int) -> AsyncIterator[Wire]:
    wire = Wire(port)
    await wire.mend()
    try:
        yield wire
    finally:
        await wire.cut()
