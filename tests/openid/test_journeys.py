"""Whole log-ins with a real provider: an account opened, an account linked, unlinked, and left again."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from starlette.applications import Starlette

from core.clock import now
from core.selection import Selection
from core.settings import get_settings
from espace.asgi import make_app
from jobs.erasure import erase
from models.accounts import Account, Credential, Session
from models.actors import Visitor
from models.database import execute
from models.identities import Identity, PendingIdentity
from models.mail import Mail
from models.temporary_password import temporary_password
from resolvers.closing import close_account, restore_account
from resolvers.credentials import change_credentials
from resolvers.new_passwords import begin_lifetime
from resolvers.sessions import authenticate, log_in
from tests.factories import PASSWORD, make_agent, make_citizen
from tests.journeys.documents import NEEDING_A_PROVIDER, document
from tests.openid.conftest import CLIENT_ID, PLAIN, PUBLIC_URL, Between, Browser, Provider, most, problem_of

JEANNE = {
    "firstName": "Jeanne",
    "lastName": "Durand",
    "email": "jeanne@example.org",
    "preferredContactMethod": "EMAIL",
}

OpenBrowser = Callable[..., Browser]


async def open_account(browser: Browser, who: str = "jeanne") -> None:
    assert await browser.log_in(who) == f"{PUBLIC_URL}/identite"
    created = await browser.run("CreateAccountWithIdentity", profile=JEANNE)
    assert created["__typename"] == "CreateAccountWithIdentitySuccess"


async def test_somebody_new_opens_an_account(browser: Browser, open_browser: OpenBrowser) -> None:
    page = await browser.to_provider(back_to="/mon-espace")
    asked = parse_qs(urlsplit(browser.seen[1]).query)
    assert asked["response_type"] == ["code"]
    assert asked["client_id"] == [CLIENT_ID]
    assert asked["scope"] == ["openid given_name family_name email birthdate"]
    assert asked["acr_values"] == ["eidas1"]
    assert asked["code_challenge_method"] == ["S256"]
    assert {len(asked[name][0]) for name in ("state", "nonce", "code_challenge")} == {43}

    assert await browser.go(await browser.answer(page)) == f"{PUBLIC_URL}/identite"
    assert await browser.me() is None
    pending = await browser.run("PendingIdentity")
    assert pending.pop("expiresAt")
    assert pending == {
        "provider": "FranceConnect",
        "firstName": "Jeanne Marie",
        "lastName": "DURAND",
        "birthDate": "1980-02-29",
        "email": "jeanne@example.org",
    }
    created = await browser.run("CreateAccountWithIdentity", profile=JEANNE)
    assert created["account"]["username"] == "jeanne.durand"
    assert created["session"]["identityProvider"] == "FranceConnect"

    assert set(browser.cookies()) == {"session"}
    me = await browser.me()
    assert (me["hasPassword"], me["username"]) == (False, "jeanne.durand")
    assert [(i["provider"], i["acr"], i["amr"]) for i in me["identities"]] == [
        ("FranceConnect", "eidas1", ["pwd", "otp"])
    ]
    assert [mail.template for mail in await Mail.all()] == ["email_confirmation"]
    assert await PendingIdentity.all().count() == 0

    elsewhere = open_browser()
    assert await elsewhere.log_in(back_to="/mon-espace/demandes") == f"{PUBLIC_URL}/mon-espace/demandes"
    assert (await elsewhere.me())["username"] == "jeanne.durand"
    assert await Account.all().count() == 1
    assert await Session.all().count() == 2


async def test_whoever_the_provider_says_little_of_fills_the_form_in_themselves(browser: Browser) -> None:
    assert await browser.log_in("bare") == f"{PUBLIC_URL}/identite"
    pending = await browser.run("PendingIdentity")
    assert {pending[name] for name in ("firstName", "lastName", "birthDate", "email")} == {None}
    refused = await browser.run(
        "CreateAccountWithIdentity", profile={**JEANNE, "email": None}, username="jeanne"
    )
    assert sorted(field["path"] for field in refused["fields"]) == [
        "password",
        "profile.email",
    ]
    await make_citizen("jeanne")
    taken = await browser.run(
        "CreateAccountWithIdentity", profile=JEANNE, username="Jeanne", password="Tournesol-au-balcon-7"
    )
    assert taken["__typename"] == "UsernameTakenError"
    created = await browser.run(
        "CreateAccountWithIdentity", profile=JEANNE, username="jeanne.d", password="Tournesol-au-balcon-7"
    )
    assert created["account"]["username"] == "jeanne.d"
    assert (await browser.me())["hasPassword"]


async def test_an_account_of_the_same_name_gets_another_username(browser: Browser) -> None:
    await make_citizen("jeanne.durand")
    await open_account(browser)
    assert re.fullmatch(r"jeanne\.durand.+", (await browser.me())["username"])


async def test_the_same_mail_address_links_nothing(browser: Browser) -> None:
    await make_citizen("marie")  # Her address is jeanne@example.org, too.
    assert await browser.log_in() == f"{PUBLIC_URL}/identite"
    assert await browser.me() is None
    assert await Identity.all().count() == 0


async def test_an_account_is_linked_by_its_password(browser: Browser, open_browser: OpenBrowser) -> None:
    await make_citizen("marie")
    await browser.log_in()
    for username, password in (("marie", "wrong"), ("nobody", PASSWORD)):
        assert (await browser.run("LinkIdentity", username=username, password=password))["__typename"] == (
            "InvalidCredentialsError"
        )
    linked = await browser.run("LinkIdentity", username=" MARIE", password=PASSWORD)
    assert linked["account"]["username"] == "marie"
    assert [(mail.template, mail.recipient) for mail in await Mail.all()] == [
        ("identity_linked", "jeanne@example.org")
    ]
    # Used up.
    again = await browser.run("LinkIdentity", username="marie", password=PASSWORD)
    assert again["__typename"] == "NotFoundError"

    elsewhere = open_browser()
    await elsewhere.log_in()
    assert (await elsewhere.me())["username"] == "marie"


async def test_agents_have_no_account_to_link(browser: Browser) -> None:
    await make_agent(username="martin")
    await browser.log_in()
    answer = await browser.run("LinkIdentity", username="martin", password=PASSWORD)
    assert answer["__typename"] == "InvalidCredentialsError"
    assert await Session.all().count() == 1  # The factory's.


async def test_an_account_has_one_identity_of_a_provider(browser: Browser, open_browser: OpenBrowser) -> None:
    await make_citizen("marie")
    await browser.log_in()
    await browser.run("LinkIdentity", username="marie", password=PASSWORD)
    other = open_browser()
    await other.log_in("bare")
    answer = await other.run("LinkIdentity", username="marie", password=PASSWORD)
    assert answer["__typename"] == "NotAllowedError"
    assert "FranceConnect" in answer["message"]
    assert (await other.run("PendingIdentity"))[
        "provider"
    ] == "FranceConnect"  # It can still become an account.


async def test_what_became_an_account_in_one_tab_does_not_in_another(
    browser: Browser, open_browser: OpenBrowser
) -> None:
    other = open_browser()
    await other.log_in()
    await open_account(browser)
    answer = await other.run("CreateAccountWithIdentity", profile=JEANNE)
    assert answer["__typename"] == "NotAllowedError"
    assert await Account.all().count() == 1
    assert await other.log_in() == f"{PUBLIC_URL}/"
    assert (await other.me())["username"] == "jeanne.durand"


async def test_of_ten_accounts_at_once_from_one_identity_one_is_opened(
    patient: None, browser: Browser
) -> None:
    await browser.log_in()
    answers = await asyncio.gather(
        *(browser.run("CreateAccountWithIdentity", profile=JEANNE) for _ in range(10))
    )
    kinds = [answer["__typename"] if isinstance(answer, dict) else answer for answer in answers]
    assert kinds.count("CreateAccountWithIdentitySuccess") == 1
    assert await Account.all().count() == await Credential.all().count() == 1


async def test_unlinking_ends_what_it_opened_and_is_told(browser: Browser, open_browser: OpenBrowser) -> None:
    await make_citizen("marie")
    await browser.log_in()
    await browser.run("LinkIdentity", username="marie", password=PASSWORD)
    elsewhere = open_browser()
    await elsewhere.log_in()
    (identity,) = (await browser.run("MyIdentities"))["identities"]
    assert (await browser.run("UnlinkIdentity", identity="x"))["__typename"] == "NotFoundError"
    assert await browser.run("UnlinkIdentity", identity=identity["id"]) == {
        "__typename": "UnlinkIdentitySuccess",
        "identities": [],
    }
    assert (await browser.me())["identities"] == []
    assert await elsewhere.me() is None
    assert [mail.template for mail in await Mail.all().order_by("id")] == [
        "identity_linked",
        "identity_unlinked",
    ]
    assert await elsewhere.log_in() == f"{PUBLIC_URL}/identite"


async def test_the_address_before_is_told_what_opens_the_account(browser: Browser) -> None:
    """Whoever has changed the address may be somebody else."""
    citizen = await make_citizen("marie")
    await Account.filter(id=citizen.account_id).update(former_email="marie@example.net")
    await browser.log_in()
    # Each further mail is a statement more than its document states.
    await browser.ask(document("LinkIdentity").text, username="marie", password=PASSWORD)
    (identity,) = (await browser.run("MyIdentities"))["identities"]
    await browser.ask(document("UnlinkIdentity").text, identity=identity["id"])
    assert {(mail.template, mail.recipient) for mail in await Mail.all()} == {
        (template, address)
        for template in ("identity_linked", "identity_unlinked")
        for address in ("jeanne@example.org", "marie@example.net")
    }


async def test_the_last_way_in_stays(browser: Browser, open_browser: OpenBrowser) -> None:
    await open_account(browser)
    (identity,) = (await browser.me())["identities"]
    answer = await browser.run("UnlinkIdentity", identity=identity["id"])
    assert answer["__typename"] == "NotAllowedError"
    assert "mot de passe" in answer["message"]
    other = open_browser()
    await other.log_in("bare")
    await other.run("CreateAccountWithIdentity", profile=JEANNE)
    assert (await other.run("UnlinkIdentity", identity=identity["id"]))["__typename"] == "NotFoundError"
    assert await Identity.all().count() == 2


async def test_a_closed_account_is_closed_to_identities_too(
    browser: Browser, open_browser: OpenBrowser
) -> None:
    await open_account(browser)
    await make_citizen("marie")
    other = open_browser()
    await other.log_in("bare")
    for username in ("jeanne.durand", "marie"):
        await close_account(username)
    assert await browser.me() is None
    assert problem_of(await browser.log_in()) == "ACCOUNT_CLOSED"
    refused = await other.run("LinkIdentity", username="marie", password=PASSWORD)
    assert refused["__typename"] == "NotAllowedError"
    assert await Session.all().count() == 0

    await restore_account("OPERATOR", username="jeanne.durand")
    await browser.log_in()
    assert (await browser.me())["username"] == "jeanne.durand"
    await close_account("jeanne.durand")
    await execute("UPDATE account SET closed_at = now() - interval '1 day', erasure_at = now()")
    await erase()
    assert await Identity.all().count() == await Account.all().count() == 0
    assert await browser.log_in() == f"{PUBLIC_URL}/identite"


async def test_whoever_has_no_password_chooses_one_by_mail(browser: Browser) -> None:
    """Then there is another way in, and the identity may go."""
    await open_account(browser)
    await Account.all().update(email_confirmed_at=now())
    credential = await Credential.get()
    mail = Mail(
        template="new_password",
        recipient="jeanne@example.org",
        language="fr",
        account_id=credential.account_id,
        message_id="<x@example.org>",
    )
    await mail.save(force_create=True)
    await begin_lifetime(mail.id, now())
    opened = await log_in(
        Visitor(),
        username="jeanne.durand",
        password=temporary_password(mail.id),
        user_agent=None,
        selection=Selection.of(session=Selection.of("id")),
    )
    assert opened.must_change_password
    actor = await authenticate(bearer=opened.token, ticket=None, language="fr")
    await change_credentials(
        actor,
        current_password=temporary_password(mail.id),
        username=None,
        password="Tournesol-au-balcon-7",
        selection=Selection.of("username"),
    )
    await browser.log_in()
    mine = await browser.run("MyIdentities")
    assert mine["hasPassword"]
    unlinked = await browser.run("UnlinkIdentity", identity=mine["identities"][0]["id"])
    assert unlinked["identities"] == []


async def test_logging_out_here_and_there(browser: Browser) -> None:
    await open_account(browser)
    left = await browser.step(f"{PUBLIC_URL}/openid/logout", "POST", headers={"Origin": PUBLIC_URL})
    assert left.status_code == 303
    way_out = left.headers["location"]
    asked = parse_qs(urlsplit(way_out).query)
    assert set(asked) == {"id_token_hint", "post_logout_redirect_uri", "state"}
    assert "session" not in browser.cookies()
    assert await browser.me() is None
    assert await Session.all().count() == 0

    page = await browser.step(way_out)
    form = re.search(r'action="([^"]+)".*name="xsrf" value="([^"]+)"', page.text, re.DOTALL)
    assert form
    ended = await browser.go(
        urljoin(way_out, form[1]), method="POST", data={"xsrf": form[2], "logout": "yes"}
    )
    assert f"{PUBLIC_URL}/openid/logged-out?state={asked['state'][0]}" in browser.seen
    assert ended == f"{PUBLIC_URL}/"
    # The provider does not know the browser any more, either.
    assert (await browser.to_provider()).startswith(way_out[:20])


async def test_logging_out_of_what_the_provider_knows_nothing_of(browser: Browser, app: Starlette) -> None:
    await make_citizen("marie")
    logged_in = await browser.ask(
        'mutation ($p: String!) { logIn(input: {username: "marie", password: $p}) { __typename } }',
        p=PASSWORD,
    )
    assert logged_in["__typename"] == "LogInSuccess"
    foreign = await browser.step(
        f"{PUBLIC_URL}/openid/logout", "POST", headers={"Origin": "https://evil.example"}
    )
    assert foreign.status_code == 403
    assert await browser.me() is not None
    # Pages without referrer say that they have no origin.
    assert await browser.go(f"{PUBLIC_URL}/openid/logout", method="POST", headers={"Origin": "null"}) == (
        f"{PUBLIC_URL}/"
    )
    assert await browser.me() is None
    assert await browser.go(f"{PUBLIC_URL}/openid/logout", method="POST") == f"{PUBLIC_URL}/"
    assert (await browser.step(f"{PUBLIC_URL}/openid/logout")).status_code == 405


async def test_a_provider_of_another_make(
    provider: Provider, app: Starlette, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RSA, the user info in JSON, the client's secret in a header, no level of assurance."""
    monkeypatch.setenv("ESPACE_OPENID_CLIENT_ID", PLAIN)
    monkeypatch.setenv("ESPACE_OPENID_ALGORITHM", "RS256")
    monkeypatch.setenv("ESPACE_OPENID_NAME", "La Clé")
    get_settings.cache_clear()

    browser = Browser(make_app(get_settings()))
    try:
        await open_account(browser)
        assert (await browser.me())["identities"][0]["provider"] == "La Clé"
    finally:
        await browser.close()


async def test_there_is_none_by_default(database: object) -> None:
    await make_citizen()
    browser = Browser(make_app(get_settings()))
    try:
        for path, method in (("login", "GET"), ("callback", "GET"), ("logout", "POST"), ("error", "GET")):
            assert (await browser.step(f"{PUBLIC_URL}/openid/{path}", method)).status_code == 404
    finally:
        await browser.close()


async def test_front_ends_learn_of_it(browser: Browser) -> None:
    providers = await browser.run("IdentityProviders")
    assert providers == {
        "identityProviders": [
            {
                "name": "FranceConnect",
                "logInUrl": f"{PUBLIC_URL}/openid/login",
                "logOutUrl": f"{PUBLIC_URL}/openid/logout",
            }
        ]
    }


async def test_what_the_provider_says_of_itself_is_asked_once(
    browser: Browser, open_browser: OpenBrowser, between: Between
) -> None:
    for who in ("jeanne", "bare", "sure"):
        other = open_browser()
        assert problem_of(await other.log_in(who)) is None
    assert between.calls["/.well-known/openid-configuration"] == 1
    assert between.calls["/jwks"] == 1
    assert between.calls["/token"] == between.calls["/me"] == 3


async def test_documents_make_the_statements_that_they_state() -> None:
    """In all that went before: each was run where it costs most."""
    assert most == {name: document(name).statements for name in NEEDING_A_PROVIDER}
