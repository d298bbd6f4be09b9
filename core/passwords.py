"""How passwords are kept: which ones are strong enough, password_rules.py says.

Kept by Argon2id with the parameters that OWASP's Password Storage Cheat Sheet recommends: 19 MiB, 2 passes, 1
lane. RFC 9106's second option (64 MiB, 3 passes, 4 lanes) takes four times as long and as much memory, and a
flood of log-ins must not be able to take a small mairie's server down. A hash takes some 25 ms of processor
time on purpose: it runs in threads of its own, few of them, so that such a flood delays log-ins and nothing
else.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.errors import RateLimitedError

TYPED_LIMIT = 512
"""Characters that are looked at, several times what a password may have: sorting the accents of a very long text takes
seconds."""

THREADS = 2
MOST_WAITING = 200
"""How many hashes may wait for a thread: beyond some seconds of work, callers are told to come back."""

_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_EXECUTOR = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="passwords")
_waiting = 0

Result = TypeVar("Result")


async def hash_password(password: str) -> str:
    """The password's Argon2id hash in PHC form, with a salt of its own.

    Raises RateLimitedError where too many are waiting already.
    """
    return await _in_a_thread(lambda: _HASHER.hash(normalised(password)))


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one that was hashed.

    None, for an account that does not exist, is False after the same work, so that the time taken does not
    tell which accounts there are. Raises RateLimitedError where too many are waiting already.
    """

    def verify() -> bool:
        nobodys_hash = _nobodys_hash()
        is_too_long = len(password) > TYPED_LIMIT
        try:
            _HASHER.verify(password_hash or nobodys_hash, normalised(password))
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None and not is_too_long

    return await _in_a_thread(verify)


def needs_rehash(password_hash: str) -> bool:
    """True where the hash was made with other parameters than today's: hash again at the next log-in."""
    return _HASHER.check_needs_rehash(password_hash)


def normalised(text: str) -> str:
    """One form for what looks the same: keyboards differ in how they send é (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", text[:TYPED_LIMIT])


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    return _HASHER.hash("the password of nobody")


async def _in_a_thread(work: Callable[[], Result]) -> Result:
    global _waiting
    if _waiting >= MOST_WAITING:
        raise RateLimitedError(retry_after_seconds=5)
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_EXECUTOR, work)
    finally:
        _waiting -= 1
