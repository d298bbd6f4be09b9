"""HTTP/1.1 as uvicorn speaks it with httptools, which by themselves keep heads of requests however long they become.

Without a limit, anybody makes the process hold, in one connection, an address or a header of any size, and an open
connection for ever. A proxy in front has such limits; so have we.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD_BYTES = 64 * 1024
"""Of an address with its headers, and of what comes behind a body in chunks (RFC 9112, 7.1.2). uvicorn's other
implementation of HTTP has the same limit."""

HEAD_SECONDS = 20.0
"""From the connection on, or from the first byte of a further request. How slow bodies may be is for those who read
them to say (uploads/receiving)."""


class LimitedHttp(HttpToolsProtocol):
    """A head that is too long is answered with 431, one that is too slow with 408; the connection ends either way."""

    _pending_bytes = 0
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return  # What was on its way when the connection was given up is not taken in any more.
        self._pending_bytes += len(data)
        # An end of something in `data` sets it to zero: a head may so be longer by the bytes of one call, 256 KiB.
        super().data_received(data)
        if self._pending_bytes > HEAD_BYTES:
            self._give_up(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._pending_bytes = 0
        self._head_is_here()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._pending_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._pending_bytes = 0
        super().on_message_complete()

    def _await_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._end_waiting)

    def _head_is_here(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end_waiting(self) -> None:
        self._deadline = None
        if self._is_answering():
            self._await_head()  # Nothing is read meanwhile, so it is not the client who is slow.
        else:
            self._give_up(HTTPStatus.REQUEST_TIMEOUT)

    def _give_up(self, status: HTTPStatus) -> None:
        if self.transport.is_closing():
            return
        if not self._is_answering():  # Ours would be taken for bytes of that answer.
            self.transport.write(_ANSWER % (status, status.phrase.encode()))
        self.transport.close()

    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete


_ANSWER = b"HTTP/1.1 %d %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
