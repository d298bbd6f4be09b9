"""Modifier les identifiants: with the current password, told by mail, and ending what others had open."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from core.clock import now
from core.errors import (
    InvalidCredentialsError,
    UnauthenticatedError,
    UsernameTakenError,
    ValidationError,
)
from core.passwords import hash_password, verify_password
from core.selection import Selection
from models.accounts import Account, Credential, Session
from models.actors import AgentActor, CitizenActor, Visitor
from models.email_confirmation import confirmation_token
from models.mail import Mail
from resolvers import sessions
from resolvers.accounts import confirm_email, update_profile
from resolvers.credentials import change_credentials
from resolvers.sessions import LoggedIn, authenticate, log_in, log_out
from tests.factories import JEANNE, PASSWORD, make_agent, make_citizen

NEW_PASSWORD = "Tournesol-au-balcon-7"
ACCOUNT = Selection.of("id", "username", sessions=Selection.of("id", "current"))


async def change(
    citizen: CitizenActor,
    *,
    current: str = PASSWORD,
    username: str | None = None,
    password: str | None = None,
) -> dict[str, object]:
    return await change_credentials(
        citizen, current_password=current, username=username, password=password, selection=ACCOUNT
    )


async def enter(username: str, password: str) -> LoggedIn:
    return await log_in(
        Visitor(), username=username, password=password, user_agent=None, selection=Selection.of()
    )


async def test_another_password(citizen: CitizenActor) -> None:
    row = await change(citizen, password=NEW_PASSWORD)
    assert row["username"] == "marie"
    assert (await enter("marie", NEW_PASSWORD)).token
    with pytest.raises(InvalidCredentialsError):
        await enter("marie", PASSWORD)


async def test_another_username(citizen: CitizenActor) -> None:
    row = await change(citizen, username=" Marie.Durand ")
    assert row["username"] == "Marie.Durand"
    assert (await enter("MARIE.durand", PASSWORD)).token
    with pytest.raises(InvalidCredentialsError):
        await enter("marie", PASSWORD)


async def test_both_at_once_or_neither(citizen: CitizenActor) -> None:
    await make_citizen("zoe")
    with pytest.raises(UsernameTakenError):
        await change(citizen, username="Zoe", password=NEW_PASSWORD)
    assert (await enter("marie", PASSWORD)).token
    await change(citizen, username="zoe2", password=NEW_PASSWORD)
    assert (await enter("zoe2", NEW_PASSWORD)).token


async def test_all_other_sessions_end_and_this_one_goes_on(citizen: CitizenActor, agent: AgentActor) -> None:
    others = [(await enter("marie", PASSWORD)).token for _ in range(3)]
    row = await change(citizen, password=NEW_PASSWORD)
    assert [session["current"] for session in row["sessions"]] == [True]  # type: ignore[attr-defined]
    for token in others:
        with pytest.raises(UnauthenticatedError):
            await authenticate(bearer=token, ticket=None, language="fr")
    assert {session.id for session in await Session.all()} == {citizen.session_id, agent.session_id}


async def test_it_is_told_by_mail(citizen: CitizenActor) -> None:
    await change(replace(citizen, language="en"), password=NEW_PASSWORD)
    (mail,) = await Mail.all()
    assert (mail.template, mail.recipient, mail.language) == (
        "credentials_changed",
        "jeanne@example.org",
        "en",
    )
    assert mail.account_id == citizen.account_id


async def test_it_is_told_to_the_old_address_too_until_the_new_one_is_confirmed(
    citizen: CitizenActor,
) -> None:
    await Account.filter(id=citizen.account_id).update(email_confirmed_at=now())
    await update_profile(
        citizen, profile=replace(JEANNE, email="new@example.org"), selection=Selection.of("id")
    )
    await Mail.all().delete()
    await change(citizen, password=NEW_PASSWORD)
    assert {mail.recipient for mail in await Mail.all()} == {"new@example.org", "jeanne@example.org"}


@pytest.mark.parametrize("wrong", ["", "wrong", PASSWORD.upper(), PASSWORD + " "])
async def test_without_the_current_password_nothing_changes(citizen: CitizenActor, wrong: str) -> None:
    before = await Credential.get(account_id=citizen.account_id)
    await enter("marie", PASSWORD)  # Makes the hash anew.
    before = await Credential.get(account_id=citizen.account_id)
    with pytest.raises(InvalidCredentialsError):
        await change(citizen, current=wrong, username="other", password=NEW_PASSWORD)
    after = await Credential.get(account_id=citizen.account_id)
    assert (after.username, after.password_hash) == (before.username, before.password_hash)
    assert await Session.all().count() == 2
    assert await Mail.all().count() == 0


async def test_every_problem_at_once(citizen: CitizenActor) -> None:
    with pytest.raises(ValidationError) as raised:
        await change(citizen, current="wrong", username="é", password="short")
    assert [problem.path for problem in raised.value.problems] == ["username", "password"]


async def test_there_has_to_be_something_new(citizen: CitizenActor) -> None:
    with pytest.raises(ValidationError) as raised:
        await change(citizen)
    assert [problem.path for problem in raised.value.problems] == ["username", "password"]
    with pytest.raises(ValidationError) as raised:
        await change(citizen, password=PASSWORD)
    assert [problem.path for problem in raised.value.problems] == ["password"]
    with pytest.raises(ValidationError) as raised:
        await change(citizen, username="")
    assert [problem.path for problem in raised.value.problems] == ["username"]


@pytest.mark.parametrize(
    ("username", "password"),
    [
        (None, "Jeanne.Durand-78"),
        ("tournesol", NEW_PASSWORD),
        (None, "Xx-marie-Tournevis-7"),
        (None, "Bonjour-2026-!"),
    ],
)
async def test_what_is_known_of_the_person_makes_no_password(
    citizen: CitizenActor, username: str | None, password: str
) -> None:
    """Names of the profile, the username as it is or as it will be, and what everybody has."""
    with pytest.raises(ValidationError) as raised:
        await change(citizen, username=username, password=password)
    assert [problem.path for problem in raised.value.problems] == ["password"]


async def test_of_ten_who_want_one_username_at_once_one_gets_it(citizen: CitizenActor) -> None:
    citizens = [await make_citizen() for _ in range(10)]
    outcomes = await asyncio.gather(
        *(
            change(each, username="Zoe" if number % 2 else "zoé" if number == 0 else "zoe")
            for number, each in enumerate(citizens)
        ),
        return_exceptions=True,
    )
    losers = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [type(loser) for loser in losers] == [UsernameTakenError] * 8, "one has zoe, and one zoé"
    assert await Credential.filter(username__iexact="zoe").count() == 1
    assert all(len(loser.suggestions) == 3 for loser in losers if isinstance(loser, UsernameTakenError))


async def test_of_two_who_change_one_password_at_once_one_does(citizen: CitizenActor) -> None:
    outcomes = await asyncio.gather(
        change(citizen, password=NEW_PASSWORD),
        change(citizen, password="Un-parapluie-vert-8"),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["InvalidCredentialsError", "dict"]


@pytest.mark.parametrize("guarded", [True, False])
async def test_who_logs_in_with_the_old_password_while_it_is_changed_gets_no_session(
    citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch, guarded: bool
) -> None:
    """Checked before, written down after the change. The control leaves the guard out, and must find such a session."""
    open_ = sessions._open

    async def verify_slowly(password_hash: str | None, password: str) -> bool:
        is_right = await verify_password(password_hash, password)
        if is_right and password == PASSWORD:
            await change(citizen, password=NEW_PASSWORD)
        return is_right

    async def open_anyway(session: Session, password_hash: str) -> bool:
        now_hash = (await Credential.get(id=session.credential_id)).password_hash
        return await open_(session, now_hash or "")

    monkeypatch.setattr("resolvers.sessions.verify_password", verify_slowly)
    if not guarded:
        monkeypatch.setattr(sessions, "_open", open_anyway)
        assert (await enter("marie", PASSWORD)).token
        assert await Session.all().count() == 2
        return
    with pytest.raises(InvalidCredentialsError):
        await enter("marie", PASSWORD)
    assert {session.id for session in await Session.all()} == {citizen.session_id}


async def test_whose_session_ends_meanwhile_changes_nothing(
    citizen: CitizenActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hash_slowly(password: str) -> str:
        await log_out(citizen)
        return await hash_password(password)

    monkeypatch.setattr("resolvers.credentials.hash_password", hash_slowly)
    with pytest.raises(UnauthenticatedError):
        await change(citizen, password=NEW_PASSWORD)
    monkeypatch.undo()
    assert (await enter("marie", PASSWORD)).token


async def test_an_agents_username_is_taken_too(citizen: CitizenActor) -> None:
    await make_agent(username="mairie")
    with pytest.raises(UsernameTakenError):
        await change(citizen, username="Mairie")


async def test_an_address_that_changes_is_told_at_the_old_one(citizen: CitizenActor) -> None:
    async def move(email: str) -> dict[str, str]:
        await Mail.all().delete()
        await update_profile(citizen, profile=replace(JEANNE, email=email), selection=Selection.of("id"))
        return {mail.recipient: mail.template for mail in await Mail.all()}

    account = Account.filter(id=citizen.account_id)
    await account.update(email_confirmed_at=now())
    assert await move("a@example.org") == {
        "a@example.org": "email_confirmation",
        "jeanne@example.org": "email_changed",
    }
    assert (await account.get()).former_email == "jeanne@example.org"
    assert await move("b@example.org") == {
        "b@example.org": "email_confirmation",
        "a@example.org": "email_changed",
        "jeanne@example.org": "email_changed",
    }
    assert (await account.get()).former_email == "jeanne@example.org"
    assert await move("Jeanne@example.org") == {
        "Jeanne@example.org": "email_confirmation",
        "b@example.org": "email_changed",
    }


async def test_the_old_address_is_forgotten_once_the_new_one_is_confirmed(citizen: CitizenActor) -> None:
    await Account.filter(id=citizen.account_id).update(email_confirmed_at=now())
    await update_profile(
        citizen, profile=replace(JEANNE, email="a@example.org"), selection=Selection.of("id")
    )
    token = confirmation_token(citizen.account_id, "a@example.org", now() + timedelta(hours=1))
    await confirm_email(Visitor(), token=token, selection=Selection.of("id"))
    account = await Account.get(id=citizen.account_id)
    assert (account.email, account.former_email) == ("a@example.org", None)
    assert account.email_confirmed_at is not None
