from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import altcha
import pytest

from core import proof_of_work
from core.errors import CaptchaError
from core.selection import Selection
from models.actors import Visitor
from models.captcha import Captcha
from models.database import execute, fetch_one, transaction
from models.ids import decode_as, encode
from models.procedures import Procedure
from resolvers.captcha import (
    LIFETIME,
    MOST_MOVED,
    CaptchaAnswer,
    captcha,
    check,
    code_to_draw,
    consume,
    create_captcha,
)
from resolvers.requests import submit_request
from tests.factories import CAPTCHA_CODE, holder_of, id_of, make_captcha, make_request

WANTED = Selection.of("id", "prompt", "image", "expires_at")


async def pass_with(procedure: Procedure, answer: CaptchaAnswer) -> None:
    """Submits a new draft with this answer."""
    draft = await make_request(procedure, status="DRAFT")
    await submit_request(
        holder_of(draft), request=id_of(draft), version=1, captcha=answer, selection=Selection.of("status")
    )


async def test_a_challenge_says_what_it_is_for_and_can_be_drawn(procedure: Procedure) -> None:
    row = await create_captcha(Visitor(language="en"), purpose="SUBMIT_REQUEST", selection=WANTED)
    assert "send your request" in row["prompt"]
    id = decode_as("Captcha", row["id"])
    assert id is not None
    assert str(id) in row["image"]
    assert await code_to_draw(id) == CAPTCHA_CODE
    again = await captcha(Visitor(language="en"), id=row["id"], selection=WANTED)
    assert again == row


@pytest.mark.parametrize("typed", ["AZERTY", "azerty", " a z e r t y "])
async def test_the_right_answer_in_any_writing(procedure: Procedure, typed: str) -> None:
    await pass_with(procedure, await make_captcha("SUBMIT_REQUEST", answer=typed))


@pytest.mark.parametrize("typed", ["", "QWERTY", "AZERTYA", "é" * 10_000])
async def test_a_wrong_answer(procedure: Procedure, typed: str) -> None:
    with pytest.raises(CaptchaError):
        await pass_with(procedure, await make_captcha("SUBMIT_REQUEST", answer=typed))
    assert (await Captcha.get()).tries_left == 2


async def test_three_wrong_answers_and_the_right_one_comes_too_late(procedure: Procedure) -> None:
    right = await make_captcha("SUBMIT_REQUEST")
    for _ in range(3):
        with pytest.raises(CaptchaError):
            await pass_with(procedure, CaptchaAnswer(right.captcha, "wrong"))
    with pytest.raises(CaptchaError):
        await pass_with(procedure, right)
    assert await captcha(Visitor(), id=right.captcha, selection=WANTED) is None


async def test_one_that_was_used(procedure: Procedure) -> None:
    right = await make_captcha("SUBMIT_REQUEST")
    await pass_with(procedure, right)
    with pytest.raises(CaptchaError):
        await pass_with(procedure, right)
    id = decode_as("Captcha", right.captcha)
    assert id is not None
    assert await code_to_draw(id) is None


async def test_one_for_something_else(procedure: Procedure) -> None:
    with pytest.raises(CaptchaError):
        await pass_with(procedure, await make_captcha("CREATE_ACCOUNT"))
    assert (await Captcha.get()).used_at is None


async def test_one_that_has_expired(procedure: Procedure) -> None:
    right = await make_captcha("SUBMIT_REQUEST", minutes=-0.01)
    with pytest.raises(CaptchaError):
        await pass_with(procedure, right)
    assert await captcha(Visitor(), id=right.captcha, selection=WANTED) is None


@pytest.mark.parametrize("id", ["", "x", encode("Captcha", UUID(int=1)), encode("Account", UUID(int=1))])
async def test_one_that_never_was(procedure: Procedure, id: str) -> None:
    with pytest.raises(CaptchaError):
        await pass_with(procedure, CaptchaAnswer(id, CAPTCHA_CODE))
    assert await captcha(Visitor(), id=id, selection=WANTED) is None


async def test_of_fifty_answers_at_once_one_wins(procedure: Procedure) -> None:
    right = await make_captcha("SUBMIT_REQUEST")
    outcomes = await asyncio.gather(*(pass_with(procedure, right) for _ in range(50)), return_exceptions=True)
    losers = [outcome for outcome in outcomes if outcome is not None]
    assert len(losers) == 49
    assert {type(loser) for loser in losers} == {CaptchaError}


async def careless(right: CaptchaAnswer) -> bool:
    """How it would be without care: looked at, then taken."""
    id = decode_as("Captcha", right.captcha)
    found = await fetch_one("SELECT used_at FROM captcha WHERE id = $1", id)
    if found is None or found["used_at"] is not None:
        return False
    await execute("UPDATE captcha SET used_at = now() WHERE id = $1", id)
    return True


async def test_without_that_care_more_than_one_would_win(procedure: Procedure) -> None:
    right = await make_captcha("SUBMIT_REQUEST")
    winners = await asyncio.gather(*(careless(right) for _ in range(50)))
    assert sum(winners) > 1


async def test_of_fifty_wrong_answers_at_once_three_count_and_none_is_left(procedure: Procedure) -> None:
    right = await make_captcha("SUBMIT_REQUEST")
    guesses = [replace(right, answer=f"WRONG{number}") for number in range(50)]
    outcomes = await asyncio.gather(
        *(check(guess, "SUBMIT_REQUEST") for guess in guesses), return_exceptions=True
    )
    assert {type(outcome) for outcome in outcomes} == {CaptchaError}
    assert (await Captcha.get()).tries_left == 0
    with pytest.raises(CaptchaError):
        await pass_with(procedure, right)


async def worked(actor: Visitor = Visitor(), address: str | None = None) -> CaptchaAnswer:  # noqa: B008
    """A challenge whose work was done."""
    wanted = Selection.of("id", "proof_of_work")
    row = await create_captcha(actor, purpose="SUBMIT_REQUEST", selection=wanted, address=address)
    challenge = altcha.Challenge.from_dict(row["proof_of_work"])
    solution = await asyncio.to_thread(altcha.solve_challenge, challenge)
    assert solution is not None
    return CaptchaAnswer(row["id"], proof_of_work=altcha.Payload(challenge, solution).to_base64())


@pytest.fixture
def little_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof_of_work, "FEWEST_ATTEMPTS", 5)
    monkeypatch.setattr(proof_of_work, "MOST_ATTEMPTS", 20)


@pytest.mark.usefixtures("little_work")
async def test_work_instead_of_a_code_passes_once(procedure: Procedure) -> None:
    answer = await worked()
    await pass_with(procedure, answer)
    with pytest.raises(CaptchaError):
        await pass_with(procedure, answer)


@pytest.mark.usefixtures("little_work")
async def test_of_fifty_times_the_same_work_one_wins(procedure: Procedure) -> None:
    answer = await worked()
    outcomes = await asyncio.gather(
        *(pass_with(procedure, answer) for _ in range(50)), return_exceptions=True
    )
    assert sum(outcome is None for outcome in outcomes) == 1


@pytest.mark.usefixtures("little_work")
async def test_work_for_another_challenge_is_a_wrong_answer(procedure: Procedure) -> None:
    other = await make_captcha("SUBMIT_REQUEST", answer="")
    with pytest.raises(CaptchaError):
        await pass_with(procedure, replace(await worked(), captcha=other.captcha))
    id = decode_as("Captcha", other.captcha)
    assert (await Captcha.get(id=id)).tries_left == 2


@pytest.mark.usefixtures("little_work")
async def test_a_code_and_work_together_are_none_of_both(procedure: Procedure) -> None:
    with pytest.raises(CaptchaError):
        await pass_with(procedure, replace(await worked(), answer=CAPTCHA_CODE))
    with pytest.raises(CaptchaError):
        await pass_with(procedure, replace(await make_captcha("SUBMIT_REQUEST"), answer=None))


async def made_at(address: str | None) -> CaptchaAnswer:
    row = await create_captcha(Visitor(), purpose="SUBMIT_REQUEST", selection=WANTED, address=address)
    return CaptchaAnswer(row["id"], CAPTCHA_CODE)


async def use(answer: CaptchaAnswer, address: str | None) -> bool:
    passed = await check(replace(answer, address=address), "SUBMIT_REQUEST")
    try:
        async with transaction():
            await consume(passed, "SUBMIT_REQUEST")
    except CaptchaError:
        return False
    return True


async def test_whoever_stays_in_a_network_passes_as_often_as_they_like(procedure: Procedure) -> None:
    for number in range(MOST_MOVED + 5):
        assert await use(await made_at("192.0.2.1"), f"192.0.2.{number}")


async def test_whoever_moves_meanwhile_passes_but_solved_ones_are_not_handed_round(
    procedure: Procedure,
) -> None:
    for number in range(MOST_MOVED):
        assert await use(await made_at(f"198.51.{number}.1"), "192.0.2.1")
    late = await made_at("203.0.113.1")
    assert not await use(late, "192.0.2.1")
    assert await use(late, "203.0.113.9")
    assert await use(await made_at("192.0.2.1"), "192.0.2.1")


async def test_nor_do_they_leave_one_network_for_many(procedure: Procedure) -> None:
    answers = [await made_at("192.0.2.1") for _ in range(MOST_MOVED + 10)]
    outcomes = await asyncio.gather(*(use(answer, f"10.{n}.0.1") for n, answer in enumerate(answers)))
    assert sum(outcomes) == MOST_MOVED


async def made_by(caller: str | None) -> CaptchaAnswer:
    row = await create_captcha(Visitor(), purpose="SUBMIT_REQUEST", selection=WANTED, caller=caller)
    return CaptchaAnswer(row["id"], CAPTCHA_CODE)


async def test_what_was_asked_for_with_a_ticket_is_answered_with_that_ticket(procedure: Procedure) -> None:
    theirs = await made_by("request 1")
    for stranger in (None, "request 2", "account 1"):
        assert not await use(replace(theirs, caller=stranger), None)
    assert await use(replace(theirs, caller="request 1"), None)


async def test_what_a_visitor_asked_for_they_answer_once_they_are_somebody(procedure: Procedure) -> None:
    for caller in (None, "request 1", "account 1"):
        assert await use(replace(await made_by(None), caller=caller), None)


async def test_nobody_elses_answers_at_once_take_the_challenge_away(procedure: Procedure) -> None:
    theirs = await made_by("request 1")
    outcomes = await asyncio.gather(
        *(use(replace(theirs, caller=f"request {number % 10}"), None) for number in range(50))
    )
    assert [number for number, won in enumerate(outcomes) if won and number % 10 != 1] == []
    assert sum(outcomes) == 1


async def test_five_minutes_are_those_of_the_database(procedure: Procedure) -> None:
    """However wrong the clock of an API process is."""
    await made_by(None)
    row = await fetch_one("SELECT expires_at - created_at AS lasts FROM captcha")
    assert row is not None
    assert row["lasts"] == LIFETIME


async def test_no_address_is_kept(procedure: Procedure) -> None:
    await use(await made_at("192.0.2.1"), "192.0.2.1")
    await made_by("request 1")
    assert len((await Captcha.filter(used_at=None).get()).caller or b"") == 16
    kept = await fetch_one("SELECT network, used_from FROM captcha WHERE used_at IS NOT NULL")
    assert kept is not None
    assert kept["network"] == kept["used_from"]
    assert len(kept["network"]) == 16
    assert b"192" not in kept["network"]
