from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

import jobs.receipts
from core.clock import now
from core.settings import Settings, get_settings
from core.tickets import new_ticket
from jobs.receipts import MOST_ATTEMPTS, PAUSES, make_receipt
from models.attachments import Attachment
from models.database import Row, execute, fetch, fetch_one, transaction
from models.municipality_files import read_municipality
from models.receipts import Receipt
from models.requests import ServiceRequest
from resolvers.contents import put_file
from resolvers.municipality import load_municipality
from tests.conftest import DEMONSTRATION
from tests.factories import FIELDS, make_citizen, make_procedure, make_request
from tests.jobs.receipts import text_of
from uploads.storing import blobs

pytestmark = pytest.mark.usefixtures("database")

FILE_FIELD = {"type": "file", "key": "proof", "label": "Justificatif de domicile"}


async def add_receipt(*, answers: dict[str, Any] | None = None, **columns: Any) -> tuple[UUID, str]:
    """A receipt that is due, of a request as the submission leaves it; and the request's ticket."""
    ticket = new_ticket()
    procedure = await make_procedure(title="Demande d’acte de naissance", fields=(*FIELDS, FILE_FIELD))
    request = await make_request(procedure, ticket=ticket, answers=answers)
    await ServiceRequest.filter(id=request.id).update(**columns)
    receipt = Receipt(request_id=request.id)
    await receipt.save(force_create=True)
    return receipt.id, ticket


async def add_piece(receipt: UUID, title: str, **columns: Any) -> None:
    row = await receipt_row(receipt)
    async with transaction():
        file_id, _ = await put_file(os.urandom(32), 1, "application/pdf", f"nowhere/{title}", scan="CLEAN")
    values = {"added_by": "CITIZEN", "added_at": now() - timedelta(hours=1), **columns}
    await Attachment(
        request_id=row["request_id"], file_id=file_id, title=title, name=f"{title}.pdf", **values
    ).save(force_create=True)


async def receipt_row(id: UUID) -> Row:
    row = await fetch_one("SELECT * FROM receipt WHERE id = $1", id)
    assert row is not None
    return row


async def file_of(id: UUID) -> Row:
    row = await fetch_one("SELECT f.* FROM receipt x JOIN file f ON f.id = x.file_id WHERE x.id = $1", id)
    assert row is not None
    return row


async def content_of(id: UUID) -> bytes:
    return b"".join([piece async for piece in blobs().read((await file_of(id))["address"])])


async def addresses() -> list[str]:
    return [address async for address in blobs().older_than(now() + timedelta(days=1))]


async def test_a_receipt_tells_of_its_request(database: Settings) -> None:
    await load_municipality(read_municipality(DEMONSTRATION))
    id, ticket = await add_receipt(answers={"reason": "*Mariage* à Saint-Aubin", "abroad": False})
    await add_piece(id, "Facture", field="proof")
    await add_piece(id, "Livret de famille")
    await add_piece(id, "Venue plus tard", added_at=now() + timedelta(minutes=1))
    await add_piece(id, "De la mairie", added_by="MUNICIPALITY")
    await make_receipt(str(id))
    name = (await fetch("SELECT name FROM municipality"))[0]["name"]
    text = text_of(await content_of(id))
    for told in (
        name,
        ticket,
        "Demande d’acte de naissance",
        "Prénom Jeanne",
        "jeanne@example.org",
        "Motif *Mariage* à Saint-Aubin",
        "À l’étranger Non",
        "Justificatif de domicile : Facture",
        "Livret de famille",
        "une fois que vous l’aurez rattachée",
    ):
        assert told in text
    assert "Venue plus tard" not in text
    assert "De la mairie" not in text


async def test_it_is_in_the_language_and_for_the_account_of_the_request() -> None:
    citizen = await make_citizen()
    id, _ = await add_receipt(language="en", account_id=citizen.account_id)
    await make_receipt(str(id))
    text = text_of(await content_of(id))
    assert "Acknowledgement of receipt" in text
    assert "among your requests" in text


async def test_its_file_is_as_any_other_and_clean() -> None:
    id, _ = await add_receipt()
    await make_receipt(str(id))
    content, file, row = await content_of(id), await file_of(id), await receipt_row(id)
    assert bytes(file["sha256"]) == hashlib.sha256(content).digest()
    assert (file["size"], file["media_type"], file["scan"]) == (len(content), "application/pdf", "CLEAN")
    assert file["scanned_at"] is not None
    assert file["next_scan_at"] is None
    assert file["next_preview_at"] is not None
    assert (row["next_attempt_at"], row["attempts"]) == (None, 0)


async def test_made_twice_in_a_row_it_is_made_once() -> None:
    id, _ = await add_receipt()
    await make_receipt(str(id))
    before = await receipt_row(id)
    await make_receipt(str(id))
    assert await receipt_row(id) == before
    assert await addresses() == [(await file_of(id))["address"]]


async def test_made_many_times_at_once_there_is_one_and_nothing_besides() -> None:
    id, _ = await add_receipt()
    await asyncio.gather(*(make_receipt(str(id)) for _ in range(4)))
    assert len(await fetch("SELECT id FROM file")) == 1
    assert await addresses() == [(await file_of(id))["address"]]


async def test_without_throwing_away_the_same_race_leaves_bytes_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That there is a race at all, and that the test above would see what it leaves."""

    async def keep(address: str) -> None:
        return None

    monkeypatch.setattr(jobs.receipts, "_throw_away", keep)
    id, _ = await add_receipt()
    await asyncio.gather(*(make_receipt(str(id)) for _ in range(4)))
    assert len(await addresses()) == 4


async def test_bytes_that_are_known_already_are_kept_once() -> None:
    id, _ = await add_receipt()
    await make_receipt(str(id))
    known = await file_of(id)
    await execute("UPDATE receipt SET file_id = NULL, next_attempt_at = now() WHERE id = $1", id)
    await make_receipt(str(id))
    assert (await file_of(id))["id"] == known["id"]
    assert await addresses() == [known["address"]]


async def test_what_is_not_due_or_not_there_is_left_alone() -> None:
    id, _ = await add_receipt()
    await execute("UPDATE receipt SET next_attempt_at = now() + interval '1 hour' WHERE id = $1", id)
    before = await receipt_row(id)
    await make_receipt(str(id))
    assert await receipt_row(id) == before
    await make_receipt("0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000")
    assert await addresses() == []


async def test_one_that_cannot_be_made_is_tried_later_and_later_then_given_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    id, ticket = await add_receipt(answers={"reason": "Un secret de famille"}, ticket_sealed=b"x" * 60)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        await execute("UPDATE receipt SET next_attempt_at = now() WHERE id = $1", id)
        before = now()
        await make_receipt(str(id))
        row = await receipt_row(id)
        assert row["attempts"] == attempt
        if attempt < MOST_ATTEMPTS:
            assert row["next_attempt_at"] >= before + PAUSES[attempt - 1] - timedelta(seconds=1)
    assert row["next_attempt_at"] is None
    assert row["file_id"] is None
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [str(id) in record.getMessage() for record in errors] == [True]
    for secret in (ticket, "secret de famille", "jeanne", "Durand"):
        assert secret not in caplog.text
    assert await addresses() == []


async def test_failures_at_once_count_as_one_attempt() -> None:
    id, _ = await add_receipt(ticket_sealed=b"x" * 60)
    await asyncio.gather(*(make_receipt(str(id)) for _ in range(3)))
    assert (await receipt_row(id))["attempts"] == 1


async def test_a_draft_has_no_receipt() -> None:
    id, _ = await add_receipt(submitted_at=None, status="DRAFT")
    await make_receipt(str(id))
    row = await receipt_row(id)
    assert (row["file_id"], row["attempts"]) == (None, 1)


async def test_a_store_that_is_away_costs_time_and_no_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    id, _ = await add_receipt()
    with monkeypatch.context() as patch:
        patch.setenv(
            "ESPACE_STORAGE_URL",
            "s3://files?region=eu&endpoint=http://127.0.0.1:9&access_key_id=a&secret_access_key=b",
        )
        get_settings.cache_clear()
        await make_receipt(str(id))
    get_settings.cache_clear()
    row = await receipt_row(id)
    assert (row["file_id"], row["attempts"]) == (None, 0)
    assert row["next_attempt_at"] > now()
    await execute("UPDATE receipt SET next_attempt_at = now() WHERE id = $1", id)
    await make_receipt(str(id))
    assert (await receipt_row(id))["file_id"] is not None
