"""Whether the time of an answer tells whom a new password was asked for: samples over HTTP, and how they separate."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta
from time import perf_counter
from uuid import UUID, uuid4

import asyncpg
import httpx

from core.clock import now
from models.ids import encode, new_id
from tests.journeys.documents import document
from tests.journeys.stories import CODE, new_address, open_account
from tests.stack import Stack


def separation(one: Sequence[float], other: Sequence[float]) -> float:
    """How well a threshold tells the two apart: the area under its ROC curve (Mann and Whitney's U over all pairs), 0.5
    where it can't, 1 where it always can, whichever of the two takes longer.
    """
    places: dict[float, list[int]] = {}
    for place, value in enumerate(sorted([*one, *other]), start=1):
        places.setdefault(value, []).append(place)
    total = sum(sum(places[value]) / len(places[value]) for value in one)
    area = (total - len(one) * (len(one) + 1) / 2) / (len(one) * len(other))
    return max(area, 1 - area)


async def names(stack: Stack) -> list[str]:
    """What names somebody: usernames and addresses, confirmed or not, of one account and of two."""
    _, lone = await open_account(stack.api)
    shared = new_address()
    accounts = [(await open_account(stack.api, email=shared))[1] for _ in range(2)]
    _, unconfirmed = await open_account(stack.api)
    connection = await asyncpg.connect(stack.servers.postgres.url())
    try:
        for account in (lone, *accounts):
            await connection.execute(
                "UPDATE account SET email_confirmed_at = now() WHERE email = $1", account["profile"]["email"]
            )
    finally:
        await connection.close()
    return [lone["username"], lone["profile"]["email"], shared, unconfirmed["username"]]


async def captchas(stack: Stack, count: int) -> list[UUID]:
    """So many challenges, as if each had been asked for just now."""
    ids = [new_id() for _ in range(count)]
    connection = await asyncpg.connect(stack.servers.postgres.url())
    try:
        at = now()
        await connection.executemany(
            "INSERT INTO captcha (id, purpose, created_at, expires_at, tries_left) "
            "VALUES ($1, 'REQUEST_PASSWORD', $2, $3, 3)",
            [(id, at, at + timedelta(hours=1)) for id in ids],
        )
    finally:
        await connection.close()
    return ids


async def sample(stack: Stack, times: int) -> tuple[list[float], list[float]]:
    """Seconds of `times` answers about somebody and about nobody, in pairs, each pair in random order."""
    known = await names(stack)
    left = iter(await captchas(stack, 2 * times + 20))
    somebody: list[float] = []
    nobody: list[float] = []
    async with httpx.AsyncClient(base_url=stack.api.url, timeout=30) as http:

        async def ask(typed: str) -> float:
            captcha = {"captcha": encode("Captcha", next(left)), "answer": CODE}
            body = {
                "query": document("RequestNewPassword").text,
                "variables": {"usernameOrEmail": typed, "captcha": captcha},
            }
            began = perf_counter()
            response = await http.post("/graphql", json=body)
            took = perf_counter() - began
            assert response.status_code == 200, response.text
            assert "errors" not in response.json(), response.text
            return took

        for _ in range(10):
            await ask(unknown())
        for _ in range(times):
            pair = [(somebody, random.choice(known)), (nobody, unknown())]
            random.shuffle(pair)
            for times_taken, typed in pair:
                times_taken.append(await ask(typed))
    return somebody, nobody


async def forget(stack: Stack) -> None:
    """What was asked for and has not been mailed yet: whoever comes next need not wait for it."""
    connection = await asyncpg.connect(stack.servers.postgres.url())
    try:
        await connection.execute("DELETE FROM new_password_request")
        await connection.execute(
            "DELETE FROM mail WHERE id IN (SELECT id FROM mail WHERE state = 'PENDING' FOR UPDATE SKIP LOCKED)"
        )
    finally:
        await connection.close()


def unknown() -> str:
    """A username or an address that nobody has, shaped as those that somebody has."""
    return random.choice([f"citoyen-{uuid4().hex[:10]}", new_address()])
