"""One call: name, addresses, connection, answer, all within one time.

Each call has a connection of its own. A pool would hand the connection of one name to another with the same address,
and the certificate would not be looked at again.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import httpcore
import httpx

from core.i18n import Text
from core.outgoing.addresses import is_public
from core.outgoing.errors import (
    AnswerRefusedError,
    OutOfTimeError,
    TargetRefusedError,
    UnreachableError,
)
from core.outgoing.pinned import Pinned
from core.outgoing.targets import NOT_PUBLIC, Target, read_target

MOST_BYTES = 64 * 1024
USER_AGENT = "Espace-Citoyens"

_NOT_FOUND = Text(
    fr="Le nom du serveur ne mène à aucune adresse.",
    en="The server’s name leads to no address.",
)
_NOBODY_THERE = Text(
    fr="Le serveur est injoignable ou a rompu la connexion.",
    en="The server cannot be reached, or broke off the connection.",
)
_BAD_CERTIFICATE = Text(
    fr="La connexion sécurisée a échoué : vérifiez le certificat du serveur et son nom.",
    en="The secure connection failed: check the server’s certificate and its name.",
)
_NOT_HTTP = Text(
    fr="La réponse du serveur ne respecte pas le protocole HTTP.",
    en="The server’s answer does not keep to HTTP.",
)
_TOO_LONG = Text(
    fr="La réponse du serveur est trop longue.",
    en="The server’s answer is too long.",
)
_ENCODED = Text(
    fr="La réponse du serveur est compressée, ce qui n’est pas accepté.",
    en="The server’s answer is compressed, which is not accepted.",
)

_resolving = ThreadPoolExecutor(8, thread_name_prefix="resolve")
"""Of its own: name servers that take their time keep nobody waiting but who asks them."""


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """`headers`: by names in lower case. `body`: nothing where it was not asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes = b"",
    seconds: float,
    most_bytes: int = MOST_BYTES,
    also_allowed: Collection[str] = (),
) -> Answer:
    """What the address answers, whatever its status; a redirect is an answer like any other.

    `seconds`: for all of it, from asking for the name's addresses to the last byte. `most_bytes`: of the body; 0 leaves
    it unread. The head has some 100 KiB, by h11. `also_allowed`: hosts, each with a port or without, that an operator
    has named for this purpose and may therefore be called for it, wherever they lead.

    Raises OutgoingError.
    """
    target = read_target(url, also_allowed)
    try:
        async with asyncio.timeout(seconds) as limit:
            addresses = await _addresses_of(target)
            deadline = limit.when()
            assert deadline is not None
            network = Pinned(addresses, deadline)
            return await _call(target, network, method, headers or {}, content, most_bytes)
    except TimeoutError as error:
        raise OutOfTimeError from error


async def _addresses_of(target: Target) -> list[str]:
    """Every one of them may be called, or none is."""
    if target.is_address:
        return [target.host]
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(_resolving, _resolve, target.host, target.port)
    except (OSError, UnicodeError) as error:
        raise UnreachableError(_NOT_FOUND) from error
    if not target.is_allowed and not all(is_public(address) for address in found):
        raise TargetRefusedError(NOT_PUBLIC)
    return found


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _call(
    target: Target,
    network: Pinned,
    method: str,
    headers: Mapping[str, str],
    content: bytes,
    most_bytes: int,
) -> Answer:
    url = httpcore.URL(
        scheme=target.url.raw_scheme, host=target.host, port=target.port, target=target.url.raw_path
    )
    try:
        async with (
            httpcore.AsyncHTTPConnection(
                url.origin, ssl_context=_tls(), network_backend=network
            ) as connection,
            connection.stream(
                method,
                url,
                headers=[
                    ("Host", target.url.netloc.decode("ascii")),
                    ("User-Agent", USER_AGENT),
                    ("Accept-Encoding", "identity"),
                    ("Connection", "close"),
                    *headers.items(),
                ],
                content=content,
            ) as response,
        ):
            got = httpx.Headers(response.headers)
            return Answer(response.status, dict(got), await _body(response, got, most_bytes))
    except httpcore.RemoteProtocolError as error:
        raise AnswerRefusedError(_NOT_HTTP) from error
    except (httpcore.NetworkError, httpcore.ConnectTimeout, ssl.SSLError) as error:
        raise UnreachableError(_BAD_CERTIFICATE if _is_about_tls(error) else _NOBODY_THERE) from error


async def _body(response: httpcore.Response, headers: httpx.Headers, most_bytes: int) -> bytes:
    if not most_bytes:
        return b""
    if headers.get("content-encoding", "identity") != "identity":
        raise AnswerRefusedError(_ENCODED)
    body = bytearray()
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > most_bytes:
            raise AnswerRefusedError(_TOO_LONG)
    return bytes(body)


@cache
def _tls() -> ssl.SSLContext:
    """Trusts whom certifi does, or SSL_CERT_FILE and SSL_CERT_DIR where an operator sets them."""
    return httpx.create_ssl_context()


def _is_about_tls(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
