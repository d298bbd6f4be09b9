"""Who is let in: headers, cookies, forgeries, other origins."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from core.settings import Settings
from espace.graphql import graphql_app
from tests.protocol.conftest import ALLOWED_ORIGIN, make_settings
from tests.protocol.sample import authenticate, sample_schema
from tests.protocol.test_envelope import expect_refusal

WHO = {"query": "{ who }"}
AJAX = {"X-Requested-With": "portal"}


@pytest.mark.parametrize(
    ("authorization", "actor"),
    [
        ("Bearer good", "CitizenActor"),
        ("bearer  good", "CitizenActor"),
        ("Ticket GOOD-TICKET", "TicketHolder"),
        (None, "Visitor"),
    ],
)
async def test_the_header_says_who_calls(
    client: httpx.AsyncClient, authorization: str | None, actor: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    assert (await client.post("/graphql", json=WHO, headers=headers)).json() == {"data": {"who": actor}}


@pytest.mark.parametrize("authorization", ["Bearer bad", "Ticket bad", "Basic Zm9v", "Bearer", "", "good"])
async def test_a_header_that_is_not_good_answers_401(client: httpx.AsyncClient, authorization: str) -> None:
    response = await client.post("/graphql", json=WHO, headers={"Authorization": authorization})
    expect_refusal(response, 401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_cookie_says_who_calls(client: httpx.AsyncClient) -> None:
    client.cookies.set("session", "good")
    response = await client.post("/graphql", json=WHO, headers=AJAX)
    assert response.json() == {"data": {"who": "CitizenActor"}}
    assert "set-cookie" not in response.headers


async def test_a_header_counts_more_than_a_cookie(client: httpx.AsyncClient) -> None:
    client.cookies.set("session", "good")
    response = await client.post(
        "/graphql", json=WHO, headers={**AJAX, "Authorization": "Ticket GOOD-TICKET"}
    )
    assert response.json() == {"data": {"who": "TicketHolder"}}


async def test_a_cookie_that_is_no_longer_good_makes_a_visitor_and_is_taken_back(
    client: httpx.AsyncClient,
) -> None:
    client.cookies.set("session", "expired", domain="mairie.example")
    response = await client.post("/graphql", json=WHO, headers=AJAX)
    assert response.json() == {"data": {"who": "Visitor"}}
    assert "session" not in client.cookies


@pytest.mark.parametrize("cookie", ["good", "expired"])
async def test_a_post_with_the_cookie_needs_the_header_that_forms_cannot_send(
    client: httpx.AsyncClient, cookie: str
) -> None:
    client.cookies.set("session", cookie)
    response = await client.post("/graphql", json={"query": "mutation { logOut }"})
    expect_refusal(response, 403, "FORBIDDEN")
    assert "set-cookie" not in response.headers


async def test_logging_in_sets_a_cookie_that_scripts_cannot_read(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json={"query": "mutation { logIn }"})
    cookie = response.headers["set-cookie"].lower()
    assert cookie.startswith("session=good;")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert (await client.post("/graphql", json=WHO, headers=AJAX)).json() == {"data": {"who": "CitizenActor"}}
    await client.post("/graphql", json={"query": "mutation { logOut }"}, headers=AJAX)
    assert (await client.post("/graphql", json=WHO)).json() == {"data": {"who": "Visitor"}}


async def test_in_production_the_cookie_is_bound_to_this_host_and_to_https(
    production_client: httpx.AsyncClient,
) -> None:
    response = await production_client.post("/graphql", json={"query": "mutation { logIn }"})
    cookie = response.headers["set-cookie"].lower()
    assert cookie.startswith("__host-session=good;")
    assert "secure" in cookie
    assert "domain" not in cookie


async def test_a_database_that_is_away_answers_503(client: httpx.AsyncClient) -> None:
    response = await client.post("/graphql", json=WHO, headers={"Authorization": "Bearer down"})
    expect_refusal(response, 503, "UNAVAILABLE")
    assert "retry-after" in response.headers


async def test_pages_of_allowed_origins_may_call_with_credentials(client: httpx.AsyncClient) -> None:
    preflight = await client.options(
        "/graphql",
        headers={
            "Origin": ALLOWED_ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type, x-requested-with",
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ALLOWED_ORIGIN
    assert preflight.headers["access-control-allow-credentials"] == "true"
    answer = await client.post("/graphql", json=WHO, headers={"Origin": ALLOWED_ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ALLOWED_ORIGIN


async def test_pages_of_other_origins_may_not(client: httpx.AsyncClient) -> None:
    preflight = await client.options(
        "/graphql", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    )
    assert preflight.status_code == 400
    answer = await client.post("/graphql", json=WHO, headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", ["*", "portail", "null"])
def test_what_is_not_an_origin_is_refused_at_start(tmp_path: Path, origin: str) -> None:
    settings: Settings = make_settings(tmp_path).model_copy(update={"allowed_origins": [origin]})
    with pytest.raises(ValueError, match="allowed_origins"):
        graphql_app(sample_schema(), settings, authenticate=authenticate)


@pytest.mark.parametrize(
    ("accept_language", "language"), [(None, "fr"), ("en", "en"), ("en-GB,fr;q=0.5", "en"), ("de", "fr")]
)
async def test_the_language_follows_the_header(
    client: httpx.AsyncClient, accept_language: str | None, language: str
) -> None:
    headers = {"Accept-Language": accept_language} if accept_language else {}
    response = await client.post("/graphql", json={"query": "{ language }"}, headers=headers)
    assert response.json() == {"data": {"language": language}}
    assert response.headers["content-language"] == language
