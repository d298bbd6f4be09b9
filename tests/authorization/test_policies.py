"""Each policy is deleted in turn, and something turns red: that nothing is found wrong means that nothing is."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import pytest

from tests.authorization.calling import Callers
from tests.authorization.conftest import Worlds
from tests.authorization.matrix import Look
from tests.authorization.policies import Policy, policies
from tests.authorization.survey import Looks, Survey, taken

logger = logging.getLogger(__name__)

EVERY = 10
"""Which part of the policies `make test` deletes; `make soak` deletes them all."""
LEAST = 0.95


@pytest.mark.timeout(900)  # With the survey, if this is the first test that needs it.
async def test_some_policies_deleted_in_turn_each_turn_something_red(
    callers: Callers, worlds: Worlds, survey: Survey
) -> None:
    some = [policy for policy in policies() if str(policy) not in SURVIVORS][::EVERY]

    assert await survivors(some, callers, worlds, survey) == []
    assert len(some) > 20


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_each_policy_deleted_in_turn_turns_something_red(
    callers: Callers, worlds: Worlds, survey: Survey
) -> None:
    left = await survivors(policies(), callers, worlds, survey)
    told = "\n".join([f"{len(policies())} policies deleted in turn, {len(left)} unnoticed", *left])
    assert len(policies()) - len(left) >= LEAST * len(policies()), told


async def survivors(deleted: Iterable[Policy], callers: Callers, worlds: Worlds, survey: Survey) -> list[str]:
    """The policies that nothing notices the absence of."""
    left = []
    looks = {(look.name, look.kind): look for look in Looks(callers).all()}
    for policy in deleted:
        noticed = await noticed_by(policy, [looks[one] for one in survey.concerned(policy)], worlds)
        logger.info("%s: %s", policy, noticed or "NOT NOTICED")
        if noticed is None:
            left.append(str(policy))
    return left


async def noticed_by(policy: Policy, looks: list[Look], worlds: Worlds) -> str | None:
    """The first look that finds something wrong without the policy."""
    for look in looks:
        with policy.deleted():
            found, _ = await taken(look)
        if look.spoils or any("was changed" in line or line.startswith("failed") for line in found):
            await worlds.renew()
        if found:
            return f"{look.kind}: {look.name[:60]}: {found[0][:100]}"
    return None


SURVIVORS: set[str] = set()
