"""Messages both ways, with what each side sees of the other, live and across API processes."""

from __future__ import annotations

from tests.journeys.client import Client, Data
from tests.journeys.stories import file_request, open_account, post
from tests.stack import Stack


async def states(who: Client, request: str) -> list[str]:
    page = await who.run("RequestPage", request=request)
    return [exchange["readState"] for exchange in page["exchanges"]["nodes"]]


async def unread(who: Client, request: str) -> int:
    page: Data = await who.run("RequestPage", request=request)
    return int(page["unreadExchangeCount"])


async def test_each_side_sees_what_it_sent_and_received_read_or_not(stack: Stack) -> None:
    citizen, _ = await open_account(stack.api)
    agent = await Client(stack.api).log_in("agent")
    request = (await file_request(citizen))["id"]
    first = await post(citizen, request, "Bonjour, quand passez-vous ?")
    second = await post(agent, request, "Bonjour, jeudi matin.")

    assert await states(citizen, request) == ["SENT_UNREAD", "RECEIVED_UNREAD"]
    assert await states(agent, request) == ["RECEIVED_UNREAD", "SENT_UNREAD"]
    assert (await unread(citizen, request), await unread(agent, request)) == (1, 1)
    assert (await citizen.run("MyAccount"))["unreadExchangeCount"] == 1

    read = await citizen.change("MarkExchangesRead", request=request, upTo=second["id"])
    assert (read["marked"], read["request"]["unreadExchangeCount"]) == (1, 0)
    assert await states(citizen, request) == ["SENT_UNREAD", "RECEIVED_READ"]
    assert await states(agent, request) == ["RECEIVED_UNREAD", "SENT_READ"]
    again = await citizen.change("MarkExchangesRead", request=request, upTo=second["id"])
    assert again["marked"] == 0

    await post(citizen, request, "Merci !")
    read = await agent.change("MarkExchangesRead", request=request, upTo=first["id"])
    assert (read["marked"], read["request"]["unreadExchangeCount"]) == (1, 1), "what came after stays unread"
    page = await citizen.run("RequestPage", request=request)
    assert [event["__typename"] for event in page["history"]["nodes"]] == [
        "RequestSubmitted",
        "ExchangePosted",
        "ExchangePosted",
        "ExchangesRead",
        "ExchangePosted",
        "ExchangesRead",
    ]


async def test_the_same_key_writes_once(stack: Stack) -> None:
    visitor = Client(stack.api)
    request = (await file_request(visitor))["id"]

    sent = [
        await visitor.change("PostExchange", request=request, body="Allô ?", idempotencyKey="une clé unique")
        for _ in range(3)
    ]

    assert len({answer["exchange"]["id"] for answer in sent}) == 1
    assert await states(visitor, request) == ["SENT_UNREAD"]


async def test_what_happens_on_one_process_is_seen_live_on_another(stack: Stack) -> None:
    """Over WebSocket at the desk, over SSE at the citizen's, and in the bell on any other page."""
    other = await stack.start_api()
    citizen, _ = await open_account(stack.api)
    agent = await Client(stack.api).log_in("agent")
    request = (await file_request(citizen))["id"]
    page = await citizen.run("RequestPage", request=request)
    seen = page["history"]["nodes"][-1]["cursor"]
    start = (await agent.run("DeskInbox", first=1))["eventCursor"]

    async with (
        agent.at(other).follow("DeskEvents", after=start) as desk,
        citizen.at(other).stream("RequestEvents", request=request, after=seen) as suivi,
        citizen.at(other).follow("Notifications") as bell,
    ):
        first = await bell.next()
        assert (first["event"], first["unreadExchangeCount"]) == (None, 0)

        written = await post(agent, request, "Pouvez-vous préciser le lieu ?")
        arrived = await suivi.until("ExchangePosted")
        assert arrived["exchange"]["body"] == "Pouvez-vous préciser le lieu ?"
        assert arrived["exchange"]["readState"] == "RECEIVED_UNREAD"
        rung = await bell.next()
        assert (rung["event"]["__typename"], rung["unreadExchangeCount"]) == ("ExchangePosted", 1)
        assert rung["event"]["request"]["id"] == request

        await citizen.change("MarkExchangesRead", request=request, upTo=written["id"])
        receipt = await desk.until("ExchangesRead")
        assert receipt["upTo"]["id"] == written["id"]
        assert receipt["upTo"]["readState"] == "SENT_READ"
        assert (await bell.next())["unreadExchangeCount"] == 0


async def test_nobody_hears_of_other_peoples_requests(stack: Stack) -> None:
    citizen, _ = await open_account(stack.api)
    other, _ = await open_account(stack.api)
    mine = (await file_request(citizen))["id"]
    theirs = (await file_request(other))["id"]

    async with citizen.follow("Notifications") as bell:
        await bell.next()
        await post(other, theirs, "Bonjour.")
        await post(citizen, mine, "Bonsoir.")
        assert (await bell.next())["event"]["request"]["id"] == mine
        await bell.nothing()


async def test_several_subscriptions_share_a_connection_and_end_apart(stack: Stack) -> None:
    citizen, _ = await open_account(stack.api)
    requests = [(await file_request(citizen))["id"] for _ in range(2)]
    cursors = [
        (await citizen.run("RequestPage", request=id))["history"]["pageInfo"]["endCursor"] for id in requests
    ]

    async with citizen.connected() as connection:
        first, second = (
            connection.follow("RequestEvents", request=id, after=cursor)
            for id, cursor in zip(requests, cursors, strict=True)
        )
        await post(citizen, requests[0], "Un.")
        assert (await first.next())["request"]["id"] == requests[0]
        await first.close()
        await post(citizen, requests[1], "Deux.")
        assert (await second.next())["request"]["id"] == requests[1]
        await second.nothing(0.2)
