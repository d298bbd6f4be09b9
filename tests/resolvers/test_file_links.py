"""Who opens what by a signed address, and when no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import unquote, urlsplit
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.keys import sign
from core.settings import Settings, get_settings
from models.accounts import AgentProcedure, Session
from models.actors import Actor, AgentActor, CitizenActor, PartnerActor, TicketHolder, Visitor
from models.attachments import Attachment
from models.database import counted, execute, fetch_one
from models.files import File
from models.ids import new_id
from models.procedures import Procedure
from models.requests import ServiceRequest
from models.storage import StoredDocument
from resolvers import file_links
from resolvers.file_links import (
    ExpiredLinkError,
    Kind,
    ServedFile,
    file_url,
    open_link,
    preview_name,
    receipt_name,
)
from tests.factories import holder_of, make_agent, make_citizen, make_procedure, make_request
from tests.file_rows import CONTENT, make_attachment, make_document, make_file, make_receipt, set_scan

PREVIEW = b"a small picture"
Clock = Callable[[datetime], None]


@dataclass(frozen=True)
class Desk:
    """A citizen's request with an attachment and a receipt, and a document in the storage space: one file."""

    citizen: CitizenActor
    request: ServiceRequest
    attachment: Attachment
    document: StoredDocument
    file: File

    def id_of(self, kind: Kind) -> UUID:
        return {
            "attachment": self.attachment.id,
            "stored_document": self.document.id,
            "receipt": self.request.id,
        }[kind]


@pytest_asyncio.fixture
async def desk(procedure: Procedure, citizen: CitizenActor) -> Desk:
    request = await make_request(procedure, citizen=citizen)
    file = await make_file(preview=PREVIEW)
    await make_receipt(request, file)
    return Desk(
        citizen, request, await make_attachment(request, file), await make_document(citizen, file), file
    )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What time it is for addresses from now on."""

    def turn(instant: datetime) -> None:
        monkeypatch.setattr("resolvers.file_links.now", lambda: instant)
        monkeypatch.setattr("core.keys.now", lambda: instant)

    return turn


def token_of(url: str | None) -> str:
    assert url is not None
    return urlsplit(url).path.split("/")[2]


def link(actor: Actor, kind: Kind, id: UUID, *, preview: bool = False) -> str:
    return token_of(file_url(actor, kind, id, "passeport.pdf", preview=preview))


async def opens(actor: Actor, desk: Desk, kind: Kind = "attachment", *, preview: bool = False) -> bool:
    return await open_link(link(actor, kind, desk.id_of(kind), preview=preview)) is not None


async def test_a_citizen_opens_what_is_theirs(desk: Desk) -> None:
    names: dict[Kind, str | None] = {
        "attachment": "passeport.pdf",
        "stored_document": "passeport.pdf",
        "receipt": None,
    }
    for kind, name in names.items():
        served = await open_link(link(desk.citizen, kind, desk.id_of(kind)))
        assert served is not None
        assert (served.address, served.size) == (desk.file.address, len(CONTENT))
        assert (served.media_type, served.etag) == ("application/pdf", sha256(CONTENT).hexdigest())
        assert name is None or served.name == name


async def test_a_preview_is_another_thing(desk: Desk) -> None:
    served = await open_link(link(desk.citizen, "attachment", desk.attachment.id, preview=True))
    assert served is not None
    assert (served.address, served.size, served.media_type) == (desk.file.preview_address, None, "image/webp")
    assert served.name == "passeport.webp"
    assert served.etag != sha256(CONTENT).hexdigest()
    assert str(desk.file.preview_address) not in served.etag
    await execute("UPDATE file SET preview_address = NULL")
    assert not await opens(desk.citizen, desk, preview=True)
    assert await opens(desk.citizen, desk)


async def test_each_opening_is_one_statement_and_an_address_costs_none(desk: Desk) -> None:
    agent = await make_agent("HANDLER")
    for actor in (desk.citizen, agent, holder_of(desk.request)):
        for kind in ("attachment", "stored_document", "receipt"):
            for preview in (False, True):
                with counted() as count:
                    token = link(actor, kind, desk.id_of(kind), preview=preview)
                assert count.value == 0
                with counted() as count:
                    await open_link(token, credentials_actor=actor)
                # Only citizens have a storage space: for others nobody asks the database.
                assert count.value == (kind != "stored_document" or actor is desk.citizen)


async def test_visitors_and_partners_get_no_address(desk: Desk) -> None:
    partner = PartnerActor(token_id=new_id(), scopes=frozenset({"READ_REQUESTS"}), procedure_ids=frozenset())
    for actor in (Visitor(), partner):
        assert file_url(actor, "attachment", desk.attachment.id, "x.pdf") is None
        assert (
            await open_link(link(desk.citizen, "attachment", desk.attachment.id), credentials_actor=partner)
            is None
        )


async def test_who_sees_what(desk: Desk, procedure: Procedure) -> None:
    other_request = await make_request(procedure)
    handler = await make_agent("HANDLER", procedures=[procedure])
    elsewhere = await make_agent("HANDLER", procedures=[await make_procedure()])
    expected: dict[str, tuple[Actor, set[Kind]]] = {
        "citizen": (desk.citizen, {"attachment", "stored_document", "receipt"}),
        "holder of the ticket": (holder_of(desk.request), {"attachment", "receipt"}),
        "handler": (handler, {"attachment", "receipt"}),
        "administrator": (await make_agent("ADMINISTRATOR"), {"attachment", "receipt"}),
        "handler of others": (elsewhere, set()),
        "another citizen": (await make_citizen(), set()),
        "holder of another ticket": (holder_of(other_request), set()),
    }
    kinds: tuple[Kind, ...] = ("attachment", "stored_document", "receipt")
    for who, (actor, seen) in expected.items():
        for preview in (False, True):
            found = {kind for kind in kinds if await opens(actor, desk, kind, preview=preview)}
            assert found == seen, who


async def test_a_draft_is_nothing_to_agents(procedure: Procedure, citizen: CitizenActor) -> None:
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    attachment = await make_attachment(draft, await make_file())
    for agent in (await make_agent("ADMINISTRATOR"), await make_agent("HANDLER", procedures=[procedure])):
        assert await open_link(link(agent, "attachment", attachment.id)) is None
        await execute("UPDATE service_request SET status = 'SUBMITTED', submitted_at = now()")
        assert await open_link(link(agent, "attachment", attachment.id)) is not None
        await execute("UPDATE service_request SET status = 'DRAFT', submitted_at = NULL")
    assert await open_link(link(citizen, "attachment", attachment.id)) is not None
    assert await open_link(link(holder_of(draft), "attachment", attachment.id)) is not None


async def test_a_claim_opens_it_to_the_one_who_claimed(procedure: Procedure, citizen: CitizenActor) -> None:
    request = await make_request(procedure)
    attachment = await make_attachment(request, await make_file())
    mine, by_ticket = (
        link(citizen, "attachment", attachment.id),
        link(holder_of(request), "attachment", attachment.id),
    )
    assert await open_link(mine) is None
    assert await open_link(by_ticket) is not None
    await execute("UPDATE service_request SET account_id = $1", citizen.account_id)
    assert await open_link(mine) is not None
    assert await open_link(by_ticket) is not None


@pytest.mark.parametrize("scan", ["PENDING", "INFECTED", "FAILED"])
async def test_only_what_is_clean_is_served(desk: Desk, scan: str) -> None:
    tokens = [
        link(desk.citizen, kind, desk.id_of(kind)) for kind in ("attachment", "stored_document", "receipt")
    ]
    tokens.append(link(desk.citizen, "attachment", desk.attachment.id, preview=True))
    assert None not in [await open_link(token) for token in tokens]
    await set_scan(desk.file, scan)
    assert [await open_link(token) for token in tokens] == [None] * 4


async def test_an_ended_session_ends_its_links(desk: Desk, agent: AgentActor) -> None:
    for actor in (desk.citizen, agent):
        assert await opens(actor, desk)
        await execute("UPDATE session SET expires_at = now() WHERE id = $1", actor.session_id)
        assert not await opens(actor, desk)
        await execute(
            "UPDATE session SET expires_at = now() + interval '1 hour' WHERE id = $1", actor.session_id
        )
        assert await opens(actor, desk)
        await Session.filter(id=actor.session_id).delete()
        assert not await opens(actor, desk)


async def test_a_session_of_somebody_else_does_not_do(desk: Desk, agent: AgentActor) -> None:
    other = await make_citizen()
    for session_id in (other.session_id, agent.session_id, new_id()):
        assert not await opens(CitizenActor(account_id=desk.citizen.account_id, session_id=session_id), desk)


async def test_an_agent_sees_what_they_may_see_now(desk: Desk, procedure: Procedure) -> None:
    handler = await make_agent("HANDLER", procedures=[procedure])
    token = link(handler, "attachment", desk.attachment.id)
    assert await open_link(token) is not None
    await AgentProcedure.filter(agent_id=handler.agent_id).delete()
    assert await open_link(token) is None
    await execute("UPDATE agent SET role = 'ADMINISTRATOR' WHERE id = $1", handler.agent_id)
    assert await open_link(token) is not None
    # What was an administrator's link is worth what a handler may see, and no more.
    await execute("UPDATE agent SET role = 'HANDLER' WHERE id = $1", handler.agent_id)
    assert await open_link(token) is None


async def test_what_is_gone_or_moved_is_not_found(desk: Desk) -> None:
    tokens = {
        kind: link(desk.citizen, kind, desk.id_of(kind))
        for kind in ("attachment", "stored_document", "receipt")
    }
    await execute("UPDATE receipt SET file_id = NULL")
    await desk.attachment.delete()
    other = await make_citizen()
    await execute("UPDATE stored_document SET account_id = $1", other.account_id)
    assert [await open_link(token) for token in tokens.values()] == [None] * 3


async def test_a_replaced_file_is_served_in_the_place_of_the_old_one(desk: Desk) -> None:
    token = link(desk.citizen, "attachment", desk.attachment.id)
    newer = await make_file(b"another content", media_type="image/png")
    await execute("UPDATE attachment SET file_id = $1, name = 'photo.png'", newer.id)
    served = await open_link(token)
    assert served is not None
    assert (served.address, served.media_type, served.name) == (newer.address, "image/png", "photo.png")


async def test_who_the_request_says_it_is_must_be_whose_link_it_is(desk: Desk, procedure: Procedure) -> None:
    other_citizen, other_request = await make_citizen(), await make_request(procedure)
    one_agent, other_agent = await make_agent(), await make_agent()
    callers: dict[str, Actor] = {
        "citizen": desk.citizen,
        "citizen, on another device": CitizenActor(account_id=desk.citizen.account_id, session_id=new_id()),
        "another citizen": other_citizen,
        "agent": one_agent,
        "another agent": other_agent,
        "ticket": holder_of(desk.request),
        "another ticket": holder_of(other_request),
        "visitor": Visitor(),
    }
    allowed = {
        "citizen": {"citizen", "citizen, on another device", "visitor"},
        "agent": {"agent", "visitor"},
        # Browsers send a citizen's cookie along when they look at a request by its ticket.
        "ticket": {"ticket", "citizen", "citizen, on another device", "another citizen", "visitor"},
    }
    for owner, openers in allowed.items():
        token = link(callers[owner], "attachment", desk.attachment.id)
        found = {name for name, actor in callers.items() if await open_link(token, credentials_actor=actor)}
        assert found == openers, owner


async def test_an_address_lasts_ten_to_fifteen_minutes_and_stays_the_same_meanwhile(
    desk: Desk, clock: Clock
) -> None:
    start = datetime(2026, 3, 1, 9, 0, 1, tzinfo=UTC)
    addresses = []
    for second in range(0, 300, 7):
        clock(start + timedelta(seconds=second))
        addresses.append(file_url(desk.citizen, "attachment", desk.attachment.id, "passeport.pdf"))
    assert len(set(addresses)) <= 2
    for second, address in zip(range(0, 300, 7), addresses, strict=True):
        token = token_of(address)
        made_at = start + timedelta(seconds=second)
        clock(made_at + timedelta(minutes=10, seconds=-1))
        served = await open_link(token)
        assert served is not None
        assert timedelta(minutes=10) <= served.link_ends_at - made_at <= timedelta(minutes=15)
        clock(made_at + timedelta(minutes=15))
        with pytest.raises(ExpiredLinkError):
            await open_link(token)


async def test_an_expired_link_is_told_apart_for_a_day_and_asks_nothing(desk: Desk, clock: Clock) -> None:
    token = link(desk.citizen, "attachment", desk.attachment.id)
    clock(datetime.now(UTC) + timedelta(hours=20))
    with counted() as count, pytest.raises(ExpiredLinkError) as raised:
        await open_link(token)
    assert count.value == 0
    assert "Rechargez la page" in raised.value.text.fr
    clock(datetime.now(UTC) + timedelta(days=2))
    assert await open_link(token) is None


async def test_what_we_did_not_sign_opens_nothing(desk: Desk) -> None:
    token = link(desk.citizen, "attachment", desk.attachment.id)
    other = link(desk.citizen, "attachment", uuid4())
    body, _, signature = token.partition(".")
    forged = [
        "",
        ".",
        body,
        signature,
        f"{other.partition('.')[0]}.{signature}",
        f"{body}.{other.partition('.')[2]}",
        token[:-1],
        token.swapcase(),
        sign("email-confirmation", {"what": "attachment"}, datetime.now(UTC) + timedelta(hours=1)),
        "é" * 100,
        "x" * 100_000,
    ]
    with counted() as count:
        assert [await open_link(text) for text in forged] == [None] * len(forged)
    assert count.value == 0
    assert await open_link(token) is not None


@hypothesis_settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
async def test_no_changed_token_opens_anything(settings: Settings, data: st.DataObject) -> None:
    token = link(CitizenActor(account_id=UUID(int=1), session_id=UUID(int=2)), "attachment", UUID(int=3))
    place = data.draw(st.integers(0, len(token) - 2))
    letter = data.draw(st.characters(codec="ascii").filter(lambda letter: letter != token[place]))
    # No database is connected here: had it been taken for one of ours, this would raise.
    assert await open_link(token[:place] + letter + token[place + 1 :]) is None


@hypothesis_settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
def test_any_name_makes_an_address_of_three_parts(settings: Settings, name: str) -> None:
    actor = TicketHolder(request_id=UUID(int=1))
    url = file_url(actor, "attachment", UUID(int=1), name)
    assert url is not None
    assert url.startswith(f"{get_settings().public_url}/files/")
    assert url.isascii()
    assert " " not in url
    assert len(url) < 2_048
    path = urlsplit(url).path
    assert path.count("/") == 3
    shown = unquote(path.rpartition("/")[2])
    assert shown.strip(".")
    if len(name) <= file_links.SHOWN_CHARACTERS and name.strip("."):
        assert shown == name


def test_the_address_is_at_the_origin_of_files(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = TicketHolder(request_id=UUID(int=1))
    monkeypatch.setenv("ESPACE_PUBLIC_URL", "https://espace.example.fr")
    get_settings.cache_clear()
    assert str(file_url(actor, "receipt", UUID(int=1), "r.pdf")).startswith(
        "https://espace.example.fr/files/"
    )
    monkeypatch.setenv("ESPACE_FILES_ORIGIN", "https://fichiers.example.fr")
    get_settings.cache_clear()
    assert str(file_url(actor, "receipt", UUID(int=1), "r.pdf")).startswith(
        "https://fichiers.example.fr/files/"
    )
    # The link stays good where the origin changes: nothing of it is signed.
    long = f"{'é' * 150}.pdf"
    assert unquote(str(file_url(actor, "receipt", UUID(int=1), long))).endswith(f"/{'é' * 60}.pdf")


async def test_a_receipt_is_named_by_its_day_at_the_mairie(desk: Desk) -> None:
    # Half past eleven at night in Greenwich is the next day in Paris.
    await execute("UPDATE service_request SET submitted_at = '2026-06-30 23:30:00+00'")
    served: ServedFile | None = await open_link(link(desk.citizen, "receipt", desk.request.id))
    assert served is not None
    assert served.name == "recepisse-2026-07-01.pdf"
    row = await fetch_one(f"SELECT {receipt_name('r')} AS name FROM service_request r")
    assert row == {"name": served.name}


def test_previews_are_named_after_what_they_show() -> None:
    assert [preview_name(name) for name in ("a.pdf", "a.b.pdf", "a", ".pdf")] == [
        "a.webp",
        "a.b.webp",
        "a.webp",
        ".pdf.webp",
    ]
