"""`python -m espace serve`: the API in one process or several, on a socket of its own or an inherited one."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket

import uvicorn
from uvicorn.supervisors import Multiprocess

from core.settings import Settings
from espace.head_limits import LimitedHttp
from uploads.scanning import warn_without_a_scanner

BACKLOG = 512


class StartError(Exception):
    """Why a process cannot start, in a sentence for whoever typed the command."""


def serve(settings: Settings, *, workers: int = 1, descriptor: int | None = None) -> None:
    """Serve until SIGINT or SIGTERM. Requests under way get `shutdown_timeout_seconds`.

    `descriptor` is a listening socket inherited from the parent. Raises StartError.
    """
    warn_without_a_scanner(settings)
    config = uvicorn.Config(
        "espace.asgi:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=workers,
        http=LimitedHttp,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_graceful_shutdown=settings.shutdown_timeout_seconds,
        ws_max_size=settings.graphql_body_bytes,
        lifespan="on",
    )
    with _inherit(descriptor) if descriptor is not None else open_listener(settings) as listener:
        if workers > 1:
            Multiprocess(config, sockets=[listener]).run()
            return
        # uvicorn raises the signal that stopped it again: it must not end the process before its caller has cleaned up.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        server = uvicorn.Server(config)
        # What start makes is no garbage: looking for some took a sixth of its time. On again in espace/asgi.py.
        gc.disable()
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
        if not server.started:
            raise StartError("The API cannot start: see the messages above.")


def _inherit(descriptor: int) -> socket.socket:
    listener = socket.socket(fileno=descriptor)
    listener.setblocking(False)
    return listener


def open_listener(settings: Settings) -> socket.socket:
    """A socket that listens on `settings.host` and `settings.port`. Raises StartError when the port is taken."""
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise StartError(
            f"Port {settings.port} on {settings.host} cannot be used ({os.strerror(error.errno or 0)}): "
            "stop what uses it, or choose another one with ESPACE_PORT."
        ) from error
    return listener
