"""What resolvers answer holds every field that the schema promises: operations that ask for all there is."""

from contextlib import aclosing
from typing import Any

import pytest

from models.actors import Actor
from resolvers.sessions import authenticate
from tests.schema.conftest import PASSWORD, Calls
from tests.schema.everything import everything

CONTACT = """{
    civility: MADAME, firstName: "Ada", lastName: "Martin", birthDate: "1990-12-10", email: "ada@example.org",
    mobilePhone: "06 12 34 56 78", preferredContactMethod: EMAIL,
    address: {lines: ["1 rue de la Paix"], postalCode: "35000", city: "Rennes"}
}"""
ANSWERS = """[
    {field: "name", value: {text: "MARTIN"}}, {field: "count", value: {number: 3}},
    {field: "day", value: {date: "2026-12-01"}}, {field: "agreed", value: {boolean: true}},
    {field: "kind", value: {choices: ["b"]}}, {field: "mail", value: {text: "ada@example.org"}},
    {field: "phone", value: {text: "0612345678"}},
    {field: "place", value: {address: {lines: ["2 quai"], postalCode: "35000", city: "Rennes"}}}
]"""


def all_of(calls: Calls, type_: str, depth: int = 4) -> str:
    schema = calls.schema._schema
    return everything(schema, schema.type_map[type_], depth)


async def create_account(calls: Calls, username: str = "ada") -> Actor:
    captcha = await calls("mutation { createCaptcha(purpose: CREATE_ACCOUNT) { id } }")
    created = await calls(
        f"""mutation ($captcha: ID!, $username: String!, $password: String!) {{ createAccount(input: {{
            username: $username, password: $password, profile: {CONTACT},
            captcha: {{captcha: $captcha, answer: "AZERTY"}}
        }}) {{ __typename ... on CreateAccountSuccess {{ account {all_of(calls, "Account")} }} }} }}""",
        captcha=captcha["id"],
        username=username,
        password=PASSWORD,
    )
    assert created["__typename"] == "CreateAccountSuccess"
    assert created["account"]["profile"]["mobilePhone"] == "+33612345678"
    return await calls.log_in(username)


async def submit(calls: Calls, actor: Actor) -> Any:
    started = await calls(
        """mutation { startRequest(input: {procedure: "everything"}) {
            ... on StartRequestSuccess { request { id version } }
        } }""",
        actor,
    )
    updated = await calls(
        f"""mutation ($id: ID!, $version: Int!) {{ updateRequest(
            input: {{request: $id, version: $version, contact: {CONTACT}, answers: {ANSWERS}}}
        ) {{ __typename ... on UpdateRequestSuccess {{ request {{ id version problems {{ path }} answers {{
            ... on TextAnswer {{ field text }} ... on AddressAnswer {{ address {{ city }} }}
        }} }} }} }} }}""",
        actor,
        id=started["request"]["id"],
        version=started["request"]["version"],
    )
    assert updated["request"]["problems"] == []
    assert {"field": "name", "text": "MARTIN"} in updated["request"]["answers"]
    submitted = await calls(
        """mutation ($id: ID!, $version: Int!) { submitRequest(input: {request: $id, version: $version}) {
            __typename ... on SubmitRequestSuccess { request { id ticket version status } }
        } }""",
        actor,
        id=updated["request"]["id"],
        version=updated["request"]["version"],
    )
    assert submitted["request"]["status"] == "SUBMITTED"
    return submitted["request"]


async def test_the_catalogue_has_everything(calls: Calls) -> None:
    page = await calls(f"{{ procedures {all_of(calls, 'ProcedureConnection', 6)} }}")
    categories = await calls(f"{{ procedureCategories {all_of(calls, 'ProcedureCategory', 6)} }}")
    municipality = await calls(f"{{ municipality {all_of(calls, 'Municipality')} }}")

    assert page["totalCount"] == 1
    (form,) = (step for step in page["nodes"][0]["steps"] if step["kind"] == "FORM")
    assert len(form["fields"]) == 9
    assert categories[0]["procedures"]["nodes"][0]["slug"] == "everything"
    assert municipality["name"] == "Commune"


async def test_requests_accounts_and_the_desk_have_everything(calls: Calls) -> None:
    citizen, agent, admin = (
        await create_account(calls),
        await calls.log_in("agent"),
        await calls.log_in("admin"),
    )
    request = await submit(calls, citizen)
    posted = await calls(
        f"""mutation ($id: ID!) {{ postExchange(input: {{request: $id, body: "Bonjour"}}) {{
            __typename ... on PostExchangeSuccess {{ exchange {all_of(calls, "Exchange")} }}
        }} }}""",
        agent,
        id=request["id"],
    )
    assert posted["exchange"]["readState"] == "SENT_UNREAD"
    read = await calls(
        f"""mutation ($id: ID!, $upTo: ID!) {{ markExchangesRead(input: {{request: $id, upTo: $upTo}}) {{
            ... on MarkExchangesReadSuccess {{ marked request {all_of(calls, "ServiceRequest", 6)} }}
        }} }}""",
        citizen,
        id=request["id"],
        upTo=posted["exchange"]["id"],
    )
    assert read["marked"] == 1
    assert [event["__typename"] for event in read["request"]["history"]["nodes"]][-1] == "ExchangesRead"
    changed = await calls(
        """mutation ($id: ID!, $version: Int!) { changeRequestStatus(
            input: {request: $id, version: $version, status: IN_PROGRESS, reason: "Nous l’avons lue."}
        ) { __typename ... on ChangeRequestStatusSuccess { request { status version } }
            ... on ConflictError { currentVersion } } }""",
        agent,
        id=request["id"],
        version=read["request"]["version"],
    )
    assert changed["request"]["status"] == "IN_PROGRESS"

    me = await calls(f"{{ me {all_of(calls, 'Account', 6)} }}", citizen)
    assert me["requests"]["nodes"][0]["id"] == request["id"]
    desk = await calls(f"{{ desk {all_of(calls, 'Desk', 6)} }}", admin)
    assert [one["displayName"] for one in desk["agents"]] == ["Admin", "Agent"]
    assert desk["requests"]["totalCount"] == 1
    assigned = await calls(
        """mutation ($id: ID!, $agent: ID) { assignRequest(input: {request: $id, agent: $agent}) {
            __typename ... on AssignRequestSuccess { request { assignee { displayName } } }
        } }""",
        agent,
        id=request["id"],
        agent=desk["agent"]["id"],
    )
    assert assigned["request"]["assignee"] == {"displayName": "Admin"}


async def test_desk_filters_are_told_apart(calls: Calls) -> None:
    citizen, agent = await create_account(calls), await calls.log_in("agent")
    request = await submit(calls, citizen)

    desk = await calls(
        """query ($search: String, $none: [RequestStatus!]) { desk {
            submitted: requests(filter: {status: [SUBMITTED], unread: false}) { nodes { ticket } }
            refused: requests(filter: {status: $none}) { totalCount }
            found: requests(filter: {search: $search}, first: 1) { nodes { ticket } }
        } }""",
        agent,
        search=request["ticket"].lower(),
        none=["REFUSED"],
    )

    assert desk == {
        "submitted": {"nodes": [{"ticket": request["ticket"]}]},
        "refused": {"totalCount": 0},
        "found": {"nodes": [{"ticket": request["ticket"]}]},
    }


async def test_nodes_are_read_again_by_their_id(calls: Calls) -> None:
    citizen = await create_account(calls)
    request = await submit(calls, citizen)
    me = await calls("{ me { id sessions { id } } }", citizen)
    found = await calls("{ procedures { nodes { id category { id } } } }")

    ids = [
        request["id"],
        me["id"],
        me["sessions"][0]["id"],
        found["nodes"][0]["id"],
        found["nodes"][0]["category"]["id"],
    ]
    kinds = [
        (await calls("query ($id: ID!) { node(id: $id) { __typename id } }", citizen, id=id))["__typename"]
        for id in ids
    ]

    assert kinds == ["ServiceRequest", "Account", "Session", "Procedure", "ProcedureCategory"]
    for id in (ids[0], ids[1], ids[2], "nonsense", ""):
        assert await calls("query ($id: ID!) { node(id: $id) { id } }", id=id) is None


@pytest.mark.parametrize("change", [str.lower, lambda ticket: ticket.replace("-", " ")])
async def test_a_ticket_opens_its_request_however_it_is_typed(calls: Calls, change: Any) -> None:
    request = await submit(calls, await create_account(calls))
    asked = all_of(calls, "ServiceRequest", 3)
    document = f"query ($ticket: TicketNumber!) {{ requestByTicket(ticket: $ticket) {asked} }}"

    found = await calls(document, ticket=change(request["ticket"]))
    holder = await authenticate(bearer=None, ticket=change(request["ticket"]), language="fr")

    assert found["id"] == request["id"]
    assert (await calls("query ($id: ID!) { request(id: $id) { id } }", holder, id=request["id"])) is not None
    assert await calls(document, ticket="nonsense") is None


async def test_log_in_by_cookie_hands_the_token_to_the_cookie_only(calls: Calls) -> None:
    opened = await calls(
        f"""mutation {{ logIn(input: {{username: "agent", password: "{PASSWORD}"}}) {all_of(calls, "LogInResult")} }}"""
    )

    assert opened["LogInSuccess_token"] is None
    assert opened["LogInSuccess_agent"]["displayName"] == "Agent"
    assert opened["LogInSuccess_account"] is None
    assert calls.cookie is not None
    assert calls.cookie.token is not None
    actor = await authenticate(bearer=calls.cookie.token, ticket=None, language="fr")

    assert await calls("mutation { logOut }", actor) is True
    assert calls.cookie.token is None
    assert await calls("mutation { logOut }") is True


async def test_refusals_are_errors_of_the_union_in_the_callers_language(calls: Calls) -> None:
    refused = await calls(
        """mutation { logIn(input: {username: "agent", password: "wrong"}) {
            __typename ... on Error { code message }
        } }"""
    )
    captcha = await calls("mutation { createCaptcha(purpose: CREATE_ACCOUNT) { id } }")
    invalid = await calls(
        f"""mutation ($captcha: ID!) {{ createAccount(input: {{
            username: "x", password: "short", profile: {CONTACT}, captcha: {{captcha: $captcha, answer: "AZERTY"}}
        }}) {{ ... on ValidationError {{ code fields {{ path message }} }} }} }}""",
        captcha=captcha["id"],
    )

    assert refused == {
        "__typename": "InvalidCredentialsError",
        "code": "INVALID_CREDENTIALS",
        "message": "Nom d’utilisateur ou mot de passe incorrect.",
    }
    assert invalid["code"] == "VALIDATION"
    assert {field["path"] for field in invalid["fields"]} == {"username", "password"}


async def test_a_page_beyond_the_largest_is_a_malformed_operation(calls: Calls) -> None:
    for document in (
        "{ procedures(first: 101) { totalCount } }",
        "{ desk { procedures(first: -1) { totalCount } } }",
    ):
        answer = await calls.answer(document)

        assert [error["extensions"]["code"] for error in answer.errors] == ["MALFORMED_OPERATION"]
        assert "first" in answer.errors[0]["message"]


async def test_events_are_told_whole_from_a_cursor_on(calls: Calls) -> None:
    citizen, agent = await create_account(calls), await calls.log_in("agent")
    request = await submit(calls, citizen)
    history = await calls(
        "query ($id: ID!) { request(id: $id) { history(first: 1) { nodes { __typename cursor } } } }",
        citizen,
        id=request["id"],
    )
    (submitted,) = history["history"]["nodes"]
    await calls(
        'mutation ($id: ID!) { postExchange(input: {request: $id, body: "Bonjour"}) { __typename } }',
        agent,
        id=request["id"],
    )
    document = f"""subscription ($id: ID!, $after: String) {{
        requestEvents(request: $id, after: $after) {all_of(calls, "RequestEvent", 3)}
    }}"""

    async with aclosing(
        calls.follow(document, citizen, id=request["id"], after=submitted["cursor"])
    ) as answers:
        told = await anext(answers)
    async with aclosing(
        calls.follow(f"subscription {{ notifications {all_of(calls, 'Notification', 3)} }}", citizen)
    ) as answers:
        counted = await anext(answers)

    assert told.errors == []
    assert told.data is not None
    assert told.data["requestEvents"]["__typename"] == "ExchangePosted"
    assert told.data["requestEvents"]["ExchangePosted_exchange"]["body"] == "Bonjour"
    assert counted.data is not None
    assert counted.data["notifications"]["unreadExchangeCount"] == 1
    assert counted.data["notifications"]["event"] is None
