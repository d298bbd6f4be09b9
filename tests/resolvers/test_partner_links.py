"""Links to partner systems, against the example as a real process."""

from __future__ import annotations

import asyncio
import base64
import logging
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from core.clock import now
from core.errors import NotFoundError, PartnerError, RateLimitedError, RefusedError, ValidationError
from core.redis import get_redis
from core.selection import Selection
from core.settings import Settings, get_settings
from core.signing_keys import public_keys
from jobs.partner_links import end_partner_link
from models.actors import Actor, CitizenActor, PartnerActor, TicketHolder, Visitor
from models.database import Row, execute, fetch
from models.ids import decode_as, encode
from models.partner_links import PartnerLink, PartnerRevocation, pairwise_subject, unseal_token
from resolvers import catalogue, partner_links
from resolvers.accounts import create_account, me
from resolvers.catalogue import PartnerSystemEntry
from resolvers.nodes import node
from resolvers.partner_calls import WRONG_CREDENTIALS, ask_for_link, refused
from resolvers.partner_links import (
    PartnerCredentials,
    WantedLink,
    hear_of_end,
    link_partner,
    open_partner,
    unlink_partner,
    update_partner_credentials,
)
from tests.factories import JEANNE, make_agent, make_captcha, make_citizen
from tests.factories import PASSWORD as ACCOUNT_PASSWORD
from tests.partner import CODE, LABEL, OTHER_CODE, OTHER_LABEL, PASSWORD, SLUG, Partner

ALL = Selection.of("id", "label", "state", "linked_at", system=Selection.of("slug", "name"))

pytestmark = pytest.mark.usefixtures("partner")


async def link(
    citizen: Actor,
    code: str = CODE,
    password: str = PASSWORD,
    system: str = SLUG,
    address: str = "192.0.2.7",
) -> Row:
    wanted = WantedLink(system, PartnerCredentials(code, password, address))
    return await link_partner(citizen, wanted=wanted, selection=ALL)


async def change(citizen: Actor, link: str, code: str = CODE, password: str = PASSWORD) -> Row:
    credentials = PartnerCredentials(code, password, "192.0.2.7")
    return await update_partner_credentials(citizen, link=link, credentials=credentials, selection=ALL)


async def create(code: str, password: str, system: str = SLUG, address: str = "192.0.2.7") -> Any:
    return await create_account(
        Visitor(),
        username=f"citoyen-{uuid4().hex[:8]}",
        password=ACCOUNT_PASSWORD,
        profile=JEANNE,
        captcha=await make_captcha("CREATE_ACCOUNT"),
        partner=WantedLink(system, PartnerCredentials(code, password, address)),
        selection=Selection.of("id", partner_links=ALL),
    )


async def links_of(citizen: Actor) -> list[Row]:
    row = await me(citizen, selection=Selection.of(partner_links=ALL))
    assert row is not None
    found: list[Row] = row["partner_links"]
    return found


async def end_all_that_is_due() -> None:
    for row in await fetch("SELECT id FROM partner_revocation WHERE next_attempt_at <= now()"):
        await end_partner_link(str(row["id"]))


async def kept(id: str) -> PartnerLink:
    row_id = decode_as("PartnerLink", id)
    assert row_id is not None
    return await PartnerLink.get(id=row_id)


async def refusal(asked: Any) -> RefusedError:
    with pytest.raises(RefusedError) as raised:
        await asked
    return raised.value


async def test_a_link_is_the_partners_label_and_a_sealed_token(partner: Partner) -> None:
    citizen = await make_citizen()
    made = await link(citizen, code=f" {CODE} ")
    assert (made["label"], made["state"]) == (LABEL, "ACTIVE")
    assert (made["system"]["slug"], made["system"]["name"]) == (SLUG, "Espace Famille")
    assert await links_of(citizen) == [made]

    row = await kept(made["id"])
    assert partner.live_links() == [str(row.reference)]
    assert row.token_sealed is not None
    token = unseal_token(row.reference, row.token_sealed)
    assert token.encode() not in row.token_sealed
    with pytest.raises(ValueError, match="another link"):
        unseal_token(uuid4(), row.token_sealed)
    (there,) = partner.rows("SELECT * FROM link")
    assert there["subject"] == pairwise_subject(SLUG, citizen.account_id)
    assert await PartnerRevocation.all().count() == 0


async def test_what_cannot_be_right_is_told_before_anybody_is_asked(partner: Partner) -> None:
    citizen = await make_citizen()
    with pytest.raises(ValidationError) as raised:
        await link(citizen, code="  ", password="a\0b")
    assert [problem.path for problem in raised.value.problems] == ["code", "password"]
    with pytest.raises(ValidationError):
        await link(citizen, code="1" * 201, password="\ud800")
    with pytest.raises(ValidationError) as raised:
        await create("", "")
    assert [problem.path for problem in raised.value.problems] == ["partner.code", "partner.password"]
    assert isinstance(await refusal(link(citizen, system="autre")), NotFoundError)
    assert partner.rows("SELECT * FROM wrong_try") == []


@pytest.mark.parametrize(("code", "password"), [(CODE, "wrong"), ("999999", PASSWORD)])
async def test_wrong_credentials(partner: Partner, code: str, password: str) -> None:
    citizen = await make_citizen()
    error = await refusal(link(citizen, code, password))
    assert error.code == "PARTNER_REFUSED"
    assert error.text.fr.startswith("Espace Famille ne reconnaît pas ce code ou ce mot de passe.")
    assert error.text.en.startswith("Espace Famille does not know this code or password.")
    assert await links_of(citizen) == []
    assert await PartnerRevocation.all().count() == 0


async def test_the_partners_own_delay_is_told(partner: Partner) -> None:
    citizen = await make_citizen()
    for _ in range(10):
        await refusal(link(citizen, CODE, "wrong"))
    error = await refusal(link(citizen))
    assert error.code == "PARTNER_REFUSED"
    assert error.text.en == "Too many tries with Espace Famille. Try again in 15 minute(s)."


async def test_linked_as_the_account_is_created(partner: Partner) -> None:
    created = await create(CODE, PASSWORD)
    assert created.partner_problem is None
    assert [made["label"] for made in created.account["partner_links"]] == [LABEL]
    assert len(partner.live_links()) == 1


async def test_the_account_stands_where_the_link_does_not(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = await create(CODE, "wrong")
    assert refused.partner_problem.code == "PARTNER_REFUSED"
    assert refused.partner_problem.text.fr.startswith(
        "Votre compte citoyen est créé, mais il n’est pas relié. Espace Famille ne reconnaît pas"
    )
    partner.is_away(monkeypatch)
    away = await create(CODE, PASSWORD)
    assert away.partner_problem.code == "PARTNER_UNREACHABLE"
    unknown = await create(CODE, PASSWORD, system="autre")
    assert unknown.partner_problem.code == "PARTNER_REFUSED"
    for created in (refused, away, unknown):
        assert created.account["partner_links"] == []


async def test_linking_again_leaves_one_link_and_ends_the_one_before(partner: Partner) -> None:
    """A client whose answer was lost asks again."""
    citizen = await make_citizen()
    first = await link(citizen)
    before = (await kept(first["id"])).reference
    second = await link(citizen, OTHER_CODE)
    assert (second["id"], second["label"]) == (first["id"], OTHER_LABEL)
    assert [row.id for row in await PartnerRevocation.all()] == [before]
    await end_all_that_is_due()
    assert partner.live_links() == [str((await kept(first["id"])).reference)]
    assert await PartnerRevocation.all().count() == 0


async def test_two_citizens_of_one_family_have_a_link_each(partner: Partner) -> None:
    one, other = await make_citizen(), await make_citizen()
    first, second = await link(one), await link(other)
    assert len(partner.live_links()) == 2
    await unlink_partner(one, link=first["id"], selection=ALL)
    await end_all_that_is_due()
    assert await links_of(one) == []
    assert await links_of(other) == [second]
    assert partner.live_links() == [str((await kept(second["id"])).reference)]
    await open_partner(other, link=second["id"])


async def test_other_credentials(partner: Partner) -> None:
    citizen = await make_citizen()
    made = await link(citizen)
    before = await kept(made["id"])

    error = await refusal(change(citizen, made["id"], password="wrong"))
    assert error.code == "PARTNER_REFUSED"
    assert (await kept(made["id"])).reference == before.reference
    await open_partner(citizen, link=made["id"])

    changed = await change(citizen, made["id"], OTHER_CODE)
    assert (changed["id"], changed["label"], changed["state"]) == (made["id"], OTHER_LABEL, "ACTIVE")
    await end_all_that_is_due()
    assert partner.live_links() == [str((await kept(made["id"])).reference)]
    assert isinstance(await refusal(change(citizen, encode("PartnerLink", uuid4()))), NotFoundError)


async def test_unlinked_while_the_partner_is_away(partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended here at once, and there as soon as it is back."""
    citizen = await make_citizen()
    made = await link(citizen)
    partner.is_away(monkeypatch)
    assert await unlink_partner(citizen, link=made["id"], selection=ALL) == []
    assert isinstance(await refusal(unlink_partner(citizen, link=made["id"], selection=ALL)), NotFoundError)
    await end_all_that_is_due()
    (waiting,) = await PartnerRevocation.all()
    assert waiting.attempts == 1
    assert waiting.next_attempt_at is not None
    assert timedelta(seconds=10) < waiting.next_attempt_at - now() < timedelta(seconds=20)

    partner.is_there(monkeypatch)
    assert len(partner.live_links()) == 1
    await execute("UPDATE partner_revocation SET next_attempt_at = now()")
    await end_all_that_is_due()
    assert partner.live_links() == []
    assert await PartnerRevocation.all().count() == 0


async def test_an_erased_account_leaves_no_link_at_the_partner(partner: Partner) -> None:
    citizen = await make_citizen()
    await link(citizen)
    await execute("DELETE FROM account WHERE id = $1", citizen.account_id)
    assert await PartnerLink.all().count() == 0
    await end_all_that_is_due()
    assert partner.live_links() == []
    assert await PartnerRevocation.all().count() == 0


async def test_what_is_granted_to_nobody_who_keeps_it_is_ended(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the process is killed between the partner's answer and the row: the row before it is there."""
    citizen = await make_citizen()

    async def killed(*_: Any) -> UUID:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(partner_links, "_keep", killed)
        with pytest.raises(asyncio.CancelledError):
            await link(citizen)
    assert len(partner.live_links()) == 1
    (foreseen,) = await PartnerRevocation.all()
    assert foreseen.next_attempt_at is not None
    assert timedelta(seconds=50) < foreseen.next_attempt_at - now() <= timedelta(seconds=60)
    await end_all_that_is_due()
    assert len(partner.live_links()) == 1
    await execute("UPDATE partner_revocation SET next_attempt_at = now()")
    await end_all_that_is_due()
    assert partner.live_links() == []


async def test_what_a_job_has_ended_is_not_kept_any_more(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that slept for a minute with the partner's answer in hand."""
    citizen = await make_citizen()
    ask = ask_for_link

    async def slowly(*arguments: Any, **named: Any) -> Any:
        granted = await ask(*arguments, **named)
        await execute("UPDATE partner_revocation SET next_attempt_at = now()")
        await end_all_that_is_due()
        return granted

    monkeypatch.setattr(partner_links, "ask_for_link", slowly)
    assert (await refusal(link(citizen))).code == "PARTNER_UNREACHABLE"
    assert await links_of(citizen) == []
    assert partner.live_links() == []


async def test_an_account_that_is_erased_meanwhile_gets_no_link(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = await make_citizen()
    ask = ask_for_link

    async def erased_meanwhile(*arguments: Any, **named: Any) -> Any:
        granted = await ask(*arguments, **named)
        await execute("DELETE FROM account WHERE id = $1", citizen.account_id)
        return granted

    monkeypatch.setattr(partner_links, "ask_for_link", erased_meanwhile)
    assert isinstance(await refusal(link(citizen)), NotFoundError)
    await execute("UPDATE partner_revocation SET next_attempt_at = now()")
    await end_all_that_is_due()
    assert partner.live_links() == []


RACERS = 8


async def race(citizen: CitizenActor) -> int:
    """All link at once; how many links the account has afterwards."""
    ready = asyncio.Barrier(RACERS)

    async def run(number: int) -> None:
        await ready.wait()
        await link(citizen, (CODE, OTHER_CODE)[number % 2])

    await asyncio.gather(*map(run, range(RACERS)))
    return await PartnerLink.filter(account_id=citizen.account_id).count()


async def test_a_race_leaves_one_link_here_and_there(partner: Partner) -> None:
    citizen = await make_citizen()
    assert await race(citizen) == 1
    await end_all_that_is_due()
    (row,) = await PartnerLink.all()
    assert partner.live_links() == [str(row.reference)]
    assert await PartnerRevocation.all().count() == 0


async def test_without_the_constraint_the_race_leaves_several(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race is one: what it finds is due to the constraint."""
    await execute("DROP INDEX partner_link_unique")
    bare = partner_links._PUT.partition("ON CONFLICT")[0] + "RETURNING id"
    monkeypatch.setattr(partner_links, "_PUT", bare)
    assert await race(await make_citizen()) > 1


async def test_opening_gives_an_address_for_a_minute(partner: Partner) -> None:
    citizen = await make_citizen()
    made = await link(citizen)
    before = now()
    opened = await open_partner(citizen, link=made["id"])
    address, _, token = opened.url.partition("/sign-on?token=")
    assert address == partner.address
    assert timedelta(seconds=58) < opened.expires_at - before <= timedelta(seconds=60)

    keys = KeySet.import_key_set({"keys": public_keys()["keys"]})
    signed = jwt.decode(token, keys, algorithms=["ES256"])
    assert signed.header["typ"] == "sign-on+jwt"
    claims = signed.claims
    assert claims.keys() == {"iss", "aud", "sub", "link", "jti", "iat", "exp"}
    assert (claims["iss"], claims["aud"]) == (get_settings().public_url, partner.address)
    assert claims["exp"] == int(opened.expires_at.timestamp()) == claims["iat"] + 60
    assert claims["link"] == str((await kept(made["id"])).reference)
    again = await open_partner(citizen, link=made["id"])
    assert again.url != opened.url
    # Whoever reads the token learns nothing of the account.
    carried = base64.urlsafe_b64decode(token.split(".")[1] + "==").decode()
    assert str(citizen.account_id) not in carried
    assert "eanne" not in carried


def test_a_subject_is_one_partners_alone(settings: Settings) -> None:
    account = uuid4()
    assert pairwise_subject("a", account) == pairwise_subject("a", account)
    assert len({pairwise_subject(system, id) for system in ("a", "b") for id in (account, uuid4())}) == 4
    assert len(pairwise_subject("a", account)) == 43


@pytest.mark.parametrize("state", ["EXPIRED", "REVOKED"])
async def test_opening_hears_that_a_link_has_ended(
    partner: Partner, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = await make_citizen()
    made = await link(citizen)
    partner.rows("UPDATE link SET ended_at = 1, ended_as = ?, token_digest = NULL", state)
    error = await refusal(open_partner(citizen, link=made["id"]))
    assert error.code == "PARTNER_REFUSED"
    assert error.text.fr.startswith("Le lien avec Espace Famille n’est plus valable.")
    (now_there,) = await links_of(citizen)
    assert now_there["state"] == state
    assert (await kept(made["id"])).token_sealed is None
    # And is made good by giving the credentials again.
    partner.is_away(monkeypatch)  # Nothing is asked of it any more until then.
    assert (await refusal(open_partner(citizen, link=made["id"]))).code == "PARTNER_REFUSED"
    partner.is_there(monkeypatch)
    assert (await change(citizen, made["id"]))["state"] == "ACTIVE"
    await open_partner(citizen, link=made["id"])


async def test_the_partner_tells_that_a_link_has_ended(partner: Partner) -> None:
    citizen = await make_citizen()
    made = await link(citizen)
    reference = (await kept(made["id"])).reference
    await hear_of_end("another-partner", reference, "REVOKED")
    await hear_of_end(SLUG, uuid4(), "REVOKED")
    assert [each["state"] for each in await links_of(citizen)] == ["ACTIVE"]
    for state in ("EXPIRED", "REVOKED"):
        await hear_of_end(SLUG, reference, state)
        assert [each["state"] for each in await links_of(citizen)] == ["EXPIRED"]


async def test_a_token_whose_time_is_up_has_expired(partner: Partner) -> None:
    citizen = await make_citizen()
    made = await link(citizen)
    await execute("UPDATE partner_link SET expires_at = now() - interval '1 second'")
    assert [each["state"] for each in await links_of(citizen)] == ["EXPIRED"]
    assert (await refusal(open_partner(citizen, link=made["id"]))).code == "PARTNER_REFUSED"


async def test_a_label_follows_the_partners(partner: Partner) -> None:
    citizen = await make_citizen()
    made = await link(citizen)
    partner.rows("UPDATE family SET name = 'Famille DELACOURT-PETIT' WHERE code = ?", CODE)
    try:
        await open_partner(citizen, link=made["id"])
    finally:
        partner.rows("UPDATE family SET name = ? WHERE code = ?", LABEL, CODE)
    assert [each["label"] for each in await links_of(citizen)] == ["Famille DELACOURT-PETIT"]


async def test_with_another_secret_key_links_have_expired(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    citizen = await make_citizen()
    made = await link(citizen)
    monkeypatch.setenv("ESPACE_SECRET_KEY", "another secret key, which is long enough as well")
    get_settings.cache_clear()
    assert (await refusal(open_partner(citizen, link=made["id"]))).code == "PARTNER_REFUSED"
    assert [each["state"] for each in await links_of(citizen)] == ["EXPIRED"]


async def test_a_system_that_is_offered_no_more(partner: Partner) -> None:
    citizen = await make_citizen()
    made = await link(citizen)
    await execute("UPDATE partner_system SET offered = false")
    await execute("UPDATE municipality SET revision = revision + 1")
    await catalogue.refresh()
    assert isinstance(await refusal(link(await make_citizen())), NotFoundError)
    for asked in (open_partner(citizen, link=made["id"]), change(citizen, made["id"])):
        error = await refusal(asked)
        assert error.code == "PARTNER_REFUSED"
        assert error.text.fr == "La mairie ne propose plus Espace Famille."
    assert await links_of(citizen) == [made]
    await unlink_partner(citizen, link=made["id"], selection=ALL)
    await end_all_that_is_due()
    assert partner.live_links() == []


async def test_nobody_but_its_citizen_sees_a_link(partner: Partner) -> None:
    citizen, other = await make_citizen(), await make_citizen()
    made = await link(citizen)
    assert await node(citizen, id=made["id"], selection=ALL) == made
    others: list[Actor] = [
        other,
        Visitor(),
        TicketHolder(request_id=uuid4()),
        await make_agent(),
        await make_agent(role="HANDLER"),
        PartnerActor(
            token_id=uuid4(),
            scopes=frozenset({"READ_REQUESTS", "WRITE_REQUESTS", "READ_CHANGES", "MANAGE_WEBHOOKS"}),
            procedure_ids=frozenset(),
        ),
    ]
    for stranger in others:
        assert await node(stranger, id=made["id"], selection=ALL) is None
    assert await links_of(other) == []
    for asked in (
        open_partner(other, link=made["id"]),
        unlink_partner(other, link=made["id"], selection=ALL),
        change(other, made["id"]),
        open_partner(citizen, link=encode("Account", citizen.account_id)),
    ):
        assert isinstance(await refusal(asked), NotFoundError)
    assert await links_of(citizen) == [made]


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch, limits_as_declared: None) -> None:
    """The limits of production, and a partner that refuses whatever it is asked, at once."""

    async def refuse(system: PartnerSystemEntry, *_: Any, **__: Any) -> Any:
        raise refused(system, WRONG_CREDENTIALS)

    monkeypatch.setattr(partner_links, "ask_for_link", refuse)


@pytest.mark.usefixtures("refusing")
async def test_tries_are_limited_by_account() -> None:
    citizen = await make_citizen()
    for number in range(10):
        await refusal(link(citizen, f"9{number:05}"))
    with pytest.raises(RateLimitedError):
        await link(citizen)
    assert isinstance(await refusal(link(await make_citizen())), PartnerError)


@pytest.mark.usefixtures("refusing")
async def test_tries_are_limited_by_code_whoever_tries() -> None:
    for number in range(3):
        citizen = await make_citizen()
        for _ in range(10):
            await refusal(link(citizen, address=f"203.0.113.{number}"))
    citizen = await make_citizen()
    with pytest.raises(RateLimitedError):
        await link(citizen)
    assert isinstance(await refusal(link(citizen, OTHER_CODE)), PartnerError)
    # A new account stands, and is told when to try again.
    created = await create(CODE, PASSWORD)
    assert created.partner_problem.code == "PARTNER_REFUSED"
    assert "Too many tries with Espace Famille" in created.partner_problem.text.en


@pytest.mark.usefixtures("refusing")
async def test_tries_are_limited_by_address() -> None:
    for number in range(100):
        if number % 10 == 0:
            citizen = await make_citizen()
        await refusal(link(citizen, f"8{number:05}"))
    with pytest.raises(RateLimitedError):
        await link(await make_citizen())
    elsewhere = WantedLink(SLUG, PartnerCredentials(CODE, PASSWORD, "198.51.100.1"))
    asked = link_partner(await make_citizen(), wanted=elsewhere, selection=ALL)
    assert isinstance(await refusal(asked), PartnerError)


async def test_code_and_password_are_nowhere_afterwards(
    partner: Partner, caplog: pytest.LogCaptureFixture, database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linked, refused, not answered, at account creation: no table, no key of Redis, no line of a log, no exception."""
    caplog.set_level(logging.DEBUG)
    code, password = "5550123", "Secret-au-jardin-42"
    partner.rows("UPDATE family SET code = ? WHERE code = ?", code, OTHER_CODE)
    citizen = await make_citizen()
    errors: list[BaseException] = []
    try:
        made = await link(citizen, CODE)
        opened = await open_partner(citizen, link=made["id"])
        errors.append(await refusal(link(citizen, code, password)))
        errors.append(await refusal(change(citizen, made["id"], code, password)))
        errors.append((await create(code, password)).partner_problem)
        partner.is_away(monkeypatch)
        errors.append(await refusal(link(citizen, code, password)))
        errors.append((await create(code, password)).partner_problem)
    finally:
        partner.rows("UPDATE family SET code = ? WHERE code = ?", OTHER_CODE, code)
    row = await kept(made["id"])
    assert row.token_sealed is not None
    token = unseal_token(row.reference, row.token_sealed)
    secrets = [code, password, token, opened.url, partner.secret]

    tables = await dump(database)
    redis = await everything_in_redis()
    told = caplog.text + "".join(
        repr(each) + repr(vars(each)) for error in errors for each in chain_of(error)
    )
    for secret in secrets:
        for place, text in (("tables", tables), ("redis", redis), ("told", told)):
            assert secret not in text, f"{secret} is in {place}"
    assert str(row.reference) in tables
    shown = repr(WantedLink(SLUG, PartnerCredentials(code, password))) + repr(opened)
    assert not any(secret in shown for secret in secrets)


def chain_of(error: BaseException | None) -> list[BaseException]:
    """The error and all that it was raised from or during, and what these know of a request."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


async def dump(settings: Settings) -> str:
    """Every row of every table, bytes as they are read."""
    connection = await asyncpg.connect(settings.database_url)
    try:
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [
            await connection.fetch(f'SELECT t::text AS text, t.* FROM "{name["tablename"]}" t')
            for name in names
        ]
    finally:
        await connection.close()
    return "\n".join(
        str(value.decode("latin-1") if isinstance(value, bytes) else value)
        for table in rows
        for row in table
        for value in row.values()
    )


async def everything_in_redis() -> str:
    redis = get_redis()
    keys = [key async for key in redis.scan_iter()]
    values = [await redis.dump(key) for key in keys]
    return "\n".join(repr(each) for each in [*keys, *values])
