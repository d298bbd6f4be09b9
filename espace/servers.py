"""The servers that a command works with: those of the settings, those of a running `dev`, or its own for a moment."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from core.settings import Settings, get_settings
from espace.embedded import DataInUseError, EmbeddedServers

_NAMES = ("database_url", "redis_url", "smtp_url")


def servers_folder(settings: Settings) -> Path:
    return settings.data / "servers"


@contextmanager
def provide_servers(settings: Settings) -> Iterator[Settings]:
    """Settings whose URLs are filled, also for `get_settings()` and for child processes. Nothing to do when they are.

    Raises EmbeddedServerError where servers are needed and cannot start.
    """
    missing = [name for name in ("database_url", "redis_url") if getattr(settings, name) is None]
    if not missing:
        yield settings
        return
    servers = EmbeddedServers(
        servers_folder(settings), postgres="database_url" in missing, valkey="redis_url" in missing
    )
    try:
        servers.start()
    except DataInUseError:
        addresses = _read_addresses(settings)
        if any(name not in addresses for name in missing):
            raise
        yield use_defaults(settings, addresses)
        return
    try:
        yield use_defaults(settings, addresses_of(servers, missing))
    finally:
        servers.stop()


def addresses_of(servers: EmbeddedServers, names: list[str]) -> dict[str, str]:
    """The URLs of the embedded servers that stand in for the settings of these names."""
    urls = {"database_url": servers.postgres.url, "redis_url": servers.valkey.url}
    return {name: urls[name]() for name in names}


def use_defaults(settings: Settings, defaults: Mapping[str, str]) -> Settings:
    """Settings where what was not given is this; the environment says the same from then on."""
    filled = {name: value for name, value in defaults.items() if getattr(settings, name) is None}
    for name, value in filled.items():
        os.environ[f"ESPACE_{name.upper()}"] = value
    get_settings.cache_clear()
    return settings.model_copy(update=filled)


@contextmanager
def publish_addresses(settings: Settings) -> Iterator[None]:
    """While it lasts, other commands on this data folder find these servers. Only the owner may read the file."""
    path = _addresses_file(settings)
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump({name: getattr(settings, name) for name in _NAMES}, file)
    draft.rename(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _read_addresses(settings: Settings) -> dict[str, str]:
    try:
        content = json.loads(_addresses_file(settings).read_text())
    except FileNotFoundError:
        return {}
    return {name: url for name, url in content.items() if name in _NAMES and url}


def _addresses_file(settings: Settings) -> Path:
    return servers_folder(settings) / "addresses.json"
