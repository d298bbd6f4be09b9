"""Which fields count against which limits, and that each time one is resolved counts."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import GraphQLField, GraphQLInputObjectType, get_named_type
from strawberry.utils.str_converters import to_snake_case

from core.limits.declared import (
    APPOINTMENT,
    CAPTCHA,
    CAPTCHA_AUDIO,
    CONFIRMATION,
    CREATE_ACCOUNT,
    LIMITS,
    LOG_IN,
    NEW_PASSWORD,
    OPEN_PARTNER,
    POST_EXCHANGE,
    START_REQUEST,
    SUBMIT_REQUEST,
    TICKET,
)
from core.limits.declared import PASSWORD as ASKED_AGAIN
from models.actors import Actor
from models.exchanges import Exchange
from models.ids import encode, new_id
from models.procedures import Procedure
from models.requests import ServiceRequest
from schema.build import build_schema
from schema.callers import Caller
from schema.fields import ROOT_FIELDS
from tests.factories import holder_of, id_of, make_citizen, make_request
from tests.journeys.stories import contact
from tests.schema.conftest import PASSWORD, Calls

COUNTED = {
    "log_in": [LOG_IN],
    "request_by_ticket": [TICKET],
    "claim_request": [TICKET],
    "create_captcha": [CAPTCHA],
    "request_captcha_audio": [CAPTCHA_AUDIO],
    "create_account": [CREATE_ACCOUNT],
    "request_new_password": [NEW_PASSWORD],
    "change_credentials": [ASKED_AGAIN],
    "delete_account": [ASKED_AGAIN],
    "open_partner": [OPEN_PARTNER],
    "start_request": [START_REQUEST],
    "submit_request": [SUBMIT_REQUEST],
    "book_appointment": [APPOINTMENT],
    "move_appointment": [APPOINTMENT],
    "post_exchange": [POST_EXCHANGE],
}
UNLIMITED = {
    "log_out": "it ends what the caller has, and nothing else",
    "confirm_email": "its token is signed: there is nothing to guess",
    "link_partner": "counted where the partner is asked (resolvers/partner_links.py)",
    "update_partner_credentials": "counted there as well",
    "save_agent": "an administrator sets a password there, and guesses none",
    "save_webhook": "a partner has a new secret made there, and guesses none",
    "confirm_second_factor": "counted for the agent (resolvers/second_factors.py)",
}
"""Mutations without a limit of their own, beside the cost that every operation has."""

GUESSED = ("password", "ticket", "secret", "onetimecode", "recoverycode")
"""What is in the names of arguments that somebody could guess at; `code` is another, by itself."""

WRONG = 'logIn(input: {username: "%s", password: "wrong", delivery: TOKEN}) { __typename }'


def test_fields_state_their_limits(calls: Calls) -> None:
    stated = {root.name: [counted.limit for counted in root.limits] for root in ROOT_FIELDS}
    assert {name: stated[name] for name in COUNTED} == COUNTED


def test_what_strangers_may_do_or_guess_at_states_a_limit() -> None:
    """Whoever adds such a mutation writes `limits=(Counted(...),)` where it is declared, or says above why not."""
    unlimited = {root.name for root in ROOT_FIELDS if not root.limits}
    changing = {root.name: root for root in ROOT_FIELDS if root.operation == "mutation"}
    for_strangers = {name for name, root in changing.items() if Caller.VISITOR in root.callers}
    mutations = build_schema()._schema.mutation_type
    assert mutations is not None
    guessing = {
        to_snake_case(name)
        for name, field in mutations.fields.items()
        if any(asked == "code" or any(part in asked.lower() for part in GUESSED) for asked in asked_by(field))
    }
    assert {"log_in", "create_account"} <= for_strangers & guessing
    assert {"change_credentials", "claim_request"} <= guessing - for_strangers
    assert unlimited & (for_strangers | guessing) == set(UNLIMITED)


def asked_by(field: GraphQLField) -> Iterator[str]:
    """The names of all arguments, and of what is in them."""
    for name, argument in field.args.items():
        yield name
        type_ = get_named_type(argument.type)
        if isinstance(type_, GraphQLInputObjectType):
            yield from type_.fields


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


async def outcomes(calls: Calls, document: str, actor: Actor, times: int, **variables: str) -> list[str]:
    answers = [await calls.answer(document, actor, **variables) for _ in range(times)]
    return [answer.outcome for answer in answers]


async def test_places_are_not_held_by_the_dozen(calls: Calls, limits_as_declared: None) -> None:
    """What is asked for is not there: that it was asked for counts all the same."""
    everything = await Procedure.get(slug="everything")
    book = """mutation ($request: ID!, $slot: ID!) {
        bookAppointment(input: {request: $request, slot: $slot}) { __typename }
    }"""
    slot = encode("Slot", new_id())
    of_one, of_address = APPOINTMENT.each_caller[0].amount, APPOINTMENT.each_stranger[0].amount
    drafts = [await make_request(everything, status="DRAFT") for _ in range(3)]
    found = [
        (await outcomes(calls, book, holder_of(draft), of_address // 2, request=id_of(draft), slot=slot))[-1]
        for draft in drafts
    ]
    assert found == ["OK", "OK", "RATE_LIMITED"]

    draft, citizen = drafts[0], await make_citizen("marie")
    theirs = await outcomes(calls, book, citizen, of_one + 2, request=id_of(draft), slot=slot)
    assert theirs == ["OK"] * of_one + ["RATE_LIMITED"] * 2, (
        "they are no stranger, and have a limit of their own"
    )
    agent = await calls.log_in("agent")
    many = await outcomes(calls, book, agent, of_one + 5, request=id_of(draft), slot=slot)
    assert set(many) == {"OK"}, "who works at the mairie is not counted"


async def test_exchanges_are_not_posted_by_the_hundred(calls: Calls, limits_as_declared: None) -> None:
    request = await make_request(await Procedure.get(slug="everything"), status="SUBMITTED")
    write = """mutation ($request: ID!) {
        postExchange(input: {request: $request, body: "Bonjour"}) { __typename }
    }"""
    most = POST_EXCHANGE.each_caller[0].amount
    found = await outcomes(calls, write, holder_of(request), most + 2, request=id_of(request))
    assert found == ["OK"] * most + ["RATE_LIMITED"] * 2
    assert await Exchange.all().count() == most
    agent = await calls.log_in("agent")
    assert set(await outcomes(calls, write, agent, most + 2, request=id_of(request))) == {"OK"}


async def test_mail_to_one_recipient_is_counted_whoever_asks(calls: Calls, limits_as_declared: None) -> None:
    """Captchas and addresses cost an attacker little; a mailbox is not filled all the same."""
    most = CONFIRMATION.each_subject[0].amount
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
