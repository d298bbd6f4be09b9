"""A visitor asks for something with nothing but a ticket in hand."""

from __future__ import annotations

from email.message import EmailMessage
from uuid import uuid4

from tests.journeys.client import Client
from tests.journeys.stories import (
    ANSWERS,
    PROCEDURE,
    captcha,
    contact,
    draft_request,
    file_request,
    new_address,
    post,
)
from tests.stack import Stack


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


async def test_finds_the_procedure_and_its_form(stack: Stack) -> None:
    visitor = Client(stack.api)

    found = await visitor.run("SearchProcedures", search="lampadere en pane")
    page = await visitor.run("ProcedurePage", slug=found["nodes"][0]["slug"])

    assert page["slug"] == PROCEDURE
    assert [step["kind"] for step in page["steps"]] == ["PROCEDURE", "CONTACT", "FORM", "SUMMARY"]
    lamp = next(field for field in page["steps"][2]["fields"] if field["key"] == "numero_lampadaire")
    assert lamp["visibleWhen"] == [{"field": "nature", "operator": "EQUALS", "values": ["eclairage"]}]


async def test_fills_step_by_step_and_sends_with_a_security_code(stack: Stack) -> None:
    visitor, address = Client(stack.api), new_address()
    key = uuid4().hex
    started = await visitor.change("StartRequest", procedure=PROCEDURE, idempotencyKey=key)
    again = await visitor.change("StartRequest", procedure=PROCEDURE, idempotencyKey=key)
    draft = started["request"]
    assert again["request"]["id"] == draft["id"]
    assert {problem["path"] for problem in draft["problems"]} >= {"contact.firstName", "nature", "lieu"}

    visitor.authorization = f"Ticket {draft['ticket']}"
    wrong = await visitor.run(
        "UpdateRequest",
        request=draft["id"],
        version=1,
        contact=contact("pas une adresse", firstName="x" * 101),
        answers=[
            {"field": "nature", "value": {"choices": ["volcan"]}},
            {"field": "danger", "value": {"text": "oui"}},
            {"field": "inconnu", "value": {"text": "?"}},
        ],
    )
    assert wrong["code"] == "VALIDATION"
    assert {problem["path"] for problem in wrong["fields"]} == {
        "contact.firstName",
        "contact.email",
        "nature",
        "danger",
        "inconnu",
    }

    half = await visitor.change("UpdateRequest", request=draft["id"], version=1, contact=contact(address))
    early = await visitor.run(
        "SubmitRequest",
        request=draft["id"],
        version=half["request"]["version"],
        captcha=await captcha(visitor, "SUBMIT_REQUEST"),
    )
    assert early["code"] == "VALIDATION"
    assert early["fields"] == half["request"]["problems"]

    filled = await visitor.change(
        "UpdateRequest", request=draft["id"], version=half["request"]["version"], answers=ANSWERS
    )
    assert filled["request"]["problems"] == []
    lines = {line["label"]: line["value"] for part in filled["request"]["summary"] for line in part["lines"]}
    assert lines["Numéro du lampadaire"] == "L-0042"
    assert "Que contient le dépôt ?" not in lines, "its condition does not hold"

    stale = await visitor.run("SubmitRequest", request=draft["id"], version=1, captcha=None)
    assert (stale["code"], stale["currentVersion"]) == ("CONFLICT", filled["request"]["version"])
    version = filled["request"]["version"]
    for code in (None, {**await captcha(visitor, "SUBMIT_REQUEST"), "answer": "FAUX"}):
        refused = await visitor.run("SubmitRequest", request=draft["id"], version=version, captcha=code)
        assert refused["code"] == "CAPTCHA_REJECTED"

    code = await captcha(visitor, "SUBMIT_REQUEST")
    sent = await visitor.change("SubmitRequest", request=draft["id"], version=version, captcha=code)
    assert sent["request"]["status"] == "SUBMITTED"
    assert sent["request"]["permittedActions"] == ["CANCEL", "POST_EXCHANGE", "ADD_ATTACHMENT"]

    mail = await stack.inbox.wait_for(address)
    assert draft["ticket"] in body(mail, "plain")
    assert draft["ticket"] in body(mail, "html")
    assert mail["Content-Language"] == "fr"
    assert "Accusé de réception" in str(mail["Subject"])


async def test_a_security_code_serves_once_and_for_what_it_was_made(stack: Stack) -> None:
    visitor = Client(stack.api)
    used = await captcha(visitor, "SUBMIT_REQUEST")
    for_an_account = await captcha(visitor, "CREATE_ACCOUNT")
    answers = []
    for code in (for_an_account, used, used):
        visitor.authorization = None
        draft = await draft_request(visitor)
        filled = await visitor.change(
            "UpdateRequest", request=draft["id"], version=1, contact=contact(), answers=ANSWERS
        )
        answer = await visitor.run(
            "SubmitRequest", request=draft["id"], version=filled["request"]["version"], captcha=code
        )
        answers.append(answer["__typename"])

    assert answers == ["CaptchaError", "SubmitRequestSuccess", "CaptchaError"]


async def test_comes_back_with_the_ticket_typed_by_hand(stack: Stack) -> None:
    visitor = Client(stack.api)
    sent = await file_request(visitor)
    typed = sent["ticket"].lower().replace("-", "")
    back = Client(stack.api)

    seen = await back.run("RequestByTicket", ticket=f"  {typed} ")
    back.authorization = f"Ticket {typed}"
    page = await back.run("RequestPage", request=sent["id"])

    assert seen["id"] == sent["id"]
    assert page["ticket"] == sent["ticket"]
    assert [event["description"] for event in seen["history"]["nodes"]] == ["La demande a été envoyée."]


async def test_a_slip_in_a_ticket_opens_nothing(stack: Stack) -> None:
    sent = await file_request(Client(stack.api))
    last = "0" if sent["ticket"][-1] != "0" else "1"

    assert await Client(stack.api).run("RequestByTicket", ticket=sent["ticket"][:-1] + last) is None


async def test_writes_reads_and_cancels(stack: Stack) -> None:
    visitor, address = Client(stack.api), new_address()
    agent = await Client(stack.api).log_in("agent")
    request = (await file_request(visitor, email=address))["id"]

    answer = await post(agent, request, "Bonjour, une équipe passe jeudi.")
    mail = await stack.inbox.wait_for(address, count=2)
    assert "jeudi" not in body(mail, "plain"), "what was written stays behind the ticket"
    unread = await visitor.run("RequestPage", request=request)
    assert (unread["unreadExchangeCount"], unread["exchanges"]["nodes"][0]["readState"]) == (
        1,
        "RECEIVED_UNREAD",
    )
    await visitor.change("MarkExchangesRead", request=request, upTo=answer["id"])
    thanks = await post(visitor, request, "Merci, c’est réparé.")
    assert thanks["authorName"] == "Hélène Marchand"

    cancelled = (await visitor.change("CancelRequest", request=request, reason="Réparé."))["request"]
    assert cancelled["status"] == "CANCELLED"
    assert cancelled["archivedAt"]
    page = await visitor.run("RequestPage", request=request)
    assert page["permittedActions"] == []
    assert page["history"]["nodes"][-1]["__typename"] == "RequestCancelled"
    late = await visitor.run("PostExchange", request=request, body="Encore moi.")
    assert late["code"] == "NOT_ALLOWED"
    assert "annulée" in str((await stack.inbox.wait_for(address, count=3))["Subject"]).lower()


async def test_throws_a_draft_away(stack: Stack) -> None:
    visitor = Client(stack.api)
    draft = await draft_request(visitor)

    await visitor.change("CancelRequest", request=draft["id"])

    assert await Client(stack.api).run("RequestByTicket", ticket=draft["ticket"]) is None


async def test_the_padlock_asks_for_an_account(stack: Stack) -> None:
    refused = await Client(stack.api).run("StartRequest", procedure="inscription-scolaire")

    assert refused["code"] == "ACCOUNT_REQUIRED"
