from __future__ import annotations

import asyncio

import pytest

from core.errors import CaptchaError
from core.selection import Selection
from models.actors import Visitor
from models.captcha import Captcha
from models.ids import decode_as, encode, new_id
from models.procedures import Procedure
from resolvers.captcha import CaptchaAnswer, captcha, code_to_draw, create_captcha
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


@pytest.mark.parametrize("id", ["", "x", encode("Captcha", new_id()), encode("Account", new_id())])
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
