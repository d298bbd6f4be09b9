from __future__ import annotations

import asyncio
import time

import pytest
from argon2 import PasswordHasher

from core import passwords
from core.errors import RateLimitedError
from core.passwords import hash_password, needs_rehash, verify_password
from models.accounts import normalised_username


async def test_a_password_is_verified_and_another_is_not() -> None:
    password_hash = await hash_password("Demonstration-2026")
    assert await verify_password(password_hash, "Demonstration-2026")
    assert not await verify_password(password_hash, "demonstration-2026")


async def test_it_is_kept_as_argon2id_with_a_salt_of_its_own() -> None:
    one, other = await asyncio.gather(
        hash_password("Demonstration-2026"), hash_password("Demonstration-2026")
    )
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert one != other
    assert "Demonstration" not in one


async def test_a_letter_is_the_same_however_the_keyboard_sends_it() -> None:
    password_hash = await hash_password("Caf\u00e9-au-lait-2026")
    assert await verify_password(password_hash, "Cafe\u0301-au-lait-2026")


async def test_nobody_logs_in_where_there_is_no_account() -> None:
    assert not await verify_password(None, "the password of nobody")


async def test_what_is_no_hash_verifies_nothing() -> None:
    assert not await verify_password("not a hash", "Demonstration-2026")


async def test_an_absent_account_takes_as_long_as_a_wrong_password() -> None:
    password_hash = await hash_password("Demonstration-2026")
    await verify_password(None, "warm")

    async def fastest(kept: str | None) -> float:
        durations = []
        for _ in range(7):
            started = time.perf_counter()
            await verify_password(kept, "a wrong password")
            durations.append(time.perf_counter() - started)
        return min(durations)

    wrong, absent = await fastest(password_hash), await fastest(None)
    assert 0.5 < absent / wrong < 2


async def test_the_event_loop_goes_on_while_passwords_are_hashed() -> None:
    hashing = asyncio.create_task(hash_password("Demonstration-2026"))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 3


async def test_a_flood_is_turned_away_and_then_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MOST_WAITING", 3)
    answers = await asyncio.gather(
        *(hash_password("Demonstration-2026") for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(answer, RateLimitedError) for answer in answers) == 3
    assert await hash_password("Demonstration-2026")


async def test_a_hash_of_other_parameters_is_to_be_made_again() -> None:
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("Demonstration-2026"))
    assert not needs_rehash(await hash_password("Demonstration-2026"))


async def test_of_what_is_far_too_long_only_the_beginning_is_looked_at() -> None:
    """Sorting 100,000 accents takes seconds, in which nobody else is served."""
    accents = "a" + "\u0301\u0316" * 60_000
    assert len(passwords.normalised(accents)) <= passwords.TYPED_LIMIT
    beginning = accents[: passwords.TYPED_LIMIT]
    known = await hash_password(beginning)
    assert await verify_password(known, beginning)
    assert not await verify_password(known, accents)
    assert len(normalised_username(accents)) <= 200
