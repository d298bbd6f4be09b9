"""Partner systems over HTTP: let in by an administrator, told of what happens, shut out again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.files import a_jpeg, a_pdf
from tests.journeys.client import Client, Data, FileToSend, RefusedError
from tests.journeys.stories import (
    ANSWERS_WITH_APPOINTMENT,
    WITH_APPOINTMENT,
    captcha,
    contact,
    draft_request,
    file_request,
    new_address,
    open_slots,
    partner_token,
    post,
    webhook_input,
)
from tests.stack import Stack
from tests.webhook_receiver import Receiver, receiving


@pytest_asyncio.fixture
async def receiver(stack: Stack) -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def let_in(stack: Stack, **asked: Any) -> tuple[Client, Client, Data]:
    """An administrator, a partner system that they let in, and its token as the administrator sees it."""
    administrator = await Client(stack.api).log_in("admin")
    created = await administrator.change("CreatePartnerToken", input=partner_token(**asked))
    partner = Client(stack.api, f"Bearer {created['token']}")
    return administrator, partner, created["partnerToken"]


async def tell(partner: Client, receiver: Receiver, **asked: Any) -> Data:
    """Has a partner's events told to the receiver; the webhook."""
    saved = await partner.change("SaveWebhook", input={"url": receiver.url, **asked})
    receiver.secret = saved["secret"]
    webhook: Data = saved["webhook"]
    return webhook


async def until(receiver: Receiver, count: int, within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while len(receiver.taken) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def changes_of(partner: Client, request: str) -> list[Data]:
    """Every event of one request, page by page."""
    found, after = [], None
    while True:
        page = (await partner.run("PartnerChanges", after=after, first=20))["changes"]
        found += [node for node in page["nodes"] if node["request"]["id"] == request]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def everything_happens(stack: Stack) -> str:
    """A request that meets nearly all that there is."""
    administrator, agent = await Client(stack.api).log_in("admin"), await Client(stack.api).log_in("agent")
    visitor = Client(stack.api)
    _, slots = await open_slots(administrator)
    draft = await draft_request(visitor, WITH_APPOINTMENT)
    filled = await visitor.change(
        "UpdateRequest",
        request=draft["id"],
        version=draft["version"],
        contact=contact(),
        answers=ANSWERS_WITH_APPOINTMENT,
    )
    await visitor.change("BookAppointment", request=draft["id"], slot=slots[0]["id"])
    sent = await visitor.change(
        "SubmitRequest",
        request=draft["id"],
        version=filled["request"]["version"],
        captcha=await captcha(visitor, "SUBMIT_REQUEST"),
    )
    request: str = draft["id"]
    photo = FileToSend(a_jpeg(), "photo.jpg", "image/jpeg")
    added = await visitor.change(
        "AddAttachment", request=request, title="Une photo", source={"upload": photo}
    )
    attachment = added["attachment"]["id"]
    paper = FileToSend(a_pdf(), "photo.pdf", "application/pdf")
    await visitor.change("ReplaceAttachment", attachment=attachment, source={"upload": paper})
    exchange = await post(agent, request, "Bonjour, est-ce bien cela ?")
    await visitor.change("MarkExchangesRead", request=request, upTo=exchange["id"])
    await visitor.change("RemoveAttachment", attachment=attachment)
    page = await visitor.run("RequestPage", request=request)
    appointment = page["appointments"][0]["id"]
    await visitor.change("MoveAppointment", appointment=appointment, slot=slots[1]["id"])
    await agent.change(
        "ChangeRequestStatus",
        request=request,
        version=(await visitor.run("RequestPage", request=request))["version"],
        status="IN_PROGRESS",
        reason="Nous regardons.",
    )
    await visitor.change("CancelRequest", request=request, reason="Tout compte fait, non.")
    assert sent["request"]["id"] == request
    return request


HAPPENED = [
    "RequestSubmitted",
    "AppointmentBooked",
    "AttachmentAdded",
    "AttachmentReplaced",
    "ExchangePosted",
    "ExchangesRead",
    "AttachmentRemoved",
    "AppointmentMoved",
    "RequestStatusChanged",
    "RequestCancelled",
    "AppointmentCancelled",
]


async def test_a_webhook_tells_what_the_feed_does_byte_for_byte(stack: Stack, receiver: Receiver) -> None:
    _, partner, _ = await let_in(stack)
    webhook = await tell(partner, receiver, state="PAUSED")
    request = await everything_happens(stack)
    fed = await changes_of(partner, request)
    assert [event["__typename"] for event in fed] == HAPPENED
    assert receiver.deliveries == []

    await partner.change("SaveWebhook", input=webhook_input(webhook, state="ACTIVE"))
    await until(receiver, len(fed))
    told = [delivery.event for delivery in receiver.taken if delivery.request == request]
    assert told == fed
    assert [list(event) for event in told] == [list(event) for event in fed]
    seen = (await partner.run("PartnerWebhooks"))["webhooks"][0]
    assert (seen["state"], seen["lastError"], seen["waitingRequests"]) == ("ACTIVE", None, 0)
    assert seen["lastDeliveryAt"]


async def test_an_administrator_sees_what_is_refused_and_has_it_sent_again(
    stack: Stack, receiver: Receiver
) -> None:
    administrator, partner, token = await let_in(stack, procedures=["signalement-voirie"])
    await tell(partner, receiver)

    async def at_the_desk() -> Data:
        listed: list[Data] = (await administrator.run("DeskWebhooks"))["webhooks"]
        return next(one for one in listed if one["partnerToken"]["id"] == token["id"])

    assert [(await at_the_desk())[name] for name in ("state", "lastError", "waitingEvents")] == [
        "ACTIVE",
        None,
        0,
    ]
    receiver.decide = lambda _: 410
    await file_request(Client(stack.api))
    async with asyncio.timeout(20):
        while (seen := await at_the_desk())["state"] == "ACTIVE":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert seen["host"] == "127.0.0.1"
    assert (seen["waitingEvents"], seen["lastDeliveryAt"]) == (1, None)
    assert "410" in seen["lastError"]
    assert seen["pausedAt"] >= seen["failingSince"]
    for secret in ("secret-of-the-address", receiver.secret):
        assert secret not in str(seen)

    receiver.decide = lambda _: 204
    resumed = await administrator.change("ResumeWebhook", webhook=seen["id"])
    assert resumed["webhook"]["state"] == "ACTIVE"
    await until(receiver, 1)
    async with asyncio.timeout(20):
        while (seen := await at_the_desk())["lastError"]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (seen["waitingEvents"], seen["failingSince"], seen["pausedAt"]) == (0, None, None)


async def test_an_event_is_told_at_once_and_again_until_it_is_taken(stack: Stack, receiver: Receiver) -> None:
    _, partner, _ = await let_in(stack, procedures=["signalement-voirie"])
    await tell(partner, receiver)
    refusals = iter((500, None))
    receiver.decide = lambda _: next(refusals, 204)
    address = new_address()
    sent = await file_request(Client(stack.api), email=address)
    await until(receiver, 1, within=60)
    assert [delivery.status for delivery in receiver.deliveries] == [500, None, 204]
    assert len({delivery.id for delivery in receiver.deliveries}) == 1

    # Answers come back through the API.
    answered = await post(partner, sent["id"], "Une équipe passe demain.")
    moved = await partner.change(
        "ChangeRequestStatus", request=sent["id"], version=sent["version"], status="IN_PROGRESS"
    )
    await until(receiver, 3)
    assert [delivery.event["actor"] for delivery in receiver.taken[1:]] == ["PARTNER", "PARTNER"]
    assert receiver.taken[1].event["exchange"]["id"] == answered["id"]
    assert receiver.taken[2].event["request"]["version"] == moved["request"]["version"]
    mail = await stack.inbox.wait_for(address, subject="Un nouveau message")
    assert "Logiciel d’état civil vous a écrit" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


async def test_a_token_that_is_revoked_opens_and_is_told_nothing_more(
    stack: Stack, receiver: Receiver
) -> None:
    administrator, partner, token = await let_in(stack)
    await tell(partner, receiver)
    sent = await file_request(Client(stack.api))
    await until(receiver, 1)
    tokens = (await administrator.run("DeskPartnerTokens"))["partnerTokens"]
    assert next(one for one in tokens if one["id"] == token["id"])["lastUsedAt"]
    handler = await Client(stack.api).log_in("agent")
    assert (await handler.run("DeskPartnerTokens"))["partnerTokens"] == []

    left = await administrator.change("RevokePartnerToken", token=token["id"])
    assert token["id"] not in {one["id"] for one in left["partnerTokens"]}
    response = await partner.send("{ partner { name } }")
    assert response.status_code == 401
    await post(administrator, sent["id"], "Bonjour.")
    await asyncio.sleep(3)
    assert len(receiver.deliveries) == 1


async def test_what_a_partner_may_not(stack: Stack) -> None:
    _, partner, _ = await let_in(stack, scopes=["READ_CHANGES"])
    sent = await file_request(Client(stack.api))
    for name, variables in (
        ("PartnerChanges", {}),
        ("PartnerWebhooks", {}),
        ("SaveWebhook", {"input": {"url": "https://partenaire.example/"}}),
        ("PostExchange", {"request": sent["id"], "body": "Bonjour."}),
        ("ChangeRequestStatus", {"request": sent["id"], "version": sent["version"], "status": "ACCEPTED"}),
        ("DeskPartnerTokens", {}),
        ("DeskWebhooks", {}),
        ("CreatePartnerToken", {"input": partner_token()}),
        ("AddAttachment", {"request": sent["id"], "source": {"resumableUpload": "x"}}),
    ):
        if name in ("DeskPartnerTokens", "DeskWebhooks"):
            assert await partner.run(name) is None
            continue
        with pytest.raises(RefusedError) as refused:
            await partner.run(name, **variables)
        assert refused.value.code == "FORBIDDEN", name
    async with httpx.AsyncClient(base_url=stack.api.url) as http:
        for authorization in (f"{partner.authorization}x", "Bearer ecp_" + "a" * 49):
            response = await http.post(
                "/graphql", json={"query": "{ partner { name } }"}, headers={"Authorization": authorization}
            )
            assert response.status_code == 401
            assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("part", ["changes", "webhooks"])
async def test_nobody_else_has_that_side(part: str, stack: Stack) -> None:
    for client in (Client(stack.api), await Client(stack.api).log_in("admin")):
        response = await client.send(f"{{ partner {{ {part} {{ __typename }} }} }}")
        assert response.json()["data"] == {"partner": None}
