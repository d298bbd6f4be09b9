"""A municipality with one procedure that asks everything, and a way to call its schema as anybody."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from functools import cache
from typing import Any

import pytest_asyncio

from core.passwords import hash_password
from core.settings import Settings
from models.accounts import Agent, AgentProcedure, Credential
from models.actors import Actor, Visitor
from models.municipality import Municipality
from models.procedures import Procedure, ProcedureCategory, ProcedureVersion
from resolvers import catalogue
from resolvers.sessions import authenticate
from schema.build import build_schema
from schema.context import CallFacts, Context, CookieChange
from schema.execution import Answer, Engine
from schema.limits import Limits

PASSWORD = "Demonstration-2026"
FIELDS: list[dict[str, Any]] = [
    {"type": "text", "key": "name", "label": "Nom", "required": True, "help": "En capitales."},
    {"type": "number", "key": "count", "label": "Nombre", "integer": True, "minimum": 1},
    {"type": "date", "key": "day", "label": "Jour", "earliest": "2026-01-01"},
    {"type": "boolean", "key": "agreed", "label": "D’accord ?"},
    {
        "type": "choice",
        "key": "kind",
        "label": "Sorte",
        "options": [{"value": "a", "label": "A"}, {"value": "b", "label": "B"}],
        "visible_when": [{"field": "agreed", "operator": "EQUALS", "values": ["true"]}],
    },
    {"type": "email", "key": "mail", "label": "Courriel"},
    {"type": "phone", "key": "phone", "label": "Téléphone"},
    {"type": "address", "key": "place", "label": "Lieu"},
    {"type": "file", "key": "piece", "label": "Pièce"},
]


_schema = cache(build_schema)


class Calls:
    """Executes operations as whoever it is told to be; `cookie` is what the last one did to the session cookie."""

    def __init__(self) -> None:
        self.schema = _schema()
        limits = Limits(tokens=10**6, depth=40, aliases=10**6, cost=10**12)
        self.engine = Engine(self.schema, limits=limits, development=True)
        self.cookie: CookieChange | None = None

    async def answer(self, document: str, actor: Actor | None = None, **variables: Any) -> Answer:
        context = Context(actor=actor or Visitor(), facts=CallFacts(transport="http", user_agent="tests"))
        operation = self.engine.prepare(document, None)
        answer = await self.engine.execute(self.engine.bind(operation, variables, context))
        self.cookie = context.cookie_change
        return answer

    async def __call__(self, document: str, actor: Actor | None = None, **variables: Any) -> Any:
        """The value of the operation's only root field, which must come without errors."""
        answer = await self.answer(document, actor, **variables)
        assert answer.errors == []
        assert answer.data is not None
        (value,) = answer.data.values()
        return value

    async def first_answer(self, document: str, actor: Actor, **variables: Any) -> Answer:
        """Of any operation, a subscription too."""
        if self.engine.prepare(document, None).kind != "subscription":
            return await self.answer(document, actor, **variables)
        async with aclosing(self.follow(document, actor, **variables)) as answers:
            return await anext(answers)

    def follow(self, document: str, actor: Actor, **variables: Any) -> AsyncGenerator[Answer, None]:
        """The answers of a subscription, as they come."""
        context = Context(actor=actor, facts=CallFacts(transport="websocket"))
        executor = self.engine.bind(self.engine.prepare(document, None), variables, context)
        return self.engine.subscribe(executor)

    async def log_in(self, username: str) -> Actor:
        opened = await self(
            """mutation ($username: String!, $password: String!) {
                logIn(input: {username: $username, password: $password, delivery: TOKEN}) {
                    ... on LogInSuccess { token }
                }
            }""",
            username=username,
            password=PASSWORD,
        )
        return await authenticate(bearer=opened["token"], ticket=None, language="fr")


@pytest_asyncio.fixture
async def calls(database: Settings) -> AsyncIterator[Calls]:
    """Against a database of the test's own, with the agents `agent` and `admin`."""
    await Municipality.create(name="Commune", contact_email="mairie@commune.example", timezone="Europe/Paris")
    category = await ProcedureCategory.create(slug="etat-civil", title="État civil", position=1)
    procedure = await Procedure.create(slug="everything", category_id=category.id, state="OPEN")
    await ProcedureVersion.create(
        procedure_id=procedure.id,
        version=1,
        title="Tout demander",
        summary="Une démarche qui demande tout.",
        keywords=["tout"],
        definition={"body": "Bonjour.", "step_help": {"FORM": "Courage."}, "fields": FIELDS},
    )
    password_hash = await hash_password(PASSWORD)
    for username, role in (("agent", "HANDLER"), ("admin", "ADMINISTRATOR")):
        agent = await Agent.create(display_name=username.title(), role=role)
        await Credential.create(username=username, password_hash=password_hash, agent_id=agent.id)
        await AgentProcedure.create(agent_id=agent.id, procedure_id=procedure.id)
    catalogue.forget()
    yield Calls()
    catalogue.forget()
