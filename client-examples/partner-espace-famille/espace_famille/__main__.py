"""`python -m espace_famille`: serves, has the mairie tell it of requests, or says what it knows of them."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys

import httpx
import uvicorn

from espace_famille.app import make_app
from espace_famille.events import describe
from espace_famille.following import NotFollowedError, follow
from espace_famille.settings import read_settings
from espace_famille.store import Store


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m espace_famille", description="An Espace Famille.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--descriptor", type=int, help="a socket that listens already")
    parser.add_argument(
        "--follow",
        action="store_true",
        help="have the mairie tell of requests, with the token in FAMILLE_TOKEN, and end",
    )
    parser.add_argument(
        "--requests", action="store_true", help="what is known of requests at the mairie, and end"
    )
    options = parser.parse_args()
    try:
        settings = read_settings()
    except KeyError as error:
        print(f"{error.args[0]} is not set: see README.md", file=sys.stderr)
        return 2
    if options.requests:
        print(describe(Store(settings.store)))
        return 0
    if options.follow:
        try:
            print(f"The mairie tells {follow(settings, os.environ['FAMILLE_TOKEN'])} of requests.")
        except (NotFollowedError, httpx.HTTPError, KeyError) as error:
            print(f"Requests are not followed: {error}", file=sys.stderr)
            return 1
        return 0
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    # Addresses of sign-on hold tokens, and those of the mairie's keys are asked for often.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(settings),
            host=options.host,
            port=options.port,
            log_level="warning",
            access_log=False,
            server_header=False,
        )
    )
    server.run(sockets=[_listener(options.descriptor)] if options.descriptor is not None else None)
    return 0


def _listener(descriptor: int) -> socket.socket:
    listener = socket.socket(fileno=descriptor)
    listener.setblocking(False)
    return listener


if __name__ == "__main__":
    sys.exit(main())
