from __future__ import annotations

import math
import re
from uuid import UUID

import pytest

from core.settings import get_settings
from models.ids import new_id
from models.temporary_password import CONSONANTS, VOWELS, find_temporary_password, temporary_password

MAIL = UUID("0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000")


def test_five_words_that_can_be_read_out() -> None:
    for _ in range(200):
        password = temporary_password(new_id())
        assert re.fullmatch(
            rf"([{CONSONANTS}][{VOWELS}]){{2}}(-([{CONSONANTS}][{VOWELS}]){{2}}){{4}}", password
        )


def test_one_mail_brings_one_password_however_often_it_is_sent() -> None:
    assert temporary_password(MAIL) == temporary_password(UUID(str(MAIL)))
    assert len({temporary_password(new_id()) for _ in range(5_000)}) == 5_000


def test_it_takes_the_secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = temporary_password(MAIL)
    monkeypatch.setenv("ESPACE_SECRET_KEY", "another secret key, which is long enough as well")
    get_settings.cache_clear()
    try:
        assert temporary_password(MAIL) != ours
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


def test_it_has_more_than_fifty_bits_and_uses_each_syllable_alike() -> None:
    syllables = [
        s for _ in range(2_000) for s in re.findall("..", temporary_password(new_id()).replace("-", ""))
    ]
    counts = [syllables.count(c + v) for c in CONSONANTS for v in VOWELS]
    assert 10 * math.log2(len(counts)) > 50
    expected = len(syllables) / len(counts)
    # Chi-squared with 35 degrees of freedom: beyond 90 once in a million times.
    assert sum((count - expected) ** 2 / expected for count in counts) < 90


@pytest.mark.parametrize(
    "write", [str, str.upper, str.title, lambda p: p.replace("-", " "), lambda p: f" {p}.\n"]
)
def test_it_is_found_however_it_is_typed(write: object) -> None:
    assert callable(write)
    typed = write(temporary_password(MAIL))
    assert find_temporary_password(typed, [new_id(), MAIL, new_id()]) == MAIL


@pytest.mark.parametrize("typed", ["", "-", "bido", temporary_password(UUID(int=0)), "é" * 100_000])
def test_anything_else_is_not(typed: str) -> None:
    assert find_temporary_password(typed, [MAIL]) is None
    assert find_temporary_password(typed, []) is None
    assert find_temporary_password(temporary_password(MAIL), []) is None
