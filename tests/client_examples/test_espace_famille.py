"""The example of a partner by itself: how often passwords may be tried, and the mairie is asked for its keys."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from espace_famille.families import (
    DEMONSTRATION,
    MOST_WRONG_TRIES,
    Family,
    TooManyTriesError,
    add_demonstration,
    find_family,
)
from espace_famille.sign_on import ASK_AGAIN_SECONDS, KEEP_KEYS_SECONDS, MairieKeys, RefusedError
from espace_famille.store import Store
from tests.partner import misbehaving, says


class Mairie:
    """Publishes these keys, and counts how often it is asked; or is away."""

    def __init__(self) -> None:
        self.keys: list[ECKey] = []
        self.asked = 0
        self.is_away = False

    async def serve(self, reader: Any, writer: Any) -> None:
        self.asked += 1
        published = json.dumps({"keys": [key.as_dict(private=False) for key in self.keys]})
        await (says("503 Away", "") if self.is_away else says("200 OK", published))(reader, writer)


@pytest.fixture
async def mairie() -> AsyncIterator[tuple[Mairie, MairieKeys]]:
    mairie = Mairie()
    async with misbehaving(mairie.serve) as address:
        yield mairie, MairieKeys(address)


def key(name: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": name})


def token(name: str) -> str:
    return jwt.encode({"alg": "ES256", "kid": name}, {}, key(name))


async def test_keys_are_asked_for_once_an_hour_and_for_names_that_are_new(
    mairie: tuple[Mairie, MairieKeys], monkeypatch: pytest.MonkeyPatch
) -> None:
    there, keys = mairie
    at = 1_000.0
    monkeypatch.setattr("espace_famille.sign_on.time", SimpleNamespace(monotonic=lambda: at))
    there.keys = [key("this")]
    for _ in range(3):
        await keys.for_token(token("this"))
    assert there.asked == 1

    # Anybody can make up names: they do not have the mairie asked each time.
    for _ in range(3):
        with pytest.raises(RefusedError):
            await keys.for_token(token("made up"))
    assert there.asked == 1
    there.keys.append(key("next"))
    at += ASK_AGAIN_SECONDS + 1
    await keys.for_token(token("next"))
    assert there.asked == 2
    at += KEEP_KEYS_SECONDS + 1
    await keys.for_token(token("this"))
    assert there.asked == 3


async def test_what_is_known_does_while_the_mairie_is_away(
    mairie: tuple[Mairie, MairieKeys], monkeypatch: pytest.MonkeyPatch
) -> None:
    there, keys = mairie
    at = 1_000.0
    monkeypatch.setattr("espace_famille.sign_on.time", SimpleNamespace(monotonic=lambda: at))
    there.is_away = True
    for _ in range(2):
        with pytest.raises(httpx.HTTPError):
            await keys.for_token(token("this"))
    assert there.asked == 1
    there.is_away, there.keys = False, [key("this")]
    at += ASK_AGAIN_SECONDS + 1
    await keys.for_token(token("this"))
    there.is_away = True
    at += KEEP_KEYS_SECONDS + 1
    await keys.for_token(token("this"))
    assert there.asked == 3
    for nonsense in ("", "a.b.c", "é"):
        with pytest.raises(RefusedError):
            await keys.for_token(nonsense)


@pytest.mark.parametrize("code", [DEMONSTRATION[0][0], "000000"])
def test_of_forty_guesses_at_once_ten_are_looked_at(tmp_path: Path, code: str) -> None:
    store = Store(tmp_path / "store")
    add_demonstration(store)
    (_, right, name, _), (other, *_) = DEMONSTRATION

    def guess(number: int) -> Family | TooManyTriesError | None:
        try:
            return find_family(store, code, f"guess {number}")
        except TooManyTriesError as refused:
            return refused

    with ThreadPoolExecutor(40) as threads:
        answers = list(threads.map(guess, range(40)))
    assert answers.count(None) == MOST_WRONG_TRIES
    with pytest.raises(TooManyTriesError):
        find_family(store, code, right)
    # Another code is another count, and what was right counts for nothing.
    for _ in range(MOST_WRONG_TRIES + 1):
        found = find_family(store, other, right)
        assert found is not None
        assert found.name != name
