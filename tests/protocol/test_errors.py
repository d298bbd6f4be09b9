"""What an answer tells of an error, in development and in production, and what the log does."""

from __future__ import annotations

import logging
from json import dumps

import httpx
import pytest

from tests.protocol.sample import SECRET


async def fail(client: httpx.AsyncClient, how: str, language: str = "fr") -> dict[str, object]:
    response = await client.post(
        "/graphql",
        json={"query": "query Failing($how: String!) { fail(how: $how) }", "variables": {"how": how}},
        headers={"Accept-Language": language},
    )
    assert response.status_code == 200
    body = response.json()
    assert body["data"] == {"fail": None}
    error: dict[str, object] = body["errors"][0]
    assert error["path"] == ["fail"]
    return error


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ("unavailable", "UNAVAILABLE"),
        ("unauthenticated", "UNAUTHENTICATED"),
        ("forbidden", "FORBIDDEN"),
        ("absent", "FORBIDDEN"),
    ],
)
async def test_errors_that_people_may_read_are_told(client: httpx.AsyncClient, how: str, code: str) -> None:
    french, english = await fail(client, how), await fail(client, how, "en")
    assert french["extensions"] == english["extensions"] == {"code": code}
    assert french["message"] != english["message"]


async def test_who_asks_too_often_is_told_when_to_come_back(client: httpx.AsyncClient) -> None:
    error = await fail(client, "limited")
    assert error["extensions"] == {"code": "RATE_LIMITED", "retryAfterSeconds": 7}


@pytest.mark.parametrize("document", ['{ fail(how: "defect") }', "{ tooLarge }", '{ a: fail(how: "x") }'])
async def test_a_defect_is_masked_and_logged_once(
    production_client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, document: str
) -> None:
    response = await production_client.post("/graphql", json={"query": document})
    error = response.json()["errors"][0]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["reference"] in error["message"]
    assert SECRET not in response.text
    assert "Error" not in response.text.replace('"errors"', "")
    logged = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(logged) == 1
    assert error["extensions"]["reference"] in logged[0].getMessage()
    assert SECRET not in caplog.text
    assert document not in caplog.text


async def test_the_same_defect_many_times_in_one_answer_is_logged_once(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    document = '{ a: fail(how: "defect") b: fail(how: "defect") c: fail(how: "defect") }'
    errors = (await client.post("/graphql", json={"query": document})).json()["errors"]
    assert len({error["extensions"]["reference"] for error in errors}) == 1
    assert [error["path"] for error in errors] == [["a"], ["b"], ["c"]]
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1


async def test_client_errors_are_not_logged_as_errors(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    for document in ("{", "{ nothing }", '{ fail(how: "forbidden") }'):
        await client.post("/graphql", json={"query": document})
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


BEYOND = "query($n: Int) { items(first: $n) { nodes { name } } }"


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("digits", [11, 400, 4_000, 5_000])
async def test_a_number_of_any_length_is_refused_and_breaks_nothing(
    client: httpx.AsyncClient, digits: int, sign: str
) -> None:
    """Python refuses to read more than 4,300 digits, and to compare a float with more than 308."""
    number = sign + "9" * digits
    bodies = [
        dumps({"query": document})
        for document in (
            f"{{ items(first: {number}) {{ nodes {{ name }} }} }}",
            f"{{ items(first: 1) {{ nodes {{ items(first: {number}) {{ totalCount }} }} }} }}",
            f"query($n: Int = {number}) {{ items(first: $n) {{ nodes {{ name }} }} }}",
        )
    ]
    for body in (*bodies, dumps({"query": BEYOND})[:-1] + f', "variables": {{"n": {number}}}}}'):
        response = await client.post("/graphql", content=body, headers={"content-type": "application/json"})
        assert response.json()["errors"][0]["extensions"] == {"code": "MALFORMED_OPERATION"}, body[:80]
        assert response.status_code in (200, 400)


async def test_suggestions_and_introspection_are_for_development(
    client: httpx.AsyncClient, production_client: httpx.AsyncClient
) -> None:
    typo = {"query": "{ helo }"}
    assert "Did you mean 'hello'" in (await client.post("/graphql", json=typo)).text
    refused = (await production_client.post("/graphql", json=typo)).json()["errors"][0]
    assert refused["message"] == "Cannot query field 'helo' on type 'Query'."
    assert refused["extensions"] == {"code": "MALFORMED_OPERATION"}
    for document in ("{ __schema { types { name } } }", '{ item { name } __type(name: "Item") { name } }'):
        assert "errors" not in (await client.post("/graphql", json={"query": document})).json()
        body = (await production_client.post("/graphql", json={"query": document})).json()
        assert "data" not in body
        assert body["errors"][0]["extensions"]["code"] == "MALFORMED_OPERATION"
    typename = await production_client.post("/graphql", json={"query": "{ __typename }"})
    assert typename.json() == {"data": {"__typename": "Query"}}


async def test_a_suggestion_for_a_variable_is_for_development(
    client: httpx.AsyncClient, production_client: httpx.AsyncClient
) -> None:
    operation = {
        "query": "query($first: Int) { items(first: $first) { totalCount } }",
        "variables": {"first": "x"},
    }
    for made in (client, production_client):
        body = (await made.post("/graphql", json=operation)).json()
        assert "data" not in body
        assert "Did you mean" not in body["errors"][0]["message"]


async def test_graphiql_is_for_development(
    client: httpx.AsyncClient, production_client: httpx.AsyncClient
) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    page = await client.get("/graphql", headers=browser)
    assert page.headers["content-type"].startswith("text/html")
    assert '"X-Requested-With"' in page.text
    assert (await production_client.get("/graphql", headers=browser)).status_code == 400


async def test_each_operation_leaves_one_line_without_what_it_held(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "espace.graphql")
    operation = {
        "query": 'query Greeting($name: String!) { hello(name: $name) b: hello(name: "literal") }',
        "variables": {"name": "variable"},
    }
    await client.post("/graphql", json=operation)
    lines = [record for record in caplog.records if record.name == "espace.graphql"]
    assert len(lines) == 1
    line = vars(lines[0])
    assert (line["operation"], line["kind"], line["statements"], line["outcome"]) == (
        "Greeting",
        "query",
        0,
        "OK",
    )
    assert line["milliseconds"] >= 0
    assert "literal" not in caplog.text
    assert "variable" not in caplog.text


async def test_development_tells_how_many_statements_an_operation_took(
    client: httpx.AsyncClient, production_client: httpx.AsyncClient
) -> None:
    answer = await client.post("/graphql", json={"query": "{ hello }"})
    assert answer.headers["server-timing"].startswith('sql;desc="0"')
    assert (
        "server-timing" not in (await production_client.post("/graphql", json={"query": "{ hello }"})).headers
    )
