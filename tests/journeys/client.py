"""A front end as a test plays it: runs the documents of client-examples/operations over HTTP, WebSocket and SSE.

    visitor = Client(stack.api)
    draft = await visitor.run("StartRequest", procedure="signalement-voirie")
    await visitor.run("AddAttachment", request=draft["id"], source={"upload": FileToSend(a_pdf())})
    async with agent.follow("DeskEvents", after=cursor) as events:
        event = await events.next()

Each run is held to the number of statements that its document states.
"""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from gql import Client as WebSocketClient
from gql import GraphQLRequest
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportQueryError
from gql.transport.websockets import WebsocketsTransport

from tests.journeys.documents import document
from tests.stack import Api

Data = dict[str, Any]

DEMONSTRATION_PASSWORD = "Demonstration-2026"
WITHIN_SECONDS = 5.0
_STATEMENTS = re.compile(r'(?:sql|door);desc="(\d+)"')


@dataclass(frozen=True, slots=True)
class FileToSend:
    """Stands in the variables where the file is meant: such an operation goes out as a GraphQL multipart request."""

    content: bytes
    name: str = "piece.pdf"
    media_type: str = "application/octet-stream"


class RefusedError(AssertionError):
    """The answer has top-level errors. `code` is that of the first."""

    def __init__(self, name: str, errors: list[Data]) -> None:
        super().__init__(f"{name}: {errors}")
        self.code: str = errors[0]["extensions"]["code"]


class Client:
    """One caller at one API process. `authorization` is the value of the header; without it, a visitor."""

    def __init__(self, api: Api, authorization: str | None = None, *, language: str = "fr") -> None:
        self.api = api
        self.authorization = authorization
        self.language = language
        self.most_statements: dict[str, int] = {}
        """By document, the most that one run has made."""
        # Connections are not kept, so that none is left when a test ends.
        self._http = httpx.AsyncClient(timeout=10, limits=httpx.Limits(max_keepalive_connections=0))

    def at(self, api: Api) -> Client:
        """The same caller at another process."""
        return Client(api, self.authorization, language=self.language)

    def patience(self, seconds: float) -> None:
        """How long an answer may take from now on: more than usual, where many are waited for at once."""
        self._http.timeout = seconds

    @property
    def cookies(self) -> httpx.Cookies:
        """What the server has set. They go along with each call, as in a browser."""
        return self._http.cookies

    async def send(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> httpx.Response:
        """Any document, as it is. A header that is None is left out."""
        sent = {**self._headers(), "X-Requested-With": "journey", **(headers or {})}
        variables, files = _without_files(dict(variables or {}), "variables")
        operations = {"query": query, "variables": variables}
        return await self._http.post(
            self.api.graphql_url,
            headers={name: value for name, value in sent.items() if value is not None},
            **(_multipart(operations, files) if files else {"json": operations}),
        )

    async def upload(self, file: FileToSend) -> str:
        """Sends a file by tus, in one piece; the id of the upload, for `resumableUpload`."""
        name = b64encode(file.name.encode()).decode()
        response = await self._http.post(
            f"{self.api.url}/uploads",
            content=file.content,
            headers={
                **self._headers(),
                "Tus-Resumable": "1.0.0",
                "Upload-Length": str(len(file.content)),
                "Upload-Metadata": f"filename {name}",
                "Content-Type": "application/offset+octet-stream",
            },
        )
        assert response.status_code == 201, response.text
        return response.headers["location"].rpartition("/")[2]

    async def fetch(self, url: str) -> bytes:
        """What stands at an address of a file, without credentials: the address is one."""
        async with httpx.AsyncClient(timeout=10) as http:
            response = await http.get(f"{self.api.url}{urlsplit(url).path}")
        assert response.status_code == 200, response.text
        return response.content

    async def run(self, name: str, **variables: Any) -> Any:
        """What the root field answers; all of the data where a document has several.

        Raises RefusedError; fails where more statements were made than the document states.
        """
        asked = document(name)
        response = await self.send(asked.text, variables)
        answer = response.json()
        if answer.get("errors"):
            raise RefusedError(name, answer["errors"])
        made = sum(map(int, _STATEMENTS.findall(response.headers["server-timing"])))
        assert made <= asked.statements, f"{name} made {made} statements of {asked.statements}"
        self.most_statements[name] = max(made, self.most_statements.get(name, 0))
        return _value(name, answer)

    async def change(self, name: str, **variables: Any) -> Data:
        """The success of a mutation. Fails with what it was refused for."""
        value: Data = await self.run(name, **variables)
        assert value["__typename"].endswith("Success"), f"{name}: {value}"
        return value

    async def log_in(self, username: str, password: str = DEMONSTRATION_PASSWORD) -> Self:
        """Becomes somebody who has an account."""
        answer = await self.change("LogIn", username=username, password=password)
        self.authorization = f"Bearer {answer['token']}"
        return self

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Connection]:
        """A WebSocket of this caller. What it follows ends with it."""
        transport = WebsocketsTransport(
            url=self.api.websocket_url,
            init_payload=self._headers(),
            # websockets (17) stops reading while 16 messages wait, and then does not see the end of the closing
            # handshake either: gql gives up on it and leaves the socket open.
            connect_args={"max_queue": None},
        )
        async with WebSocketClient(transport=transport) as session:
            connection = Connection(session)
            try:
                yield connection
            finally:
                await connection.close()

    @asynccontextmanager
    async def follow(self, name: str, **variables: Any) -> AsyncIterator[Following]:
        """A subscription on a WebSocket of its own."""
        async with self.connected() as connection:
            yield connection.follow(name, **variables)

    @asynccontextmanager
    async def stream(self, name: str, **variables: Any) -> AsyncIterator[Following]:
        """A subscription over server-sent events."""
        following = Following(self._events(name, variables))
        try:
            yield following
        finally:
            await following.close()

    async def _events(self, name: str, variables: Data) -> AsyncIterator[Data]:
        async with (
            httpx.AsyncClient(timeout=httpx.Timeout(10, read=60)) as http,
            http.stream(
                "POST",
                self.api.graphql_url,
                json={"query": document(name).text, "variables": variables},
                headers={**self._headers(), "Accept": "text/event-stream"},
            ) as response,
        ):
            kind = ""
            async for line in response.aiter_lines():
                if line.startswith("event: "):
                    kind = line.removeprefix("event: ")
                elif line.startswith("data: ") and kind == "next":
                    yield _value(name, json.loads(line.removeprefix("data: ")))
                elif line.startswith("data:") and kind == "complete":
                    return

    def _headers(self) -> dict[str, str]:
        shown = {"Authorization": self.authorization} if self.authorization else {}
        return {**shown, "Accept-Language": self.language}


class Connection:
    """A WebSocket, as the `gql` client keeps it."""

    def __init__(self, session: AsyncClientSession) -> None:
        self.session = session
        self._followings: list[Following] = []

    def follow(self, name: str, **variables: Any) -> Following:
        following = Following(self._events(name, variables))
        self._followings.append(following)
        return following

    async def _events(self, name: str, variables: Data) -> AsyncIterator[Data]:
        request = GraphQLRequest(document(name).text, variable_values=variables)
        answers = self.session.subscribe(request, get_execution_result=True)
        async with aclosing(answers):
            try:
                async for result in answers:
                    errors = [error.formatted for error in result.errors or ()]
                    yield _value(name, {"data": result.data, "errors": errors})
            except TransportQueryError as error:  # A message of type error: the operation never ran.
                raise RefusedError(name, error.errors or []) from error

    async def close(self) -> None:
        for following in self._followings:
            await following.close()


class Following:
    """What a subscription sends, kept until it is asked for."""

    def __init__(self, events: AsyncIterator[Data]) -> None:
        self._kept: asyncio.Queue[Data | Exception | None] = asyncio.Queue()
        self._task = asyncio.create_task(self._keep(events))
        self.cursor: str | None = None
        """Of the last event handed out: what to resume after."""

    async def next(self, within: float = WITHIN_SECONDS) -> Data:
        """The next event. Raises TimeoutError, what ended the subscription, or StopAsyncIteration after its end."""
        async with asyncio.timeout(within):
            kept = await self._kept.get()
        if isinstance(kept, dict):
            self.cursor = kept.get("cursor")  # What is no event has none.
            return kept
        self._kept.put_nowait(kept)
        raise kept or StopAsyncIteration

    async def until(self, kind: str, within: float = WITHIN_SECONDS) -> Data:
        """The next event of this type; others are passed over."""
        async with asyncio.timeout(within):
            while True:
                event = await self.next(within)
                if event["__typename"] == kind:
                    return event

    async def nothing(self, seconds: float = 0.5) -> None:
        """Fails where anything comes in meanwhile."""
        with suppress(TimeoutError):
            raise AssertionError(f"{await self.next(seconds)} came")

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self, events: AsyncIterator[Data]) -> None:
        ended: Exception | None = None
        try:
            async for event in events:
                self._kept.put_nowait(event)
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for the next event
            ended = error
        self._kept.put_nowait(ended)


def _without_files(value: Any, path: str) -> tuple[Any, dict[str, FileToSend]]:
    """The same with null in the place of each file, and the files by their paths: `variables.input.upload`."""
    if isinstance(value, FileToSend):
        return None, {path: value}
    if not isinstance(value, (dict, list)):
        return value, {}
    found: dict[str, FileToSend] = {}
    rest: Any = value.copy()
    for key, member in value.items() if isinstance(value, dict) else enumerate(value):
        rest[key], files = _without_files(member, f"{path}.{key}")
        found |= files
    return rest, found


def _multipart(operations: Data, files: Mapping[str, FileToSend]) -> Data:
    """What httpx sends as https://github.com/jaydenseric/graphql-multipart-request-spec says."""
    named = {str(number): [path] for number, path in enumerate(files)}
    return {
        "data": {"operations": json.dumps(operations), "map": json.dumps(named)},
        "files": {
            str(number): (file.name, file.content, file.media_type)
            for number, file in enumerate(files.values())
        },
    }


def _value(name: str, answer: Data) -> Any:
    if answer.get("errors"):
        raise RefusedError(name, answer["errors"])
    data: Data = answer["data"]
    return next(iter(data.values())) if len(data) == 1 else data
