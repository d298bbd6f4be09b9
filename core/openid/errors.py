"""Why nobody was identified."""

from __future__ import annotations

from typing import Literal

Reason = Literal["ACCESS_DENIED", "EXPIRED", "PROVIDER_REFUSED", "PROVIDER_UNREACHABLE", "NOT_TRUSTED"]
"""ACCESS_DENIED: the person declined, there. EXPIRED: the code is no longer good. PROVIDER_REFUSED: it answered an
error. NOT_TRUSTED: what it answered is not proved to be from it, for us, for this log-in, and for now.
"""


class OpenIdError(Exception):
    """`reason` is for people; the message is for the log: it holds nothing that came from outside."""

    def __init__(self, reason: Reason, what: str) -> None:
        super().__init__(what)
        self.reason: Reason = reason
