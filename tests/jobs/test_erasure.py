"""Accounts whose grace is over and requests that were kept long enough are erased, and nothing else is."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tortoise.exceptions import OperationalError

import resolvers.erasure
from core.clock import now
from core.selection import Selection
from core.settings import Settings
from core.tickets import new_ticket
from jobs.erasure import erase
from jobs.file_retention import sweep_files
from models.accounts import Account
from models.actors import CitizenActor
from models.contact import Contact, ContactMethod
from models.data_exports import DataExport
from models.database import execute, fetch, fetch_json
from models.ids import encode
from models.partner_links import PartnerSystem
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers.erasure import erase_account, erase_closed_requests
from resolvers.requests import claim_request, request
from tests.factories import (
    JEANNE,
    holder_of,
    id_of,
    make_agent,
    make_appointment,
    make_citizen,
    make_event,
    make_exchange,
    make_partner_link,
    make_procedure,
    make_request,
    make_schedule,
    make_slot,
)
from tests.faults.wholeness import let_a_day_pass, look_around
from tests.file_rows import make_attachment, make_document, make_file, make_receipt, make_upload
from tests.jobs.files import keep
from tests.jobs.mails import add_mail
from tests.models.test_ways_in import make_identity

pytestmark = pytest.mark.usefixtures("database")

PAUL = Contact(
    first_name="Apollinaire",
    last_name="Quimperlé",
    email="apollinaire@exemple.example",
    mobile_phone="+33612345678",
    preferred_contact_method=ContactMethod.EMAIL,
)
SECRETS = ("Apollinaire", "Quimperlé", "apollinaire@exemple.example", "+33612345678")


async def test_an_account_goes_with_all_that_is_its_own() -> None:
    procedure = await make_procedure()
    citizen, sent = await an_account_with_everything(procedure)
    other, others = await an_account_with_everything(procedure, username="autre", contact=JEANNE)
    await end_grace(citizen)

    await erase()

    left = await everything()
    assert await count("partner_link") == 1, "the other's"
    assert await count("partner_revocation") == 1, "what the partner is still to be told"
    for name in ("zoe-apollinaire", str(citizen.account_id)):
        assert [table for table, text in left.items() if name in text] == []
    assert [table for table, text in left.items() if "Quimperlé" in text] == ["service_request"], "the file"
    assert (await ServiceRequest.get(id=sent.id)).account_id is None
    assert (await ServiceRequest.get(id=others.id)).account_id == other.account_id
    counts = {
        table: await count(table) for table in ("account", "credential", "stored_document", "data_export")
    }
    assert counts == dict.fromkeys(counts, 1)
    assert await count("service_request") == 3, "two that were sent, and the other's draft"
    taken = [row["taken"] for row in await fetch("SELECT taken FROM slot ORDER BY taken")]
    assert taken == [0, 0, 0, 1], "what the draft held is free again"


async def test_one_that_has_no_password_goes_with_its_identity() -> None:
    """Though an account without a way in must not be."""
    citizen, _ = await an_account_with_everything(await make_procedure())
    await make_identity(citizen, subject=b"the only way in")
    await execute("UPDATE credential SET password_hash = NULL")
    await end_grace(citizen)
    await erase()
    assert (await count("account"), await count("identity")) == (0, 0)


async def test_its_bytes_go_and_those_of_the_file_stay(database: Settings) -> None:
    citizen, _ = await an_account_with_everything(await make_procedure())
    await end_grace(citizen)
    await erase()
    await let_a_day_pass(database.data)
    await sweep_files()

    assert (await look_around()).all() == []
    assert len(await fetch("SELECT id FROM file")) == 2, "the piece that was sent, and the receipt"


async def test_what_was_sent_is_seen_by_the_mairie_and_by_whoever_holds_the_ticket() -> None:
    ticket, procedure = new_ticket(), await make_procedure()
    citizen, agent = await make_citizen(contact=PAUL), await make_agent()
    sent = await make_request(procedure, citizen=citizen, ticket=ticket, contact=PAUL)
    await end_grace(citizen)
    await erase()

    asked = Selection.of("status", "claimed", "contact")
    for actor in (holder_of(sent), agent):
        row = await request(actor, id=id_of(sent), selection=asked)
        assert row is not None
        assert (row["claimed"], row["contact"]["last_name"]) == (False, "Quimperlé")
    again = await make_citizen()
    claimed = await claim_request(again, ticket=ticket, selection=Selection.of("claimed"))
    assert claimed["claimed"]


@pytest.mark.parametrize("days", [0.01, 29])
async def test_nothing_goes_before_its_time(days: float) -> None:
    citizen, _ = await an_account_with_everything(await make_procedure())
    await execute(
        "UPDATE account SET closed_at = now(), erasure_at = now() + $1::interval", timedelta(days=days)
    )
    before = await everything()
    await erase()
    assert await erase_account(citizen.account_id) is False
    assert await everything() == before


async def test_broken_off_at_any_statement_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """And at none of them is there a state that it does not get out of."""
    monkeypatch.setattr(resolvers.erasure, "REQUESTS_AT_ONCE", 1)
    monkeypatch.setattr(resolvers.erasure, "DETACHED_AT_ONCE", 1)
    monkeypatch.setattr(resolvers.erasure, "DOCUMENTS_AT_ONCE", 1)
    procedure = await make_procedure()
    citizen, _ = await an_account_with_everything(procedure)
    for _ in range(2):
        await make_request(procedure, citizen=citizen, status="DRAFT")
        await make_request(procedure, citizen=citizen)
    await end_grace(citizen)
    real, runs, calls = execute, 0, 0

    async def breaks_off(sql: str, *values: Any) -> int:
        nonlocal calls
        calls += 1
        if calls == runs:
            raise OperationalError("the connection is gone")
        return await real(sql, *values)

    monkeypatch.setattr(resolvers.erasure, "execute", breaks_off)
    while await count("account"):
        # Each run gets a statement further than the one before.
        runs, calls = runs + 1, 0
        try:
            await erase()
        except OperationalError:
            assert calls == runs
    assert runs > 4
    assert (await count("stored_document"), await count("service_request")) == (0, 3)
    assert (
        await fetch("SELECT id FROM service_request WHERE account_id IS NOT NULL OR status = 'DRAFT'") == []
    )


async def test_what_keeps_one_account_keeps_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = await make_citizen(), await make_citizen()
    await end_grace(first)
    await end_grace(second)

    async def fails(id: UUID) -> int:
        if id == first.account_id:
            raise OperationalError("apollinaire@exemple.example is in the way")
        return 0

    monkeypatch.setattr(resolvers.erasure, "STEPS", (fails, *resolvers.erasure.STEPS))
    with pytest.raises(OperationalError):
        await erase()
    assert [account.id for account in await Account.all()] == [first.account_id]
    assert f"account {first.account_id} cannot be erased: OperationalError" in caplog.text
    assert "apollinaire" not in caplog.text


async def test_erasing_at_once_and_twice_erases_once() -> None:
    for _ in range(3):
        citizen, _ = await an_account_with_everything(await make_procedure(), username=None)
        await end_grace(citizen)
    await asyncio.gather(erase(), erase())
    await erase()
    assert (await count("account"), await count("service_request")) == (0, 3)


async def test_everything_that_names_an_account_or_a_request_goes_with_it(database: Settings) -> None:
    """And what names that. Whoever adds such a table says ON DELETE CASCADE, or SET NULL where it stays and forgets, or
    adds a step to resolvers/erasure.py, and itself here.
    """
    keys = await fetch(
        "SELECT conrelid::regclass::text AS on_table, confrelid::regclass::text AS of_table, confdeltype::text AS rule "
        "FROM pg_constraint WHERE contype = 'f'"
    )
    going, grown = {"account", "service_request"}, True
    while grown:
        found = {key["on_table"] for key in keys if key["of_table"] in going and key["rule"] == "c"}
        grown, going = not found <= going, going | found
    assert {
        "credential",
        "session",
        "data_export",
        "exchange",
        "request_event",
        "mail",
        "appointment",
    } <= going
    kept = [key for key in keys if key["of_table"] in going and key["rule"] not in ("c", "n")]
    assert kept == [{"on_table": "service_request", "of_table": "account", "rule": "r"}]


# What follows is about requests that were kept long enough.


@pytest.mark.parametrize(
    ("status", "months", "retention", "left"),
    [
        ("ACCEPTED", 61, None, 0),
        ("REFUSED", 61, None, 0),
        ("CANCELLED", 61, None, 0),
        ("ACCEPTED", 59, None, 1),
        ("ACCEPTED", 13, 12, 0),
        ("ACCEPTED", 11, 12, 1),
        ("ACCEPTED", 61, 120, 1),
    ],
)
async def test_a_closed_request_goes_when_its_procedure_says(
    status: str, months: int, retention: int | None, left: int
) -> None:
    procedure = await a_procedure(retention)
    await close_ago(await make_request(procedure, status=status), months)
    await erase()
    assert await count("service_request") == left
    assert await count("erased_request_figure") == 1 - left


async def test_nothing_of_it_is_left_but_that_there_was_one(database: Settings) -> None:
    procedure = await a_procedure(None)
    gone = await a_request_with_everything(procedure, status="ACCEPTED")
    stays = await a_request_with_everything(procedure, status="REFUSED", contact=JEANNE, said="Merci")
    await close_ago(gone, 61)

    await erase()
    await let_a_day_pass(database.data)
    await sweep_files()

    left = await everything()
    for name in (*SECRETS, str(gone.id), "Un secret de famille", "piece-secrete", gone.ticket_digest.hex()):
        assert [table for table, text in left.items() if name in text] == []
    assert (await look_around()).all() == []
    assert [row.id for row in await ServiceRequest.all()] == [stays.id]
    assert "Merci" in left["exchange"]
    assert len(await fetch("SELECT id FROM file")) == 2


async def test_figures_are_the_same_before_and_after() -> None:
    one, other = await a_procedure(None), await a_procedure(12)
    noon = datetime(2019, 3, 4, 12, tzinfo=UTC)
    for procedure, status, came, ended in (
        (one, "ACCEPTED", noon, noon + timedelta(days=9)),
        (one, "ACCEPTED", noon + timedelta(hours=2), noon + timedelta(days=9, hours=1)),
        (one, "REFUSED", noon, noon + timedelta(days=9)),
        # Half past midnight at the mairie.
        (one, "ACCEPTED", datetime(2019, 3, 4, 23, 30, tzinfo=UTC), noon + timedelta(days=9)),
        (other, "CANCELLED", noon, noon + timedelta(days=400)),
        (other, "ACCEPTED", noon, now() - timedelta(days=2)),
    ):
        closed = await make_request(procedure, status=status)
        await set_days(closed, came, ended)
    await make_request(one)
    await make_request(one, status="DRAFT")

    before = await figures()
    await erase_closed_requests()
    # More of the same day, later: counted with those that are gone.
    late = await make_request(one, status="ACCEPTED")
    await set_days(late, noon, noon + timedelta(days=9))
    await erase()
    await erase()

    after = await figures()
    assert sum(before.values()) == 7
    key = (one.id, "ACCEPTED", "2019-03-04", "2019-03-13")
    assert after == {**before, key: before[key] + 1}
    assert before[key] == 2
    assert before[one.id, "ACCEPTED", "2019-03-05", "2019-03-13"] == 1
    assert await count("service_request") == 3


@pytest.mark.parametrize("change", ["reopened", "spoken of", "an appointment to come"])
async def test_what_is_not_over_stays(change: str) -> None:
    old = await make_request(await a_procedure(1), status="ACCEPTED")
    await close_ago(old, 2)
    match change:
        case "reopened":
            await execute("UPDATE service_request SET status = 'IN_PROGRESS', closed_at = NULL")
        case "spoken of":
            await make_exchange(old)
        case _:
            await make_appointment(old, await make_slot(await make_schedule()))
    await erase()
    assert await count("service_request") == 1


async def test_many_go_some_at_a_time_and_are_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolvers.erasure, "REQUESTS_AT_ONCE", 3)
    procedure = await a_procedure(None)
    for _ in range(10):
        await close_ago(await make_request(procedure, status="ACCEPTED"), 61)
    await asyncio.gather(erase(), erase())
    assert sum((await figures()).values()) == 10
    assert await count("service_request") == 0


async def test_a_holder_of_the_ticket_finds_nothing_any_more() -> None:
    old = await make_request(await a_procedure(None), status="ACCEPTED")
    await close_ago(old, 61)
    await erase()
    assert (
        await request(holder_of(old), id=encode("ServiceRequest", old.id), selection=Selection.of("id"))
        is None
    )


async def an_account_with_everything(
    procedure: Procedure, *, username: str | None = "zoe-apollinaire", contact: Contact = PAUL
) -> tuple[CitizenActor, ServiceRequest]:
    """And the request that it has sent."""
    citizen = await make_citizen(username, contact=contact)
    sent = await a_request_with_everything(procedure, citizen=citizen, contact=contact)
    draft = await make_request(procedure, citizen=citizen, status="DRAFT", contact=contact)
    await make_attachment(draft, await make_file(f"draft of {citizen.account_id}".encode()))
    await make_appointment(draft, await make_slot(await make_schedule()), state="HELD")
    document = await make_document(citizen, await make_file(f"stored by {citizen.account_id}".encode()))
    await execute("UPDATE attachment SET copied_from_id = $1 WHERE request_id = $2", document.id, sent.id)
    await make_upload(citizen, f"uploaded by {citizen.account_id}".encode())
    await add_mail(recipient=contact.email or "", account_id=citizen.account_id)
    await make_partner_link(citizen, await PartnerSystem.first())
    export = DataExport(
        account_id=citizen.account_id,
        language="fr",
        state="READY",
        next_attempt_at=None,
        address=await keep(f"export of {citizen.account_id}".encode()),
        size=1,
        sha256=bytes(32),
        ready_at=now(),
        expires_at=now() + timedelta(days=7),
    )
    await export.save(force_create=True)
    return citizen, sent


async def a_request_with_everything(
    procedure: Procedure,
    *,
    citizen: CitizenActor | None = None,
    status: str = "SUBMITTED",
    contact: Contact = PAUL,
    said: str = "Un secret de famille",
) -> ServiceRequest:
    sent = await make_request(
        procedure, citizen=citizen, status=status, contact=contact, answers={"reason": f"{said} d’antan"}
    )
    file = await make_file(f"{said} {sent.id}".encode())
    piece = await make_attachment(sent, file, title="piece-secrete" if contact is PAUL else "Passeport")
    exchange = await make_exchange(sent, body=said)
    await execute(
        "INSERT INTO exchange_attachment (id, exchange_id, attachment_id) VALUES (gen_random_uuid(), $1, $2)",
        exchange.id,
        piece.id,
    )
    await make_event(sent, "AttachmentAdded", data={"attachment": str(piece.id), "title": piece.title})
    await add_mail("acknowledgement", recipient=contact.email or "", request_id=sent.id)
    await make_receipt(sent, await make_file(f"receipt {sent.id}".encode()))
    await make_appointment(
        sent, await make_slot(await make_schedule(), hours=-24 * 31 * 62), state="CANCELLED"
    )
    return sent


async def a_procedure(retention: int | None) -> Procedure:
    procedure = await make_procedure()
    await execute("UPDATE procedure SET retention_months = $2 WHERE id = $1", procedure.id, retention)
    return procedure


async def set_days(request: ServiceRequest, came: datetime, ended: datetime) -> None:
    await execute(
        "UPDATE service_request SET submitted_at = $2, closed_at = $3 WHERE id = $1", request.id, came, ended
    )


async def close_ago(request: ServiceRequest, months: int) -> None:
    """As if all of it had happened so long ago."""
    ago = "now() - make_interval(months => $2)"
    await execute(
        f"UPDATE service_request SET submitted_at = {ago}, archived_at = {ago}, closed_at = {ago} WHERE id = $1",
        request.id,
        months,
    )
    await execute(f"UPDATE exchange SET posted_at = {ago} WHERE request_id = $1", request.id, months)


async def end_grace(citizen: CitizenActor) -> None:
    await execute(
        "UPDATE account SET closed_at = now() - interval '31 days', erasure_at = now() - interval '1 day' "
        "WHERE id = $1",
        citizen.account_id,
    )
    await execute(
        "DELETE FROM session WHERE credential_id = (SELECT id FROM credential WHERE account_id = $1)",
        citizen.account_id,
    )


async def figures() -> dict[tuple[Any, ...], int]:
    rows = await fetch("SELECT * FROM request_figures")
    found: dict[tuple[Any, ...], int] = {}
    for row in rows:
        key = (row["procedure_id"], row["status"], str(row["submitted_on"]), str(row["closed_on"]))
        found[key] = found.get(key, 0) + row["requests"]
    return found


async def count(table: str) -> int:
    number: int = await fetch_json(f"SELECT to_json(count(*)) FROM {table}")
    return number


async def everything() -> dict[str, str]:
    """Every row of every table, as text."""
    tables = [
        row["tablename"]
        for row in await fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    ]
    return {
        table: await fetch_json(
            f"SELECT to_json(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) FROM {table} t"
        )
        for table in tables
    }
