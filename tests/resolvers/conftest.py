"""One procedure, a citizen, an agent: what most stories of the resolvers start from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import pytest_asyncio

from core.settings import Settings
from models.actors import AgentActor, CitizenActor
from models.database import close, initialise
from models.procedures import Procedure
from resolvers import catalogue
from tests.factories import make_agent, make_citizen, make_procedure


@pytest.fixture(autouse=True)
def no_catalogue_of_another_database() -> Iterator[None]:
    catalogue.forget()
    yield
    catalogue.forget()


@pytest_asyncio.fixture
async def patient(database: Settings) -> None:
    """Nobody is told to come again because many wait for each other, and the machine of the tests is busy."""
    await close()
    await initialise(database.model_copy(update={"database_timeout_seconds": 60.0}))


@pytest_asyncio.fixture
async def procedure(database: Settings) -> Procedure:
    """Open to visitors, with the fields `reason` (required), `abroad`, and `country` where abroad."""
    return await make_procedure("acte-naissance")


@pytest_asyncio.fixture
async def citizen(database: Settings) -> CitizenActor:
    return await make_citizen("marie")


@pytest_asyncio.fixture
async def agent(database: Settings) -> AgentActor:
    """An administrator."""
    return await make_agent(username="martin")


@pytest_asyncio.fixture
async def administrator(database: Settings) -> AgentActor:
    """One of their own, where the others are told apart from them."""
    return await make_agent(username="durand")
