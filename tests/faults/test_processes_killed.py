"""`kill -9` of the processes of the program itself, while people use it."""

from __future__ import annotations

import asyncio

from tests.faults.insisting import NO_ANSWER, insist
from tests.journeys.client import Client, Data, RefusedError
from tests.journeys.stories import ANSWERS, captcha, contact, draft_request, file_request, new_address
from tests.stack import Stack

PEOPLE = 20


async def test_what_an_api_process_acknowledged_before_it_was_killed_is_there(stack: Stack) -> None:
    """And what it did not acknowledge can be sent again: done once, and acknowledged once."""
    doomed = await stack.start_api()
    addresses = [new_address() for _ in range(PEOPLE)]
    people = [Client(doomed) for _ in addresses]
    ready: list[tuple[Client, Data, Data]] = []
    for person, address in zip(people, addresses, strict=True):
        draft = await draft_request(person)
        filled = await person.change(
            "UpdateRequest", request=draft["id"], version=1, contact=contact(address), answers=ANSWERS
        )
        ready.append((person, filled["request"], await captcha(person, "SUBMIT_REQUEST")))

    acknowledged: list[str] = []

    async def submit(person: Client, draft: Data, code: Data) -> None:
        await person.change("SubmitRequest", request=draft["id"], version=draft["version"], captcha=code)
        acknowledged.append(draft["id"])
        if len(acknowledged) == PEOPLE // 3:
            doomed.kill()

    outcomes = await asyncio.gather(*(submit(*one) for one in ready), return_exceptions=True)
    lost = [outcome for outcome in outcomes if outcome is not None]
    assert lost, "it was killed in the midst of them"
    assert all(isinstance(outcome, (*NO_ANSWER, RefusedError)) for outcome in lost), lost

    for person, draft, _ in ready:
        again = person.at(stack.api)
        page = await again.run("RequestPage", request=draft["id"])
        assert page["status"] == "SUBMITTED" or draft["id"] not in acknowledged
        code = await captcha(again, "SUBMIT_REQUEST")
        await again.change("SubmitRequest", request=draft["id"], version=draft["version"], captcha=code)
        page = await again.run("RequestPage", request=draft["id"])
        assert [event["__typename"] for event in page["history"]["nodes"]] == ["RequestSubmitted"]
    for address in addresses:
        await stack.inbox.wait_for(address, within=30)
        assert len(stack.inbox.sent_to(address)) == 1


async def test_mail_leaves_after_the_worker_was_killed(stack: Stack) -> None:
    addresses = [new_address() for _ in range(6)]
    for number, address in enumerate(addresses):
        if number == 3:
            stack.worker.kill()
        await insist(lambda address=address: file_request(Client(stack.api), email=address))  # type: ignore[misc]

    await stack.worker.start()

    for address in addresses:
        await stack.inbox.wait_for(address, within=30)
        assert len({str(mail["Message-ID"]) for mail in stack.inbox.sent_to(address)}) == 1
