"""Demo people and their requests, made through the same doors as real ones. For development only.

What they are called and ask for is data (`people.yaml` of a municipality's folder), and so is when agendas are open
(`slots.yaml`). Doing it again changes nothing; some weeks later it publishes what has become missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from core.clock import now
from core.i18n import DEFAULT_LANGUAGE
from core.passwords import hash_password
from core.selection import Selection
from core.tickets import unseal_ticket
from models.actors import Actor, AgentActor, CitizenActor
from models.address import Address
from models.contact import Contact
from models.database import fetch, fetch_one
from models.forms import (
    AddressValue,
    AnswerValue,
    BooleanValue,
    ChoicesValue,
    DateValue,
    FormDefinition,
    NumberValue,
    TextValue,
)
from models.forms.definition import AddressField, BooleanField, ChoiceField, DateField, NumberField
from models.ids import encode
from resolvers import catalogue, desk, exchanges, requests
from resolvers.accounts import create_account_rows
from resolvers.agents import save_agent
from resolvers.sessions import actor_of, find_credential
from resolvers.slots import OpeningRule, publish_slots
from resolvers.work import Work, unit_of_work

People = Mapping[str, Any]
OpeningHours = Sequence[Mapping[str, Any]]

AHEAD = timedelta(weeks=6)
LOOKED_AT = timedelta(weeks=3), timedelta(weeks=4)
"""Publishing takes a moment, which a start spares as long as there is a slot in the week between those."""

_CHANGED = Selection.of("id", "version", "ticket")


@dataclass(frozen=True, slots=True)
class DemonstrationFacts:
    """What to tell whoever starts the demonstration."""

    password: str
    agents: tuple[str, ...]
    citizens: tuple[str, ...]
    ticket: str | None


async def seed_people(people: People) -> DemonstrationFacts:
    """Makes the agents, citizens and requests that are not there yet."""
    password: str = people["password"]
    for agent in people["agents"]:
        if await find_credential(agent["username"]) is None:
            await save_agent(
                username=agent["username"],
                password=password,
                display_name=agent["display_name"],
                role=agent["role"],
                procedures=agent.get("procedures"),
            )
    for citizen in people["citizens"]:
        if await find_credential(citizen["username"]) is None:
            contact = Contact.from_json(
                {**citizen["profile"], "birth_date": str(citizen["profile"]["birth_date"])}
            )
            await _open(citizen["username"], await hash_password(password), contact)
    for number, story in enumerate(people["requests"], start=1):
        await _tell(story, f"demonstration-{number:04}")
    return DemonstrationFacts(
        password=password,
        agents=tuple(agent["username"] for agent in people["agents"]),
        citizens=tuple(citizen["username"] for citizen in people["citizens"]),
        ticket=await _a_ticket(people["citizens"][0]["username"]),
    )


async def publish_ahead(people: People, hours: OpeningHours) -> int:
    """Publishes the weeks to come of the agendas that end too soon; how many slots are new."""
    first, last = (now() + ahead for ahead in LOOKED_AT)
    rows = await fetch(
        "SELECT h.id, h.slug FROM schedule h WHERE h.slug = ANY($1::text[]) AND NOT EXISTS "
        "(SELECT 1 FROM slot s WHERE s.schedule_id = h.id AND s.start >= $2 AND s.start < $3)",
        [each["schedule"] for each in hours],
        first,
        last,
    )
    missing = {row["slug"]: row["id"] for row in rows}
    if not missing:
        return 0
    administrator = await _actor(
        next(a["username"] for a in people["agents"] if a["role"] == "ADMINISTRATOR")
    )
    today, published = await catalogue.today(), 0
    for each in hours:
        if each["schedule"] in missing:
            _, new = await publish_slots(
                administrator,
                schedule=encode("Schedule", missing[each["schedule"]]),
                first=today,
                last=today + AHEAD,
                openings=[OpeningRule(**opening) for opening in each["openings"]],
                minutes=each["minutes"],
                capacity=each["capacity"],
                skip_public_holidays=True,
                selection=Selection.of("id"),
            )
            published += new
    return published


async def _tell(story: Mapping[str, Any], key: str) -> None:
    citizen = await _actor(story["citizen"])
    procedure: str = story["procedure"]
    row = await requests.start_request(
        citizen, procedure=procedure, idempotency_key=key, selection=Selection.of("id", "version", "status")
    )
    if row["status"] != "DRAFT":
        return
    form = (await catalogue.current()).by_slug[procedure].current.definition
    answers = [(name, _answer(form, name, value)) for name, value in story.get("answers", {}).items()]
    row = await requests.update_request(
        citizen, request=row["id"], version=row["version"], contact=None, answers=answers, selection=_CHANGED
    )
    if story.get("draft"):
        return
    row = await requests.submit_request(
        citizen, request=row["id"], version=row["version"], captcha=None, selection=_CHANGED
    )
    for scene in story.get("then", ()):
        await _play(scene, await _actor(scene["by"]), row["id"])


async def _play(scene: Mapping[str, Any], actor: Actor, request: str) -> None:
    last = Selection.of("version", exchanges=Selection.of(nodes=Selection.of("id")))
    now = await requests.request(actor, id=request, selection=last)
    assert now is not None
    written = now["exchanges"]["nodes"]
    if scene.get("reads") and written:
        await exchanges.mark_exchanges_read(
            actor, request=request, up_to=written[-1]["id"], selection=Selection.of("version")
        )
    if "says" in scene:
        await exchanges.post_exchange(
            actor,
            request=request,
            body=scene["says"],
            attachments=(),
            idempotency_key=None,
            selection=Selection.of("id"),
        )
    if "takes" in scene:
        assert isinstance(actor, AgentActor)
        await desk.change_request_status(
            actor,
            request=request,
            version=now["version"],
            status=scene["takes"],
            reason=scene.get("reason"),
            selection=Selection.of("version"),
        )
    if scene.get("cancels"):
        await requests.cancel_request(
            actor, request=request, reason=scene.get("reason"), selection=Selection.of("version")
        )


def _answer(form: FormDefinition, key: str, value: Any) -> AnswerValue:
    match form.field(key):
        case NumberField():
            return NumberValue(float(value))
        case BooleanField():
            return BooleanValue(bool(value))
        case DateField():
            return DateValue(value if isinstance(value, date) else date.fromisoformat(value))
        case ChoiceField():
            return ChoicesValue(tuple(value if isinstance(value, list) else [value]))
        case AddressField():
            return AddressValue(Address.from_json(value))
        case _:
            return TextValue(str(value))


@unit_of_work
async def _open(work: Work, username: str, password_hash: str, contact: Contact) -> UUID:
    account = await create_account_rows(username, password_hash, contact, "fr")
    work.mail("email_confirmation", account.email, "fr", account_id=account.id)
    return account.id


async def _actor(username: str) -> CitizenActor | AgentActor:
    row = await find_credential(username)
    assert row is not None, username
    return actor_of({**row, "session_id": row["id"]}, DEFAULT_LANGUAGE)


async def _a_ticket(username: str) -> str | None:
    row = await fetch_one(
        "SELECT r.ticket_sealed FROM service_request r JOIN credential c ON c.account_id = r.account_id "
        "WHERE lower(c.username) = lower($1) AND r.status <> 'DRAFT' ORDER BY r.id LIMIT 1",
        username,
    )
    return unseal_ticket(row["ticket_sealed"]) if row else None
