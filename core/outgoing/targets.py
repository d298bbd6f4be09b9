"""What an address says, before anybody is asked anything."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address

import httpx

from core.i18n import Text
from core.outgoing.addresses import is_public
from core.outgoing.errors import TargetRefusedError
from core.settings import get_settings

LONGEST = 2_000
DEFAULT_PORTS = {"https": 443, "http": 80}
FIRST_FREE_PORT = 1_024
"""Below, HTTPS has 443 alone; the others belong to services that speak otherwise."""

_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
"""A last label like that makes systems read all of the name as IPv4: 127.1, 0x7f.1, 2130706433 (inet_aton(3))."""

_UNREADABLE = Text(
    fr="Ce n’est pas une adresse que l’on puisse appeler. Exemple : https://partenaire.example/evenements",
    en="This is no address that can be called. Example: https://partner.example/events",
)
_NOT_HTTPS = Text(
    fr="L’adresse doit commencer par https://",
    en="The address has to start with https://",
)
_HAS_CREDENTIALS = Text(
    fr="L’adresse ne doit contenir ni nom d’utilisateur ni mot de passe.",
    en="The address must not hold a username or a password.",
)
_ODD_HOST = Text(
    fr="Écrivez le nom complet du serveur, tel que partenaire.example, ou son adresse IP sous sa forme usuelle.",
    en="Write the server’s full name, such as partner.example, or its IP address in its usual form.",
)
_BAD_PORT = Text(
    fr="Le port doit être 443, ou au moins 1024.",
    en="The port has to be 443, or 1024 at least.",
)
NOT_PUBLIC = Text(
    fr="L’adresse mène à un réseau privé ou réservé : seules les adresses publiques d’Internet sont appelées.",
    en="The address leads to a private or reserved network: only public addresses of the Internet are called.",
)


@dataclass(frozen=True, slots=True)
class Target:
    """An address that may be called, as far as its spelling tells.

    `host`: ASCII, lower case, without brackets. `is_allowed`: an operator has named it, so it may lead anywhere.
    """

    url: httpx.URL
    host: str
    port: int
    is_allowed: bool

    @property
    def is_address(self) -> bool:
        """Whether the host is an IP address rather than a name."""
        return _is_address(self.host)


def read_target(url: str, also_allowed: Collection[str] = ()) -> Target:
    """Raises TargetRefusedError, which says what to write instead. `also_allowed`: see `call`."""
    if len(url) > LONGEST or "\\" in url or not url.isprintable() or " " in url:
        raise TargetRefusedError(_UNREADABLE)
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise TargetRefusedError(_UNREADABLE) from error
    if parsed.scheme not in DEFAULT_PORTS:
        raise TargetRefusedError(_NOT_HTTPS)
    if parsed.userinfo:
        raise TargetRefusedError(_HAS_CREDENTIALS)
    host = parsed.raw_host.decode("ascii").lower()
    port = DEFAULT_PORTS[parsed.scheme] if parsed.port is None else parsed.port
    if not 1 <= port <= 65_535:
        raise TargetRefusedError(_BAD_PORT)
    target = Target(parsed, host, port, is_allowed=_is_allowed(host, port, also_allowed))
    if not target.is_allowed:
        _require_public(target)
    return target


def _require_public(target: Target) -> None:
    if target.url.scheme != "https":
        raise TargetRefusedError(_NOT_HTTPS)
    if target.port != DEFAULT_PORTS["https"] and target.port < FIRST_FREE_PORT:
        raise TargetRefusedError(_BAD_PORT)
    if target.is_address:
        if not is_public(target.host):
            raise TargetRefusedError(NOT_PUBLIC)
    elif not _is_full_name(target.host):
        raise TargetRefusedError(_ODD_HOST)


def _is_full_name(host: str) -> bool:
    first, _, last = host.rpartition(".")
    return bool(first) and _NAME.fullmatch(host) is not None and _NUMBER.fullmatch(last) is None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_allowed(host: str, port: int, also: Collection[str]) -> bool:
    return _named_by([*get_settings().outgoing_allowed_hosts, *also], host, port)


def _named_by(allowed: Collection[str], host: str, port: int) -> bool:
    name = f"[{host}]" if ":" in host else host
    return name in allowed or f"{name}:{port}" in allowed
