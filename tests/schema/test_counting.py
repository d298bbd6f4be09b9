"""Which fields count against which limits, and that each time one is resolved counts."""

from __future__ import annotations

from core.limits.declared import (
    APPOINTMENT,
    CAPTCHA,
    CAPTCHA_AUDIO,
    CREATE_ACCOUNT,
    LIMITS,
    LOG_IN,
    MAIL,
    NEW_PASSWORD,
    OPEN_PARTNER,
    START_REQUEST,
    SUBMIT_REQUEST,
    TICKET,
)
from models.requests import ServiceRequest
from schema.fields import ROOT_FIELDS
from tests.journeys.stories import contact
from tests.schema.conftest import PASSWORD, Calls

COUNTED = {
    "log_in": LOG_IN,
    "request_by_ticket": TICKET,
    "claim_request": TICKET,
    "create_captcha": CAPTCHA,
    "request_captcha_audio": CAPTCHA_AUDIO,
    "create_account": CREATE_ACCOUNT,
    "request_new_password": NEW_PASSWORD,
    "start_request": START_REQUEST,
    "submit_request": SUBMIT_REQUEST,
    "open_partner": OPEN_PARTNER,
    "book_appointment": APPOINTMENT,
    "move_appointment": APPOINTMENT,
}

WRONG = 'logIn(input: {username: "%s", password: "wrong", delivery: TOKEN}) { __typename }'


def test_the_fields_that_strangers_can_abuse_state_their_limits(calls: Calls) -> None:
    stated = {root.name: [counted.limit for counted in root.limits] for root in ROOT_FIELDS if root.limits}
    assert stated == {name: [limit] for name, limit in COUNTED.items()}


def test_a_limit_with_subjects_is_stated_with_one() -> None:
    for root in ROOT_FIELDS:
        for counted in root.limits:
            assert counted.limit in LIMITS
            by_subject = counted.limit.each_subject or counted.limit.each_pair or counted.limit.remembered
            assert bool(by_subject) == (counted.subject is not None), root.name


async def test_a_hundred_aliases_count_a_hundred_times(calls: Calls, limits_as_declared: None) -> None:
    refused = 0
    for _ in range(5):
        fields = " ".join(f"a{number}: {WRONG % 'agent'}" for number in range(20))
        answer = await calls.answer(f"mutation {{ {fields} }}")
        refused += sum(error["extensions"]["code"] == "RATE_LIMITED" for error in answer.errors)
        for error in answer.errors:
            assert error["extensions"]["retryAfterSeconds"] >= 1
    assert refused == 5, "each operation ends with the first that is refused"
    answer = await calls.answer(f"mutation {{ {WRONG % '  AGENT '} }}")
    assert [error["extensions"]["code"] for error in answer.errors] == ["RATE_LIMITED"], "written otherwise"
    answer = await calls.answer(f"mutation {{ {WRONG % 'admin'} }}")
    assert answer.errors == [], "somebody else's name is not held up"


async def test_what_was_refused_was_not_done(calls: Calls, limits_as_declared: None) -> None:
    """Twenty drafts an operation, of which no more are begun than the limit has."""
    most = START_REQUEST.each_address[0].amount
    draft = 'startRequest(input: {procedure: "everything"}) { __typename }'
    fields = " ".join(f"a{number}: {draft}" for number in range(20))
    outcomes = [(await calls.answer(f"mutation {{ {fields} }}")).outcome for _ in range(most // 20 + 3)]
    assert outcomes == ["OK"] * (most // 20) + ["RATE_LIMITED"] * 3
    assert await ServiceRequest.all().count() == most


async def test_whoever_succeeds_is_remembered_and_whoever_fails_is_not(
    calls: Calls, limits_as_declared: None
) -> None:
    right = f'logIn(input: {{username: "admin", password: "{PASSWORD}", delivery: TOKEN}}) {{ __typename }}'
    assert (await calls.answer(f"mutation {{ {right} }}")).errors == []
    pair, familiar = LOG_IN.each_pair[0].amount, LOG_IN.familiar[0].amount
    passed: dict[str, int] = {}
    for username in ("agent", "admin"):
        passed[username] = 0
        while not (await calls.answer(f"mutation {{ {WRONG % username} }}")).errors:
            passed[username] += 1
    # The one success has counted for `admin` as well.
    assert passed == {"agent": pair, "admin": familiar + pair - 1}


async def test_mail_to_one_recipient_is_counted_whoever_asks(calls: Calls, limits_as_declared: None) -> None:
    """Captchas and addresses cost an attacker little; a mailbox is not filled all the same."""
    most = MAIL.each_subject[0].amount
    outcomes = []
    for number in range(most + 2):
        captcha = await calls("mutation { createCaptcha(purpose: CREATE_ACCOUNT) { id } }")
        answer = await calls.answer(
            """mutation ($input: CreateAccountInput!) { createAccount(input: $input) { __typename } }""",
            input={
                "username": f"compte{number}",
                "password": PASSWORD,
                "profile": contact("Victime@example.org" if number % 2 else "victime@example.org"),
                "captcha": {"captcha": captcha["id"], "answer": "AZERTY"},
            },
        )
        outcomes.append(answer.outcome if answer.errors else answer.data["createAccount"]["__typename"])  # type: ignore[index]
    assert outcomes == ["CreateAccountSuccess"] * most + ["RATE_LIMITED"] * 2
