"""Mot de passe oublié: the same whoever is asked for, one use, and nothing else until another one is chosen."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from core.clock import now
from core.errors import CaptchaError, InvalidCredentialsError, UnauthenticatedError, ValidationError
from core.selection import Selection
from core.settings import Settings, get_settings
from models.accounts import Account, Credential, NewPasswordRequest, Session, TemporaryPassword
from models.actors import AgentActor, CitizenActor, RestrictedActor, Visitor
from models.contact import Contact
from models.database import counted, execute, fetch
from models.email_confirmation import confirmation_token
from models.mail import Mail
from models.temporary_password import LIFETIME, temporary_password
from resolvers.accounts import confirm_email, update_profile
from resolvers.credentials import change_credentials
from resolvers.new_passwords import (
    ANSWER,
    MOST_ACCOUNTS,
    MOST_DELAY,
    answer_request,
    begin_lifetime,
    request_new_password,
)
from resolvers.sessions import LoggedIn, authenticate, log_in
from tests.factories import JEANNE, PASSWORD, make_agent, make_captcha, make_citizen

NEW_PASSWORD = "Tournesol-au-balcon-7"
LOGGED_IN = Selection.of(
    account=Selection.of("username", "profile"), session=Selection.of("id", "expires_at", "current")
)

pytestmark = pytest.mark.usefixtures("database")


async def ask(typed: str) -> None:
    text = await request_new_password(
        Visitor(language="en"), username_or_email=typed, captcha=await make_captcha("REQUEST_PASSWORD")
    )
    assert text == ANSWER


async def answer() -> dict[str, list[str]]:
    """What workers do with all that was asked for: which template went where."""
    for request in await NewPasswordRequest.all():
        await answer_request(request.id)
    mails: dict[str, list[str]] = {}
    for mail in await Mail.all().order_by("id"):
        mails.setdefault(mail.template, []).append(mail.recipient)
    return mails


async def confirmed(username: str, email: str = "jeanne@example.org") -> CitizenActor:
    contact = Contact.from_json({**JEANNE.to_json(), "email": email})
    citizen = await make_citizen(username, contact=contact)
    await Account.filter(id=citizen.account_id).update(email_confirmed_at=now())
    return citizen


async def mailed(username: str) -> str:
    """A temporary password of this citizen, the mail taken by the mail server just now."""
    await ask(username)
    await answer()
    mail = await Mail.filter(template="new_password").order_by("-id").first()
    assert mail is not None
    await begin_lifetime(mail.id, now())
    return temporary_password(mail.id)


async def enter(username: str, password: str) -> LoggedIn:
    return await log_in(
        Visitor(), username=username, password=password, user_agent="Firefox", selection=LOGGED_IN
    )


async def confirm(citizen: CitizenActor, email: str) -> None:
    token = confirmation_token(citizen.account_id, email, now() + timedelta(hours=1))
    await confirm_email(Visitor(), token=token, selection=Selection.of("id"))


async def restricted(opened: LoggedIn) -> RestrictedActor:
    actor = await authenticate(bearer=opened.token, ticket=None, language="fr")
    assert isinstance(actor, RestrictedActor)
    return actor


async def change(actor: RestrictedActor, current: str, password: str | None = NEW_PASSWORD) -> None:
    await change_credentials(
        actor, current_password=current, username=None, password=password, selection=Selection.of("username")
    )


async def test_asking_does_the_same_whoever_is_asked_for() -> None:
    """One row, of sealed text; as many statements; the same answer."""
    await confirmed("marie", "famille@example.org")
    await confirmed("paul", "famille@example.org")
    await make_citizen("zoe")
    await make_agent(username="martin")
    statements = set()
    for typed in (
        "marie",
        "famille@example.org",
        "zoe",
        "martin",
        "absent",
        "absent@example.org",
        "",
        "é" * 5_000,
    ):
        captcha = await make_captcha("REQUEST_PASSWORD")
        with counted() as count:
            text = await request_new_password(Visitor(), username_or_email=typed, captcha=captcha)
        statements.add(count.value)
        assert text == ANSWER
        row = (await NewPasswordRequest.all().order_by("-id"))[0]
        assert typed[:5].encode() not in bytes(row.typed) or not typed
        assert now() - timedelta(seconds=1) < row.due_at < now() + MOST_DELAY
    assert statements == {2}
    assert await Mail.all().count() == 0


async def test_without_a_security_code_nothing_is_kept() -> None:
    await confirmed("marie")
    used = await make_captcha("REQUEST_PASSWORD")
    await request_new_password(Visitor(), username_or_email="marie", captcha=used)
    for typed in ("marie", "absent"):
        for captcha in (
            None,
            used,
            await make_captcha("CREATE_ACCOUNT"),
            await make_captcha("REQUEST_PASSWORD", answer="FAUX"),
            await make_captcha("REQUEST_PASSWORD", minutes=-1),
        ):
            with pytest.raises(CaptchaError):
                await request_new_password(Visitor(), username_or_email=typed, captcha=captcha)
    assert await NewPasswordRequest.all().count() == 1


@pytest.mark.parametrize(
    "typed",
    ["marie", " MARIE ", "ｍａｒｉｅ", "jeanne@example.org", "Jeanne@Example.ORG ", "jeanne@old.example.org"],
)
async def test_by_username_or_address_in_any_writing(typed: str) -> None:
    citizen = await confirmed("marie")
    await Account.filter(id=citizen.account_id).update(
        email_confirmed_at=None, former_email="jeanne@old.example.org"
    )
    await ask(typed)
    assert await answer() == {"new_password": ["jeanne@old.example.org"]}, "the address that was confirmed"
    (mail,) = await Mail.all()
    assert (mail.account_id, mail.language) == (citizen.account_id, "en")
    assert await NewPasswordRequest.all().count() == 0


@pytest.mark.parametrize("typed", ["absent", "absent@example.org", "", "%", "marie@example.org'--", "martin"])
async def test_nobody_is_written_to_where_nobody_was_meant(typed: str) -> None:
    await confirmed("marie")
    await make_agent(username="martin")
    await ask(typed)
    assert await answer() == {}
    assert await NewPasswordRequest.all().count() == 0


async def test_an_address_of_several_accounts_brings_each_its_own() -> None:
    for name in ("marie", "paul", "zoe"):
        await confirmed(name, "famille@example.org")
    await ask("famille@example.org")
    assert await answer() == {"new_password": ["famille@example.org"] * 3}
    mails = await Mail.all()
    assert (
        len({mail.account_id for mail in mails}) == len({temporary_password(mail.id) for mail in mails}) == 3
    )


async def test_an_address_of_very_many_accounts_brings_the_latest() -> None:
    for number in range(MOST_ACCOUNTS + 3):
        await confirmed(f"asso-{number}", "asso@example.org")
    await ask("asso@example.org")
    assert await answer() == {"new_password": ["asso@example.org"] * MOST_ACCOUNTS}


async def test_to_an_unconfirmed_address_goes_no_password() -> None:
    await make_citizen("marie")
    await ask("marie")
    assert await answer() == {"new_password_unconfirmed": ["jeanne@example.org"]}


async def test_answering_twice_or_at_once_answers_once() -> None:
    await confirmed("marie")
    await ask("marie")
    (request,) = await NewPasswordRequest.all()
    await asyncio.gather(*(answer_request(request.id) for _ in range(5)))
    await answer_request(request.id)
    assert await Mail.all().count() == 1


async def test_what_was_asked_under_another_secret_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    await confirmed("marie")
    await ask("marie")
    monkeypatch.setenv("ESPACE_SECRET_KEY", "another secret key, which is long enough as well")
    get_settings.cache_clear()
    assert await answer() == {}
    assert await NewPasswordRequest.all().count() == 0


async def test_one_account_gets_ten_an_hour(limits_as_declared: None) -> None:
    await confirmed("marie")
    await confirmed("paul", "paul@example.org")
    for _ in range(12):
        await ask("marie")
    await ask("paul")
    assert await answer() == {"new_password": ["jeanne@example.org"] * 10 + ["paul@example.org"]}


async def test_until_it_is_used_the_old_password_works_and_then_no_more() -> None:
    citizen = await confirmed("marie")
    mailed_password = await mailed("marie")
    opened = await enter("marie", PASSWORD)
    assert not opened.must_change_password
    assert opened.account is not None

    used = await enter("MARIE", f" {mailed_password.upper().replace('-', ' ')}")
    assert used.must_change_password
    assert (used.account, used.agent) == (None, None), "whatever is asked of it"
    assert used.session["current"]
    assert used.expires_at < now() + timedelta(minutes=31)
    for password in (PASSWORD, mailed_password):
        with pytest.raises(InvalidCredentialsError):
            await enter("marie", password)
    with pytest.raises(UnauthenticatedError):
        await authenticate(bearer=opened.token, ticket=None, language="fr")
    (session,) = await Session.all()
    actor = await restricted(used)
    assert actor.duty == "CHANGE_PASSWORD"
    assert actor.who == CitizenActor(account_id=citizen.account_id, session_id=session.id, language="fr")
    told = await Mail.filter(template="temporary_password_used")
    assert [mail.recipient for mail in told] == ["jeanne@example.org"]


async def test_it_is_changed_with_itself_as_the_current_password() -> None:
    await confirmed("marie")
    mailed_password = await mailed("marie")
    used = await enter("marie", mailed_password)
    actor = await restricted(used)
    for wrong in (PASSWORD, "", "wrong", temporary_password(UUID(int=1))):
        with pytest.raises(InvalidCredentialsError):
            await change(actor, wrong)
    with pytest.raises(ValidationError) as raised:
        await change(actor, mailed_password, None)
    assert [problem.path for problem in raised.value.problems] == ["password"]
    with pytest.raises(ValidationError):
        await change(actor, mailed_password, mailed_password)

    await change(actor, mailed_password.replace("-", ""))
    after = await authenticate(bearer=used.token, ticket=None, language="fr")
    assert after == actor.who, "a session as any other"
    (session,) = await Session.all()
    assert session.expires_at > now() + timedelta(days=13)
    assert (await enter("marie", NEW_PASSWORD)).token
    with pytest.raises(InvalidCredentialsError):
        await enter("marie", mailed_password)
    templates = [mail.template for mail in await Mail.all().order_by("id")]
    assert templates == ["new_password", "temporary_password_used", "credentials_changed"]


async def test_of_twenty_who_use_it_at_once_one_does() -> None:
    await confirmed("marie")
    mailed_password = await mailed("marie")
    outcomes = await asyncio.gather(
        *(enter("marie", mailed_password) for _ in range(20)), return_exceptions=True
    )
    assert sum(isinstance(outcome, LoggedIn) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, InvalidCredentialsError) for outcome in outcomes) == 19
    assert await Session.all().count() == 1


async def test_it_is_good_for_ten_minutes_from_when_the_mail_was_taken() -> None:
    await confirmed("marie")
    await ask("marie")
    await answer()
    (mail,) = await Mail.all()
    password = temporary_password(mail.id)
    with pytest.raises(InvalidCredentialsError):
        await enter("marie", password)
    for age, works in ((LIFETIME + timedelta(seconds=1), False), (LIFETIME - timedelta(seconds=20), True)):
        # The mail itself may be hours old: a mail server was away.
        await execute("UPDATE mail SET created_at = now() - interval '3 hours' WHERE id = $1", mail.id)
        await begin_lifetime(mail.id, now() - age)
        if works:
            assert (await enter("marie", password)).must_change_password
        else:
            with pytest.raises(InvalidCredentialsError):
                await enter("marie", password)


async def test_each_of_two_mails_works_and_using_one_is_the_end_of_both() -> None:
    await confirmed("marie")
    first, second = await mailed("marie"), await mailed("marie")
    assert first != second
    assert await TemporaryPassword.all().count() == 2
    await enter("marie", first)
    with pytest.raises(InvalidCredentialsError):
        await enter("marie", second)
    assert await TemporaryPassword.all().count() == 0


async def test_another_accounts_temporary_password_opens_nothing() -> None:
    await confirmed("marie")
    await confirmed("paul", "paul@example.org")
    mailed_password = await mailed("marie")
    for username in ("paul", "absent"):
        with pytest.raises(InvalidCredentialsError):
            await enter(username, mailed_password)


async def test_changing_the_password_is_the_end_of_it() -> None:
    citizen = await confirmed("marie")
    mailed_password = await mailed("marie")
    await change_credentials(
        citizen,
        current_password=PASSWORD,
        username=None,
        password=NEW_PASSWORD,
        selection=Selection.of("username"),
    )
    with pytest.raises(InvalidCredentialsError):
        await enter("marie", mailed_password)


@pytest.mark.parametrize("waits", [False, True])
async def test_an_address_that_was_replaced_is_the_end_of_it(waits: bool) -> None:
    """Somebody leaves a mailbox that others read: what they asked for there, or have there, opens nothing."""
    citizen = await confirmed("marie")
    password = await mailed("marie")
    if waits:
        await execute("DELETE FROM temporary_password")
    changed = replace(JEANNE, email="marie@example.net")
    await update_profile(citizen, profile=changed, selection=Selection.of("id"))
    if not waits:
        assert await TemporaryPassword.all().count() == 1
    await confirm(citizen, "marie@example.net")
    if waits:
        mail = await Mail.get(template="new_password")
        await begin_lifetime(mail.id, now())
    with pytest.raises(InvalidCredentialsError):
        await enter("marie", password)
    # Confirmed once more, the new address keeps what it was sent.
    password = await mailed("marie")
    await confirm(citizen, "marie@example.net")
    assert (await enter("marie", password)).must_change_password


async def test_who_has_let_the_half_hour_pass_asks_again() -> None:
    await confirmed("marie")
    used = await enter("marie", await mailed("marie"))
    await execute("UPDATE session SET expires_at = now() - interval '1 second'")
    with pytest.raises(UnauthenticatedError):
        await authenticate(bearer=used.token, ticket=None, language="fr")
    assert (await enter("marie", await mailed("marie"))).must_change_password


async def test_nothing_of_the_password_is_at_rest(agent: AgentActor) -> None:
    await confirmed("marie")
    mailed_password = await mailed("marie")
    await enter("marie", mailed_password)
    tables = [
        row["tablename"] for row in await fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ]
    for table in tables:
        for row in await fetch(f'SELECT t::text AS row FROM "{table}" t'):
            assert mailed_password not in row["row"]
            assert mailed_password.replace("-", "") not in row["row"]
    assert await Credential.filter(password_hash__startswith="$argon2id$v=19$m=19456").count() == 1


async def test_the_address_index_is_used(database: Settings) -> None:
    await execute("SET enable_seqscan = off")
    plan = await fetch("EXPLAIN SELECT id FROM account WHERE lower(email) = lower('x')")
    assert "account_email_index" in str(plan)
