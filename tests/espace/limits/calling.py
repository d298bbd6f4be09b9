"""Calls, and what they are told of limits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx

from core.errors import RateLimitedError
from core.limits import Limit, count

HERE = "127.0.0.1"
CHEAP = "{ __typename municipality { name } }"
WRONG = 'mutation { logIn(input: {username: "marie", password: "x", delivery: TOKEN}) { __typename } }'


async def fill(limit: Limit, **who: str) -> None:
    """Counts until the first window of an address, of a caller, or of a subject from an address is full."""
    scope = "each_pair" if "subject" in who else "each_caller" if "caller" in who else "each_address"
    (rate, *_) = getattr(limit, scope)
    one: dict[str, Any] = {scope: (rate,)}
    alone, piece = replace(Limit(limit.name), **one), rate.amount
    while piece:
        try:
            await count(alone, amount=piece, **who)  # type: ignore[arg-type]
        except RateLimitedError:
            piece //= 2


def told_to_wait(response: httpx.Response) -> int:
    assert response.status_code == 429, response.text
    return int(response.headers["retry-after"])


async def post(client: httpx.AsyncClient, document: str, **headers: str) -> httpx.Response:
    return await client.post("/graphql", json={"query": document}, headers=headers)
