from __future__ import annotations

import asyncio

import pytest

from core.errors import CaptchaError, ConflictError, NotAllowedError, ValidationError
from core.selection import Selection
from models.actors import Actor, CitizenActor
from models.captcha import Captcha
from models.database import Row
from models.events import RequestEvent
from models.mail import Mail
from models.procedures import Procedure
from models.requests import ServiceRequest
from resolvers.captcha import CaptchaAnswer
from resolvers.requests import submit_request
from tests.factories import holder_of, id_of, make_captcha, make_request

SELECTION = Selection.of("status", "version", "submitted_at", "permitted_actions")


async def submit(
    actor: Actor, request: ServiceRequest, version: int = 1, captcha: CaptchaAnswer | None = None
) -> Row:
    return await submit_request(
        actor, request=id_of(request), version=version, captcha=captcha, selection=SELECTION
    )


async def test_a_citizen_submits(procedure: Procedure, citizen: CitizenActor) -> None:
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    row = await submit(citizen, draft)
    assert (row["status"], row["version"]) == ("SUBMITTED", 2)
    assert row["submitted_at"] is not None
    assert row["permitted_actions"] == ["CANCEL", "POST_EXCHANGE", "ADD_ATTACHMENT"]
    (event,) = await RequestEvent.all()
    assert (event.kind, event.actor, event.request_id) == ("RequestSubmitted", "CITIZEN", draft.id)
    (mail,) = await Mail.all()
    assert (mail.template, mail.recipient, mail.state) == ("acknowledgement", "jeanne@example.org", "PENDING")
    assert (mail.request_id, mail.event_id) == (draft.id, event.id)


async def test_a_visitor_needs_a_captcha_which_is_used_up(procedure: Procedure) -> None:
    draft = await make_request(procedure, status="DRAFT")
    with pytest.raises(CaptchaError):
        await submit(holder_of(draft), draft)
    row = await submit(holder_of(draft), draft, captcha=await make_captcha("SUBMIT_REQUEST"))
    assert row["status"] == "SUBMITTED"
    (captcha,) = await Captcha.all()
    assert captcha.used_at is not None


async def test_every_problem_at_once_and_the_captcha_is_kept(procedure: Procedure) -> None:
    draft = await make_request(procedure, status="DRAFT", contact=None, answers={"abroad": True})
    captcha = await make_captcha("SUBMIT_REQUEST")
    with pytest.raises(ValidationError) as raised:
        await submit(holder_of(draft), draft, captcha=captcha)
    paths = {problem.path for problem in raised.value.problems}
    assert paths >= {"reason", "country"}
    assert any(path.startswith("contact") for path in paths)
    assert (await Captcha.get()).used_at is None
    assert await RequestEvent.all().count() == await Mail.all().count() == 0
    assert (await ServiceRequest.get(id=draft.id)).status == "DRAFT"


async def test_sent_again_with_the_same_version_it_is_done_once(procedure: Procedure) -> None:
    """The answer got lost, the client asks again: the same answer, the captcha used already."""
    draft = await make_request(procedure, status="DRAFT")
    captcha = await make_captcha("SUBMIT_REQUEST")
    rows = [await submit(holder_of(draft), draft, captcha=captcha) for _ in range(3)]
    assert rows == [rows[0]] * 3
    assert await RequestEvent.all().count() == await Mail.all().count() == 1


async def test_many_at_once_are_done_once(procedure: Procedure, citizen: CitizenActor) -> None:
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    rows = await asyncio.gather(*(submit(citizen, draft) for _ in range(20)))
    assert rows == [rows[0]] * 20
    assert await RequestEvent.all().count() == await Mail.all().count() == 1


async def test_a_stale_version_is_a_conflict(procedure: Procedure, citizen: CitizenActor) -> None:
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    with pytest.raises(ConflictError):
        await submit(citizen, draft, 2)


@pytest.mark.parametrize("status", ["SUBMITTED", "IN_PROGRESS", "ACCEPTED", "CANCELLED"])
async def test_what_was_sent_is_not_sent_again(
    procedure: Procedure, citizen: CitizenActor, status: str
) -> None:
    request = await make_request(procedure, citizen=citizen, status=status)
    with pytest.raises(NotAllowedError):
        await submit(citizen, request)


async def test_without_an_address_there_is_no_mail(procedure: Procedure, citizen: CitizenActor) -> None:
    draft = await make_request(procedure, citizen=citizen, status="DRAFT")
    draft.contact = {
        **(draft.contact or {}),
        "email": None,
        "mobile_phone": "+33612345678",
        "preferred_contact_method": "MOBILE_PHONE",
    }
    await draft.save()
    assert (await submit(citizen, draft))["status"] == "SUBMITTED"
    assert await Mail.all().count() == 0


async def test_what_is_not_asked_any_more_does_not_reach_the_mairie(
    procedure: Procedure, citizen: CitizenActor
) -> None:
    hidden = {"reason": "Mariage", "abroad": False, "country": "Belgique"}
    draft = await make_request(procedure, citizen=citizen, status="DRAFT", answers=hidden)
    await submit(citizen, draft)
    assert (await ServiceRequest.get(id=draft.id)).answers == {"reason": "Mariage", "abroad": False}
