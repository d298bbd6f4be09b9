"""Passwords: which ones are strong enough, and how they are kept.

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

from core.errors import FieldProblem, RateLimitedError
from core.i18n import Text

SHORTEST = 12
SHORTEST_WITHOUT_SYMBOL = 14
FEWEST_WORDS = 7
FEWEST_DIFFERENT_CHARACTERS = 6
LONGEST = 128

TYPED_LIMIT = 512
"""Characters that are looked at, several times LONGEST: sorting the accents of a very long text takes seconds."""

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
    return await _in_a_thread(lambda: _HASHER.hash(_normalised(password)))


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether the password is the one that was hashed.

    None, for an account that does not exist, is False after the same work, so that the time taken does not
    tell which accounts there are. Raises RateLimitedError where too many are waiting already.
    """

    def verify() -> bool:
        nobodys_hash = _nobodys_hash()
        is_too_long = len(password) > TYPED_LIMIT
        try:
            _HASHER.verify(password_hash or nobodys_hash, _normalised(password))
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None and not is_too_long

    return await _in_a_thread(verify)


def needs_rehash(password_hash: str) -> bool:
    """True where the hash was made with other parameters than today's: hash again at the next log-in."""
    return _HASHER.check_needs_rehash(password_hash)


def password_problems(password: str, username: str, path: str = "password") -> list[FieldProblem]:
    """Everything that keeps `password` from being accepted; empty where it is strong enough.

    The rule is that of the CNIL's recommendation 2022-100 of 21 July 2022 for a password alone (80 bits), in
    the three forms that it gives as examples, any of which will do: 12 characters with upper case, lower
    case, digits and symbols; 14 characters with upper case, lower case and digits; a phrase of 7 different
    words. On top of it: at most 128 characters, at least 6 different ones, and without the username.
    """
    is_too_long = len(password) > LONGEST
    password = _normalised(password)
    texts: list[Text] = []
    if not _is_strong(password):
        texts.append(_what_strength_lacks(password))
    elif len(set(password.casefold())) < FEWEST_DIFFERENT_CHARACTERS:
        texts.append(
            Text(
                fr="Le mot de passe doit avoir au moins {least} caractères différents.",
                en="The password must have at least {least} different characters.",
            ).format(least=FEWEST_DIFFERENT_CHARACTERS)
        )
    if is_too_long or len(password) > LONGEST:
        texts.append(
            Text(
                fr="Le mot de passe ne doit pas dépasser {most} caractères.",
                en="The password must not exceed {most} characters.",
            ).format(most=LONGEST)
        )
    name = _normalised(username).strip().casefold()
    if name and name in password.casefold():
        texts.append(
            Text(
                fr="Le mot de passe ne doit pas contenir le nom d’utilisateur.",
                en="The password must not contain the username.",
            )
        )
    return [FieldProblem(path, text) for text in texts]


_KINDS: tuple[tuple[Text, Callable[[str], bool]], ...] = (
    (Text(fr="une majuscule", en="an upper case letter"), str.isupper),
    (Text(fr="une minuscule", en="a lower case letter"), str.islower),
    (Text(fr="un chiffre", en="a digit"), str.isdigit),
    (Text(fr="un caractère spécial", en="a symbol"), lambda character: not character.isalnum()),
)


def _missing_kinds(password: str) -> list[Text]:
    return [name for name, is_one in _KINDS if not any(map(is_one, password))]


def _is_strong(password: str) -> bool:
    missing = _missing_kinds(password)
    words = "".join(c if c.isalpha() else " " for c in password.casefold()).split()
    return (
        (len(password) >= SHORTEST and not missing)
        or (len(password) >= SHORTEST_WITHOUT_SYMBOL and missing == [_KINDS[-1][0]])
        or (len(set(words)) >= FEWEST_WORDS and len(password) >= SHORTEST_WITHOUT_SYMBOL)
    )


def _what_strength_lacks(password: str) -> Text:
    lacks: list[Text] = []
    if len(password) < SHORTEST:
        lacks.append(
            Text(fr="{count} caractère(s) de plus", en="{count} more character(s)").format(
                count=SHORTEST - len(password)
            )
        )
    lacks += _missing_kinds(password)
    return Text(
        fr="Choisissez au moins {least} caractères avec majuscule, minuscule, chiffre et caractère spécial "
        "(ou une phrase d’au moins {words} mots). Il manque : {lacks}.",
        en="Choose at least {least} characters with upper case, lower case, a digit and a symbol "
        "(or a phrase of at least {words} words). Missing: {lacks}.",
    ).format(
        least=SHORTEST,
        words=FEWEST_WORDS,
        lacks=Text(fr=", ".join(lack.fr for lack in lacks), en=", ".join(lack.en for lack in lacks)),
    )


def _normalised(text: str) -> str:
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
