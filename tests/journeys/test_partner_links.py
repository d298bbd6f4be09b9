"""A citizen and their Espace Famille: linked, opened, ended from either side; what opens it opens it once."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey
from standardwebhooks import Webhook

from core.settings import get_settings
from core.signing_keys import sign_jwt
from tests.journeys.client import Client, Data
from tests.journeys.stories import captcha, contact, file_request, open_account, partner_token
from tests.partner import CODE, LABEL, OTHER_CODE, OTHER_LABEL, PASSWORD, SLUG, Partner, new_secret
from tests.stack import Stack


@pytest_asyncio.fixture
async def citizen(stack: Stack) -> Client:
    stack.partner.forget()
    client, _ = await open_account(stack.api)
    return client


@pytest_asyncio.fixture
async def linked(citizen: Client) -> tuple[Client, str]:
    """A citizen with a link, and its id."""
    made = await citizen.change("LinkPartner", system=SLUG, code=CODE, password=PASSWORD)
    return citizen, made["link"]["id"]


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(follow_redirects=True, timeout=10) as client:
        yield client


async def links_of(citizen: Client) -> list[Data]:
    account = await citizen.run("MyAccount")
    links: list[Data] = account["partnerLinks"]
    return links


async def until(is_so: Callable[[], Any], within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while not (await done if asyncio.iscoroutine(done := is_so()) else done):  # noqa: ASYNC110 - others do it
            await asyncio.sleep(0.1)


async def test_the_whole_story(stack: Stack, citizen: Client, browser: httpx.AsyncClient) -> None:
    (offered,) = (await citizen.run("Partners"))["partners"]
    assert (offered["slug"], offered["credentialLabels"]["code"]) == (SLUG, "Code famille")
    made = (await citizen.change("LinkPartner", system=SLUG, code=CODE, password=PASSWORD))["link"]
    assert (made["label"], made["state"]) == (LABEL, "ACTIVE")

    opened = await citizen.change("OpenPartner", link=made["id"])
    page = await browser.get(opened["url"])
    assert str(page.url) == f"{stack.partner.site}/"
    assert [step.status_code for step in page.history] == [303]
    assert page.history[0].headers["referrer-policy"] == "no-referrer"
    assert LABEL in page.text
    assert "Vous venez de l’Espace Citoyens." in page.text
    assert "token" not in stack.partner.output()

    changed = await citizen.change(
        "UpdatePartnerCredentials", link=made["id"], code=OTHER_CODE, password=PASSWORD
    )
    assert changed["link"] == {**made, "label": OTHER_LABEL}
    await until(lambda: len(stack.partner.live_links()) == 1)
    assert [each["label"] for each in await links_of(citizen)] == [OTHER_LABEL]

    left = await citizen.change("UnlinkPartner", link=made["id"])
    assert left["partnerLinks"] == await links_of(citizen) == []
    await until(lambda: stack.partner.live_links() == [])
    gone = await citizen.run("OpenPartner", link=made["id"])
    assert gone["__typename"] == "NotFoundError"


async def test_linked_as_the_account_is_created(stack: Stack) -> None:
    for password, problem, links in ((PASSWORD, None, 1), ("wrong", "PARTNER_REFUSED", 0)):
        client, username = Client(stack.api, language="en"), f"citoyen-{uuid4().hex[:10]}"
        created = await client.change(
            "CreateAccount",
            input={
                "username": username,
                "password": "Tournesol-au-balcon-7",
                "profile": contact(),
                "captcha": await captcha(client, "CREATE_ACCOUNT"),
                "partner": {"system": SLUG, "code": CODE, "password": password},
            },
        )
        told = created["partnerProblem"]
        assert (told and told["code"]) == problem
        assert told is None or told["message"].startswith(
            "Your citizen account is created, but it is not linked."
        )
        await client.log_in(username, "Tournesol-au-balcon-7")
        assert len(await links_of(client)) == links


@pytest.mark.parametrize(("action", "state"), [("end-links", "REVOKED"), ("new-password", "EXPIRED")])
async def test_what_ends_there_has_ended_here(
    stack: Stack, linked: tuple[Client, str], browser: httpx.AsyncClient, action: str, state: str
) -> None:
    """The family acts on its own page; the partner tells, and the citizen is told why nothing opens."""
    citizen, link = linked
    partner = stack.partner
    await browser.get((await citizen.change("OpenPartner", link=link))["url"])
    try:
        page = await browser.post(
            f"{partner.site}/{action}",
            data={"password": "Un-autre-mot-de-passe-9"},
            headers={"Origin": partner.site},
        )
        assert "Comptes citoyens reliés : 0" in page.text

        async def is_told() -> bool:
            return [each["state"] for each in await links_of(citizen)] == [state]

        await until(is_told)
        refused = await citizen.run("OpenPartner", link=link)
        assert refused["code"] == "PARTNER_REFUSED"
        assert refused["message"].startswith("Le lien avec Espace Famille n’est plus valable.")
    finally:
        if action == "new-password":
            await browser.post(
                f"{partner.site}/new-password", data={"password": PASSWORD}, headers={"Origin": partner.site}
            )
    made_good = await citizen.change("UpdatePartnerCredentials", link=link, code=CODE, password=PASSWORD)
    assert made_good["link"]["state"] == "ACTIVE"


async def test_another_site_cannot_act_for_the_family(
    stack: Stack, linked: tuple[Client, str], browser: httpx.AsyncClient
) -> None:
    citizen, link = linked
    await browser.get((await citizen.change("OpenPartner", link=link))["url"])
    for headers in ({"Origin": "https://evil.example"}, {}):
        page = await browser.post(f"{stack.partner.site}/end-links", headers=headers)
        assert "Comptes citoyens reliés : 1" in page.text


async def test_a_partner_that_is_away_keeps_nobody_from_anything_else(
    stack: Stack, linked: tuple[Client, str]
) -> None:
    citizen, link = linked
    stack.partner.stop()
    started_at = time.monotonic()
    for name, given in (
        ("OpenPartner", {"link": link}),
        ("LinkPartner", {"system": SLUG, "code": CODE, "password": PASSWORD}),
    ):
        refused = await citizen.run(name, **given)
        assert refused["code"] == "PARTNER_UNREACHABLE"
    assert time.monotonic() - started_at < 6
    assert [each["state"] for each in await links_of(citizen)] == ["ACTIVE"]
    left = await citizen.change("UnlinkPartner", link=link)
    assert left["partnerLinks"] == []
    await stack.partner.start()
    await until(lambda: stack.partner.live_links() == [], within=40)


async def test_ten_at_once_and_one_comes_in(stack: Stack, linked: tuple[Client, str]) -> None:
    citizen, link = linked
    opened = await citizen.change("OpenPartner", link=link)
    async with httpx.AsyncClient(timeout=20) as anybody:
        came = await asyncio.gather(*(anybody.get(opened["url"]) for _ in range(10)))
    assert sorted(response.status_code for response in came) == [303] + [403] * 9
    assert "Cette adresse n’est plus valable" in came[-1].text or came[-1].status_code == 303


Forged = Callable[[dict[str, Any]], str]


@pytest.fixture
def as_the_mairie(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Forged:
    """Signs claims with the stack's own key."""
    monkeypatch.setenv("ESPACE_SECRET_KEY", stack.environment["ESPACE_SECRET_KEY"])
    get_settings.cache_clear()
    return lambda claims: sign_jwt("sign-on+jwt", claims)


def _signed_by(key: Any, algorithm: str, claims: dict[str, Any], kid: str, typ: str = "sign-on+jwt") -> str:
    return jwt.encode({"alg": algorithm, "typ": typ, "kid": kid}, claims, key, algorithms=[algorithm])


def _unsigned(claims: dict[str, Any], kid: str) -> str:
    parts = [{"alg": "none", "typ": "sign-on+jwt", "kid": kid}, claims]
    written = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*written, ""])


async def test_only_what_the_mairie_means_for_this_partner_now_comes_in(
    stack: Stack, linked: tuple[Client, str], as_the_mairie: Forged
) -> None:
    """The example checks what docs/partners.md tells partners to check."""
    citizen, link = linked
    opened = await citizen.change("OpenPartner", link=link)
    token: str = opened["url"].partition("token=")[2]
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    header = json.loads(base64.urlsafe_b64decode(token.split(".", maxsplit=1)[0] + "=="))
    kid = header["kid"]
    other, _ = await open_account(stack.api)
    theirs = await other.change("LinkPartner", system=SLUG, code=OTHER_CODE, password=PASSWORD)
    await other.change("OpenPartner", link=theirs["link"]["id"])
    (theirs_there,) = stack.partner.rows("SELECT reference FROM link WHERE subject <> ?", claims["sub"])
    at = int(time.time())

    def fresh(**changed: Any) -> dict[str, Any]:
        return {**claims, "jti": uuid4().hex, **changed}

    refused = {
        "no token": "",
        "nonsense": "a.b.c",
        "changed": token[:-10] + ("AAAAAAAAAA" if token[-10:] != "AAAAAAAAAA" else "BBBBBBBBBB"),
        "unsigned": _unsigned(fresh(), kid),
        "signed with the public key as a secret": _signed_by(
            OctKey.import_key(b"k" * 64), "HS256", fresh(), kid
        ),
        "signed by another key": _signed_by(ECKey.generate_key("P-256"), "ES256", fresh(), kid),
        "another kind": sign_jwt("JWT", fresh()),
        "for another partner": as_the_mairie(fresh(aud="https://another.example")),
        "for several": as_the_mairie(fresh(aud=["https://another.example"])),
        "of another mairie": as_the_mairie(fresh(iss="https://another.example")),
        "expired": as_the_mairie(fresh(iat=at - 90, exp=at - 30)),
        "of tomorrow": as_the_mairie(fresh(iat=at + 3_600, exp=at + 3_660)),
        "for long": as_the_mairie(fresh(exp=claims["iat"] + 3_600)),
        "without an end": as_the_mairie({name: value for name, value in fresh().items() if name != "exp"}),
        "without an id": as_the_mairie({name: value for name, value in claims.items() if name != "jti"}),
        "somebody else's link": as_the_mairie(fresh(link=theirs_there["reference"])),
        "no link": as_the_mairie(fresh(link=str(uuid4()))),
        "another subject": as_the_mairie(fresh(sub="x")),
    }
    async with httpx.AsyncClient(timeout=10) as anybody:
        for name, forged in refused.items():
            response = await anybody.get(f"{stack.partner.address}/sign-on", params={"token": forged})
            assert (response.status_code, "set-cookie" in response.headers) == (403, False), name
        # What was forged has used nothing up, and a sound one comes in.
        assert (await anybody.get(opened["url"])).status_code == 303
        good = await anybody.get(f"{stack.partner.address}/sign-on", params={"token": as_the_mairie(fresh())})
        assert good.status_code == 303


async def test_it_is_told_of_requests(stack: Stack) -> None:
    """With a token of the API it asks to be told; what happens at the mairie is there a moment later."""
    partner = stack.partner
    partner.forget()
    administrator = await Client(stack.api).log_in("admin")
    created = await administrator.change("CreatePartnerToken", input=partner_token(name="Espace Famille"))
    told = await partner.run("--follow", FAMILLE_TOKEN=created["token"])
    try:
        assert f"{partner.address}/webhooks" in told
        visitor, agent = Client(stack.api), await Client(stack.api).log_in("agent")
        sent = await file_request(visitor)
        await agent.change(
            "ChangeRequestStatus", request=sent["id"], version=sent["version"], status="IN_PROGRESS"
        )
        await until(lambda: len(partner.rows("SELECT id FROM event WHERE request = ?", sent["id"])) == 2, 20)
        known = [line for line in (await partner.run("--requests")).splitlines() if sent["id"] in line]
        assert len(known) == 1
        assert known[0].startswith(f"{sent['id']}: 2 events, the latest: ")
        assert "En cours" in known[0]
    finally:
        await administrator.change("RevokePartnerToken", token=created["partnerToken"]["id"])


async def test_what_comes_again_and_late_counts_once(stack: Stack) -> None:
    """The example's receiver of webhooks: by the event's id, and a request is what its latest event says."""
    partner: Partner = stack.partner
    partner.forget()

    async def send(http: httpx.AsyncClient, number: int, *, secret: str = partner.webhook_secret) -> int:
        request, at = number % 3, datetime.now(UTC)
        body = json.dumps(
            {
                "__typename": "RequestStatusChanged",
                "id": f"event-{number}",
                "occurredAt": f"2026-01-01T00:00:{number:02}Z",
                "description": f"Étape {number}",
                "request": {"id": f"request-{request}"},
            }
        )
        headers = {
            "webhook-id": f"event-{number}",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(f"event-{number}", at, body),
        }
        response = await http.post(f"{partner.address}/webhooks", content=body, headers=headers)
        return response.status_code

    numbers = [number for number in range(30) for _ in range(3)]
    shuffled = [numbers[(index * 37) % len(numbers)] for index in range(len(numbers))]
    async with httpx.AsyncClient(timeout=30) as http:
        assert set(await asyncio.gather(*(send(http, number) for number in shuffled))) == {204}
        assert await send(http, 31, secret=new_secret()) == 401
        assert (await http.post(f"{partner.address}/webhooks", content=b"{}")).status_code == 401
    assert (await partner.run("--requests")).splitlines() == [
        f"request-{number}: 10 events, the latest: Étape {27 + number}" for number in range(3)
    ]
