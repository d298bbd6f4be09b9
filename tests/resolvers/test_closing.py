"""Closing an account: out of reach at once, whatever way somebody tries; back with all it had while the grace lasts."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core.clock import now
from core.errors import (
    InvalidCredentialsError,
    NotAllowedError,
    NotFoundError,
    UnauthenticatedError,
    UsernameTakenError,
)
from core.keys import seal
from core.selection import Selection
from core.settings import Settings
from core.tickets import new_ticket
from models.accounts import Account, Credential, NewPasswordRequest, Session
from models.actors import AgentActor, CitizenActor, TicketHolder, Visitor
from models.database import Row, execute, fetch, transaction
from models.email_confirmation import confirmation_token
from models.identities import Identity
from models.ids import new_id
from models.procedures import Procedure
from models.temporary_password import temporary_password
from resolvers.accounts import confirm_email, create_account
from resolvers.closing import close_account, delete_account, restore_account
from resolvers.file_links import file_url, open_link
from resolvers.new_passwords import SEAL, answer_request
from resolvers.requests import request
from resolvers.sessions import authenticate, log_in
from tests.factories import (
    JEANNE,
    PASSWORD,
    id_of,
    make_captcha,
    make_citizen,
    make_request,
    make_session,
)
from tests.file_rows import make_document, make_file

USERNAME = Selection.of(account=Selection.of("username"), session=Selection.of("id"))


async def enter(username: str = "marie", password: str = PASSWORD, language: str = "fr") -> str:
    visitor = Visitor(language="en" if language == "en" else "fr")
    opened = await log_in(visitor, username=username, password=password, user_agent=None, selection=USERNAME)
    return opened.token


async def mails() -> list[Row]:
    return await fetch("SELECT template, recipient, language FROM mail ORDER BY id")


async def test_it_is_closed_for_thirty_days_and_a_mail_says_so(citizen: CitizenActor) -> None:
    before = now()
    erased_at = await delete_account(citizen, password=PASSWORD)

    assert before + timedelta(days=30) <= erased_at <= now() + timedelta(days=30)
    account = await Account.get(id=citizen.account_id)
    assert account.erasure_at == erased_at
    assert account.profile["last_name"] == JEANNE.last_name, "kept, to be restored"
    assert await mails() == [
        {"template": "account_closed", "recipient": "jeanne@example.org", "language": "fr"}
    ]


async def test_the_last_address_that_was_proved_is_told_too(citizen: CitizenActor) -> None:
    """Whoever has changed it since may be somebody else."""
    await execute("UPDATE account SET former_email = 'jeanne@avant.example'")
    await delete_account(citizen, password=PASSWORD)
    assert {mail["recipient"] for mail in await mails()} == {"jeanne@example.org", "jeanne@avant.example"}


async def test_every_session_ends_and_everything_that_hung_on_one(citizen: CitizenActor) -> None:
    elsewhere = await enter()
    document = await make_document(citizen, await make_file())
    url = file_url(citizen, "stored_document", document.id, "passeport.pdf")
    assert url is not None
    link = url.split("/")[-2]
    assert await open_link(link) is not None

    await delete_account(citizen, password=PASSWORD)

    assert await Session.all().count() == 0
    with pytest.raises(UnauthenticatedError):
        await authenticate(bearer=elsewhere, ticket=None, language="fr")
    assert await open_link(link) is None


async def test_others_stay_logged_in(citizen: CitizenActor, agent: AgentActor) -> None:
    other = await make_citizen()
    await delete_account(citizen, password=PASSWORD)
    assert await Session.exists(id=other.session_id)
    assert await Session.exists(id=agent.session_id)


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.lower()])
async def test_without_the_password_nothing_happens(citizen: CitizenActor, password: str) -> None:
    with pytest.raises(InvalidCredentialsError):
        await delete_account(citizen, password=password)
    assert await Session.exists(id=citizen.session_id)
    assert (await Account.get(id=citizen.account_id)).closed_at is None
    assert await mails() == []


async def test_without_a_password_whoever_has_just_identified_themselves_closes_it(
    citizen: CitizenActor,
) -> None:
    identity = Identity(
        account_id=citizen.account_id, issuer="https://fc.example", provider="FC", subject=b"x"
    )
    await identity.save(force_create=True)
    await execute("UPDATE credential SET password_hash = NULL")
    for minutes, identified in ((1, False), (16, True)):
        await execute(
            "UPDATE session SET identity_id = $1, created_at = now() - $2::interval",
            identity.id if identified else None,
            timedelta(minutes=minutes),
        )
        with pytest.raises(NotAllowedError, match="Identify yourself again"):
            await delete_account(citizen, password="")
    await execute("UPDATE session SET created_at = now() - interval '14 minutes'")
    await delete_account(citizen, password="")
    assert (await Account.get(id=citizen.account_id)).closed_at is not None


async def test_having_identified_oneself_is_no_password_where_there_is_one(citizen: CitizenActor) -> None:
    identity = Identity(
        account_id=citizen.account_id, issuer="https://fc.example", provider="FC", subject=b"x"
    )
    await identity.save(force_create=True)
    await execute("UPDATE session SET identity_id = $1", identity.id)
    with pytest.raises(InvalidCredentialsError):
        await delete_account(citizen, password="")


async def test_logging_in_says_until_when_whom_to_ask_and_that_to_its_owner_only(
    citizen: CitizenActor, procedure: Procedure
) -> None:
    await delete_account(citizen, password=PASSWORD)
    await execute("UPDATE account SET closed_at = '2026-11-03 10:00Z', erasure_at = '2099-12-03 23:30Z'")

    with pytest.raises(NotAllowedError) as refused:
        await enter()
    assert "seront effacées le 4 décembre 2099" in refused.value.text.fr
    assert "mairie@example.fr" in refused.value.text.fr
    assert "will be erased on 4 December 2099" in refused.value.text.en
    with pytest.raises(InvalidCredentialsError):
        await enter(password="wrong")
    assert await Session.all().count() == 0


async def test_once_the_grace_is_over_logging_in_says_that_it_is(citizen: CitizenActor) -> None:
    await delete_account(citizen, password=PASSWORD)
    await end_grace()
    with pytest.raises(NotAllowedError, match="are erased"):
        await enter()


async def test_the_username_stays_taken(citizen: CitizenActor) -> None:
    await delete_account(citizen, password=PASSWORD)
    with pytest.raises(UsernameTakenError):
        await create_account(
            Visitor(),
            username="Marie",
            password=PASSWORD,
            profile=JEANNE,
            captcha=await make_captcha("CREATE_ACCOUNT"),
            partner=None,
            selection=Selection.of("id"),
        )


async def test_a_forgotten_password_is_not_replaced_any_more(citizen: CitizenActor) -> None:
    for number in range(2):
        asked = NewPasswordRequest(typed=seal(SEAL, b"marie"), language="fr", due_at=now())
        await asked.save(force_create=True)
        await answer_request(asked.id)
        assert [mail["template"] for mail in await mails()].count("new_password_unconfirmed") == 1
        if number == 0:
            await delete_account(citizen, password=PASSWORD)


async def test_one_that_was_mailed_before_opens_nothing_either(citizen: CitizenActor) -> None:
    (credential,) = await Credential.all()
    mail_id = new_id()
    await execute(
        "INSERT INTO temporary_password (id, credential_id, expires_at) VALUES ($1, $2, now() + interval '1 hour')",
        mail_id,
        credential.id,
    )
    await delete_account(citizen, password=PASSWORD)
    with pytest.raises(NotAllowedError, match="was closed"):
        await enter(password=temporary_password(mail_id))
    assert await Session.all().count() == 0


async def test_the_link_that_confirms_the_address_confirms_nothing_any_more(citizen: CitizenActor) -> None:
    token = confirmation_token(citizen.account_id, "jeanne@example.org", now() + timedelta(hours=1))
    await delete_account(citizen, password=PASSWORD)
    with pytest.raises(NotFoundError):
        await confirm_email(Visitor(), token=token, selection=Selection.of("username"))


async def test_what_was_sent_goes_on(citizen: CitizenActor, agent: AgentActor, procedure: Procedure) -> None:
    ticket = new_ticket()
    sent = await make_request(procedure, citizen=citizen, ticket=ticket)
    await delete_account(citizen, password=PASSWORD)

    holder = await authenticate(bearer=None, ticket=ticket, language="fr")
    assert isinstance(holder, TicketHolder)
    for actor in (holder, agent):
        row = await request(actor, id=id_of(sent), selection=Selection.of("status", contact=Selection()))
        assert row is not None
        assert row["contact"]["last_name"] == JEANNE.last_name


async def test_closing_again_changes_nothing(citizen: CitizenActor) -> None:
    first = await delete_account(citizen, password=PASSWORD)
    assert await close_account("MARIE") == first
    with pytest.raises(UnauthenticatedError):
        await delete_account(citizen, password=PASSWORD)
    assert len(await mails()) == 1


@pytest.mark.parametrize("trigger", ["ENABLE", "DISABLE"])
async def test_whoever_logs_in_while_it_is_closed_is_not_left_inside(
    citizen: CitizenActor, trigger: str
) -> None:
    """And without the trigger, that there is such a race, and that this test would see who is left inside."""
    await execute(f"ALTER TABLE session {trigger} TRIGGER session_of_open_account")
    closing, closed = asyncio.Event(), asyncio.Event()

    async def close() -> None:
        async with transaction():
            await execute("UPDATE account SET closed_at = now(), erasure_at = now() + interval '30 days'")
            await execute("DELETE FROM session")
            closing.set()
            await closed.wait()

    underway = asyncio.create_task(close())
    await closing.wait()
    entering = asyncio.create_task(enter())
    done, _ = await asyncio.wait([entering], timeout=0.5)
    closed.set()
    await underway
    if trigger == "DISABLE":
        await entering
        assert done
        assert await Session.all().count() == 1
    else:
        with pytest.raises(NotAllowedError, match="was closed"):
            await entering
        assert not done, "it waited for the account's row"
        assert await Session.all().count() == 0


async def test_restored_it_is_as_it_was_and_its_citizen_is_told(
    citizen: CitizenActor, agent: AgentActor
) -> None:
    document = await make_document(citizen, await make_file())
    await delete_account(citizen, password=PASSWORD)

    assert await restore_account(agent, username=" MARIE ") == "marie"

    actor = await authenticate(bearer=await enter(), ticket=None, language="fr")
    assert isinstance(actor, CitizenActor)
    url = file_url(actor, "stored_document", document.id, "passeport.pdf")
    assert url is not None
    assert await open_link(url.split("/")[-2]) is not None
    assert [mail["template"] for mail in await mails()] == ["account_closed", "account_restored"]


async def test_what_is_not_closed_or_no_more_is_not_restored(
    citizen: CitizenActor, agent: AgentActor
) -> None:
    for username in ("marie", "martin", "absent", ""):
        with pytest.raises(NotFoundError):
            await restore_account("OPERATOR", username=username)
    await delete_account(citizen, password=PASSWORD)
    await end_grace()
    with pytest.raises(NotFoundError, match="too late"):
        await restore_account("OPERATOR", username="marie")
    assert (await Account.get(id=citizen.account_id)).closed_at is not None


async def test_a_restoration_that_comes_too_late_to_its_row_comes_too_late(citizen: CitizenActor) -> None:
    """It goes by the clock once the row is its own: the transaction may have begun while there was time."""
    await delete_account(citizen, password=PASSWORD)
    locked, released = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with transaction():
            await execute("UPDATE account SET erasure_at = clock_timestamp() + interval '0.3 seconds'")
            locked.set()
            await released.wait()

    holding = asyncio.create_task(hold())
    await locked.wait()
    restoring = asyncio.create_task(restore_account("OPERATOR", username="marie"))
    await asyncio.sleep(0.6)
    released.set()
    await holding
    with pytest.raises(NotFoundError):
        await restoring


@pytest.mark.parametrize("username", ["absent", "martin", ""])
async def test_the_operator_closes_citizens_accounts_only(agent: AgentActor, username: str) -> None:
    with pytest.raises(NotFoundError):
        await close_account(username)
    assert await Session.exists(id=agent.session_id)


async def test_the_grace_is_a_setting(
    citizen: CitizenActor, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "resolvers.closing.get_settings", lambda: database.model_copy(update={"account_grace_days": 7})
    )
    erased_at = await close_account("marie")
    assert timedelta(days=6.9) < erased_at - now() < timedelta(days=7)


async def end_grace() -> None:
    await execute(
        "UPDATE account SET closed_at = now() - interval '31 days', erasure_at = now() - interval '1 day'"
    )


async def test_no_session_is_written_down_for_a_closed_account_by_whoever_tries(
    citizen: CitizenActor,
) -> None:
    (session,) = await Session.all()
    await delete_account(citizen, password=PASSWORD)
    with pytest.raises(Exception, match="the account is closed"):
        await make_session(session.credential_id)
