"""Each limit by its window, wherever it is counted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest

from core.errors import RateLimitedError, UnavailableError
from core.limits import Limit, Rate, count, network, remember, site
from core.limits import counting as module
from core.limits.counting import NETWORKS_OF_A_SITE, PREFIX, seconds_until_allowed
from core.limits.declared import LIMITS, LOG_IN, NEW_PASSWORD, TICKET
from core.redis import make_redis
from core.settings import Settings, get_settings
from models.database import close, execute, fetch
from tests.core.limits.conftest import PassTime

SCOPES = ("each_address", "each_stranger", "each_caller", "each_pair", "each_subject", "over_all", "familiar")
WHO = {"address": "192.0.2.1", "caller": "account 1", "subject": "marie"}


def windows() -> Iterator[tuple[Limit, Rate]]:
    """Each window of each limit, as the only one of it."""
    for limit in LIMITS:
        nothing: dict[str, Any] = dict.fromkeys(SCOPES, ())
        alone = replace(limit, **nothing, remembered=0, familiar_with="")
        for scope in SCOPES:
            for rate in getattr(limit, scope):
                one: dict[str, Any] = {"each_pair" if scope == "familiar" else scope: (rate,)}
                yield replace(alone, **one), rate


async def is_refused(limit: Limit, amount: int = 1, **who: str) -> int | None:
    """How many seconds it is to wait; None where it was counted."""
    try:
        await count(limit, amount=amount, **(who or WHO))  # type: ignore[arg-type]
    except RateLimitedError as error:
        return error.retry_after_seconds
    return None


async def test_each_limit_holds_for_its_window_and_then_goes(counting: str, pass_time: PassTime) -> None:
    for limit, rate in windows():
        window = f"{limit.name}: {rate}"
        assert await is_refused(limit, rate.amount - 1) is None, window
        assert await is_refused(limit) is None, window
        wait = await is_refused(limit)
        assert wait is not None, window
        assert 1 <= wait <= 2 * rate.seconds, window
        await pass_time(wait + 0.01)
        assert await is_refused(limit) is None, f"{window}: {wait} s were not enough"
        await pass_time(2 * rate.seconds + 1)
        assert await is_refused(limit, rate.amount) is None, window


async def test_waiting_less_than_told_is_not_enough(counting: str, pass_time: PassTime) -> None:
    limit = Limit("SHORT", each_address=(Rate(10, 1_000),))
    assert await is_refused(limit, 10) is None
    wait = await is_refused(limit, 5)
    assert wait is not None
    await pass_time(wait - 3)
    assert await is_refused(limit, 5) is not None
    await pass_time(3.01)
    assert await is_refused(limit, 5) is None


@pytest.mark.parametrize("amount", [1, 3, 10])
@pytest.mark.parametrize("limit", [10, 17])
@pytest.mark.parametrize("before", [0, 1, 9, 17])
@pytest.mark.parametrize("now", [0, 4, 10])
@pytest.mark.parametrize("passed", [0.0, 12.5, 59.0])
def test_the_wait_is_the_shortest_that_does(
    amount: int, limit: int, before: int, now: int, passed: float
) -> None:
    seconds = 60

    def fits(later: float) -> bool:
        at, window_before, window_now = passed + later, before, now
        if at >= seconds:
            at, window_before, window_now = at - seconds, now, 0
        if at >= seconds:
            window_before = 0
        share = int(window_before * max(seconds - at, 0) / seconds)
        return share + window_now + amount <= limit

    if fits(0.0):
        return
    wait = seconds_until_allowed(
        before,
        seconds - passed,
        now,
        2 * seconds - passed,
        limit=limit,
        seconds=seconds,
        amount=amount,
    )
    assert fits(wait)
    assert wait == 1 or not fits(wait - 1.01)


async def test_what_is_refused_is_counted_nowhere(counting: str) -> None:
    limit = Limit("NARROW", each_address=(Rate(2, 60),), over_all=(Rate(5, 60),))
    for _ in range(50):
        await is_refused(limit, address="192.0.2.1")
    assert await is_refused(limit, address="192.0.2.2") is None
    assert await is_refused(limit, 2, address="192.0.2.3") is None
    assert await is_refused(limit, address="192.0.2.4") is not None, "five have been let through"


async def test_a_subscriber_of_ipv6_is_one_caller(counting: str) -> None:
    limit = Limit("ADDRESS", each_address=(Rate(3, 60),))
    for last in ("1", "ffff:1:2:3", "a:b:c:d"):
        assert (
            await is_refused(limit, address=f"2001:db8:1:2:{last}" if ":" in last else "2001:db8:1:2::1")
            is None
        )
    assert await is_refused(limit, address="2001:db8:1:2:9:9:9:9") is not None
    assert await is_refused(limit, address="2001:db8:1:3::1") is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        (None, "unknown"),
        ("", "unknown"),
        ("testclient", "unknown"),
        ("203.0.113.1, 192.0.2.7", "unknown"),
        ("192.0.2.7:4711", "192.0.2.7"),
        ("[2001:db8:1:2::5]:4711", "2001:db8:1:2::/64"),
        ("[::ffff:192.0.2.7]", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("[192.0.2.7", "unknown"),
    ],
)
def test_networks(address: str | None, expected: str) -> None:
    assert network(address) == expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("[2001:db8:1:ffff::1]:80", "2001:db8:1::/48"),
        ("::ffff:192.0.2.7", None),
        ("192.0.2.7", None),
        (None, None),
    ],
)
def test_sites(address: str | None, expected: str | None) -> None:
    assert site(address) == expected


async def test_whoever_has_many_networks_of_ipv6_has_four_at_most(counting: str) -> None:
    limit = Limit("SITE", each_address=(Rate(3, 60),))
    tried = [await is_refused(limit, address=f"2001:db8:1:{number:x}::1") is None for number in range(40)]
    assert tried.count(True) == 3 * NETWORKS_OF_A_SITE
    assert await is_refused(limit, address="2001:db8:2:1::1") is None, "somebody else's are their own"


async def test_strangers_have_a_limit_that_others_do_not(counting: str) -> None:
    limit = Limit("STRANGERS", each_stranger=(Rate(2, 60),))
    assert [await is_refused(limit) is None for _ in range(4)] == [True, True, False, False]
    for _ in range(4):
        await count(limit, address=WHO["address"], logged_in=True)


@pytest.mark.parametrize("seconds", [3_600, 30 * 86_400])
async def test_a_clock_that_is_set_back_delays_nobody_for_that_long(
    counting: str, pass_time: PassTime, seconds: float
) -> None:
    limit = Limit("CLOCK", each_address=(Rate(5, 60),))
    assert await is_refused(limit, 5) is None
    assert await is_refused(limit) is not None
    await pass_time(-seconds)
    assert [await is_refused(limit) is None for _ in range(7)] == [True] * 5 + [False] * 2
    wait = await is_refused(limit)
    assert wait is not None
    assert wait <= 120


async def test_a_clock_that_is_corrected_a_little_opens_nothing(counting: str, pass_time: PassTime) -> None:
    limit = Limit("CLOCK", each_address=(Rate(5, 60),))
    assert await is_refused(limit, 5) is None
    await pass_time(-0.5)
    assert await is_refused(limit) is not None


async def test_of_a_window_before_no_more_is_counted_than_was(counting: str, pass_time: PassTime) -> None:
    """What Redis keeps of it is weighed by how long it still lasts: set back, that is longer than a window."""
    limit = Limit("CLOCK", each_address=(Rate(10, 60),))
    assert await is_refused(limit, 5) is None
    await pass_time(70)
    assert await is_refused(limit) is None
    await pass_time(-86_400)
    assert await is_refused(limit, 5) is None


async def test_who_has_no_address_is_counted_too(counting: str) -> None:
    limit = Limit("NOWHERE", each_address=(Rate(1, 60),))
    await count(limit, address=None)
    with pytest.raises(RateLimitedError):
        await count(limit, address=None)


async def test_keys_tell_of_nobody(counting: str, database: Settings) -> None:
    await count(LOG_IN, address="192.0.2.66", caller="account 7", subject="marie.dupont")
    await remember(LOG_IN, address="192.0.2.66", subject="marie.dupont")
    assert database.redis_url is not None
    async with make_redis(database.redis_url) as redis:
        in_redis = [key.decode() async for key in redis.scan_iter("*")]
    in_postgres = [row["id"] for row in await fetch("SELECT id FROM limit_count")]
    kept = in_redis if counting == "redis" else in_postgres
    assert len(kept) >= 5
    assert [*in_redis, *in_postgres] == kept, "only one of the two has counted"
    assert not [key for key in kept if "marie" in key or "192" in key.replace(PREFIX, "") or "account" in key]


async def test_calls_at_once_never_get_more_than_the_limit(counting: str) -> None:
    limit = Limit("RACE", each_address=(Rate(20, 3_600),))
    answers = await asyncio.gather(*(is_refused(limit, address="192.0.2.1") for _ in range(100)))
    assert answers.count(None) == 20


async def test_the_race_would_find_what_reads_before_it_adds(
    counting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The negative control."""
    limit = Limit("RACE", each_address=(Rate(20, 3_600),))

    def careless(item: object, key: str, amount: int) -> object:
        async def hit(storage: object) -> bool:
            counted = await storage.get(key)  # type: ignore[attr-defined]
            if counted + amount > 20:
                return False
            await storage.incr(key, 3_600, amount)  # type: ignore[attr-defined]
            return True

        return hit

    monkeypatch.setattr(module, "_hit", careless)
    answers = await asyncio.gather(*(is_refused(limit, address="192.0.2.1") for _ in range(100)))
    assert answers.count(None) > 20


async def test_who_has_logged_in_from_here_before_is_not_held_up(counting: str, pass_time: PassTime) -> None:
    await remember(LOG_IN, address="192.0.2.1", subject="marie")
    attacked = LOG_IN.each_subject[0].amount
    for number in range(attacked):
        await is_refused(LOG_IN, address=f"198.51.100.{number}", subject="marie")
    assert await is_refused(LOG_IN, address="203.0.113.1", subject="marie") is not None, "strangers wait"
    assert await count(LOG_IN, address="192.0.2.1", subject="marie"), "she does not"
    assert await is_refused(LOG_IN, address="192.0.2.1", subject="paul") is None, "nor does anybody else"
    await pass_time(2 * LOG_IN.each_subject[0].seconds)
    assert await is_refused(LOG_IN, address="203.0.113.1", subject="marie") is None, "nobody is locked out"


@pytest.mark.parametrize("limit", [LOG_IN, NEW_PASSWORD], ids=lambda limit: limit.name)
async def test_one_attacker_holds_nobody_up_elsewhere(counting: str, limit: Limit) -> None:
    for number in range(150):
        await is_refused(limit, address="198.51.100.1", subject="marie")
        # Nor with all the networks that a provider gives to a customer.
        await is_refused(limit, address=f"2001:db8:1:{number:x}::1", subject="marie")
    assert await is_refused(limit, address="203.0.113.1", subject="marie") is None


async def test_where_she_has_logged_in_she_is_sent_new_passwords_as_well(counting: str) -> None:
    await remember(LOG_IN, address="192.0.2.1", subject="marie")
    for number in range(NEW_PASSWORD.each_subject[0].amount):
        await is_refused(NEW_PASSWORD, address=f"198.51.100.{number}", subject="marie")
    assert await is_refused(NEW_PASSWORD, address="203.0.113.1", subject="marie") is not None
    assert await is_refused(NEW_PASSWORD, address="192.0.2.1", subject="marie") is None


async def test_who_goes_on_trying_waits_no_longer_for_it(counting: str, pass_time: PassTime) -> None:
    limit = Limit("INSISTING", each_address=(Rate(5, 600),))
    assert await is_refused(limit, 5) is None
    first = await is_refused(limit)
    assert first is not None
    for _ in range(20):
        await is_refused(limit)
    await pass_time(first + 0.01)
    assert await is_refused(limit) is None


async def test_a_familiar_pair_has_a_limit_of_its_own(counting: str) -> None:
    """Whoever shares her address cannot guess for ever, nor hold her up for more than anybody else is."""
    await remember(LOG_IN, address="192.0.2.1", subject="marie")
    most = LOG_IN.familiar[0].amount + LOG_IN.each_pair[0].amount
    answers = [await is_refused(LOG_IN, address="192.0.2.1", subject="marie") for _ in range(most + 20)]
    assert answers.count(None) == most


async def test_a_ticket_that_was_right_is_not_looked_up_anew(counting: str) -> None:
    await remember(TICKET, address="192.0.2.1", subject="K7QM")
    for _ in range(TICKET.each_address[0].amount // 100):
        await is_refused(TICKET, 100, address="192.0.2.1", subject="wrong")
    assert await is_refused(TICKET, address="192.0.2.1", subject="wrong") is not None
    assert await is_refused(TICKET, address="192.0.2.1", subject="K7QM") is None


@pytest.mark.usefixtures("database")
async def test_nothing_is_counted_where_it_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPACE_RATE_LIMITS", "0")
    get_settings.cache_clear()
    limit = Limit("OFF", each_address=(Rate(1, 60),))
    assert [await is_refused(limit) for _ in range(5)] == [None] * 5
    assert await fetch("SELECT id FROM limit_count") == []


async def test_the_amounts_are_multiplied(counting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPACE_RATE_LIMITS", "2.5")
    get_settings.cache_clear()
    limit = Limit("MORE", each_address=(Rate(2, 60),))
    assert [await is_refused(limit) is None for _ in range(7)] == [True] * 5 + [False] * 2


async def test_without_either_nothing_is_allowed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from models.database import initialise

    monkeypatch.setenv("ESPACE_REDIS_URL", "unix:///nowhere/valkey.sock")
    get_settings.cache_clear()
    await initialise(settings.model_copy(update={"database_url": "postgresql://espace@localhost:1/none"}))
    try:
        with pytest.raises(UnavailableError):
            await count(LOG_IN, **WHO)  # type: ignore[arg-type]
    finally:
        await close()


async def test_old_counts_are_swept(counting: str, pass_time: PassTime) -> None:
    from jobs.retention import sweep

    await execute(
        "INSERT INTO limit_count VALUES ('old', 1, 0, now() - interval '3 hours', now() - interval '1 hour'), "
        "('new', 1, 0, now(), now() + interval '1 hour')"
    )
    await sweep()
    assert [row["id"] for row in await fetch("SELECT id FROM limit_count")] == ["new"]


def test_names_and_scopes_are_told_apart() -> None:
    names = [limit.name for limit in LIMITS]
    assert len(set(names)) == len(names) - 1, "only COST is there twice, for two kinds of caller"
    assert {field.name for field in fields(Limit)} == {*SCOPES, "name", "remembered", "familiar_with"}
    assert {f"each_{scope}" for scope, _ in LOG_IN.scopes()} == {*SCOPES, "each_all"} - {
        "over_all",
        "familiar",
    }
