"""Subscriptions as looks: what a follower is told of the past, and that who has no session any more is told nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from models.actors import CitizenActor, PartnerActor
from models.database import execute
from models.events import RequestEvent
from models.ids import encode
from resolvers.reading.pages import encode_cursor
from schema.context import CallFacts, Context
from schema.execution import Answer, Engine
from tests.authorization.asking import Documents
from tests.authorization.calling import BUILT, SCHEMA, WIDE, Callers, actor_of
from tests.authorization.kinds import AGENTS, CITIZENS, PARTIES, Kind
from tests.authorization.matrix import Look
from tests.factories import make_event

START = encode_cursor([0])
SOON_SECONDS = 0.3


@dataclass(repr=False)
class Following:
    callers: Callers

    def __post_init__(self) -> None:
        self.engine = Engine(BUILT, limits=WIDE, development=True)
        self.event = Documents(SCHEMA).all_of(SCHEMA.type_map["RequestEvent"], 1)

    def looks(self, kind: Kind) -> Iterator[Look]:
        if kind in AGENTS:
            asked = f'deskEvents(after: "{START}") {self.event}'
            yield Look("deskEvents", kind, partial(self.replayed, kind, asked, None))
        if kind is Kind.PARTNER:
            asked = self._calendar()
            yield Look("slotChanges afterwards", kind, partial(self.ended, kind, asked), spoils=True)
        if kind in CITIZENS:
            asked = f'notifications(after: "{START}") {{ event {self.event} }}'
            yield Look("notifications", kind, partial(self.replayed, kind, asked, None))
            yield Look("notifications too late", kind, partial(self.late, kind, asked), spoils=True)
            yield Look("notifications afterwards", kind, partial(self.ended, kind, asked), spoils=True)
            asked = self._calendar()
            yield Look("slotChanges afterwards", kind, partial(self.ended, kind, asked), spoils=True)
        if kind in PARTIES:
            for name in ("owner submitted", "other submitted", "held"):
                asked = f'requestEvents(request: "{self.callers.world.things[name].id}", after: "{START}") {self.event}'
                yield Look(f"requestEvents of {name}", kind, partial(self.replayed, kind, asked, name))

    def _calendar(self) -> str:
        """A month that nothing happens in."""
        schedule = self.callers.world.things["schedule"].id
        return f'slotChanges(schedule: "{schedule}", from: "2026-01-01", to: "2026-02-01") {{ id }}'

    async def replayed(self, kind: Kind, asked: str, request: str | None) -> list[str]:
        """From the beginning of the log: as many events as are meant for them, and none after that."""
        world = self.callers.world
        rows = {filed.row.id: filed for filed in world.requests.values()}
        meant = {
            encode("RequestEvent", event.id)
            for event in await RequestEvent.all()
            if kind in rows[event.request_id].reach and request in (None, rows[event.request_id].name)
        }
        told: list[Answer] = []
        async with aclosing(await self.follow(kind, asked)) as answers:
            while True:
                left = len(meant) - len(told) + asked.startswith("notifications")
                try:
                    told.append(
                        await asyncio.wait_for(anext(answers), 20 if left > 0 and meant else SOON_SECONDS)
                    )
                except (TimeoutError, StopAsyncIteration):
                    break
        content = orjson.dumps([answer.payload() for answer in told])
        ids = set(event_ids(orjson.loads(content)))
        wrong = world.secrets.leaks(kind, content)
        if ids != meant:
            wrong.append(
                f"{len(ids - meant)} events too many and {len(meant - ids)} too few reached the {kind}"
            )
        return wrong

    async def late(self, kind: Kind, asked: str) -> list[str]:
        """The session has ended since the door: whatever was about to be read is not."""
        actor = await actor_of(self.callers.world.headers[kind])
        assert isinstance(actor, CitizenActor)
        answers = await self.follow(kind, asked)
        await execute(
            "UPDATE session SET expires_at = now() WHERE id = $1"
            if kind is Kind.OWNER
            else "DELETE FROM session WHERE id = $1",
            actor.session_id,
        )
        async with aclosing(answers):
            try:
                told = [await asyncio.wait_for(anext(answers), 3) for _ in range(2)]
            except (TimeoutError, StopAsyncIteration):
                told = []
        heard = set(event_ids([answer.payload() for answer in told]))
        return [f"{len(heard)} events reached the {kind} after the session had ended"] if heard else []

    async def ended(self, kind: Kind, asked: str) -> list[str]:
        """A follower whose session or token is ended, or ends, hears nothing of what happens then, and is told why."""
        actor = await actor_of(self.callers.world.headers[kind])
        wrong = []
        async with aclosing(await self.follow(kind, asked)) as answers:
            if asked.startswith("notifications"):
                await anext(answers)
            waiting = asyncio.ensure_future(_last(answers))
            await asyncio.sleep(SOON_SECONDS)
            if isinstance(actor, PartnerActor):
                await execute("UPDATE partner_token SET expires_at = now() WHERE id = $1", actor.token_id)
            else:
                assert isinstance(actor, CitizenActor)
                await execute(
                    "UPDATE session SET expires_at = now() WHERE id = $1"
                    if kind is Kind.OWNER
                    else "DELETE FROM session WHERE id = $1",
                    actor.session_id,
                )
            name = "owner submitted" if kind is Kind.OWNER else "other submitted"
            event = await make_event(self.callers.world.requests[name].row, "RequestClaimed")
            try:
                last = await asyncio.wait_for(waiting, 3)
            except TimeoutError:
                return [f"the {kind} goes on following after the session has ended"]
        if last.outcome != "UNAUTHENTICATED":
            wrong.append(f"the {kind} is told {last.outcome} after the session has ended")
        if encode("RequestEvent", event.id) in str(last.data):
            wrong.append(f"the {kind} heard of something after the session had ended")
        return wrong

    async def follow(self, kind: Kind, asked: str) -> AsyncGenerator[Answer, None]:
        context = Context(await actor_of(self.callers.world.headers[kind]), CallFacts(transport="sse"))
        operation = self.engine.prepare(f"subscription {{ {asked} }}", None)
        return self.engine.subscribe(self.engine.bind(operation, {}, context))


async def _last(answers: AsyncGenerator[Answer, None]) -> Answer:
    last = Answer(None)
    async for answer in answers:
        last = answer
    return last


def event_ids(value: Any) -> Iterator[str]:
    """The ids of all events in an answer, which their fields carry under the name of their type."""
    if isinstance(value, list):
        for member in value:
            yield from event_ids(member)
    elif isinstance(value, dict):
        for key, member in value.items():
            if key.endswith("__id__0"):
                yield member
            yield from event_ids(member)
