"""What somebody tries who wants more than the limits: writing it otherwise, coming from elsewhere, all at once."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Any

import httpx
import pytest
import pytest_asyncio
import websockets
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from core import limits
from core.errors import RateLimitedError
from core.limits.counting import NETWORKS_OF_A_SITE
from core.limits.declared import CREATE_ACCOUNT, LOG_IN, TICKET
from core.redis import get_redis
from core.settings import Settings, get_settings
from espace.asgi import make_app
from espace.embedded.valkey import EmbeddedValkey
from models.database import fetch
from tests.espace.limits.calling import CHEAP, HERE, fill, post

TRIES = LOG_IN.each_pair[0].amount
TICKETS = TICKET.each_address[0].amount


def guess(username: str = "marie", alias: str = "logIn") -> str:
    asked = json.dumps(username, ensure_ascii=False)
    return f'{alias}: logIn(input: {{username: {asked}, password: "x", delivery: TOKEN}}) {{ __typename }}'


def guessed(response: httpx.Response) -> int:
    """How many guesses of an answer were let through."""
    body = response.json()
    codes = [error["extensions"]["code"] for error in body.get("errors", [])]
    assert set(codes) <= {"RATE_LIMITED"}, body
    return 0 if codes else len(body["data"])


async def guess_from(client: httpx.AsyncClient, *forwarded: str, times: int = 1) -> int:
    """How many guesses are let through that come from these addresses in turn, as a trusted proxy says."""
    answers = [
        await post(client, f"mutation {{ {guess()} }}", **{"X-Forwarded-For": address})
        for _ in range(times)
        for address in forwarded
    ]
    return sum(map(guessed, answers))


async def test_a_hundred_guesses_at_once_are_ten(client: httpx.AsyncClient) -> None:
    documents = [f"mutation {{ {guess()} }}"] * 100
    answers = await asyncio.gather(*(post(client, document) for document in documents))
    assert sum(map(guessed, answers)) == TRIES
    waits = [int(answer.headers["retry-after"]) for answer in answers if "retry-after" in answer.headers]
    assert len(waits) == 100 - TRIES
    assert max(waits) <= 2 * LOG_IN.each_pair[0].seconds


async def test_nor_are_a_hundred_aliases_in_five_operations_more(client: httpx.AsyncClient) -> None:
    """The whole of an operation is undone by its first field that is refused; but its first ten have been counted."""
    document = "mutation { " + " ".join(guess(alias=f"a{number}") for number in range(20)) + " }"
    assert sum([guessed(await post(client, document)) for _ in range(5)]) == 0
    assert await guess_from(client, HERE) == 0
    document = "mutation { " + " ".join(guess(alias=f"a{number}") for number in range(100)) + " }"
    refused = (await post(client, document)).json()
    assert "data" not in refused or refused["data"] is None


async def test_aliases_of_a_query_count_one_by_one(client: httpx.AsyncClient) -> None:
    await limits.count(TICKET, address=HERE, amount=TICKETS - 12)
    fields = " ".join(
        f'a{number}: requestByTicket(ticket: "0000-0000-0000-0000-{number:04}") {{ id }}'
        for number in range(20)
    )
    answers = [await post(client, f"{{ {fields} }}")]
    answers.append(await client.get("/graphql", params={"query": f"{{ {fields} }}"}))
    for answer, expected in zip(answers, (8, 20), strict=True):
        codes = Counter(error["extensions"]["code"] for error in answer.json()["errors"])
        assert codes == {"RATE_LIMITED": expected}


async def test_a_batch_is_no_call(client: httpx.AsyncClient) -> None:
    batch = [{"query": f"mutation {{ {guess()} }}"}] * 100
    assert (await client.post("/graphql", json=batch)).status_code == 400
    assert await guess_from(client, HERE, times=TRIES) == TRIES, "and nothing of it has happened"


async def test_neither_is_more_let_through_on_websockets(address: str) -> None:
    async def socket_of_guesses() -> int:
        url, protocol = address.replace("http", "ws") + "/graphql", "graphql-transport-ws"
        async with websockets.connect(url, subprotocols=[protocol]) as socket:  # type: ignore[list-item]
            await socket.send(json.dumps({"type": "connection_init"}))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            for number in range(25):
                payload = {"query": f"mutation {{ {guess()} }}"}
                await socket.send(json.dumps({"id": str(number), "type": "subscribe", "payload": payload}))
            passed = ended = 0
            while ended < 25:
                message: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 20))
                ended += message["type"] in ("complete", "error")
                passed += message["type"] == "next" and "errors" not in message["payload"]
            return passed

    assert sum(await asyncio.gather(*(socket_of_guesses() for _ in range(4)))) == TRIES


@pytest.mark.parametrize(
    "written",
    ["MARIE", "  marie ", "ｍａｒｉｅ", "Marİe", "MARİE", "marie\u2003"],
)
async def test_another_way_to_write_a_name_is_no_other_name(client: httpx.AsyncClient, written: str) -> None:
    assert await guess_from(client, HERE, times=TRIES) == TRIES
    assert guessed(await post(client, f"mutation {{ {guess(written)} }}")) == 0


async def test_of_a_proxy_only_what_it_has_added_is_believed(client: httpx.AsyncClient) -> None:
    claimed = [f"203.0.113.{number}, 198.51.100.7" for number in range(TRIES)]
    assert await guess_from(client, *claimed) == TRIES
    more = ["198.51.100.7", "unknown, 198.51.100.7", "127.0.0.1, 198.51.100.7", "2001:db8::1,198.51.100.7"]
    assert await guess_from(client, *more) == 0
    others = {"Forwarded": "for=192.0.2.9", "X-Real-IP": "192.0.2.9", "True-Client-IP": "192.0.2.9"}
    forged = {**others, "X-Forwarded-For": "198.51.100.7"}
    assert guessed(await post(client, f"mutation {{ {guess()} }}", **forged)) == 0


async def test_whoever_calls_without_a_proxy_says_in_vain_that_there_is_one(municipality: Settings) -> None:
    app: Any = ProxyHeadersMiddleware(make_app(municipality), trusted_hosts="10.0.0.1")  # type: ignore[arg-type]
    transport = httpx.ASGITransport(app, client=("198.51.100.1", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        claimed = [f"203.0.113.{number}" for number in range(30)]
        assert await guess_from(client, *claimed) == TRIES


async def test_an_address_is_one_however_it_is_written(client: httpx.AsyncClient) -> None:
    written = [
        "198.51.100.7",
        "::ffff:198.51.100.7",
        "::FFFF:c633:6407",
        "198.51.100.7:4711",
        "198.51.100.7:4712",
    ]
    assert await guess_from(client, *written, times=TRIES) == TRIES


async def test_a_subscriber_of_ipv6_is_one_caller_wherever_in_their_networks(
    client: httpx.AsyncClient,
) -> None:
    within = [f"2001:db8:1:2:{number:x}::{number:x}" for number in range(1, 21)]
    assert await guess_from(client, *within) == TRIES
    beside = [f"2001:db8:1:{number:x}::1" for number in range(16, 36)]
    assert await guess_from(client, *beside) == 0
    assert await guess_from(client, "2001:db8:2:2::1") == 1


async def test_many_networks_of_ipv6_open_few_accounts(client: httpx.AsyncClient) -> None:
    """By the limits of addresses, which name nobody."""
    most = CREATE_ACCOUNT.each_address[0].amount
    for number in range(NETWORKS_OF_A_SITE):
        await fill(CREATE_ACCOUNT, address=f"2001:db8:1:{number:x}::1")
    with pytest.raises(RateLimitedError):
        await limits.count(CREATE_ACCOUNT, address="2001:db8:1:ffff::1", amount=most // 100)
    await limits.count(CREATE_ACCOUNT, address="2001:db8:2:ffff::1", amount=most // 100)


async def test_a_redis_that_is_emptied_in_the_midst_gives_one_window_more(client: httpx.AsyncClient) -> None:
    assert await guess_from(client, HERE, times=TRIES + 5) == TRIES
    await get_redis().flushall()
    assert await guess_from(client, HERE, times=TRIES + 5) == TRIES
    await get_redis().script_flush()
    assert await guess_from(client, HERE, times=5) == 0


@pytest_asyncio.fixture
async def valkey(municipality: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EmbeddedValkey]:
    """One that may be stopped, and that the limits count in."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedValkey(Path(folder), Path(folder))
        server.start()
        monkeypatch.setenv("ESPACE_REDIS_URL", server.url())
        get_settings.cache_clear()
        yield server
        await limits.close()
        if server.process is not None and server.process.poll() is None:
            server.process.send_signal(SIGCONT)
        server.stop()


async def test_while_redis_is_stopped_or_frozen_guesses_are_counted(
    client: httpx.AsyncClient, valkey: EmbeddedValkey
) -> None:
    assert valkey.process is not None
    assert await guess_from(client, HERE, times=3) == 3
    valkey.process.send_signal(SIGSTOP)
    answers = await asyncio.gather(*(post(client, f"mutation {{ {guess()} }}") for _ in range(60)))
    assert sum(map(guessed, answers)) == TRIES, "counted anew, and no further"
    valkey.process.send_signal(SIGCONT)
    valkey.stop()
    assert await guess_from(client, HERE, times=20) == 0
    assert await fetch("SELECT id FROM limit_count") != []
    assert (await post(client, CHEAP)).status_code == 200, "everything else goes on"
