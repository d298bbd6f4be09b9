"""An agent's telephone."""

from __future__ import annotations

import time

import pyotp


class Telephone:
    """An authenticator program: two codes, one after the other."""

    def __init__(self, secret: str) -> None:
        self._program = pyotp.TOTP(secret)
        self._last = 0

    def fresh(self) -> str:
        present = int(time.time()) // 30
        self._last = max(self._last + 1, present)
        assert self._last <= present + 1
        return self._program.generate_otp(self._last)
