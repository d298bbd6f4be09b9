"""Agents' second factor: codes that are good once, whoever tries, and accesses that are lost and given back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyotp
import pytest
from tortoise.exceptions import IntegrityError

from core import one_time_codes
from core.clock import now
from core.errors import (
    InvalidCredentialsError,
    NotAllowedError,
    NotFoundError,
    RateLimitedError,
    SecondFactorRequiredError,
    UnauthenticatedError,
    ValidationError,
)
from core.keys import seal
from core.selection import Selection
from core.settings import Settings, get_settings
from models.accounts import Credential, Session
from models.actors import AgentActor, CitizenActor, RestrictedActor, Visitor
from models.database import execute, fetch, fetch_one
from models.ids import encode
from models.second_factors import RecoveryCode, SecondFactor, SecurityEvent
from resolvers import second_factors, sessions
from resolvers.desk import desk
from resolvers.nodes import node
from resolvers.second_factors import (
    confirm,
    disable,
    enrol,
    renew_recovery_codes,
    reset,
    reset_by_operator,
)
from resolvers.sessions import LoggedIn, authenticate, log_in
from tests.factories import PASSWORD, make_agent, make_citizen

OPENED = Selection.of(session=Selection.of("id"), agent=Selection.of("display_name"))
NAMED = Selection.of("id", "display_name")
STATE = Selection.of(second_factor=Selection.of("enabled", "required", "recovery_codes_left"))


class Clock:
    """What codes go by: it stands in the middle of a step, until it is moved."""

    instant = datetime.now(UTC)

    @classmethod
    def start(cls) -> None:
        cls.instant = datetime.fromtimestamp(int(now().timestamp()) // 30 * 30 + 15, UTC)

    @classmethod
    def now(cls) -> datetime:
        return cls.instant

    @classmethod
    def step(cls) -> int:
        return int(cls.instant.timestamp()) // 30


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock.start()
    monkeypatch.setattr(second_factors, "now", Clock.now)


class Telephone:
    """An authenticator program. Each code that it shows comes after the one before: three will do."""

    def __init__(self, secret: str) -> None:
        self.program = pyotp.TOTP(secret)
        self._last = Clock.step() - 2

    def code(self, *, steps: int = 0) -> str:
        """The code of now, or of so many steps later."""
        return self.program.generate_otp(Clock.step() + steps)

    def fresh(self) -> str:
        self._last += 1
        return self.program.generate_otp(self._last)


async def enter(code: str | None = None, *, username: str = "martin", password: str = PASSWORD) -> LoggedIn:
    return await log_in(
        Visitor(),
        username=username,
        password=password,
        one_time_code=code,
        address="192.0.2.1",
        user_agent=None,
        selection=OPENED,
    )


async def enable(agent: AgentActor) -> tuple[Telephone, list[str]]:
    telephone = Telephone((await enrol(agent, password=PASSWORD)).secret)
    return telephone, await confirm(agent, code=telephone.fresh())


async def test_once_it_is_confirmed_log_ins_ask_for_a_code(agent: AgentActor) -> None:
    other = await enter()
    enrolment = await enrol(agent, password=PASSWORD)
    assert enrolment.secret in enrolment.uri
    assert "martin" in enrolment.uri
    assert enrolment.picture == one_time_codes.picture(enrolment.uri)
    await enter()  # It is an offer, and no more.
    telephone = Telephone(enrolment.secret)
    codes = await confirm(agent, code=telephone.fresh())

    assert len(codes) == 10
    with pytest.raises(UnauthenticatedError):  # Opened without.
        await authenticate(bearer=other.token, ticket=None, language="fr")
    assert await Session.filter(id=agent.session_id).exists()
    with pytest.raises(SecondFactorRequiredError) as missing:
        await enter()
    assert not missing.value.code_rejected
    with pytest.raises(SecondFactorRequiredError) as wrong:
        await enter("000000")
    assert wrong.value.code_rejected
    opened = await enter(telephone.fresh())
    assert opened.agent is not None
    assert not opened.must_enrol
    assert isinstance(await authenticate(bearer=opened.token, ticket=None, language="fr"), AgentActor)


async def test_a_wrong_password_says_nothing_of_a_second_factor(agent: AgentActor) -> None:
    telephone, codes = await enable(agent)
    for code in (None, telephone.fresh(), codes[0], "000000"):
        with pytest.raises(InvalidCredentialsError):
            await enter(code, password="wrong")
    # And no code was spent on it.
    assert await RecoveryCode.all().count() == 10
    await enter(codes[0])


async def test_a_code_of_a_neighbouring_step_will_do_and_none_further_away(
    agent: AgentActor,
) -> None:
    enrolment = await enrol(agent, password=PASSWORD)
    program = pyotp.TOTP(enrolment.secret)
    first = Clock.step()
    await confirm(agent, code=program.generate_otp(first))
    Clock.instant += timedelta(seconds=300)
    for distance in (-2, 2):
        with pytest.raises(SecondFactorRequiredError):
            await enter(program.generate_otp(first + 10 + distance))
    for distance in (-1, 0, 1):
        await enter(program.generate_otp(first + 10 + distance))
    # Steps that lie behind the last one used are used, too.
    for distance in (-1, 0, 1):
        with pytest.raises(SecondFactorRequiredError):
            await enter(program.generate_otp(first + 10 + distance))


async def test_the_code_that_confirms_opens_no_session(
    agent: AgentActor,
) -> None:
    enrolment = await enrol(agent, password=PASSWORD)
    code = pyotp.TOTP(enrolment.secret).generate_otp(Clock.step())
    await confirm(agent, code=code)
    with pytest.raises(SecondFactorRequiredError):
        await enter(code)


@pytest.fixture
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing lets two log-ins through at a time; here they are to come all at once."""

    async def verify(password_hash: str | None, password: str) -> bool:
        return password == PASSWORD

    monkeypatch.setattr(sessions, "verify_password", verify)


async def at_once(times: int, attempt: Callable[[], Awaitable[object]]) -> int:
    """How many of so many attempts at once succeed."""
    results = await asyncio.gather(*(attempt() for _ in range(times)), return_exceptions=True)
    assert all(not isinstance(r, BaseException) or isinstance(r, SecondFactorRequiredError) for r in results)
    return sum(not isinstance(result, BaseException) for result in results)


class Naive:
    """The negative control: reads, then writes. Nobody writes before two have read."""

    def __init__(self) -> None:
        self.readers = 0
        self.two_have_read = asyncio.Event()

    async def spend_step(self, factor_id: UUID, step: int) -> bool:
        row = await fetch_one("SELECT last_step FROM second_factor WHERE id = $1", factor_id)
        assert row is not None
        self.readers += 1
        if self.readers == 2:
            self.two_have_read.set()
        await self.two_have_read.wait()
        await execute(
            "UPDATE second_factor SET last_step = greatest(last_step, $2) WHERE id = $1", factor_id, step
        )
        return bool(row["last_step"] < step)


@pytest.mark.parametrize("naive", [False, True], ids=["as it is", "control"])
async def test_of_fifty_log_ins_with_one_code_one_succeeds(
    patient: None, quick_passwords: None, agent: AgentActor, monkeypatch: pytest.MonkeyPatch, naive: bool
) -> None:
    telephone, _ = await enable(agent)
    if naive:
        monkeypatch.setattr(second_factors, "_spend_step", Naive().spend_step)
    code = telephone.code(steps=1)
    succeeded = await at_once(50, lambda: enter(code))
    if naive:
        assert succeeded > 1, "the control lets only one in, too: this test proves nothing"
    else:
        assert succeeded == 1
        assert await Session.all().count() == 2


async def test_of_fifty_log_ins_with_one_recovery_code_one_succeeds(
    patient: None, quick_passwords: None, agent: AgentActor
) -> None:
    _, codes = await enable(agent)
    assert await at_once(50, lambda: enter(codes[3].lower())) == 1
    assert await RecoveryCode.all().count() == 9
    assert [event.kind for event in await SecurityEvent.all().order_by("id")] == [
        "SECOND_FACTOR_ENABLED",
        "RECOVERY_CODE_USED",
    ]


async def test_of_two_confirmations_at_once_one_makes_recovery_codes(
    patient: None, agent: AgentActor
) -> None:
    telephone = Telephone((await enrol(agent, password=PASSWORD)).secret)
    code = telephone.fresh()
    results = await asyncio.gather(*(confirm(agent, code=code) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(result, list) for result in results) == 1
    assert sum(isinstance(result, NotAllowedError) for result in results) == 9
    assert await RecoveryCode.all().count() == 10


async def test_nobody_slips_in_with_the_password_alone_while_it_is_confirmed(
    patient: None, agent: AgentActor
) -> None:
    """Whoever came before is thrown out, whoever comes after is asked for a code."""
    for _ in range(5):
        await execute("DELETE FROM second_factor")
        telephone = Telephone((await enrol(agent, password=PASSWORD)).secret)
        await asyncio.gather(
            *(enter() for _ in range(8)), confirm(agent, code=telephone.fresh()), return_exceptions=True
        )
        assert [session.id for session in await Session.all()] == [agent.session_id]


async def test_an_offer_waits_ten_minutes_and_a_new_one_replaces_it(agent: AgentActor) -> None:
    first = Telephone((await enrol(agent, password=PASSWORD)).secret)
    second = Telephone((await enrol(agent, password=PASSWORD)).secret)
    with pytest.raises(ValidationError) as raised:
        await confirm(agent, code=first.fresh())
    assert [problem.path for problem in raised.value.problems] == ["code"]
    await SecondFactor.all().update(offered_at=now() - timedelta(minutes=11))
    with pytest.raises(NotAllowedError):
        await confirm(agent, code=second.fresh())
    await enter()


async def test_enrolling_asks_for_the_password_and_happens_once(agent: AgentActor) -> None:
    with pytest.raises(InvalidCredentialsError):
        await enrol(agent, password="wrong")
    with pytest.raises(NotAllowedError):
        await confirm(agent, code="123456")
    telephone, _ = await enable(agent)
    with pytest.raises(NotAllowedError):
        await enrol(agent, password=PASSWORD)
    with pytest.raises(NotAllowedError):
        await confirm(agent, code=telephone.fresh())


async def test_recovery_codes_are_renewed(agent: AgentActor) -> None:
    telephone, old = await enable(agent)
    with pytest.raises(InvalidCredentialsError):
        await renew_recovery_codes(agent, password="wrong", one_time_code=telephone.code(), address=None)
    with pytest.raises(SecondFactorRequiredError):
        await renew_recovery_codes(agent, password=PASSWORD, one_time_code="000000", address=None)
    new = await renew_recovery_codes(agent, password=PASSWORD, one_time_code=telephone.fresh(), address=None)
    assert not {*old} & {*new}
    with pytest.raises(SecondFactorRequiredError):
        await enter(old[0])
    await enter(new[0])
    seen = await desk(agent, selection=STATE)
    assert seen is not None
    assert seen["second_factor"] | {"__typename": ""} == {
        "__typename": "",
        "enabled": True,
        "required": False,
        "recovery_codes_left": 9,
    }


async def test_it_is_disabled_with_password_and_code(agent: AgentActor) -> None:
    telephone, codes = await enable(agent)
    for password, code, refusal in (
        ("wrong", telephone.code(), InvalidCredentialsError),
        (PASSWORD, "000000", SecondFactorRequiredError),
        (PASSWORD, "", SecondFactorRequiredError),
    ):
        with pytest.raises(refusal):
            await disable(agent, password=password, one_time_code=code, address=None)
    await disable(agent, password=PASSWORD, one_time_code=codes[0], address=None)
    await enter()
    with pytest.raises(NotAllowedError):
        await disable(agent, password=PASSWORD, one_time_code=codes[1], address=None)
    assert await RecoveryCode.all().count() == 0


async def test_an_administrator_gives_an_access_back(agent: AgentActor) -> None:
    handler = await make_agent("HANDLER", username="dupont")
    theirs = encode("Agent", handler.agent_id)
    await enable(handler)
    with pytest.raises(InvalidCredentialsError):
        await reset(agent, agent=theirs, password="wrong", selection=NAMED)
    row = await reset(agent, agent=theirs, password=PASSWORD, selection=NAMED)

    assert row["id"] == theirs
    assert not await Session.filter(id=handler.session_id).exists()
    await enter(username="dupont")
    seen = await desk(
        agent,
        selection=Selection.of(
            security_events=Selection.of(
                nodes=Selection.of("kind", agent=Selection.of("id"), by=Selection.of("id"))
            ),
            agents_without_second_factor=Selection.of("id"),
        ),
    )
    assert seen is not None
    mine = encode("Agent", agent.agent_id)
    assert [(e["kind"], e["agent"]["id"], e["by"]["id"]) for e in seen["security_events"]["nodes"]] == [
        ("SECOND_FACTOR_RESET", theirs, mine),
        ("SECOND_FACTOR_ENABLED", theirs, theirs),
    ]
    assert {row["id"] for row in seen["agents_without_second_factor"]} == {mine, theirs}


async def test_what_cannot_be_reset(agent: AgentActor, citizen: CitizenActor) -> None:
    handler = await make_agent("HANDLER", username="dupont")
    await enable(agent)
    for id, refusal in (
        (encode("Agent", handler.agent_id), NotAllowedError),
        (encode("Agent", agent.agent_id), NotAllowedError),
        (encode("Agent", citizen.account_id), NotFoundError),
        (encode("Account", handler.agent_id), NotFoundError),
        ("x", NotFoundError),
    ):
        with pytest.raises(refusal):
            await reset(agent, agent=id, password=PASSWORD, selection=NAMED)
    assert await SecondFactor.all().count() == 1


async def test_the_operator_resets_from_a_terminal(agent: AgentActor, citizen: CitizenActor) -> None:
    await enable(agent)
    assert not await reset_by_operator("marie")
    assert not await reset_by_operator("nobody")
    assert await reset_by_operator(" MARTIN ")
    assert not await reset_by_operator("martin")
    await enter()
    assert [(e.kind, e.by_id) for e in await SecurityEvent.filter(by_id=None)] == [
        ("SECOND_FACTOR_RESET", None)
    ]


async def test_a_handler_sees_what_is_theirs(agent: AgentActor, citizen: CitizenActor) -> None:
    handler = await make_agent("HANDLER", username="dupont")
    await enable(handler)
    await enable(agent)
    asked = Selection.of(
        security_events=Selection.of("total_count", nodes=Selection.of("id", "kind")),
        agents_without_second_factor=Selection.of("id"),
    )
    of_handler, of_agent = await desk(handler, selection=asked), await desk(agent, selection=asked)
    assert of_handler is not None
    assert of_agent is not None
    assert of_handler["security_events"]["total_count"] == 1
    assert of_agent["security_events"]["total_count"] == 2
    assert of_handler["agents_without_second_factor"] == of_agent["agents_without_second_factor"] == []
    ids = {event["id"] for event in of_agent["security_events"]["nodes"]}
    hidden = ids - {event["id"] for event in of_handler["security_events"]["nodes"]}
    (theirs,) = hidden
    assert await node(agent, id=theirs, selection=Selection.of("kind")) is not None
    for other in (handler, citizen, Visitor()):
        assert await node(other, id=theirs, selection=Selection.of("kind")) is None


async def test_whoever_cannot_log_in_needs_no_second_factor(agent: AgentActor) -> None:
    """An agent whose access was taken away is not among those who log in with a password alone."""
    await enable(agent)
    kept, gone = [await make_agent("HANDLER", username=name) for name in ("dupont", "durand")]
    await Credential.filter(agent_id=gone.agent_id).delete()

    seen = await desk(agent, selection=Selection.of(agents_without_second_factor=Selection.of("id")))

    assert seen is not None
    ids = [row["id"] for row in seen["agents_without_second_factor"]]
    assert ids == [encode("Agent", kept.agent_id)]


@pytest.fixture
def required(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPACE_AGENTS_SECOND_FACTOR", "required")
    get_settings.cache_clear()


async def test_where_the_mairie_requires_one_agents_enrol_before_anything_else(
    required: None, agent: AgentActor
) -> None:
    opened = await enter()
    assert opened.must_enrol
    restricted = await authenticate(bearer=opened.token, ticket=None, language="en")
    assert isinstance(restricted, RestrictedActor)
    assert restricted.duty == "ENROL_SECOND_FACTOR"
    assert restricted.who == AgentActor(
        agent_id=agent.agent_id,
        session_id=restricted.session_id,
        role="ADMINISTRATOR",
        display_name="Agent Martin",
        language="en",
    )
    assert await desk(restricted, selection=STATE) is None
    assert await node(restricted, id=encode("Agent", agent.agent_id), selection=NAMED) is None

    telephone = Telephone((await enrol(restricted, password=PASSWORD)).secret)
    await confirm(restricted, code=telephone.fresh())

    freed = await authenticate(bearer=opened.token, ticket=None, language="en")
    assert freed == restricted.who
    assert not (await enter(telephone.fresh())).must_enrol
    assert isinstance(freed, AgentActor)
    with pytest.raises(NotAllowedError):
        await disable(freed, password=PASSWORD, one_time_code=telephone.fresh(), address=None)


async def test_citizens_are_not_asked_for_one(required: None, citizen: CitizenActor) -> None:
    opened = await enter(username="marie")
    assert not opened.must_enrol
    assert isinstance(await authenticate(bearer=opened.token, ticket=None, language="fr"), CitizenActor)


async def test_codes_are_tried_so_many_times(limits_as_declared: None, agent: AgentActor) -> None:
    _, codes = await enable(agent)
    for number in range(10):
        with pytest.raises(SecondFactorRequiredError):
            await enter(f"{number:06}")
    with pytest.raises(RateLimitedError) as limited:
        await enter(codes[0])
    assert 0 < limited.value.retry_after_seconds <= 600
    # Asking whether one is needed tries none.
    with pytest.raises(SecondFactorRequiredError):
        await enter()
    assert await RecoveryCode.all().count() == 10


async def test_who_knows_the_password_does_not_hold_up_an_agent_at_a_known_address(
    limits_as_declared: None, agent: AgentActor
) -> None:
    telephone, _ = await enable(agent)
    await enter(telephone.fresh())
    for number in range(11):
        with pytest.raises((SecondFactorRequiredError, RateLimitedError)):
            await log_in(
                Visitor(),
                username="martin",
                password=PASSWORD,
                one_time_code=f"{number:06}",
                address="198.51.100.7",
                user_agent=None,
                selection=OPENED,
            )
    await enter(telephone.fresh())


async def test_nothing_at_rest_is_a_secret(agent: AgentActor) -> None:
    enrolment = await enrol(agent, password=PASSWORD)
    telephone = Telephone(enrolment.secret)
    codes = await confirm(agent, code=telephone.fresh())
    told = ""
    for table in ("second_factor", "recovery_code", "security_event", "session", "credential"):
        told += str(await fetch(f'SELECT t::text FROM "{table}" t'))
    secret = pyotp.TOTP(enrolment.secret).byte_secret()
    for hidden in (enrolment.secret, enrolment.secret.encode().hex(), secret.hex(), *codes):
        assert hidden.lower() not in told.lower()
        assert hidden.replace("-", "").encode().hex() not in told.lower()


async def test_a_secret_put_in_another_agents_row_opens_nothing(agent: AgentActor) -> None:
    handler = await make_agent("HANDLER", username="dupont")
    telephone, _ = await enable(handler)
    await enable(agent)
    await execute(
        "UPDATE second_factor SET secret = (SELECT secret FROM second_factor WHERE agent_id = $1), last_step = 1 "
        "WHERE agent_id = $2",
        handler.agent_id,
        agent.agent_id,
    )
    with pytest.raises(ValueError, match="not sealed"):
        await enter(telephone.code())


async def test_what_the_database_refuses(agent: AgentActor, citizen: CitizenActor) -> None:
    async def offer(**columns: object) -> None:
        values = {"agent_id": agent.agent_id, "secret": seal("x", b"x"), **columns}
        await SecondFactor(**values).save(force_create=True)

    for columns, rule in (
        ({"last_step": -1}, "second_factor_step"),
        ({"confirmed_at": now()}, "second_factor_confirmed_by_a_code"),
    ):
        with pytest.raises(IntegrityError, match=rule):
            await offer(**columns)
    await offer()
    with pytest.raises(IntegrityError, match="second_factor_agent_unique"):
        await offer()
    with pytest.raises(IntegrityError, match="security_event_kind"):
        await SecurityEvent(kind="OTHER", agent_id=agent.agent_id).save(force_create=True)
    assert (await make_citizen()).account_id != citizen.account_id
