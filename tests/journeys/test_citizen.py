"""A citizen with an account."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.journeys.client import Client, RefusedError
from tests.journeys.stories import (
    captcha,
    contact,
    draft_request,
    file_request,
    follow_link,
    new_address,
    open_account,
)
from tests.stack import Stack

PASSWORD = "Tournesol-au-balcon-7"


async def test_every_mistake_in_a_new_account_is_named_at_once(stack: Stack) -> None:
    visitor = Client(stack.api)

    refused = await visitor.run(
        "CreateAccount",
        input={
            "username": "é!",
            "password": "azerty",
            "profile": contact("pas une adresse", lastName="", mobilePhone="12", birthDate="2999-01-01"),
            "captcha": await captcha(visitor, "CREATE_ACCOUNT"),
        },
    )

    assert refused["code"] == "VALIDATION"
    assert {problem["path"] for problem in refused["fields"]} == {
        "username",
        "password",
        "profile.lastName",
        "profile.birthDate",
        "profile.email",
        "profile.mobilePhone",
    }
    assert all(problem["message"] for problem in refused["fields"])


async def test_a_taken_username_comes_with_others_and_leaves_the_security_code_good(stack: Stack) -> None:
    visitor = Client(stack.api)
    input = {
        "username": "Citoyen1",
        "password": PASSWORD,
        "profile": contact(),
        "captcha": await captcha(visitor, "CREATE_ACCOUNT"),
    }

    taken = await visitor.run("CreateAccount", input=input)
    created = await visitor.change("CreateAccount", input={**input, "username": taken["suggestions"][0]})

    assert taken["code"] == "USERNAME_TAKEN"
    assert created["account"]["username"] == taken["suggestions"][0]


async def test_the_mailed_link_confirms_the_address_as_often_as_it_is_opened(stack: Stack) -> None:
    citizen, account = await open_account(stack.api)
    token = await follow_link(stack.inbox, account["profile"]["email"])
    assert account["emailConfirmedAt"] is None

    first = await Client(stack.api).change("ConfirmEmail", token=token)
    second = await Client(stack.api).change("ConfirmEmail", token=token)
    forged = await Client(stack.api).run("ConfirmEmail", token=token[:-4] + "AAAA")

    assert first["account"]["emailConfirmedAt"] == second["account"]["emailConfirmedAt"] is not None
    assert forged["code"] == "NOT_FOUND"
    assert (await citizen.run("MyAccount"))["emailConfirmedAt"]

    moved = await citizen.change("UpdateProfile", profile=contact(new_address()))
    assert moved["account"]["emailConfirmedAt"] is None
    assert (await Client(stack.api).run("ConfirmEmail", token=token))["code"] == "NOT_FOUND"


async def test_a_cookie_counts_only_with_the_header_that_other_sites_cannot_send(stack: Stack) -> None:
    browser = Client(stack.api)
    logged_in = await browser.change(
        "LogIn", username="citoyen1", password="Demonstration-2026", delivery="COOKIE"
    )
    (cookie,) = browser.cookies.jar
    assert logged_in["token"] is None
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") in ("lax", "strict")

    assert (await browser.run("MyAccount"))["username"] == "citoyen1"
    forged = await browser.send("{ me { username } }", headers={"X-Requested-With": None})
    assert forged.status_code == 403
    assert forged.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"

    assert await browser.run("LogOut") is True
    assert not list(browser.cookies.jar)
    assert await browser.run("MyAccount") is None


async def test_wrong_credentials_say_nothing_of_which_is_wrong(stack: Stack) -> None:
    visitor = Client(stack.api)

    unknown = await visitor.run("LogIn", username=uuid4().hex, password=PASSWORD)
    wrong = await visitor.run("LogIn", username="citoyen1", password=PASSWORD)

    assert unknown == wrong
    assert wrong["code"] == "INVALID_CREDENTIALS"


async def test_a_revoked_session_is_worth_nothing_at_once(stack: Stack) -> None:
    citizen, account = await open_account(stack.api)
    elsewhere = await Client(stack.api).log_in(account["username"], PASSWORD)
    sessions = (await citizen.run("MySessions"))["sessions"]
    assert sorted(session["current"] for session in sessions) == [False, True]
    forgotten = next(session for session in sessions if not session["current"])

    left = await citizen.change("RevokeSession", session=forgotten["id"])
    again = await citizen.run("RevokeSession", session=forgotten["id"])

    assert [session["current"] for session in left["sessions"]] == [True]
    assert again["code"] == "NOT_FOUND"
    with pytest.raises(RefusedError) as refused:
        await elsewhere.run("MyAccount")
    assert refused.value.code == "UNAUTHENTICATED"


async def test_the_profile_fills_mes_informations_with_the_preferred_contact_method(stack: Stack) -> None:
    citizen, _ = await open_account(
        stack.api, mobilePhone="06 12 34 56 78", preferredContactMethod="MOBILE_PHONE"
    )

    draft = await draft_request(citizen)

    assert draft["contact"]["lastName"] == "Marchand"
    assert draft["contact"]["mobilePhone"] == "+33612345678"
    assert draft["contact"]["preferredContactMethod"] == "MOBILE_PHONE"


async def test_attaches_what_they_asked_as_a_visitor_and_finds_archived_ones_apart(stack: Stack) -> None:
    visitor = Client(stack.api)
    sent = await file_request(visitor)
    citizen, _ = await open_account(stack.api)
    other, _ = await open_account(stack.api)
    kept = await file_request(citizen)

    claimed = await citizen.change("ClaimRequest", ticket=sent["ticket"].lower())
    again = await citizen.change("ClaimRequest", ticket=sent["ticket"])
    late = await other.run("ClaimRequest", ticket=sent["ticket"])

    assert claimed["request"]["claimed"]
    assert again["request"]["version"] == claimed["request"]["version"]
    assert late["code"] == "NOT_ALLOWED"
    mine = await citizen.run("MyRequests")
    assert {node["id"] for node in mine["requests"]["nodes"]} == {sent["id"], kept["id"]}

    await citizen.change("CancelRequest", request=sent["id"])
    mine = await citizen.run("MyRequests")
    archived = await citizen.run("MyArchivedRequests")
    assert [node["id"] for node in mine["requests"]["nodes"]] == [kept["id"]]
    assert mine["archived"]["totalCount"] == 1
    assert [node["id"] for node in archived["requests"]["nodes"]] == [sent["id"]]


async def test_an_english_speaking_citizen_is_answered_and_written_to_in_english(stack: Stack) -> None:
    citizen, account = await open_account(stack.api, language="en")
    sent = await file_request(citizen)
    page = await citizen.run("RequestPage", request=sent["id"])
    address = account["profile"]["email"]

    confirmation = await stack.inbox.wait_for(address, subject="Confirm")
    acknowledgement = await stack.inbox.wait_for(address, subject="Acknowledgement of your request")

    text = acknowledgement.get_body(("plain",))
    assert text is not None
    assert f"Your ticket number:\n\n    {sent['ticket']}" in text.get_content().replace("\r\n", "\n")
    assert confirmation["Content-Language"] == acknowledgement["Content-Language"] == "en"
    assert page["history"]["nodes"][0]["description"] == "The request was submitted."
