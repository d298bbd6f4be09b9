from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import altcha
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import proof_of_work
from core.clock import now
from core.proof_of_work import is_solved, make_challenge


@pytest.fixture(autouse=True)
def little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_of_work, "FEWEST_ATTEMPTS", 5)
    monkeypatch.setattr(proof_of_work, "MOST_ATTEMPTS", 20)


def solved(challenge: dict[str, Any]) -> altcha.Payload:
    parsed = altcha.Challenge.from_dict(challenge)
    solution = altcha.solve_challenge(parsed)
    assert solution is not None
    return altcha.Payload(parsed, solution)


def in_five_minutes() -> Any:
    return now() + timedelta(minutes=5)


def test_work_that_was_done_passes() -> None:
    assert is_solved(solved(make_challenge("a", in_five_minutes())).to_base64(), "a")


def test_work_for_something_else_does_not() -> None:
    assert not is_solved(solved(make_challenge("a", in_five_minutes())).to_base64(), "b")


def test_work_that_comes_too_late_does_not() -> None:
    payload = solved(make_challenge("a", now() - timedelta(seconds=2))).to_base64()
    assert not is_solved(payload, "a")


def test_work_that_was_not_done_does_not() -> None:
    challenge = altcha.Challenge.from_dict(make_challenge("a", in_five_minutes()))
    for counter in range(4):
        guess = altcha.Payload(
            challenge, altcha.Solution(counter, challenge.parameters.key_prefix + "00" * 16)
        )
        assert not is_solved(guess.to_base64(), "a")


@pytest.mark.parametrize(
    "changed",
    [{"cost": 1}, {"data": {"for": "b"}}, {"expiresAt": 9_999_999_999}, {"keyPrefix": ""}, {"salt": "00"}],
)
def test_a_challenge_that_was_made_easier_does_not(changed: dict[str, Any]) -> None:
    payload = solved(make_challenge("a", in_five_minutes())).to_dict()
    payload["challenge"]["parameters"].update(changed)
    written = base64.b64encode(json.dumps(payload).encode()).decode()
    assert not is_solved(written, "a")
    assert not is_solved(written, "b")


def test_a_challenge_of_ones_own_does_not() -> None:
    own = altcha.create_challenge(
        "SHA-256", 1, counter=3, data={"for": "a"}, hmac_secret="mine", hmac_key_secret="mine"
    )
    assert not is_solved(solved(own.to_dict()).to_base64(), "a")


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["challenge", "solution", "parameters", "signature", "counter", "derivedKey", "data", "nonce"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_json)
def test_nonsense_is_refused_quietly(value: Any) -> None:
    assert not is_solved(base64.b64encode(json.dumps(value).encode()).decode(), "a")


@pytest.mark.parametrize("payload", ["", "x", "é", "A" * 100_000, base64.b64encode(b"[" * 3000).decode()])
def test_what_is_no_payload_is_refused(payload: str) -> None:
    assert not is_solved(payload, "a")


def test_each_challenge_is_another_one_and_names_no_secret() -> None:
    one, other = make_challenge("a", in_five_minutes()), make_challenge("a", in_five_minutes())
    assert one != other
    assert set(one) == {"parameters", "signature"}
