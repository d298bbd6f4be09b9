"""Each policy is deleted in turn, and something turns red: that nothing is found wrong means that nothing is."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from zlib import crc32

import pytest

from tests.authorization.calling import Callers
from tests.authorization.conftest import Worlds
from tests.authorization.matrix import Look
from tests.authorization.policies import NOT_WHO, TWICE, Policy, all_found, policies
from tests.authorization.survey import Looks, Survey, found_by

logger = logging.getLogger(__name__)

EVERY = 15
"""One in how many policies `make test` deletes, by their names alone, so that whatever is written elsewhere changes
nothing about which; `make soak` deletes them all."""
LEAST = 0.95


@pytest.mark.timeout(900)  # With the survey, if this is the first test that needs it.
async def test_some_policies_deleted_in_turn_each_turn_something_red(
    callers: Callers, worlds: Worlds, survey: Survey
) -> None:
    some = [
        policy
        for policy in policies()
        if policy.name not in TWICE and crc32(policy.name.encode()) % EVERY == 0
    ]

    left = await survivors(some, callers, worlds, survey)

    assert [policy.name for policy in left if not policy.is_join] == []
    assert len(some) > 10


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_each_policy_deleted_in_turn_turns_something_red(
    callers: Callers, worlds: Worlds, survey: Survey
) -> None:
    unnoticed = await survivors(policies(), callers, worlds, survey)

    left = {policy.name for policy in unnoticed if not policy.is_join}
    found = {policy.name for policy in policies()}
    counted = len(found) - len(unnoticed) + len(left)
    noticed = 1 - len(left) / counted
    logger.info("%d policies, %d unnoticed, %.1f %% noticed", counted, len(left), 100 * noticed)
    assert not left - set(TWICE), "\n".join(["unnoticed:", *sorted(left - set(TWICE))])
    assert not set(TWICE) - left, "\n".join(["noticed by now:", *sorted(set(TWICE) - left)])
    assert not set(NOT_WHO) - all_found(), "\n".join(["found no more:", *sorted(set(NOT_WHO) - all_found())])
    assert noticed >= LEAST


async def survivors(
    deleted: Iterable[Policy], callers: Callers, worlds: Worlds, survey: Survey
) -> list[Policy]:
    """The policies that nothing notices the absence of."""
    assert survey.wrong == {}, "what finds something wrong anyway notices nothing"
    left = []
    looks = {(look.name, look.kind): look for look in Looks(callers).all()}
    for policy in deleted:
        noticed = await noticed_by(policy, [looks[one] for one in survey.concerned(policy)], worlds)
        logger.info("%s: %s", policy, noticed or "NOT NOTICED")
        if noticed is None:
            left.append(policy)
    return left


async def noticed_by(policy: Policy, looks: list[Look], worlds: Worlds) -> str | None:
    """The first look that finds something wrong without the policy."""
    for look in looks:
        with policy.deleted():
            found = await found_by(look)
        if look.spoils or any("was changed" in line or line.startswith("failed") for line in found):
            await worlds.renew()
        if found:
            return f"{look.kind}: {look.name[:60]}: {found[0][:100]}"
    return None
