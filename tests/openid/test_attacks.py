"""What is not our log-in, not from our provider, not for us, or not now, opens nothing: whoever brings it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, Key
from joserfc.jws import JWSRegistry
from starlette.applications import Starlette

from core.clock import now
from core.openid.provider import SECONDS as SECONDS_A_CALL
from core.settings import get_settings
from espace.asgi import make_app
from espace.openid import SECONDS
from models.accounts import Account, Session
from models.database import fetch
from models.identities import PendingIdentity, SpentLogin
from tests.journeys.documents import document
from tests.openid.conftest import (
    CLIENT_ID,
    CLIENT_SECRET,
    KEY,
    PUBLIC_URL,
    RSA,
    Between,
    Browser,
    Provider,
    patience,
    problem_of,
)
from tests.openid.test_journeys import JEANNE, open_account

OpenBrowser = Callable[..., Browser]
Claims = dict[str, Any]
STRANGER = ECKey.generate_key("P-256", {"kid": "first", "use": "sig", "alg": "ES256"})
"""Somebody else's key, under the name of the provider's."""


def claims_of(token: str) -> Claims:
    payload = token.split(".")[1]
    claims: Claims = json.loads(urlsafe_b64decode(f"{payload}=="))
    return claims


def signed(claims: Claims, key: Key = KEY, algorithm: str = "ES256", **header: Any) -> str:
    registry = JWSRegistry(algorithms=[algorithm])
    return jwt.encode({"alg": algorithm, "kid": key.kid, **header}, claims, key, registry=registry)


def unsigned(claims: Claims, algorithm: str = "none") -> str:
    parts = [json.dumps(part).encode() for part in ({"alg": algorithm, "kid": "first"}, claims)]
    return ".".join(urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def signed_with_secret(claims: Claims, secret: bytes) -> str:
    """By hand: the library refuses to."""
    token = unsigned(claims, "HS256")
    digest = hmac.digest(secret, token[:-1].encode(), hashlib.sha256)
    return token + urlsafe_b64encode(digest).rstrip(b"=").decode()


def with_id_token(make: Callable[[Claims], str]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The token endpoint's answer with another identity token, made of the claims of the real one."""
    return lambda answer: {**answer, "id_token": make(claims_of(answer["id_token"]))}


async def outcome(browser: Browser, who: str = "jeanne") -> str:
    """How a log-in ends: the code of the problem, or the page."""
    page = await browser.log_in(who)
    return problem_of(page) or page.removeprefix(PUBLIC_URL)


async def nothing_happened() -> bool:
    return not (await Session.all().exists() or await PendingIdentity.all().exists())


# ---------------------------------------------------------------- whose log-in it is


async def test_an_attackers_answer_opened_in_a_victims_browser_opens_nothing(
    browser: Browser, open_browser: OpenBrowser
) -> None:
    """Log-in CSRF: the victim would work in the attacker's account, or link theirs to the attacker's identity."""
    victim = open_browser()
    await open_account(browser)
    attackers = await browser.answer(await browser.to_provider(), "jeanne")
    await victim.to_provider()  # They are logging in, too.
    before = victim.cookies()

    assert problem_of(await victim.go(attackers)) == "OTHER_BROWSER"

    assert await victim.me() is None
    assert await victim.run("PendingIdentity") is None
    assert victim.cookies() == before
    # And it was not used up: whose it is can go on.
    assert await browser.go(attackers) == f"{PUBLIC_URL}/"


async def test_the_state_of_one_log_in_is_not_that_of_another(browser: Browser) -> None:
    first = await browser.answer(await browser.to_provider())
    second = parse_qs(urlsplit(await browser.answer(await browser.to_provider())).query)
    cookies = {name: value for name, value in browser.cookies().items() if name.startswith("openid-")}
    assert len(cookies) == 2
    asked = {name: values[0] for name, values in parse_qs(urlsplit(first).query).items()}
    for state in ("", "x", asked["state"][:-1], asked["state"][:16] + second["state"][0][16:], "é" * 43):
        changed = f"{PUBLIC_URL}/openid/callback?{urlencode({**asked, 'state': state})}"
        assert problem_of(await browser.go(changed)) == "OTHER_BROWSER"
    # The cookie of one under the name of the other.
    mine, other = f"openid-{asked['state'][:16]}", f"openid-{second['state'][0][:16]}"
    browser.here.cookies.clear()
    browser.here.cookies.set(mine, cookies[other])
    assert problem_of(await browser.go(first)) == "OTHER_BROWSER"
    assert await nothing_happened()


async def test_a_cookie_that_we_did_not_make_is_none(browser: Browser) -> None:
    answer = await browser.answer(await browser.to_provider())
    ((name, value),) = browser.cookies().items()
    for forged in (
        "",
        "x",
        value[:-2],
        value + "AA",
        value.swapcase(),
        "A" * 5_000,
        urlsafe_b64encode(b"{}").decode(),
    ):
        browser.here.cookies.clear()
        browser.here.cookies.set(name, forged)
        assert problem_of(await browser.go(answer)) in ("EXPIRED", "OTHER_BROWSER")
    assert await nothing_happened()


async def test_an_answer_is_taken_once(browser: Browser) -> None:
    answer = await browser.answer(await browser.to_provider())
    cookies = browser.cookies()
    assert await browser.go(answer) == f"{PUBLIC_URL}/identite"
    assert set(browser.cookies()) == {"identity"}
    assert problem_of(await browser.go(answer)) == "OTHER_BROWSER"
    for name, value in cookies.items():  # Put back by hand.
        browser.here.cookies.set(name, value)
    assert problem_of(await browser.go(answer)) == "EXPIRED"
    assert await PendingIdentity.all().count() == 1


async def test_of_twenty_answers_at_once_one_is_taken(browser: Browser, between: Between) -> None:
    answer = await browser.answer(await browser.to_provider())
    responses = await asyncio.gather(*(browser.step(answer) for _ in range(20)))
    problems = [problem_of(response.headers["location"]) for response in responses]
    assert sorted(map(str, problems)) == ["EXPIRED"] * 19 + ["None"]
    assert between.calls["/token"] == 1
    assert await PendingIdentity.all().count() == await SpentLogin.all().count() == 1


async def test_a_log_in_lasts_ten_minutes(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = await browser.answer(await browser.to_provider())
    later = now() + timedelta(minutes=10, seconds=1)
    monkeypatch.setattr("espace.openid.now", lambda: later)
    assert problem_of(await browser.go(answer)) == "EXPIRED"
    assert await nothing_happened()


async def test_two_tabs_do_not_get_into_each_others_way(browser: Browser) -> None:
    pages = [
        await browser.to_provider(back_to="/demarches"),
        await browser.to_provider(back_to="/mon-espace"),
    ]
    assert await browser.go(await browser.answer(pages[1])) == f"{PUBLIC_URL}/identite"
    created = await browser.run("CreateAccountWithIdentity", profile=JEANNE)
    assert created["__typename"] == "CreateAccountWithIdentitySuccess"
    assert await browser.go(await browser.answer(pages[0])) == f"{PUBLIC_URL}/demarches"
    assert (await browser.me())["username"] == "jeanne.durand"


async def test_a_browser_keeps_the_five_latest_log_ins(browser: Browser) -> None:
    for _ in range(8):
        await browser.step(f"{PUBLIC_URL}/openid/login")
    assert len(browser.cookies()) == 5
    assert await outcome(browser) == "/identite"


async def test_asking_for_the_head_uses_nothing_up(browser: Browser) -> None:
    answer = await browser.answer(await browser.to_provider())
    assert (await browser.step(answer, "HEAD")).status_code == 405
    assert await browser.go(answer) == f"{PUBLIC_URL}/identite"


async def test_what_is_pending_stays_in_its_browser_and_wants_our_page(
    browser: Browser, open_browser: OpenBrowser
) -> None:
    assert await outcome(browser) == "/identite"
    victim = open_browser()
    assert await victim.run("PendingIdentity") is None
    assert (await victim.run("CreateAccountWithIdentity", profile=JEANNE))["__typename"] == "NotFoundError"
    # A form of another site cannot send the header.
    response = await browser.here.post("/graphql", json={"query": document("PendingIdentity").text})
    assert response.status_code == 403
    await PendingIdentity.all().update(expires_at=now())
    assert await browser.run("PendingIdentity") is None
    assert (await browser.run("CreateAccountWithIdentity", profile=JEANNE))["__typename"] == "NotFoundError"
    assert await Account.all().count() == 0


async def test_cookies_are_out_of_reach(
    app: Starlette, monkeypatch: pytest.MonkeyPatch, browser: Browser
) -> None:
    begun = (await browser.step(f"{PUBLIC_URL}/openid/login")).headers["set-cookie"]
    assert begun.startswith("openid-")
    for part in ("HttpOnly", "Max-Age=600", "Path=/", "SameSite=lax"):
        assert part in begun
    in_production = get_settings().model_copy(update={"mode": "production"})
    other = Browser(make_app(in_production))
    try:
        begun = (await other.step(f"{PUBLIC_URL}/openid/login")).headers["set-cookie"]
    finally:
        await other.close()
    assert begun.startswith("__Host-openid-")
    assert "Secure" in begun


# ---------------------------------------------------------------- what went wrong


async def test_who_declines_is_told_so_and_shown_nothing_from_outside(browser: Browser) -> None:
    page = await browser.to_provider()
    end = await browser.go(f"{page}/cancel")
    assert end == f"{PUBLIC_URL}/openid/error?code=ACCESS_DENIED"
    for language, told in (("fr", "Vous n’avez pas terminé"), ("en", "You did not finish")):
        shown = await browser.step(end, headers={"Accept-Language": language})
        assert told in shown.text
        assert f'<html lang="{language}">' in shown.text
        assert "alert" not in shown.text
        assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert not [name for name in browser.cookies() if name.startswith("openid-")]


async def test_errors_of_the_provider_become_codes_of_ours(browser: Browser) -> None:
    for error, reason in {
        "access_denied": "ACCESS_DENIED",
        "temporarily_unavailable": "PROVIDER_UNREACHABLE",
        "server_error": "PROVIDER_UNREACHABLE",
        "invalid_scope": "PROVIDER_REFUSED",
        "<script>": "PROVIDER_REFUSED",
    }.items():
        state = await begun(browser)
        end = await browser.go(f"{PUBLIC_URL}/openid/callback?state={state}&error={quote(error)}")
        assert problem_of(end) == reason


async def begun(browser: Browser) -> str:
    """The state of a log-in that was begun."""
    location = (await browser.step(f"{PUBLIC_URL}/openid/login")).headers["location"]
    return parse_qs(urlsplit(location).query)["state"][0]


async def test_answers_that_are_none(browser: Browser) -> None:
    for query in (
        "",
        "code=x",
        "state=x&code=y",
        "state={s}",
        "state={s}&code=",
        "state={s}&state={s}&code=x",
    ):
        state = await begun(browser)
        end = await browser.go(f"{PUBLIC_URL}/openid/callback?{query.format(s=state)}")
        assert problem_of(end) in ("OTHER_BROWSER", "PROVIDER_REFUSED"), query


async def test_the_page_of_problems_shows_nothing_that_it_is_given(browser: Browser) -> None:
    for code in ("", "x", "<script>alert(1)</script>", "ACCESS_DENIED\n"):
        shown = await browser.step(f"{PUBLIC_URL}/openid/error?code={quote(code)}")
        assert "<script" not in shown.text
        assert "UNAVAILABLE" in shown.text


ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/mon-espace//evil.example",
    "/mon-espace/../openid/logout",
    "/mon-espace?next=https://evil.example",
    "/mon-espace#x",
    "/mon-espace\r\nSet-Cookie: x",
    "/mon-espaces",
    "/openid/login",
    "/graphql",
    "mon-espace",
    "javascript:alert(1)",
    "/%2f%2fevil.example",
    "/mon-espace/" + "a" * 1_000,
]


async def test_nobody_is_led_elsewhere(browser: Browser) -> None:
    await open_account(browser)
    for wanted in ELSEWHERE:
        assert await browser.log_in(back_to=quote(wanted, safe="")) == f"{PUBLIC_URL}/", wanted
    for wanted in ("/mon-espace", "/demarches/acte-naissance", "/mon-espace/demandes/x_1"):
        assert await browser.log_in(back_to=quote(wanted, safe="")) == f"{PUBLIC_URL}{wanted}"


async def test_a_provider_that_is_slow_or_down_costs_three_seconds(
    browser: Browser, open_browser: OpenBrowser, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (SECONDS, SECONDS_A_CALL) == (3, 3)
    patience(monkeypatch, SECONDS)
    between.slow = 20
    begun = time.monotonic()
    browsers = [open_browser() for _ in range(5)]
    ends = await asyncio.gather(*(each.to_provider() for each in browsers))
    assert 2.5 < time.monotonic() - begun < 6
    assert {problem_of(end) for end in ends} == {"PROVIDER_UNREACHABLE"}

    between.slow = 0
    patience(monkeypatch, 60)
    answer = await browser.answer(await browser.to_provider())
    patience(monkeypatch, SECONDS)
    between.slow = 1.3  # Each call by itself would be in time.
    begun = time.monotonic()
    assert problem_of(await browser.go(answer)) == "PROVIDER_UNREACHABLE"
    assert time.monotonic() - begun < 6
    between.slow = 0
    patience(monkeypatch, 60)
    assert await outcome(browser) == "/identite"


def answering(text: str) -> Callable[[dict[str, Any]], str]:
    return lambda _: text


async def test_a_provider_that_answers_nonsense(browser: Browser, between: Between) -> None:
    answer = await browser.answer(await browser.to_provider())
    between.status = 503
    assert problem_of(await browser.go(answer)) == "PROVIDER_UNREACHABLE"
    between.status = 0
    for path in ("/token", "/jwks", "/me"):
        for nonsense in ("", "[]", "<html>", "{}", '"x"', "[" * 10_000, "x" * 100_000):
            between.changes = {path: answering(nonsense)}
            assert await outcome(browser) in ("NOT_TRUSTED", "PROVIDER_UNREACHABLE"), (path, nonsense[:10])
            if path != "/token":
                break
    assert await nothing_happened()


# ---------------------------------------------------------------- PKCE


async def test_the_provider_checks_that_whoever_has_the_code_began_the_log_in(
    browser: Browser, between: Between
) -> None:
    sent: list[dict[str, str]] = []

    def keep(form: dict[str, str]) -> dict[str, str]:
        sent.append(form)
        return form

    between.forms["/token"] = keep
    assert await outcome(browser) == "/identite"
    assert len(sent[0]["code_verifier"]) == 43
    for change in (
        lambda form: {**form, "code_verifier": "A" * 43},
        lambda form: {name: value for name, value in form.items() if name != "code_verifier"},
        lambda form: {**form, "code_verifier": sent[0]["code_verifier"]},
    ):
        between.forms["/token"] = change
        assert await outcome(browser) in ("EXPIRED", "PROVIDER_REFUSED")
    assert await PendingIdentity.all().count() == 1


async def test_a_code_of_somebody_else_is_worth_nothing_in_ones_own_log_in(
    browser: Browser, open_browser: OpenBrowser
) -> None:
    """Code injection: the attacker has a code of the victim's, and a log-in of their own."""
    victim = open_browser()
    stolen = parse_qs(urlsplit(await victim.answer(await victim.to_provider())).query)["code"][0]
    own = await browser.answer(await browser.to_provider(), "bare")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(own).query).items()}
    injected = f"{PUBLIC_URL}/openid/callback?{urlencode({**asked, 'code': stolen})}"
    assert problem_of(await browser.go(injected)) == "EXPIRED"
    assert await nothing_happened()


# ---------------------------------------------------------------- tokens

FORGED: dict[str, Callable[[Claims], str]] = {
    "without a signature": unsigned,
    "signed with the client's secret": lambda claims: signed_with_secret(claims, CLIENT_SECRET.encode()),
    "signed with the provider's public key as a secret": lambda claims: signed_with_secret(
        claims, KEY.as_pem(private=False)
    ),
    "signed with another key": lambda claims: signed(claims, STRANGER),
    "signed with a key that nobody knows": lambda claims: signed(
        claims, ECKey.generate_key("P-256", {"kid": "unheard of"})
    ),
    "signed by another algorithm, with a key of the provider": lambda claims: signed(claims, RSA, "RS256"),
    "bringing its key along": lambda claims: signed(claims, STRANGER, jwk=STRANGER.as_dict(private=False)),
    "of another issuer": lambda claims: signed({**claims, "iss": "https://evil.example"}),
    "of an issuer that begins like it": lambda claims: signed({**claims, "iss": claims["iss"] + "/"}),
    "without an issuer": lambda claims: signed({**claims, "iss": None}),
    "for another client": lambda claims: signed({**claims, "aud": "another"}),
    "for others, too": lambda claims: signed({**claims, "aud": [CLIENT_ID, "another"]}),
    "for others, and said to be theirs": lambda claims: signed(
        {**claims, "aud": [CLIENT_ID, "another"], "azp": "another"}
    ),
    "for nobody": lambda claims: signed({**claims, "aud": []}),
    "that has expired": lambda claims: signed({**claims, "exp": int(time.time()) - 40}),
    "that never expires": lambda claims: signed(
        {name: value for name, value in claims.items() if name != "exp"}
    ),
    "that expires at some word": lambda claims: signed({**claims, "exp": "tomorrow"}),
    "of the future": lambda claims: signed({**claims, "iat": int(time.time()) + 90}),
    "not good yet": lambda claims: signed({**claims, "nbf": int(time.time()) + 90}),
    "of another log-in": lambda claims: signed({**claims, "nonce": "A" * 43}),
    "of no log-in": lambda claims: signed({name: value for name, value in claims.items() if name != "nonce"}),
    "of nobody": lambda claims: signed({**claims, "sub": ""}),
    "of a number": lambda claims: signed({**claims, "sub": 7}),
    "of somebody else than the claims": lambda claims: signed({**claims, "sub": "somebody else"}),
    "less sure than was asked for": lambda claims: signed({**claims, "acr": "eidas0"}),
    "sure of nothing": lambda claims: signed(
        {name: value for name, value in claims.items() if name != "acr"}
    ),
    "that is too long": lambda claims: signed({**claims, "padding": "x" * 20_000}),
    "that is none": lambda claims: "a.b.c",
    "that is a user info": lambda claims: signed(
        {
            "sub": claims["sub"],
            "iss": claims["iss"],
            "aud": CLIENT_ID,
            "iat": claims["iat"],
            "exp": claims["exp"],
        }
    ),
}


async def outcomes(
    open_browser: OpenBrowser, between: Between, cases: Mapping[str, Callable[[Claims], str]]
) -> dict[str, str]:
    """How a log-in with each of the tokens ends, in a browser of its own."""
    ends = {}
    for name, make in cases.items():
        between.changes["/token"] = with_id_token(make)
        ends[name] = await outcome(open_browser())
    return ends


async def test_forged_tokens_are_refused(open_browser: OpenBrowser, between: Between) -> None:
    assert await outcomes(open_browser, between, FORGED) == dict.fromkeys(FORGED, "NOT_TRUSTED")
    assert await nothing_happened()


ACCEPTED: dict[str, Callable[[Claims], str]] = {
    "as it was, signed again": signed,
    "for us among others, and said to be ours": lambda claims: signed(
        {**claims, "aud": [CLIENT_ID, "another"], "azp": CLIENT_ID}
    ),
    "that has expired while clocks differ": lambda claims: signed({**claims, "exp": int(time.time()) - 10}),
    "of a clock that is ahead": lambda claims: signed({**claims, "iat": int(time.time()) + 10}),
    "surer than was asked for": lambda claims: signed({**claims, "acr": "eidas3"}),
}


async def test_sound_tokens_are_accepted(open_browser: OpenBrowser, between: Between) -> None:
    """The controls: signed like the forged ones, and right."""
    assert await outcomes(open_browser, between, ACCEPTED) == dict.fromkeys(ACCEPTED, "/identite")


async def test_levels_of_assurance_of_the_provider_itself(
    browser: Browser, open_browser: OpenBrowser
) -> None:
    assert await outcome(browser, "unsure") == "NOT_TRUSTED"
    assert await outcome(open_browser(), "sure") == "/identite"


FORGED_USER_INFO: dict[str, Callable[[Claims], str]] = {
    "of somebody else": lambda claims: signed({**claims, "sub": "somebody else"}),
    "with another key": lambda claims: signed(claims, STRANGER),
    "of another issuer": lambda claims: signed({**claims, "iss": "https://evil.example"}),
    "for another client": lambda claims: signed({**claims, "aud": "another"}),
    "expired": lambda claims: signed({**claims, "exp": 1}),
    "without a signature": unsigned,
}


def of_token(make: Callable[[Claims], str]) -> Callable[[dict[str, Any]], str]:
    return lambda answer: make(claims_of(answer["token"]))


async def test_forged_user_info_is_refused(open_browser: OpenBrowser, between: Between) -> None:
    ends = {}
    for name, make in FORGED_USER_INFO.items():
        between.changes["/me"] = of_token(make)
        ends[name] = await outcome(open_browser())
    assert ends == dict.fromkeys(FORGED_USER_INFO, "NOT_TRUSTED")
    between.changes["/me"] = of_token(signed)
    assert await outcome(open_browser()) == "/identite"


async def test_names_that_hold_odd_things_are_left_out(browser: Browser, between: Between) -> None:
    odd = {"given_name": "a\u202eb", "family_name": ["x"], "birthdate": "1980-00-00", "email": "no address"}
    between.changes["/me"] = lambda answer: signed({**claims_of(answer["token"]), **odd})
    assert await outcome(browser) == "/identite"
    pending = await browser.run("PendingIdentity")
    assert {pending[name] for name in ("firstName", "lastName", "birthDate", "email")} == {None}


# ---------------------------------------------------------------- the provider itself


async def test_its_keys_may_change(
    browser: Browser,
    open_browser: OpenBrowser,
    provider: Provider,
    between: Between,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert await outcome(browser) == "/identite"
    assert between.calls["/jwks"] == 1
    second = ECKey.generate_key("P-256", {"kid": "second", "use": "sig", "alg": "ES256"})
    await provider.use_keys(second, RSA)
    # It was asked a moment ago: no more often than every ten seconds, whatever keys tokens name.
    for _ in range(3):
        assert await outcome(open_browser()) == "NOT_TRUSTED"
    assert between.calls["/jwks"] == 1
    monkeypatch.setattr("core.openid.provider.KEYS_AGAIN_SECONDS", 0.0)
    assert await outcome(open_browser()) == "/identite"
    assert between.calls["/jwks"] == 2
    assert await outcome(open_browser()) == "/identite"
    assert between.calls["/jwks"] == 2


async def test_keys_that_are_not_for_this_are_as_if_they_were_not_there(
    browser: Browser, between: Between
) -> None:
    entries = [
        {**KEY.as_dict(private=False), "use": "enc"},
        {**KEY.as_dict(private=False), "alg": "ES384"},
        {"kty": "oct", "k": "AAAA", "kid": "first"},
        {"kty": "EC", "crv": "P-256", "x": "!", "y": "!", "kid": "first"},
        {"kty": "PQC", "kid": "first"},
        "x",
    ]
    between.changes["/jwks"] = lambda _: {"keys": entries}
    assert await outcome(browser) == "NOT_TRUSTED"


DOCUMENTS: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://evil.example"},
    "no issuer": {"issuer": None},
    "no token endpoint": {"token_endpoint": None},
    "no address": {"jwks_uri": "file:///etc/passwd"},
    "no host": {"userinfo_endpoint": "http:///me"},
}


def with_wrong(wrong: dict[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda document: {**document, **wrong}


async def test_its_document_is_refused(browser: Browser, between: Between) -> None:
    ends = {}
    for name, wrong in DOCUMENTS.items():
        between.changes["/.well-known/openid-configuration"] = with_wrong(wrong)
        ends[name] = problem_of(await browser.to_provider())
    assert ends == dict.fromkeys(DOCUMENTS, "NOT_TRUSTED")
    between.changes.clear()
    assert await outcome(browser) == "/identite"


async def test_its_document_leads_to_no_private_address(browser: Browser, between: Between) -> None:
    """The issuer's own host is allowed, because the operator has named it; no other that the document names."""
    called = between.calls.copy()
    between.changes["/.well-known/openid-configuration"] = lambda document: {
        **document,
        "token_endpoint": f"http://127.0.0.1:{between.port}/token",
    }
    assert await outcome(browser) == "PROVIDER_UNREACHABLE"
    assert between.calls["/token"] == called["/token"] == 0


async def test_an_answer_of_another_provider_is_not_exchanged(browser: Browser, between: Between) -> None:
    """Mix-up (RFC 9207)."""
    for iss in ({"iss": "https://evil.example"}, {}):
        answer = await browser.answer(await browser.to_provider())
        asked = {name: values[0] for name, values in parse_qs(urlsplit(answer).query).items()}
        assert asked.pop("iss")
        changed = f"{PUBLIC_URL}/openid/callback?{urlencode({**asked, **iss})}"
        assert problem_of(await browser.go(changed)) == "NOT_TRUSTED"
    assert between.calls["/token"] == 0


# ---------------------------------------------------------------- what is left behind


async def test_too_many_are_told_to_come_again(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPACE_RATE_LIMITS", "0.1")
    get_settings.cache_clear()
    ends = [await browser.step(f"{PUBLIC_URL}/openid/login") for _ in range(81)]
    assert problem_of(ends[79].headers["location"]) is None
    assert problem_of(ends[80].headers["location"]) == "TOO_MANY"


async def test_nothing_of_it_is_written_in_clear(
    browser: Browser, between: Between, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = [CLIENT_SECRET]

    def keep(answer: dict[str, Any]) -> dict[str, Any]:
        seen.extend((answer["id_token"], answer["access_token"], claims_of(answer["id_token"])["sub"]))
        return answer

    between.changes["/token"] = keep
    with caplog.at_level(logging.INFO):
        assert await outcome(browser) == "/identite"
        seen += browser.cookies().values()
        told = await dump()
        assert "1980-02-29" not in told
        assert "DURAND" not in told
        assert (await browser.run("CreateAccountWithIdentity", profile=JEANNE))[
            "__typename"
        ] == "CreateAccountWithIdentitySuccess"
        told += await dump()
        between.changes["/token"] = with_id_token(FORGED["of another log-in"])
        await outcome(browser)
    seen += browser.cookies().values()
    for answer in [url for url in browser.seen if "/openid/callback" in url]:
        seen += [parse_qs(urlsplit(answer).query)[name][0] for name in ("state", "code")]
    written = told + "".join(
        record.getMessage()
        for record in caplog.records
        if record.name.startswith(("espace", "core", "resolvers"))
    )
    assert "a log-in at the provider failed: NOT_TRUSTED" in written
    for secret in seen:
        assert secret not in written
        assert secret.encode().hex() not in written


async def dump() -> str:
    tables = await fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [await fetch(f'SELECT t::text FROM "{table["tablename"]}" t') for table in tables]
    return json.dumps(rows)


async def test_what_is_over_is_swept(browser: Browser) -> None:
    from jobs.retention import sweep

    assert await outcome(browser) == "/identite"
    await sweep()
    assert await PendingIdentity.all().count() == await SpentLogin.all().count() == 1
    await PendingIdentity.all().update(expires_at=now())
    await SpentLogin.all().update(expires_at=now())
    await sweep()
    assert await PendingIdentity.all().count() == await SpentLogin.all().count() == 0
