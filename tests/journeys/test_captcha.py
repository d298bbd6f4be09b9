"""Somebody who cannot read the picture, or need not: the same code by ear, and a computer that works instead."""

from __future__ import annotations

import asyncio
import time

import altcha
import httpx
import miniaudio  # type: ignore[import-untyped]
import pytest

from tests.journeys.client import Client, Data
from tests.journeys.stories import CODE, contact
from tests.stack import Stack

PASSWORD = "Tournesol-au-balcon-7"


async def open_account(client: Client, username: str, captcha: Data) -> Data:
    return await client.change(
        "CreateAccount",
        input={"username": username, "password": PASSWORD, "profile": contact(), "captcha": captcha},
    )


async def listen(stack: Stack, url: str) -> bytes:
    path = httpx.URL(url).path
    async with httpx.AsyncClient(base_url=stack.api.url) as http:
        response = await http.get(path)
    assert response.status_code == 200
    assert response.headers["content-type"] == "audio/mpeg"
    return response.content


@pytest.mark.parametrize("language", ["fr", "en"])
async def test_a_code_is_heard_and_opens_an_account(stack: Stack, language: str) -> None:
    visitor = Client(stack.api, language=language)
    # Asked for without its audio, it is none of the stock: it is read aloud while the visitor waits.
    code = await visitor.run("CreateCaptchaOfWork", purpose="CREATE_ACCOUNT")

    async with visitor.follow("CaptchaAudio", captcha=code["id"]) as told:
        states = [(await told.next())["state"]]
        asked = await visitor.change("RequestCaptchaAudio", captcha=code["id"])
        assert asked["captcha"]["audio"]["state"] in ("PENDING", "READY")
        while states[-1] != "READY":
            audio = await told.next(within=20)
            states.append(audio["state"])
            assert states[-1] != "FAILED"
    content = await listen(stack, audio["url"])
    created = await open_account(visitor, f"oreille-{language}", {"captcha": code["id"], "answer": CODE})

    assert states[0] == "NOT_REQUESTED"
    assert 10 < miniaudio.decode(content).duration < 12
    assert created["account"]["username"] == f"oreille-{language}"
    assert code["id"] not in audio["url"]
    async with httpx.AsyncClient(base_url=stack.api.url) as http:
        assert (await http.get(httpx.URL(audio["url"]).path)).status_code == 404


async def test_one_of_the_stock_is_heard_at_once(stack: Stack) -> None:
    visitor = Client(stack.api)
    deadline = time.monotonic() + 60
    while True:
        code = await visitor.run("CreateCaptcha", purpose="CREATE_ACCOUNT")
        if code["audio"]["state"] == "READY":
            break
        assert time.monotonic() < deadline, stack.worker.output()
        await asyncio.sleep(0.5)
    content = await listen(stack, code["audio"]["url"])
    assert miniaudio.decode(content).duration > 6
    assert await open_account(visitor, "oreille-prete", {"captcha": code["id"], "answer": CODE})


async def test_a_computer_works_and_opens_one_account(stack: Stack) -> None:
    visitor = Client(stack.api)
    code = await visitor.run("CreateCaptchaOfWork", purpose="CREATE_ACCOUNT")
    challenge = altcha.Challenge.from_dict(code["proofOfWork"])
    solution = await asyncio.to_thread(altcha.solve_challenge, challenge)
    assert solution is not None
    answer = {"captcha": code["id"], "proofOfWork": altcha.Payload(challenge, solution).to_base64()}

    await open_account(visitor, "machine-1", answer)
    again = await visitor.run(
        "CreateAccount",
        input={"username": "machine-2", "password": PASSWORD, "profile": contact(), "captcha": answer},
    )

    assert again["code"] == "CAPTCHA_REJECTED"


async def test_the_log_of_the_worker_tells_no_code(stack: Stack) -> None:
    assert CODE not in stack.worker.output()
    assert CODE not in stack.api.output()
