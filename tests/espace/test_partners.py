"""What partner systems ask of us and tell us over HTTP."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import pytest_asyncio
from joserfc.jwk import KeySet
from standardwebhooks import Webhook
from starlette.applications import Starlette

from core import signing_keys
from core.clock import now
from core.settings import Settings
from espace.partners import MOST_BYTES, routes
from models.database import close
from models.partner_links import PartnerLink
from tests.factories import make_citizen, make_partner_link, make_partner_system
from tests.partner import SLUG, new_secret, point_to

SECRET = new_secret()
KEYS = "/.well-known/jwks.json"
EVENTS = f"/partners/{SLUG}/events"


def client() -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Starlette(routes=routes))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def get(**headers: str) -> httpx.Response:
    async with client() as http:
        return await http.get(KEYS, headers=headers)


async def tell(
    link: UUID | str,
    state: str = "EXPIRED",
    *,
    kind: str = "link.ended",
    secret: str = SECRET,
    at: datetime | None = None,
    path: str = EVENTS,
    body: str | None = None,
) -> int:
    """As a partner does, by the library; the status of the answer."""
    at = at or now()
    if body is None:
        data = {"link": str(link), "state": state}
        body = json.dumps({"type": kind, "timestamp": at.isoformat(), "data": data})
    headers = {
        "webhook-id": f"link-ended-{link}",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(f"link-ended-{link}", at, body),
    }
    async with client() as http:
        return (await http.post(path, content=body, headers=headers)).status_code


@pytest_asyncio.fixture
async def link(database: Settings, monkeypatch: pytest.MonkeyPatch) -> PartnerLink:
    point_to(monkeypatch, "https://famille.example", SECRET)
    return await make_partner_link(await make_citizen(), await make_partner_system(SLUG))


async def state_of(link: PartnerLink) -> tuple[str, bool]:
    row = await PartnerLink.get(id=link.id)
    return row.state, row.token_sealed is not None


async def test_the_keys_may_be_kept_for_an_hour(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    response = await get()
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/jwk-set+json"
    assert response.headers["cache-control"].startswith("public, max-age=3600")
    assert response.headers["access-control-allow-origin"] == "*"
    keys: Any = response.json()
    assert len(list(KeySet.import_key_set(keys))) == 2
    assert not any("d" in key for key in keys["keys"])

    tag = response.headers["etag"]
    again = await get(**{"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    monkeypatch.setattr(signing_keys, "now", lambda: now() + signing_keys.PERIOD)
    changed = await get(**{"If-None-Match": tag})
    assert changed.status_code == 200
    assert keys["keys"][1] in changed.json()["keys"]


@pytest.mark.parametrize("state", ["EXPIRED", "REVOKED"])
async def test_a_link_has_ended(link: PartnerLink, state: str) -> None:
    assert await tell(link.reference, state) == 204
    assert await state_of(link) == (state, False)
    assert await tell(link.reference, state) == 204
    assert await state_of(link) == (state, False)


async def test_a_link_that_is_not_known_is_none_of_the_partners_business(link: PartnerLink) -> None:
    assert await tell(uuid4()) == 204
    assert await state_of(link) == ("ACTIVE", True)


async def test_who_cannot_sign_ends_nothing(link: PartnerLink) -> None:
    for refused in (
        tell(link.reference, secret=new_secret()),
        tell(link.reference, at=now() - timedelta(minutes=6)),
        tell(link.reference, path="/partners/another/events"),
    ):
        assert await refused == 401
    async with client() as http:
        assert (await http.post(EVENTS, content=b"{}")).status_code == 401
        assert (await http.get(EVENTS)).status_code == 405
    assert await state_of(link) == ("ACTIVE", True)


async def test_another_partner_ends_nothing(link: PartnerLink, monkeypatch: pytest.MonkeyPatch) -> None:
    other = await make_partner_system("other")
    theirs = await make_partner_link(await make_citizen(), other)
    assert await tell(theirs.reference) == 204
    assert await state_of(theirs) == ("ACTIVE", True)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "[" * 8_000,
        '{"type": "link.ended"}',
        '{"type": "link.made", "data": {"link": "%s", "state": "EXPIRED"}}',
        '{"type": "link.ended", "data": {"link": "%s", "state": "ACTIVE"}}',
        '{"type": "link.ended", "data": {"link": "x", "state": "EXPIRED"}}',
    ],
)
async def test_what_is_not_as_agreed(link: PartnerLink, body: str) -> None:
    assert await tell(link.reference, body=body.replace("%s", str(link.reference))) == 400
    assert await state_of(link) == ("ACTIVE", True)


async def test_what_is_too_long_is_not_read_to_its_end(link: PartnerLink) -> None:
    assert await tell(link.reference, body="x" * (MOST_BYTES + 1)) == 413


async def test_later_while_the_database_is_away(link: PartnerLink, database: Settings) -> None:
    from models.database import initialise

    await close()
    await initialise(database.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/x"}))
    assert await tell(link.reference) == 503
