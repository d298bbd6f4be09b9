"""What must never be is refused by the database: each rule by its name, and that every rule is there."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

import pytest
from tortoise.exceptions import IntegrityError

from core.clock import now
from core.settings import Settings
from core.tickets import new_ticket
from models.accounts import Account, Agent, Credential, NewPasswordRequest, Session
from models.actors import CitizenActor
from models.appointments import Appointment, Slot
from models.attachments import Attachment, ExchangeAttachment
from models.captcha import Captcha
from models.data_exports import DataExport
from models.database import execute, fetch, fetch_one, transaction, violated_constraint
from models.exchanges import Exchange
from models.figures import ErasedRequestFigure
from models.files import File
from models.ids import new_id
from models.mail import Mail
from models.municipality import Municipality
from models.partner_links import PartnerLink, PartnerRevocation
from models.partner_tokens import PartnerToken
from models.procedures import Procedure, ProcedureCategory
from models.requests import ServiceRequest
from models.uploads import Upload, UploadPart
from models.webhooks import Webhook, WebhookBlock
from tests.factories import (
    JEANNE,
    make_agent,
    make_appointment,
    make_citizen,
    make_event,
    make_exchange,
    make_partner,
    make_partner_link,
    make_partner_system,
    make_procedure,
    make_request,
    make_schedule,
    make_session,
    make_slot,
    make_version,
    make_webhook,
)
from tests.file_rows import make_attachment, make_document, make_file, make_receipt

MIGRATIONS = [
    importlib.import_module(f"models.migrations.{name}")
    for name in (
        "0002_constraints",
        "0004_file_constraints",
        "0006_appointment_constraints",
        "0012_new_password_constraints",
        "0014_leaving_constraints",
        "0018_webhook_constraints",
        "0016_partner_link_constraints",
        "0022_past_appointments",
        "0026_agents_of_events",
    )
]


async def test_every_index_and_constraint_of_the_migration_is_there(database: Settings) -> None:
    indexes = {row["indexname"]: row["indexdef"] for row in await fetch("SELECT * FROM pg_indexes")}
    unique = {name for migration in MIGRATIONS for name in migration.UNIQUE}
    assert unique | {name for migration in MIGRATIONS for name in migration.INDEXES} <= set(indexes)
    assert all("UNIQUE" in indexes[name] for name in unique)
    checks = await fetch(
        "SELECT conrelid::regclass::text AS on_table, conname FROM pg_constraint WHERE contype = 'c' AND convalidated"
    )
    assert {(row["on_table"], row["conname"]) for row in checks} >= {
        (table, name)
        for migration in MIGRATIONS
        for table, rules in migration.CHECKS.items()
        for name in rules
    }


async def test_the_triggers_are_there(database: Settings) -> None:
    triggers = await fetch("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O'")
    assert {row["tgname"] for row in triggers} == {
        "request_event_position",
        "request_event_unchanging",
        "stored_document_counted",
        "file_unchanging",
        "appointment_places",
        "slot_change",
        "session_of_open_account",
        "credential_way_in",
        "identity_way_in",
        "partner_link_ended",
    }


async def test_every_foreign_key_leads_an_index(database: Settings) -> None:
    """Without one, deleting the row it points to reads the whole table."""
    bare = await fetch(
        "SELECT c.conname FROM pg_constraint c WHERE c.contype = 'f' AND NOT EXISTS ("
        "SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1])"
    )
    assert bare == []


Refused = Callable[[], Awaitable[Any]]
REFUSED: dict[str, list[tuple[str, Refused]]] = {}


def refused(rule: str) -> Callable[[Refused], Refused]:
    """The function does what `rule` refuses, and nothing else that could be refused."""

    def remember(function: Refused) -> Refused:
        REFUSED.setdefault(rule, []).append((function.__name__, function))
        return function

    return remember


def save(row: Any) -> Awaitable[Any]:
    saved: Awaitable[Any] = row.save(force_create=True)
    return saved


async def changed(request: ServiceRequest, **columns: Any) -> None:
    for name, value in columns.items():
        setattr(request, name, value)
    await request.save(update_fields=list(columns))


@refused("municipality_is_one")
async def a_second_municipality() -> None:
    await save(Municipality(id=2, name="X", timezone="Europe/Paris", contact_email="x@example.fr"))


@refused("procedure_category_slug_unique")
async def two_categories_at_one_address() -> None:
    await save(ProcedureCategory(slug="same", title="A", position=1))
    await save(ProcedureCategory(slug="same", title="B", position=2))


@refused("procedure_slug_unique")
async def two_procedures_at_one_address() -> None:
    procedure = await make_procedure("same")
    await save(Procedure(slug="same", category_id=procedure.category_id, state="OPEN"))


@refused("procedure_state")
async def a_procedure_in_an_unknown_state() -> None:
    await make_procedure(state="open")


@refused("procedure_version_unique")
async def a_version_published_twice() -> None:
    await make_version(await make_procedure(), 1)


@refused("credential_username_unique")
async def two_usernames_that_differ_by_case() -> None:
    await make_citizen("Émile")
    await make_citizen("éMILE")


@refused("credential_username_unique")
async def an_agent_with_a_citizens_username() -> None:
    await make_citizen("martin")
    await make_agent(username="Martin")


@refused("credential_of_one")
async def a_credential_of_nobody() -> None:
    await save(Credential(username="nobody", password_hash="x"))


@refused("credential_of_one")
async def a_credential_of_two() -> None:
    account, agent = Account(profile={}, email=""), Agent(display_name="X", role="HANDLER")
    await save(account)
    await save(agent)
    await save(Credential(username="two", password_hash="x", account_id=account.id, agent_id=agent.id))


@refused("credential_account_unique")
async def an_account_with_two_credentials() -> None:
    citizen = await make_citizen()
    await save(Credential(username="another", password_hash="x", account_id=citizen.account_id))


@refused("credential_agent_unique")
async def an_agent_with_two_credentials() -> None:
    agent = await make_agent()
    await save(Credential(username="another", password_hash="x", agent_id=agent.agent_id))


@refused("agent_role")
async def an_agent_of_an_unknown_role() -> None:
    await save(Agent(display_name="X", role="MAYOR"))


@refused("account_language")
async def an_account_in_an_unknown_language() -> None:
    await save(Account(profile={}, email="", language="de"))


@refused("session_token_unique")
async def two_sessions_with_one_token() -> None:
    citizen = await make_citizen()
    known = await Session.get(id=citizen.session_id)
    await save(Session(credential_id=known.credential_id, token_digest=known.token_digest, expires_at=now()))


@refused("session_for_a_change_is_short")
async def a_session_for_a_change_that_lasts() -> None:
    citizen = await make_citizen()
    await execute("UPDATE session SET temporary_password_id = id WHERE id = $1", citizen.session_id)


@refused("account_former_email_is_needed")
async def a_former_address_beside_one_that_is_confirmed() -> None:
    await save(Account(profile={}, email="", former_email="a@example.org", email_confirmed_at=now()))


@refused("new_password_request_language")
async def a_question_in_an_unknown_language() -> None:
    await save(NewPasswordRequest(typed=b"x", language="de"))


@refused("new_password_request_size")
async def a_question_that_is_too_long() -> None:
    await save(NewPasswordRequest(typed=b"x" * 1_201, language="fr"))


@refused("captcha_purpose")
async def a_captcha_for_something_unknown() -> None:
    await save(Captcha(purpose="FUN", expires_at=now()))


@refused("captcha_tries")
async def a_captcha_with_tries_below_none() -> None:
    await save(Captcha(purpose="CREATE_ACCOUNT", expires_at=now(), tries_left=-1))


@refused("service_request_ticket_unique")
async def two_requests_with_one_ticket() -> None:
    procedure, ticket = await make_procedure(), new_ticket()
    await make_request(procedure, ticket=ticket)
    await make_request(procedure, ticket=ticket)


@refused("service_request_idempotency_unique")
async def two_requests_with_one_key() -> None:
    procedure = await make_procedure()
    for _ in range(2):
        await changed(await make_request(procedure), idempotency_digest=b"the same")


@refused("service_request_status")
async def a_request_in_an_unknown_status() -> None:
    await changed(await make_request(await make_procedure()), status="LOST")


@refused("service_request_has_contact")
async def a_submitted_request_without_contact() -> None:
    await make_request(await make_procedure(), contact=None)


@refused("service_request_submitted")
async def a_submitted_request_without_its_instant() -> None:
    await changed(await make_request(await make_procedure()), submitted_at=None)


@refused("service_request_submitted")
async def a_draft_that_was_submitted() -> None:
    await changed(await make_request(await make_procedure(), status="DRAFT"), submitted_at=now())


@refused("service_request_closed")
async def an_accepted_request_that_was_not_closed() -> None:
    await changed(await make_request(await make_procedure()), status="ACCEPTED")


@refused("service_request_closed")
async def an_open_request_that_was_closed() -> None:
    await changed(await make_request(await make_procedure()), closed_at=now())


@refused("service_request_cancelled_is_archived")
async def a_cancelled_request_that_is_not_archived() -> None:
    await changed(await make_request(await make_procedure(), status="CANCELLED"), archived_at=None)


@refused("service_request_version_positive")
async def a_request_of_version_nought() -> None:
    await changed(await make_request(await make_procedure()), version=0)


@refused("exchange_number_unique")
async def two_exchanges_with_one_number() -> None:
    request = await make_request(await make_procedure())
    await make_exchange(request)
    request.exchange_count = 0
    await make_exchange(request)


@refused("exchange_idempotency_unique")
async def two_exchanges_with_one_key() -> None:
    request = await make_request(await make_procedure())
    for _ in range(2):
        exchange = await make_exchange(request)
        exchange.idempotency_digest = b"the same"
        await exchange.save()


@refused("exchange_author")
async def an_exchange_of_an_unknown_party() -> None:
    await make_exchange(await make_request(await make_procedure()), author="MAYOR")  # type: ignore[arg-type]


@refused("exchange_agent_is_of_the_municipality")
async def a_citizens_exchange_that_an_agent_wrote() -> None:
    request, agent = await make_request(await make_procedure()), await make_agent()
    await save(
        Exchange(
            request_id=request.id,
            number=1,
            author="CITIZEN",
            author_name="X",
            agent_id=agent.agent_id,
            body="X",
        )
    )


@refused("exchange_number_positive")
async def an_exchange_of_number_nought() -> None:
    request = await make_request(await make_procedure())
    await save(Exchange(request_id=request.id, number=0, author="CITIZEN", author_name="X", body="X"))


@refused("exchange_body")
async def an_exchange_that_says_nothing() -> None:
    await make_exchange(await make_request(await make_procedure()), body="")


@refused("exchange_body")
async def an_exchange_that_says_too_much() -> None:
    await make_exchange(await make_request(await make_procedure()), body="é" * 10_001)


@refused("request_event_agent")
async def an_event_of_a_citizen_who_is_an_agent() -> None:
    agent = await make_agent()
    await make_event(await make_request(await make_procedure()), agent_id=agent.agent_id)


@refused("request_event_actor")
async def an_event_of_an_unknown_party() -> None:
    await make_event(await make_request(await make_procedure()), actor="MAYOR")  # type: ignore[arg-type]


async def make_mail(**columns: Any) -> None:
    sound = {
        "template": "acknowledgement",
        "recipient": JEANNE.email,
        "language": "fr",
        "message_id": f"<{new_id()}@example.fr>",
    }
    await save(Mail(**{**sound, **columns}))


@refused("partner_token_digest_unique")
async def two_tokens_of_one_secret() -> None:
    known = await PartnerToken.get(id=(await make_partner()).token_id)
    await changed_token(token_digest=known.token_digest)


async def changed_token(**columns: Any) -> None:
    token = await PartnerToken.get(id=(await make_partner()).token_id)
    await token.update_from_dict(columns).save(update_fields=list(columns))


@refused("partner_token_scopes")
async def a_token_for_something_unknown() -> None:
    await changed_token(scopes=["READ_REQUESTS", "EVERYTHING"])


@refused("partner_token_scopes")
async def a_token_for_nothing() -> None:
    await changed_token(scopes=[])


@refused("partner_token_writes_what_it_reads")
async def a_token_that_writes_and_reads_not() -> None:
    await changed_token(scopes=["WRITE_REQUESTS"])


@refused("partner_token_is_told_what_it_reads")
async def a_token_that_is_told_what_it_may_not_read() -> None:
    await changed_token(scopes=["MANAGE_WEBHOOKS", "READ_REQUESTS"])


@refused("partner_token_ends")
async def a_token_for_years() -> None:
    await changed_token(expires_at=now() + timedelta(days=400))


@refused("partner_token_name")
async def a_token_without_a_name() -> None:
    await changed_token(name="")


async def changed_webhook(**columns: Any) -> None:
    webhook = await make_webhook(await make_partner())
    await webhook.update_from_dict(columns).save(update_fields=list(columns))


@refused("webhook_number_unique")
async def two_webhooks_in_one_place() -> None:
    partner = await make_partner()
    await make_webhook(partner)
    await make_webhook(partner)


@refused("webhook_number")
async def one_webhook_too_many() -> None:
    await make_webhook(await make_partner(), number=11)


@refused("webhook_state")
async def a_webhook_in_an_unknown_state() -> None:
    await changed_webhook(state="BROKEN")


@refused("webhook_previous_secret")
async def an_old_secret_that_signs_for_ever() -> None:
    await changed_webhook(previous_secret_sealed=b"x")


@refused("webhook_failing")
async def a_webhook_that_fails_since_nobody_knows_when() -> None:
    await changed_webhook(failures=1)


@refused("webhook_position")
async def a_webhook_before_the_beginning() -> None:
    await changed_webhook(position=-1)


async def make_block(webhook: Webhook, request: ServiceRequest, **columns: Any) -> None:
    await save(WebhookBlock(webhook_id=webhook.id, request_id=request.id, position=1, **columns))


@refused("webhook_block_unique")
async def a_request_that_is_stuck_twice() -> None:
    webhook, request = await make_webhook(await make_partner()), await make_request(await make_procedure())
    await make_block(webhook, request)
    await make_block(webhook, request)


@refused("webhook_block_attempts")
async def a_block_of_fewer_attempts_than_none() -> None:
    webhook, request = await make_webhook(await make_partner()), await make_request(await make_procedure())
    await make_block(webhook, request, attempts=-1)


@refused("mail_once_an_event")
async def a_mail_twice_for_an_event() -> None:
    event = await make_event(await make_request(await make_procedure()))
    await make_mail(event_id=event.id)
    await make_mail(event_id=event.id)


@refused("mail_message_id_unique")
async def two_mails_with_one_message_id() -> None:
    await make_mail(message_id="<1@example.fr>")
    await make_mail(message_id="<1@example.fr>")


@refused("mail_state")
async def a_mail_in_an_unknown_state() -> None:
    await make_mail(state="LOST")


@refused("mail_sent")
async def a_mail_that_was_sent_at_no_time() -> None:
    await make_mail(state="SENT")


@refused("mail_language")
async def a_mail_in_an_unknown_language() -> None:
    await make_mail(language="de")


@refused("mail_event_id_fkey")
async def a_mail_about_an_event_that_never_happened() -> None:
    async with transaction():
        await make_mail(event_id=new_id())


async def altered(file: File, **columns: Any) -> None:
    for name, value in columns.items():
        setattr(file, name, value)
    await file.save(update_fields=list(columns))


@refused("file_content_unique")
async def a_content_with_two_rows() -> None:
    await make_file(b"the same")
    await make_file(b"the same")


@refused("file_address_unique")
async def two_files_at_one_address() -> None:
    one = await make_file(b"one")
    await altered(await make_file(b"two"), address=one.address)


@refused("file_preview_address_unique")
async def two_files_with_one_preview() -> None:
    one = await make_file(b"one", preview=b"small")
    await altered(await make_file(b"two"), preview_address=one.preview_address)


@refused("file_scan")
async def a_file_of_which_nobody_says_what() -> None:
    await altered(await make_file(), scan="DUBIOUS")


@refused("file_scanned")
async def a_clean_file_that_was_never_scanned() -> None:
    await altered(await make_file(), scanned_at=None)


@refused("file_scanned")
async def a_file_that_waits_and_was_scanned() -> None:
    await altered(await make_file(scan="PENDING"), scanned_at=now())


@refused("file_scan_due")
async def a_file_that_waits_for_nobody() -> None:
    await altered(await make_file(scan="PENDING"), next_scan_at=None)


@refused("file_scan_due")
async def a_clean_file_that_is_to_be_scanned() -> None:
    await altered(await make_file(), next_scan_at=now())


@refused("file_infected_is_gone")
async def an_infected_file_that_is_kept() -> None:
    await altered(await make_file(), scan="INFECTED")


@refused("file_infected_is_gone")
async def a_clean_file_that_is_nowhere() -> None:
    await altered(await make_file(), address=None)


@refused("file_preview_of_a_clean_one")
async def a_preview_of_what_waits_for_its_scan() -> None:
    await make_file(scan="PENDING", preview=b"small")


@refused("file_size")
async def a_file_of_nothing() -> None:
    await make_file(b"")


@refused("file_sha256")
async def a_file_with_half_a_digest() -> None:
    at = now()
    await save(
        File(sha256=b"x" * 16, size=1, media_type="image/png", address="x", scan="CLEAN", scanned_at=at)
    )


async def taken(slot: Slot) -> tuple[int, int]:
    """How many places count in the slot, and how many of those are held."""
    row = await Slot.get(id=slot.id)
    return row.taken, row.held


async def a_request() -> ServiceRequest:
    return await make_request(await make_procedure())


@refused("attachment_once")
async def a_piece_twice_under_one_title() -> None:
    request, file = await a_request(), await make_file()
    await make_attachment(request, file)
    await make_attachment(request, file)


@refused("attachment_once")
async def a_piece_twice_in_one_field() -> None:
    request, file = await a_request(), await make_file()
    await make_attachment(request, file, field="card")
    await make_attachment(request, file, field="card", name="other.pdf")


@refused("attachment_party")
async def an_attachment_of_an_unknown_party() -> None:
    await make_attachment(await a_request(), await make_file(), added_by="PARTNER")


@refused("attachment_title")
async def an_attachment_without_title() -> None:
    await make_attachment(await a_request(), await make_file(), title="")


@refused("exchange_attachment_unique")
async def an_exchange_that_refers_to_a_piece_twice() -> None:
    request = await a_request()
    exchange, piece = await make_exchange(request), await make_attachment(request, await make_file())
    for _ in range(2):
        await save(ExchangeAttachment(exchange_id=exchange.id, attachment_id=piece.id))


@refused("stored_document_once")
async def a_piece_kept_twice() -> None:
    citizen, file = await make_citizen(), await make_file()
    await make_document(citizen, file)
    await make_document(citizen, file)


@refused("stored_document_once")
async def a_piece_kept_twice_until_one_day() -> None:
    citizen, file = await make_citizen(), await make_file()
    for _ in range(2):
        await make_document(citizen, file, valid_until=date(2030, 1, 1))


@refused("stored_document_kind")
async def a_document_of_an_unknown_kind() -> None:
    await make_document(await make_citizen(), await make_file(), kind="PASSPORT")


@refused("stored_document_title")
async def a_document_without_title() -> None:
    await make_document(await make_citizen(), await make_file(), title="")


@refused("account_storage_quota")
async def a_document_too_large_for_its_space() -> None:
    citizen, file = await make_citizen(), await make_file()
    await Account.filter(id=citizen.account_id).update(storage_quota_bytes=file.size - 1)
    await make_document(citizen, file)


@refused("account_storage_quota")
async def a_document_replaced_by_one_too_large() -> None:
    citizen, file = await make_citizen(), await make_file()
    document = await make_document(citizen, await make_file(b"small"))
    await Account.filter(id=citizen.account_id).update(storage_quota_bytes=file.size - 1)
    document.file_id = file.id
    await document.save(update_fields=["file_id"])


@refused("account_storage_count")
async def one_document_more_than_a_thousand() -> None:
    citizen, file = await make_citizen(), await make_file()
    await Account.filter(id=citizen.account_id).update(stored_count=1_000)
    await make_document(citizen, file)


async def make_upload_row(**columns: Any) -> Upload:
    if not columns.keys() & {"account_id", "agent_id", "request_id"}:
        columns["account_id"] = (await make_citizen()).account_id
    sound = {"name": "x.pdf", "media_type": "", "length": 10, "expires_at": now()}
    upload = Upload(**{**sound, **columns})
    await save(upload)
    return upload


@refused("upload_of_one")
async def an_upload_of_nobody() -> None:
    await make_upload_row(account_id=None)


@refused("upload_of_one")
async def an_upload_of_two() -> None:
    citizen, agent = await make_citizen(), await make_agent()
    await make_upload_row(account_id=citizen.account_id, agent_id=agent.agent_id)


@refused("upload_received")
async def an_upload_longer_than_announced() -> None:
    await make_upload_row(received=11)


@refused("upload_length")
async def an_upload_of_nothing() -> None:
    await make_upload_row(length=0)


async def make_part(upload: Upload, **columns: Any) -> None:
    await save(
        UploadPart(**{"upload_id": upload.id, "start": 0, "size": 5, "address": str(new_id()), **columns})
    )


@refused("upload_part_unique")
async def two_parts_from_one_byte_on() -> None:
    upload = await make_upload_row()
    await make_part(upload)
    await make_part(upload)


@refused("upload_part_address_unique")
async def two_parts_at_one_address() -> None:
    upload = await make_upload_row()
    await make_part(upload, address="x")
    await make_part(upload, start=5, address="x")


@refused("upload_part_size")
async def a_part_of_nothing() -> None:
    await make_part(await make_upload_row(), size=0)


@refused("upload_part_size")
async def a_part_before_the_first_byte() -> None:
    await make_part(await make_upload_row(), start=-1)


@refused("receipt_request_unique")
async def two_receipts_of_one_request() -> None:
    request = await a_request()
    await make_receipt(request, None)
    await make_receipt(request, None)


@refused("slot_capacity")
async def one_appointment_more_than_there_are_places() -> None:
    slot = await make_slot(await make_schedule(), capacity=2)
    for _ in range(3):
        await make_appointment(await a_request(), slot)


@refused("slot_capacity")
async def a_hold_in_a_full_slot() -> None:
    slot = await make_slot(await make_schedule())
    await make_appointment(await a_request(), slot)
    await make_appointment(await a_request(), slot, state="HELD")


@refused("slot_capacity")
async def a_move_into_a_full_slot() -> None:
    schedule = await make_schedule()
    full, other = await make_slot(schedule), await make_slot(schedule, hours=30)
    await make_appointment(await a_request(), full)
    appointment = await make_appointment(await a_request(), other)
    appointment.slot_id = full.id
    await appointment.save(update_fields=["slot_id"])


@refused("slot_capacity")
async def a_lost_hold_that_counts_again_in_a_full_slot() -> None:
    slot = await make_slot(await make_schedule())
    lost = await make_appointment(await a_request(), slot, state="HELD")
    await Appointment.filter(id=lost.id).update(counts=False)
    await make_appointment(await a_request(), slot)
    await Appointment.filter(id=lost.id).update(counts=True)


@refused("slot_capacity")
async def fewer_places_than_are_taken() -> None:
    slot = await make_slot(await make_schedule(), capacity=2)
    for _ in range(2):
        await make_appointment(await a_request(), slot)
    await Slot.filter(id=slot.id).update(capacity=1)


@refused("slot_held")
async def more_places_held_than_taken() -> None:
    slot = await make_slot(await make_schedule())
    await Slot.filter(id=slot.id).update(held=1)


@refused("slot_open")
async def an_appointment_in_a_closed_slot() -> None:
    await make_appointment(await a_request(), await make_slot(await make_schedule(), closed=True))


@refused("slot_open")
async def a_move_into_a_closed_slot() -> None:
    schedule = await make_schedule()
    closed, other = await make_slot(schedule, closed=True), await make_slot(schedule)
    appointment = await make_appointment(await a_request(), other)
    await Appointment.filter(id=appointment.id).update(slot_id=closed.id)


@refused("slot_overlap")
async def two_open_slots_at_a_time() -> None:
    schedule = await make_schedule()
    await make_slot(schedule, hours=24, minutes=60)
    await make_slot(schedule, hours=24.5)


@refused("slot_overlap")
async def a_slot_opened_again_over_another() -> None:
    schedule = await make_schedule()
    closed = await make_slot(schedule, closed=True)
    await make_slot(schedule)
    await Slot.filter(id=closed.id).update(closed_at=None)


@refused("slot_capacity_positive")
async def a_slot_for_nobody() -> None:
    await make_slot(await make_schedule(), capacity=0)


@refused("slot_capacity_positive")
async def a_slot_for_too_many() -> None:
    await make_slot(await make_schedule(), capacity=1001)


@refused("slot_span")
async def a_slot_that_takes_no_time() -> None:
    await make_slot(await make_schedule(), minutes=0)


@refused("appointment_one_a_request")
async def two_appointments_of_one_request() -> None:
    request, slot = await a_request(), await make_slot(await make_schedule(), capacity=3)
    await make_appointment(request, slot, state="CANCELLED")
    await make_appointment(request, slot)
    await make_appointment(request, slot, state="HELD")


@refused("appointment_one_a_request")
async def two_appointments_to_come_of_one_request() -> None:
    request, slot = await a_request(), await make_slot(await make_schedule(), capacity=3)
    past = await make_appointment(request, slot)
    await Appointment.filter(id=past.id).update(past=True)
    await make_appointment(request, slot)
    await make_appointment(request, slot)


@refused("appointment_past")
async def a_hold_that_is_past() -> None:
    hold = await make_appointment(await a_request(), await make_slot(await make_schedule()), state="HELD")
    await Appointment.filter(id=hold.id).update(past=True)


@refused("appointment_state")
async def an_appointment_in_an_unknown_state() -> None:
    await make_appointment(await a_request(), await make_slot(await make_schedule()), state="MISSED")


@refused("appointment_held")
async def a_hold_for_ever() -> None:
    hold = await make_appointment(await a_request(), await make_slot(await make_schedule()), state="HELD")
    await Appointment.filter(id=hold.id).update(held_until=None)


@refused("appointment_held")
async def an_appointment_that_runs_out() -> None:
    appointment = await make_appointment(await a_request(), await make_slot(await make_schedule()))
    await Appointment.filter(id=appointment.id).update(held_until=now())


@refused("appointment_counts")
async def an_appointment_that_takes_no_place() -> None:
    appointment = await make_appointment(await a_request(), await make_slot(await make_schedule()))
    await Appointment.filter(id=appointment.id).update(counts=False)


@refused("appointment_counts")
async def a_cancelled_appointment_that_takes_a_place() -> None:
    appointment = await make_appointment(await a_request(), await make_slot(await make_schedule()))
    await Appointment.filter(id=appointment.id).update(state="CANCELLED")


@refused("appointment_reminder")
async def a_reminder_for_nobody() -> None:
    appointment = await make_appointment(await a_request(), await make_slot(await make_schedule()))
    await Appointment.filter(id=appointment.id).update(reminder_at=now())


@refused("appointment_reminder")
async def a_reminder_at_no_time() -> None:
    appointment = await make_appointment(await a_request(), await make_slot(await make_schedule()))
    await Appointment.filter(id=appointment.id).update(reminder_email="jeanne@example.org")


@refused("partner_system_slug_unique")
async def two_partners_of_one_name() -> None:
    for _ in range(2):
        await make_partner_system("same")


@refused("partner_link_unique")
async def an_account_linked_twice_to_a_partner() -> None:
    citizen, system = await make_citizen(), await make_partner_system()
    for _ in range(2):
        await make_partner_link(citizen, system)


@refused("partner_link_reference_unique")
async def a_reference_of_two_links() -> None:
    system = await make_partner_system()
    for _ in range(2):
        await make_partner_link(await make_citizen(), system)
    await execute("UPDATE partner_link SET reference = (SELECT min(reference::text)::uuid FROM partner_link)")


@refused("partner_link_state")
async def a_link_in_an_unknown_state() -> None:
    link = await make_partner_link(await make_citizen())
    await PartnerLink.filter(id=link.id).update(state="LOST", token_sealed=None)


@refused("partner_link_token")
async def a_link_that_opens_without_a_token() -> None:
    link = await make_partner_link(await make_citizen())
    await PartnerLink.filter(id=link.id).update(token_sealed=None)


@refused("partner_link_token")
async def a_token_kept_of_a_link_that_has_ended() -> None:
    link = await make_partner_link(await make_citizen())
    await PartnerLink.filter(id=link.id).update(state="REVOKED")


@pytest.mark.parametrize(
    ("rule", "attempt"),
    [
        pytest.param(rule, attempt, id=name)
        for rule, attempts in REFUSED.items()
        for name, attempt in attempts
    ],
)
async def test_refused(database: Settings, rule: str, attempt: Refused) -> None:
    with pytest.raises(IntegrityError) as raised:
        await attempt()
    assert violated_constraint(raised.value) == rule


async def close(citizen: CitizenActor, **days: int) -> None:
    columns = ", ".join(f"{column} = now() + interval '{number} days'" for column, number in days.items())
    await execute(f"UPDATE account SET {columns} WHERE id = $1", citizen.account_id)


@refused("account_closed")
async def an_account_that_is_closed_for_ever() -> None:
    await close(await make_citizen(), closed_at=0)


@refused("account_closed")
async def an_account_that_is_to_be_erased_and_is_not_closed() -> None:
    await close(await make_citizen(), erasure_at=30)


@refused("account_closed")
async def an_account_that_is_erased_before_it_is_closed() -> None:
    await close(await make_citizen(), closed_at=0, erasure_at=-1)


@refused("session_of_open_account")
async def a_session_of_a_closed_account() -> None:
    citizen = await make_citizen()
    known = await Session.get(id=citizen.session_id)
    await close(citizen, closed_at=0, erasure_at=30)
    await make_session(known.credential_id)


@refused("procedure_retention")
async def a_procedure_that_keeps_nothing() -> None:
    await Procedure.filter(id=(await make_procedure()).id).update(retention_months=0)


@refused("procedure_retention")
async def a_procedure_that_keeps_longer_than_anybody_lives() -> None:
    await Procedure.filter(id=(await make_procedure()).id).update(retention_months=1201)


async def make_export(**columns: Any) -> DataExport:
    values = {"account_id": (await make_citizen()).account_id, "language": "fr", **columns}
    export = DataExport(**values)
    await save(export)
    return export


def made(**columns: Any) -> dict[str, Any]:
    """What an export has once it is ready."""
    ready = {"size": 1, "sha256": bytes(32), "ready_at": now(), "expires_at": now(), "next_attempt_at": None}
    return {"state": "READY", **ready, **columns}


@refused("data_export_one_an_account")
async def two_exports_of_an_account() -> None:
    await make_export(account_id=(await make_export()).account_id)


@refused("data_export_address_unique")
async def two_exports_at_one_address() -> None:
    for _ in range(2):
        await make_export(**made(address="here"))


@refused("data_export_state")
async def an_export_in_an_unknown_state() -> None:
    await make_export(state="LOST", next_attempt_at=None)


@refused("data_export_language")
async def an_export_in_an_unknown_language() -> None:
    await make_export(language="de")


@refused("data_export_due")
async def an_export_that_nobody_would_make() -> None:
    await make_export(next_attempt_at=None)


@refused("data_export_due")
async def an_export_that_would_be_made_again() -> None:
    await make_export(**made(next_attempt_at=now()))


@refused("data_export_ready")
async def an_export_that_is_ready_and_has_no_size() -> None:
    await make_export(**made(size=None))


@refused("data_export_ready")
async def an_export_that_failed_and_has_an_end() -> None:
    await make_export(state="FAILED", next_attempt_at=None, expires_at=now())


@refused("data_export_address")
async def an_export_that_is_somewhere_before_it_is_ready() -> None:
    await make_export(address="here")


async def make_figure(**columns: Any) -> None:
    values = {
        "status": "ACCEPTED",
        "submitted_on": date(2026, 1, 1),
        "closed_on": date(2026, 1, 2),
        "requests": 1,
    }
    await save(ErasedRequestFigure(**{**values, **columns}))


@refused("erased_request_figure_unique")
async def two_figures_of_the_same_days() -> None:
    procedure = await make_procedure()
    for _ in range(2):
        await make_figure(procedure_id=procedure.id)


@refused("erased_request_figure_status")
async def a_figure_of_requests_that_are_open() -> None:
    await make_figure(procedure_id=(await make_procedure()).id, status="SUBMITTED")


@refused("erased_request_figure_positive")
async def a_figure_of_nothing() -> None:
    await make_figure(procedure_id=(await make_procedure()).id, requests=0)


def test_every_rule_is_tried() -> None:
    """But those that only other releases' code can run into."""
    unique = {name for migration in MIGRATIONS for name in migration.UNIQUE}
    checks = {name for migration in MIGRATIONS for rules in migration.CHECKS.values() for name in rules}
    untried = (unique | checks) - set(REFUSED)
    assert untried == {
        "schedule_slug_unique",
        "procedure_schedule_unique",
        "agent_procedure_unique",
        "procedure_version_positive",
        "procedure_version_appointment",
        "service_request_language",
        "request_event_position_unique",
    }


def test_every_rule_of_appointments_is_tried() -> None:
    rules = {
        rule
        for migration in MIGRATIONS
        if migration.__name__.endswith("appointment_constraints")
        or migration.__name__.endswith("past_appointments")
        for rule in (*migration.UNIQUE, *(name for checks in migration.CHECKS.values() for name in checks))
    }
    assert rules | {"slot_overlap", "slot_open"} <= set(REFUSED)


async def test_slots_may_follow_each_other_and_stand_beside_those_elsewhere_or_closed(
    database: Settings,
) -> None:
    schedule, elsewhere = await make_schedule(), await make_schedule()
    first = await make_slot(schedule)
    start = first.end
    await save(Slot(schedule_id=schedule.id, start=start, end=start + timedelta(minutes=20)))
    await make_slot(elsewhere)
    await make_slot(schedule, closed=True)
    assert await Slot.all().count() == 4


async def test_places_are_counted_by_the_database_whatever_becomes_of_an_appointment(
    database: Settings,
) -> None:
    schedule = await make_schedule()
    here, there = await make_slot(schedule, capacity=2), await make_slot(schedule, hours=48)
    request = await a_request()
    appointment = await make_appointment(request, here, state="HELD")
    assert await taken(here) == (1, 1)
    await Appointment.filter(id=appointment.id).update(counts=False)
    assert await taken(here) == (0, 0)
    await Appointment.filter(id=appointment.id).update(slot_id=there.id)
    assert (await taken(here), await taken(there)) == ((0, 0), (0, 0))
    await Appointment.filter(id=appointment.id).update(counts=True)
    assert await taken(there) == (1, 1)
    await Appointment.filter(id=appointment.id).update(state="CONFIRMED", held_until=None)
    assert await taken(there) == (1, 0)
    await Appointment.filter(id=appointment.id).update(slot_id=here.id)
    assert (await taken(here), await taken(there)) == ((1, 0), (0, 0))
    await Appointment.filter(id=appointment.id).update(state="CANCELLED", counts=False)
    assert await taken(here) == (0, 0)
    await make_appointment(request, here, state="HELD")
    assert await taken(here) == (1, 1)
    await execute("DELETE FROM service_request WHERE id = $1", request.id)
    assert await taken(here) == (0, 0)


async def test_a_slot_names_the_transaction_that_changed_it_last(database: Settings) -> None:
    slot = await make_slot(await make_schedule())
    made = (await Slot.get(id=slot.id)).changed_in
    hold = await make_appointment(await a_request(), slot, state="HELD", minutes=-1)
    held = (await Slot.get(id=slot.id)).changed_in
    await Appointment.filter(id=hold.id).update(held_until=now() + timedelta(minutes=15))
    renewed = (await Slot.get(id=slot.id)).changed_in
    assert 0 < made < held < renewed


async def test_history_is_never_rewritten(database: Settings) -> None:
    event = await make_event(await make_request(await make_procedure()))
    with pytest.raises(IntegrityError, match="never changed"):
        await execute("UPDATE request_event SET kind = 'RequestCancelled' WHERE id = $1", event.id)


@pytest.mark.parametrize("column", ["sha256 = sha256('x')", "size = 7", "media_type = 'image/png'"])
async def test_the_bytes_of_a_file_never_change(database: Settings, column: str) -> None:
    file = await make_file()
    with pytest.raises(IntegrityError, match="never change"):
        await execute(f"UPDATE file SET {column} WHERE id = $1", file.id)


async def test_a_file_stays_as_long_as_something_links_to_it(database: Settings) -> None:
    for link in (
        make_attachment(await a_request(), file := await make_file(b"1")),
        make_document(await make_citizen(), file),
        make_receipt(await a_request(), file),
    ):
        await link
        with pytest.raises(IntegrityError):
            await execute("DELETE FROM file WHERE id = $1", file.id)


async def test_the_same_content_may_be_joined_under_other_titles_by_the_other_side_and_elsewhere(
    database: Settings,
) -> None:
    request, file = await a_request(), await make_file()
    await make_attachment(request, file)
    await make_attachment(request, file, title="Autre")
    await make_attachment(request, file, field="card")
    await make_attachment(request, file, added_by="MUNICIPALITY")
    await make_attachment(await a_request(), file)
    assert await Attachment.all().count() == 5


async def test_a_storage_space_is_counted_by_the_database(database: Settings) -> None:
    """Whoever writes, and however: added, replaced, handed over, deleted, an account at a time."""
    one, other = await make_citizen(), await make_citizen()
    small, large = await make_file(bytes(10)), await make_file(bytes(1_000))

    async def held() -> list[tuple[int, int]]:
        accounts = [await Account.get(id=citizen.account_id) for citizen in (one, other)]
        return [(account.stored_bytes, account.stored_count) for account in accounts]

    assert await held() == [(0, 0), (0, 0)]
    first = await make_document(one, small)
    await make_document(one, large, title="Autre")
    assert await held() == [(1_010, 2), (0, 0)]
    await execute("UPDATE stored_document SET title = title || ' X'")
    assert await held() == [(1_010, 2), (0, 0)]
    await execute("UPDATE stored_document SET file_id = $2 WHERE id = $1", first.id, large.id)
    assert await held() == [(2_000, 2), (0, 0)]
    await execute("UPDATE stored_document SET account_id = $2 WHERE id = $1", first.id, other.account_id)
    assert await held() == [(1_000, 1), (1_000, 1)]
    await execute("DELETE FROM stored_document WHERE account_id = $1", one.account_id)
    assert await held() == [(0, 0), (1_000, 1)]


async def test_an_event_is_given_its_position_whatever_it_says(database: Settings) -> None:
    event = await make_event(await make_request(await make_procedure()))
    event.id, event.position = new_id(), 1_000_000
    await save(event)
    row = await fetch_one("SELECT max(position) AS last, count(*) AS count FROM request_event")
    assert row == {"last": 2, "count": 2}


async def test_a_mail_may_be_written_before_its_event(database: Settings) -> None:
    request = await make_request(await make_procedure())
    id = new_id()
    async with transaction():
        await make_mail(event_id=id)
        await execute(
            "INSERT INTO request_event (id, kind, request_id, actor, data, occurred_at) "
            "VALUES ($1, 'RequestSubmitted', $2, 'CITIZEN', '{}', $3)",
            id,
            request.id,
            now() - timedelta(seconds=1),
        )
    assert await Mail.filter(event_id=id).count() == 1


async def test_a_link_that_goes_is_to_be_ended_at_the_partner(database: Settings) -> None:
    """Deleted, replaced, erased with its account; not where something else of it changes."""
    citizens = [await make_citizen() for _ in range(3)]
    system = await make_partner_system()
    links = [await make_partner_link(citizen, system) for citizen in citizens]

    async def to_be_ended() -> set[object]:
        return {row.id for row in await PartnerRevocation.filter(system_id=system.id, attempts=0)}

    await execute("UPDATE partner_link SET label = 'X', state = 'REVOKED', token_sealed = NULL")
    await execute("UPDATE partner_link SET reference = reference")
    assert await to_be_ended() == set()
    await execute("DELETE FROM partner_link WHERE id = $1", links[0].id)
    await execute("UPDATE partner_link SET reference = $2 WHERE id = $1", links[1].id, new_id())
    await execute("DELETE FROM account WHERE id = $1", citizens[2].account_id)
    assert await to_be_ended() == {link.reference for link in links}
