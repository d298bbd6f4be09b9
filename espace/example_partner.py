"""The partner system that `dev` starts beside the API, so that a newcomer can link an account to it.

It is the program of client-examples/partner-espace-famille, with a store of its own in the data folder.
"""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from core.keys import derived_bytes
from core.settings import Settings

FOLDER = Path(__file__).parent.parent / "client-examples" / "partner-espace-famille"
MODULE = "espace_famille"
SLUG = "espace-famille"
CODE, PASSWORD = "204817", "Famille-2026"
BACKLOG = 128


class ExamplePartner:
    """Where it listens, and what it and the API have to be told of each other."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        self.listener = listener
        self.site = f"http://localhost:{listener.getsockname()[1]}"
        self._mairie = settings.public_url
        self._address = f"{self.site}/espace-citoyens"
        self._store = settings.data / "partner" / "famille.sqlite"
        # Always the same, so that links last from one start to the next.
        self._secret = f"whsec_{base64.b64encode(derived_bytes('example partner', 32)).decode()}"

    def tell_environment(self) -> None:
        """What children of this process find in theirs from now on, beside what is there already."""
        for name, value in (
            ("ESPACE_PARTNER_ADDRESSES", f"{SLUG}={self._address}"),
            ("ESPACE_PARTNER_SECRETS", f"{SLUG}={self._secret}"),
            ("ESPACE_OUTGOING_ALLOWED_HOSTS", self.site.removeprefix("http://")),
        ):
            os.environ[name] = ",".join(filter(None, [os.environ.get(name), value]))

    @property
    def environment(self) -> Mapping[str, str]:
        """Its own. It needs to know nothing of the API's."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("ESPACE_")},
            "FAMILLE_ADDRESS": self._address,
            "FAMILLE_MAIRIE": self._mairie,
            "FAMILLE_SECRET": self._secret,
            "FAMILLE_STORE": str(self._store),
        }

    def close(self) -> None:
        self.listener.close()


def make_example_partner(settings: Settings) -> ExamplePartner | None:
    """None where the settings say already where that partner is."""
    if SLUG in settings.partner_addresses or SLUG in settings.partner_secrets:
        return None
    return ExamplePartner(settings, _listen(settings.port + 1))


def _listen(wanted: int) -> socket.socket:
    """On that port of this machine, or on any that is free."""
    for port in (wanted, 0):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(BACKLOG)
        except (OSError, OverflowError):
            listener.close()
            if not port:
                raise
        else:
            return listener
    raise AssertionError("unreachable")
