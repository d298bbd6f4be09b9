from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from core.clock import now
from core.errors import CaptchaError, UsernameTakenError, ValidationError
from core.selection import Selection
from core.settings import Settings
from models.accounts import Account, Credential
from models.actors import CitizenActor, Visitor
from models.captcha import Captcha
from models.contact import Contact, ContactMethod
from models.mail import Mail
from resolvers.accounts import CreatedAccount, create_account, me, update_profile
from resolvers.captcha import CaptchaAnswer
from resolvers.partner_links import PartnerCredentials, WantedLink
from resolvers.sessions import log_in
from tests.factories import JEANNE, PASSWORD, make_agent, make_captcha, make_citizen, make_procedure

SELECTION = Selection.of(
    "id",
    "username",
    "profile",
    "email_confirmed_at",
    "unread_exchange_count",
    storage=Selection.of("used_bytes"),
)

pytestmark = pytest.mark.usefixtures("database")


async def create(
    username: str,
    *,
    password: str = PASSWORD,
    profile: Contact = JEANNE,
    captcha: CaptchaAnswer | None = None,
    partner: WantedLink | None = None,
) -> CreatedAccount:
    return await create_account(
        Visitor(),
        username=username,
        password=password,
        profile=profile,
        captcha=captcha or await make_captcha("CREATE_ACCOUNT"),
        partner=partner,
        selection=SELECTION,
    )


async def test_an_account_its_password_and_its_mail() -> None:
    created = await create(" jeanne ")
    assert created.account["username"] == "jeanne"
    assert created.account["profile"] == JEANNE.to_json()
    assert created.account["email_confirmed_at"] is None
    assert created.partner_problem is None
    credential = await Credential.get()
    assert (credential.password_hash or "").startswith("$argon2id$")
    (mail,) = await Mail.all()
    assert (mail.template, mail.recipient) == ("email_confirmation", "jeanne@example.org")
    assert mail.account_id == credential.account_id
    assert (await Captcha.get()).used_at is not None
    logged_in = await log_in(
        Visitor(), username="JEANNE", password=PASSWORD, user_agent=None, selection=Selection.of()
    )
    assert logged_in.token


async def test_every_problem_at_once() -> None:
    wrong = replace(
        JEANNE,
        last_name="",
        email=None,
        mobile_phone="12",
        preferred_contact_method=ContactMethod.LANDLINE_PHONE,
    )
    captcha = await make_captcha("CREATE_ACCOUNT")
    with pytest.raises(ValidationError) as raised:
        await create("é", password="short", profile=wrong, captcha=captcha)
    assert {problem.path for problem in raised.value.problems} == {
        "username",
        "password",
        "profile.lastName",
        "profile.email",
        "profile.mobilePhone",
        "profile.preferredContactMethod",
    }
    assert (await Captcha.get()).used_at is None
    assert await Account.all().count() == await Mail.all().count() == 0


@pytest.mark.parametrize(
    "username", ["", "ab", "a" * 41, "_abc", "a b c", "a\0bc", "a\nbc", "abc\n!", "<abc>", "\ud800abc"]
)
async def test_a_username_that_cannot_be(username: str) -> None:
    with pytest.raises(ValidationError) as raised:
        await create(username)
    assert [problem.path for problem in raised.value.problems] == ["username"]


@pytest.mark.parametrize("username", ["abc", "Zoé.Durand-35", "zoe@example.org", "a" * 40, "été"])
async def test_a_username_that_can(username: str) -> None:
    assert (await create(username)).account["username"] == username


@pytest.mark.parametrize("taken", ["jeanne", "JEANNE", "Jeanne ", "ｊｅａｎｎｅ"])
async def test_a_taken_username_in_any_writing(taken: str) -> None:
    await make_citizen("Jeanne")
    with pytest.raises(UsernameTakenError):
        await create(taken)
    assert await Account.all().count() == 1
    assert await Mail.all().count() == 0


async def test_an_agents_username_is_taken_too() -> None:
    await make_agent(username="mairie")
    with pytest.raises(UsernameTakenError):
        await create("Mairie")


@pytest.mark.parametrize("taken", ["jeanne", "j" * 40])
async def test_each_suggestion_can_be_had(taken: str) -> None:
    await make_citizen(taken)
    with pytest.raises(UsernameTakenError) as raised:
        await create(taken)
    assert len(set(raised.value.suggestions)) == 3
    for suggestion in raised.value.suggestions:
        assert (await create(suggestion)).account["username"] == suggestion


async def test_suggestions_leave_out_what_is_taken() -> None:
    await make_citizen("jeanne")
    with pytest.raises(UsernameTakenError) as raised:
        await create("jeanne")
    first = raised.value.suggestions[0]
    await make_citizen(first.upper())
    with pytest.raises(UsernameTakenError) as raised:
        await create("jeanne")
    assert first not in raised.value.suggestions
    assert len(raised.value.suggestions) == 3


async def test_a_taken_username_costs_a_try_and_not_the_captcha() -> None:
    await make_citizen("jeanne")
    captcha = await make_captcha("CREATE_ACCOUNT")
    for _ in range(2):
        with pytest.raises(UsernameTakenError):
            await create("jeanne", captcha=captcha)
    assert (await create("jeanne.durand", captcha=captcha)).account["username"] == "jeanne.durand"


async def test_usernames_cannot_be_searched_with_one_captcha() -> None:
    await make_citizen("jeanne")
    captcha = await make_captcha("CREATE_ACCOUNT")
    for _ in range(3):
        with pytest.raises(UsernameTakenError):
            await create("jeanne", captcha=captcha)
    with pytest.raises(CaptchaError):
        await create("free.for.sure", captcha=captcha)


async def test_of_ten_at_once_with_one_username_one_gets_it() -> None:
    captchas = [await make_captcha("CREATE_ACCOUNT") for _ in range(10)]
    outcomes = await asyncio.gather(
        *(create("jeanne" if n % 2 else "JEANNE", captcha=captcha) for n, captcha in enumerate(captchas)),
        return_exceptions=True,
    )
    losers = [type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)]
    assert losers == [UsernameTakenError] * 9
    assert await Account.all().count() == await Credential.all().count() == await Mail.all().count() == 1


async def test_an_account_stands_even_where_the_partners_link_does_not() -> None:
    partner = WantedLink("espace-famille", PartnerCredentials("1", "2"))
    created = await create("jeanne", partner=partner)
    assert created.account["username"] == "jeanne"
    assert created.partner_problem is not None
    assert created.partner_problem.code == "PARTNER_REFUSED"


async def test_without_a_captcha_there_is_no_account() -> None:
    with pytest.raises(CaptchaError):
        await create("jeanne", captcha=await make_captcha("CREATE_ACCOUNT", answer="wrong"))
    with pytest.raises(CaptchaError):
        await create("jeanne", captcha=await make_captcha("SUBMIT_REQUEST"))
    assert await Account.all().count() == 0


async def test_me_is_for_citizens(citizen: CitizenActor) -> None:
    row = await me(citizen, selection=SELECTION)
    assert row is not None
    assert (row["username"], row["unread_exchange_count"]) == ("marie", 0)
    assert row["storage"] == {"__typename": "StorageSpace", "used_bytes": 0}
    await make_procedure()
    assert await me(Visitor(), selection=SELECTION) is None
    assert await me(await make_agent(), selection=SELECTION) is None


async def test_a_new_profile_replaces_the_old_one(citizen: CitizenActor, database: Settings) -> None:
    await Account.filter(id=citizen.account_id).update(email_confirmed_at=now())
    same_address = replace(JEANNE, first_name="Marie", email="JEANNE@example.org")
    row = await update_profile(citizen, profile=same_address, selection=SELECTION)
    assert row["profile"]["first_name"] == "Marie"
    assert row["email_confirmed_at"] is not None
    assert await Mail.all().count() == 0

    row = await update_profile(
        citizen, profile=replace(JEANNE, email="marie@example.org"), selection=SELECTION
    )
    assert row["email_confirmed_at"] is None
    assert {mail.recipient: mail.template for mail in await Mail.all()} == {
        "marie@example.org": "email_confirmation",
        "JEANNE@example.org": "email_changed",
    }


async def test_a_wrong_profile_changes_nothing(citizen: CitizenActor) -> None:
    with pytest.raises(ValidationError) as raised:
        await update_profile(citizen, profile=replace(JEANNE, last_name="", email=None), selection=SELECTION)
    paths = [problem.path for problem in raised.value.problems]
    assert {"lastName", "email"} <= set(paths)
    assert (await Account.get()).profile == JEANNE.to_json()
