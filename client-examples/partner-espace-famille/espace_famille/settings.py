"""Everything that is set from outside, by environment variables FAMILLE_*."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """`address`: where the mairie calls this program, without a final slash; it is the audience of its tokens.
    `mairie`: the mairie's own address, the issuer of its tokens. `secret`: what the two know each other by, like
    `whsec_…`. `slug`: the name that the mairie has given to this partner.
    """

    address: str
    mairie: str
    slug: str
    store: Path
    secret: str = field(repr=False)

    @property
    def is_secure(self) -> bool:
        return self.address.startswith("https://")


def read_settings() -> Settings:
    """Raises KeyError, which names the variable that is missing."""
    return Settings(
        address=os.environ["FAMILLE_ADDRESS"].rstrip("/"),
        mairie=os.environ["FAMILLE_MAIRIE"].rstrip("/"),
        slug=os.environ.get("FAMILLE_SLUG", "espace-famille"),
        store=Path(os.environ["FAMILLE_STORE"]),
        secret=os.environ["FAMILLE_SECRET"],
    )
