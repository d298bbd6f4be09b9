"""The whole story in the terminal: a visitor asks, the mairie answers, the read receipt arrives live.

    make run                                          # in one terminal
    .venv/bin/python client-examples/journey.py       # in another

`ESPACE_URL` names another server (default http://localhost:8000), `ESPACE_CAPTCHA_FIXED_CODE` its security code. The
operations are the files of client-examples/operations; the client is `gql`, over HTTP and graphql-transport-ws.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

import httpx
from gql import Client, GraphQLRequest
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

URL = os.environ.get("ESPACE_URL", "http://localhost:8000").rstrip("/").removesuffix("/graphql")
CODE = os.environ.get("ESPACE_CAPTCHA_FIXED_CODE", "DEM347")
OPERATIONS = Path(__file__).parent / "operations"
WAIT_SECONDS = 15.0

Data = dict[str, Any]


class RefusedError(Exception):
    """The answer is one of the errors that the mutation declares."""

    def __init__(self, result: Data) -> None:
        super().__init__(result["message"])
        self.result = result


class Caller:
    """Somebody who calls the API: a visitor, whoever holds a ticket, an agent."""

    def __init__(self, session: AsyncClientSession) -> None:
        self._session = session

    async def run(self, name: str, **variables: Any) -> Any:
        """The root field of a named operation, or all of them where it has several. Raises RefusedError."""
        answer = await self._session.execute(_operation(name, variables))
        result = next(iter(answer.values())) if len(answer) == 1 else answer
        if isinstance(result, dict) and "code" in result:
            raise RefusedError(result)
        return result


class Live:
    """The events of a subscription, kept as they arrive."""

    def __init__(self) -> None:
        self._arrived: asyncio.Queue[Data] = asyncio.Queue()

    async def fill(self, session: AsyncClientSession, name: str, **variables: Any) -> None:
        async for answer in session.subscribe(_operation(name, variables)):
            await self._arrived.put(next(iter(answer.values())))

    async def next(self, kind: str, request: str) -> Data:
        """The next event of this kind about this request."""
        return await self.until(
            lambda event: event["__typename"] == kind and event["request"]["id"] == request
        )

    async def until(self, is_wanted: Callable[[Data], bool]) -> Data:
        """The next one of which that is so. Raises TimeoutError."""
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                event = await self._arrived.get()
                if is_wanted(event):
                    return event


class Story:
    """Tells each step with the time that it took."""

    def __init__(self) -> None:
        self._since = perf_counter()

    def begins(self) -> None:
        self._since = perf_counter()

    def says(self, who: str, what: str) -> None:
        milliseconds = (perf_counter() - self._since) * 1000
        print(f"{milliseconds:8.1f} ms  {who:<12} {what}", flush=True)
        self._since = perf_counter()


def _operation(name: str, variables: Data) -> GraphQLRequest:
    document = (OPERATIONS / f"{name}.graphql").read_text(encoding="utf-8")
    return GraphQLRequest(document, variable_values=variables, operation_name=name)


@asynccontextmanager
async def calling(authorization: str | None = None) -> AsyncIterator[Caller]:
    headers = {"Authorization": authorization} if authorization else {}
    transport = HTTPXAsyncTransport(url=f"{URL}/graphql", headers=headers)
    async with Client(transport=transport) as session:
        yield Caller(session)


@asynccontextmanager
async def following(authorization: str | None, name: str, **variables: Any) -> AsyncIterator[Live]:
    payload = {"Authorization": authorization} if authorization else {}
    transport = WebsocketsTransport(url=f"{URL.replace('http', 'ws', 1)}/graphql", init_payload=payload)
    live = Live()
    async with Client(transport=transport) as session:
        reading = asyncio.create_task(live.fill(session, name, **variables))
        try:
            yield live
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def mail_to(address: str, about: str = "") -> Data:
    """The mail in the development inbox, with these words in its subject. Raises TimeoutError."""
    async with httpx.AsyncClient() as client, asyncio.timeout(WAIT_SECONDS):
        while True:
            mails: list[Data] = (await client.get(f"{URL}/dev/inbox.json")).raise_for_status().json()
            for mail in mails:
                if mail["to"] == address and about in mail["subject"]:
                    return mail
            await asyncio.sleep(0.05)


async def tell() -> None:
    story = Story()
    address = f"helene.marchand.{uuid4().hex[:6]}@exemple.example"

    async with calling() as visitor:
        found = (await visitor.run("SearchProcedures", search="lampadere"))["nodes"][0]
        story.says("Visiteuse", f"cherche « lampadere » et trouve « {found['title']} »")
        draft = (await visitor.run("StartRequest", procedure=found["slug"], idempotencyKey=str(uuid4())))[
            "request"
        ]
        story.says("Visiteuse", f"commence sa demande : {len(draft['problems'])} informations à donner")

    agent_token = await log_in("agent")
    story.says("Mairie", "l’agent se connecte")
    async with (
        calling(f"Ticket {draft['ticket']}") as visitor,
        calling(f"Bearer {agent_token}") as agent,
        following(f"Bearer {agent_token}", "DeskEvents", after=await _last_cursor(agent)) as desk,
    ):
        story.begins()
        try:
            await visitor.run(
                "UpdateRequest", request=draft["id"], version=draft["version"], contact=contact("helene@")
            )
        except RefusedError as refused:
            for problem in refused.result["fields"]:
                story.says("Espace", f"refuse {problem['path']} : {problem['message']}")
        filled = await visitor.run(
            "UpdateRequest",
            request=draft["id"],
            version=draft["version"],
            contact=contact(address),
            answers=answers(),
        )
        story.says("Visiteuse", "remplit Mes informations et Ma demande")
        code = await visitor.run("CreateCaptcha", purpose="SUBMIT_REQUEST")
        sent = await visitor.run(
            "SubmitRequest",
            request=draft["id"],
            version=filled["request"]["version"],
            captcha={"captcha": code["id"], "answer": CODE},
        )
        story.says("Visiteuse", f"recopie le code de sécurité et envoie : ticket {sent['request']['ticket']}")
        event = await desk.next("RequestSubmitted", draft["id"])
        story.says("Mairie", f"voit arriver, en direct : {event['description']}")
        mail = await mail_to(address)
        story.says("Courriel", f"{mail['subject']}")

        await agent.run(
            "ChangeRequestStatus",
            request=draft["id"],
            version=sent["request"]["version"],
            status="IN_PROGRESS",
            reason="Les services techniques passent cette semaine.",
        )
        story.says("Mairie", "prend la demande en charge")
        await agent.run("PostExchange", request=draft["id"], body="Bonjour, le lampadaire a-t-il un numéro ?")
        story.says("Mairie", "écrit : « Bonjour, le lampadaire a-t-il un numéro ? »")

        typed = draft["ticket"].replace("-", "").lower()
        page = await visitor.run("RequestByTicket", ticket=typed)
        last = page["exchanges"]["nodes"][-1]
        story.says(
            "Visiteuse",
            f"consulte {typed} : {page['unreadExchangeCount']} échange à lire ({last['readState']})",
        )
        await visitor.run("MarkExchangesRead", request=draft["id"], upTo=last["id"])
        story.says("Visiteuse", "l’a lu")
        event = await desk.next("ExchangesRead", draft["id"])
        story.says("Mairie", f"l’accusé de lecture arrive en direct : {event['upTo']['readState']}")

        await visitor.run("PostExchange", request=draft["id"], body="Oui, L-0042. Merci !")
        story.says("Visiteuse", "répond : « Oui, L-0042. Merci ! »")
        event = await desk.next("ExchangePosted", draft["id"])
        story.says("Mairie", f"en direct : {event['description']}")
        print(f"\nLe ticket reste bon : {draft['ticket']}. Les courriels sont sur {URL}/dev/inbox.")


async def log_in(username: str) -> str:
    async with calling() as visitor:
        answer = await visitor.run(
            "LogIn", username=username, password="Demonstration-2026", delivery="TOKEN"
        )
    token: str = answer["token"]
    return token


async def _last_cursor(agent: Caller) -> str:
    desk = await agent.run("DeskInbox", first=0)
    cursor: str = desk["eventCursor"]
    return cursor


def contact(email: str) -> Data:
    return {
        "civility": "MADAME",
        "firstName": "Hélène",
        "lastName": "Marchand",
        "email": email,
        "preferredContactMethod": "EMAIL",
    }


def answers() -> list[Data]:
    return [
        {"field": "nature", "value": {"choices": ["eclairage"]}},
        {"field": "lieu", "value": {"text": "Devant le 4 rue des Lilas"}},
        {"field": "description", "value": {"text": "Le lampadaire est éteint depuis lundi."}},
        {"field": "danger", "value": {"boolean": False}},
    ]


def run(story: Coroutine[Any, Any, None]) -> int:
    """Tells it; the exit status."""
    try:
        asyncio.run(story)
    except RefusedError as refused:
        print(f"\nRefusé : {refused.result}", file=sys.stderr)
        return 1
    except (TransportError, httpx.HTTPError, OSError) as error:
        print(f"\n{URL} ne répond pas comme attendu : {error}\nLancez `make run`.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(run(tell()))
