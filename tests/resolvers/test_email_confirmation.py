from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from core.clock import now
from core.errors import ForbiddenError, NotAllowedError, NotFoundError, RateLimitedError
from core.keys import sign
from core.limits.declared import CONFIRMATION
from core.selection import Selection
from models.accounts import Account
from models.actors import CitizenActor, Visitor
from models.database import Row
from models.email_confirmation import confirmation_token
from models.ids import new_id
from models.mail import Mail
from resolvers.accounts import confirm_email, resend_confirmation, update_profile
from tests.factories import JEANNE, make_citizen

SELECTION = Selection.of("id", "email_confirmed_at")


def token(account_id: UUID, email: str = "jeanne@example.org", *, hours: float = 1) -> str:
    return confirmation_token(account_id, email, now() + timedelta(hours=hours))


async def confirm(text: str) -> Row:
    return await confirm_email(Visitor(), token=text, selection=SELECTION)


async def test_again_and_again_the_same_answer(citizen: CitizenActor) -> None:
    rows = [await confirm(token(citizen.account_id)) for _ in range(3)]
    assert rows == [rows[0]] * 3
    assert rows[0]["email_confirmed_at"] is not None


async def test_the_address_in_another_case_is_the_same(citizen: CitizenActor) -> None:
    assert (await confirm(token(citizen.account_id, "Jeanne@Example.org")))["email_confirmed_at"] is not None


async def test_tokens_that_confirm_nothing(citizen: CitizenActor) -> None:
    good = token(citizen.account_id)
    good_until = now() + timedelta(hours=1)
    body, _, digest = good.partition(".")
    other_body = token(new_id()).partition(".")[0]
    for bad in (
        token(citizen.account_id, hours=-0.001),
        sign("password", {"account": str(citizen.account_id), "email": "jeanne@example.org"}, good_until),
        token(citizen.account_id, "other@example.org"),
        token(new_id()),
        f"{other_body}.{digest}",
        f"{body}.{digest[:-1]}",
        f"{body}.",
        f".{digest}",
        body,
        good[:-8],
        "",
        "é.é",
        "\0.\0",
        "\ud800",
        "." * 10_000,
    ):
        with pytest.raises(NotFoundError):
            await confirm(bad)
    assert (await Account.get()).email_confirmed_at is None


async def test_a_changed_address_needs_its_own_token(citizen: CitizenActor) -> None:
    old = token(citizen.account_id)
    await update_profile(
        citizen, profile=replace(JEANNE, email="marie@example.org"), selection=Selection.of("id")
    )
    with pytest.raises(NotFoundError):
        await confirm(old)
    assert (await confirm(token(citizen.account_id, "marie@example.org")))["email_confirmed_at"] is not None


@pytest.mark.parametrize("asked", ["profile", "requests", "sessions", "unread_exchange_count"])
async def test_the_link_proves_a_mailbox_and_not_a_citizen(citizen: CitizenActor, asked: str) -> None:
    """An address may be mistyped: a stranger who gets the mail reads nothing of the account, and confirms nothing."""
    selection = Selection.of("id", asked)
    with pytest.raises(ForbiddenError):
        await confirm_email(Visitor(), token=token(citizen.account_id), selection=selection)
    other = await make_citizen()
    with pytest.raises(ForbiddenError):
        await confirm_email(other, token=token(citizen.account_id), selection=selection)
    assert (await Account.get(id=citizen.account_id)).email_confirmed_at is None
    row = await confirm_email(citizen, token=token(citizen.account_id), selection=selection)
    assert asked in {key.split()[0] for key in row}


async def test_the_mail_is_sent_again_until_the_address_is_confirmed(citizen: CitizenActor) -> None:
    assert (await resend_confirmation(citizen, selection=SELECTION))["email_confirmed_at"] is None
    (mail,) = await Mail.filter(template="email_confirmation")
    assert mail.recipient == (await Account.get(id=citizen.account_id)).email
    await confirm(token(citizen.account_id))
    with pytest.raises(NotAllowedError):
        await resend_confirmation(citizen, selection=SELECTION)
    assert await Mail.filter(template="email_confirmation").count() == 1


async def test_an_account_has_few_confirmations_sent_an_hour(
    citizen: CitizenActor, limits_as_declared: None
) -> None:
    most = CONFIRMATION.each_caller[0].amount
    for number in range(most):
        contact = replace(JEANNE, email=f"jeanne{number}@example.org")
        await update_profile(citizen, profile=contact, selection=SELECTION)
    with pytest.raises(RateLimitedError):
        await update_profile(citizen, profile=JEANNE, selection=SELECTION)
    with pytest.raises(RateLimitedError):
        await resend_confirmation(citizen, selection=SELECTION)
    assert await Mail.filter(template="email_confirmation").count() == most
    assert (await Account.get(id=citizen.account_id)).email == contact.email
