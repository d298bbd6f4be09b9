"""Doors that anybody may open who has the address, and credentials that open none; the others are in the survey."""

from __future__ import annotations

import re

from core.keys import new_token
from core.tickets import new_ticket
from models.accounts import Credential
from tests.authorization.calling import ADDRESS, Callers
from tests.authorization.doors import TUS
from tests.authorization.kinds import Kind
from tests.factories import make_session


async def test_a_calendar_address_tells_of_one_appointment(callers: Callers) -> None:
    """Whoever has it reads it; it holds nothing that belongs to somebody else."""
    thing = callers.world.things["owner submitted/appointment"]
    reply = await callers.ask(
        Kind.OWNER, f'{{ node(id: "{thing.id}") {{ ... on Appointment {{ calendarUrl }} }} }}'
    )
    address = reply.data["node"]["calendarUrl"].removeprefix(ADDRESS)

    for kind in Kind:
        response = await callers.http.get(address, headers=callers.world.headers[kind])
        assert response.status_code == 200
        assert callers.reply(kind, response, opened="owner submitted").leaks == []
    assert (await callers.http.get(address.replace(".ics", "x.ics"))).status_code == 404


async def test_a_spoken_code_is_heard_by_whoever_has_its_address(callers: Callers) -> None:
    for kind in Kind:
        response = await callers.http.get(callers.world.recording, headers=callers.world.headers[kind])
        assert response.content == b"ID3 spoken"
    captcha = callers.world.things["captcha"].id
    assert captcha not in callers.world.recording
    assert (await callers.http.get("/captcha/01a2223e-0c24-7ac0-a887-2404fc8d47c6.mp3")).status_code == 404


async def test_credentials_that_are_no_good_open_nothing(callers: Callers) -> None:
    """A session that has expired, one that was revoked, a ticket that is not one, a header of another kind: at every
    door."""
    expired = new_token()
    credential = await Credential.get(username=callers.world.usernames[Kind.OWNER])
    await make_session(credential.id, token=expired, days=-0.01)
    thing = callers.world.things["owner submitted"]
    shown = await callers.ask(
        Kind.OWNER, f'{{ request(id: "{thing.id}") {{ attachments {{ file {{ url }} }} }} }}'
    )
    address = re.findall(r'/files/[^"]*', shown.response.text)[0]
    upload = callers.world.things[f"upload {Kind.OWNER}"].id
    assert (await callers.http.get(address)).status_code == 200

    for authorization in (
        f"Bearer {expired}",
        f"Bearer {new_token()}",
        f"Ticket {new_ticket()}",
        "Basic YTpi",
        "Bearer",
    ):
        headers = {"Authorization": authorization}
        asked = await callers.http.post(
            "/graphql", json={"query": "{ me { id } desk { __typename } }"}, headers=headers
        )
        assert asked.status_code == 401
        assert asked.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert (await callers.http.get(address, headers=headers)).status_code == 404
        assert (await callers.http.head(f"/uploads/{upload}", headers={**headers, **TUS})).status_code == 401
    cookie = {"Cookie": f"session={expired}", "X-Requested-With": "tests"}
    asked = await callers.http.post(
        "/graphql", json={"query": "{ me { id } desk { __typename } }"}, headers=cookie
    )
    assert asked.json() == {"data": {"me": None, "desk": None}}
