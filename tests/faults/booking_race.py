"""Many people who want few places, at API processes that are killed, with database connections that are cut.

Each client has one request, and tries again and again to book, move or cancel its appointment, or to hold a slot in a
draft and submit it. It keeps what it was told. Whatever went wrong with an answer, the request is afterwards as it was
before, or as was asked: nothing in between.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from core.settings import Settings
from models.accounts import Credential
from models.database import fetch
from models.ids import decode_as
from models.procedures import Procedure
from tests.factories import (
    id_of,
    make_citizen,
    make_procedure,
    make_request,
    make_schedule,
    make_session,
    make_slot,
)
from tests.stack import Api, Command

BOOKED = (
    "__typename ... on BookAppointmentSuccess { appointment { id state slot { id } } } ... on Error { code }"
)
DOCUMENTS = {
    "book": "mutation ($request: ID!, $slot: ID!) "
    f"{{ bookAppointment(input: {{request: $request, slot: $slot}}) {{ {BOOKED} }} }}",
    "move": "mutation ($appointment: ID!, $slot: ID!) "
    f"{{ moveAppointment(input: {{appointment: $appointment, slot: $slot}}) {{ {BOOKED} }} }}",
    "cancel": "mutation ($appointment: ID!) { cancelAppointment(appointment: $appointment) "
    "{ __typename ... on CancelAppointmentSuccess { request { id } } ... on Error { code } } }",
    "submit": "mutation ($request: ID!) { submitRequest(input: {request: $request, version: 1}) "
    "{ __typename ... on SubmitRequestSuccess { request { appointments { id state slot { id } } } } "
    "... on Error { code } } }",
    "read": "query ($request: ID!) { request(id: $request) { status appointments { id state slot { id } } } }",
}
REFUSALS = {"SLOT_UNAVAILABLE", "NOT_ALLOWED"}
PAUSE_SECONDS = 0.05

# More people in a slot than it takes, or a count that is not that of those who are in it: as of one instant.
WRONG = """
SELECT s.id FROM slot s LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE a.counts) AS counting, count(*) FILTER (WHERE a.state = 'CONFIRMED') AS confirmed,
        count(*) FILTER (WHERE a.counts AND a.state = 'HELD') AS held
    FROM appointment a WHERE a.slot_id = s.id
) AS p ON true
WHERE p.confirmed > s.capacity OR p.counting > s.capacity OR p.counting <> s.taken OR p.held <> s.held
"""


class NoAnswerError(Exception):
    """Whether it was done, nobody can say. `sent`: False where the question never left."""

    def __init__(self, sent: bool) -> None:
        super().__init__()
        self.sent = sent


@dataclass
class Tally:
    """`told`: answers by what they were; `lost`: acknowledged bookings that are not there; `harm`: what was done."""

    told: Counter[str] = field(default_factory=Counter)
    harm: Counter[str] = field(default_factory=Counter)
    overbooked: set[UUID] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)

    @property
    def attempts(self) -> int:
        return sum(self.told.values())


class Racer:
    """Somebody with one request, who is at home at any API process."""

    def __init__(self, race: Race, token: str, request: str, *, is_draft: bool) -> None:
        self.race, self.request, self.is_draft = race, request, is_draft
        self.headers = {"Authorization": f"Bearer {token}"}
        self.appointment: str | None = None
        self.slot: str | None = None
        """Where the appointment was when this client last looked or was told."""
        self.possible: set[str | None] = {None}
        """Where it may be: one place, until an answer is lost. Of a draft that holds one, where it may be held."""

    async def attempt(self) -> None:
        slot = self.race.chance.choice(self.race.slots)
        if self.is_draft:
            submits = self.slot is not None and self.race.chance.random() < 0.15
            await (self.submit() if submits else self.hold(slot))
        elif self.appointment is None:
            await self.change("book", {self.slot, slot}, request=self.request, slot=slot)
        elif self.race.chance.random() < 0.4:
            await self.change("cancel", {self.slot, None}, appointment=self.appointment)
        else:
            await self.change("move", {self.slot, slot}, appointment=self.appointment, slot=slot)

    async def change(self, name: str, either: set[str | None], **variables: str) -> None:
        """Of a request that was sent: what it is told yes is so from then on."""
        try:
            answer = await self.ask(name, **variables)
        except NoAnswerError as error:
            self.race.tally.told[f"{name}: no answer"] += 1
            if error.sent:
                self.possible |= either
            await self.look()
            return
        kind = answer.get("code", "yes")
        self.race.tally.told[f"{name}: {kind}"] += 1
        if kind == "yes":
            booked = answer.get("appointment")
            assert booked is None or booked["state"] == "CONFIRMED", answer
            self.know(booked)
        else:
            assert kind in REFUSALS, answer
            if kind == "NOT_ALLOWED":  # It is not where this client thought it was.
                await self.look()

    async def hold(self, slot: str) -> None:
        """What a draft holds it may lose: only that it is told so, or not, is of interest."""
        try:
            answer = await self.ask("book", request=self.request, slot=slot)
        except NoAnswerError as error:
            self.race.tally.told["hold: no answer"] += 1
            before = self.possible | ({slot} if error.sent else set())
            await self.look()
            # Its transaction may be about to commit: whoever looks sees it or not, whoever submits waits for it.
            self.possible = before | {self.slot}
            return
        self.race.tally.told[f"hold: {answer.get('code', 'yes')}"] += 1
        if "appointment" in answer:
            self.know(answer["appointment"])

    async def submit(self) -> None:
        try:
            answer = await self.ask("submit", request=self.request)
        except NoAnswerError:
            self.race.tally.told["submit: no answer"] += 1
            await self.look()
            return
        self.race.tally.told[f"submit: {answer.get('code', 'yes')}"] += 1
        if "request" in answer:
            self.is_draft = False
            (booked,) = answer["request"]["appointments"]
            assert booked["state"] == "CONFIRMED", answer
            assert booked["slot"]["id"] in self.possible | {self.slot}, answer
            self.know(booked)

    async def look(self) -> None:
        """Reads what became of it, as a front end does that is unsure. Insists."""
        while True:
            try:
                found = await self.ask("read", request=self.request)
                break
            except NoAnswerError:
                await asyncio.sleep(PAUSE_SECONDS)
        booked = next(iter(found["appointments"]), None)
        if self.is_draft and found["status"] == "SUBMITTED":
            self.is_draft = False
            self.know(booked)
        self.appointment = booked["id"] if booked else None
        self.slot = booked["slot"]["id"] if booked else None
        if not self.is_draft:
            self.check(self.slot)

    def know(self, booked: dict[str, Any] | None) -> None:
        self.appointment = booked["id"] if booked else None
        self.slot = booked["slot"]["id"] if booked else None
        self.possible = {self.slot}

    def check(self, slot: str | None) -> None:
        if slot not in self.possible:
            self.race.tally.lost.append(f"{self.request}: {slot} is none of {self.possible}")
            self.possible = {slot}

    async def ask(self, name: str, **variables: str) -> dict[str, Any]:
        """What the root field answers. Raises NoAnswerError."""
        api = self.race.chance.choice(self.race.apis)
        try:
            response = await self.race.http.post(
                api.graphql_url,
                json={"query": DOCUMENTS[name], "variables": variables},
                headers=self.headers,
            )
        except httpx.ConnectError as error:
            await asyncio.sleep(PAUSE_SECONDS)
            raise NoAnswerError(sent=False) from error
        except httpx.HTTPError as error:
            raise NoAnswerError(sent=True) from error
        answer = response.json()
        for problem in answer.get("errors", ()):
            assert problem["extensions"]["code"] == "UNAVAILABLE", answer
            raise NoAnswerError(sent=True)
        value: dict[str, Any] = next(iter(answer["data"].values()))
        return value


class Race:
    """One seed's run: `slots` few, `racers` many."""

    def __init__(self, seed: int, database_url: str, environment: dict[str, str], folder: Path) -> None:
        self.chance = random.Random(seed)
        self.database_url = database_url
        self.tally = Tally()
        self.apis = [Api(environment, folder / f"api-{number}.log") for number in range(2)]
        self.worker = Command(["worker"], environment, folder / "worker.log")
        self.racers: list[Racer] = []
        self.slots: list[str] = []
        # Longer than any call takes: who gives one up that still runs does not know when it will be done.
        self.http = httpx.AsyncClient(timeout=180, limits=httpx.Limits(max_connections=None))

    async def prepare(self, clients: int) -> None:
        """One place for four clients, in slots of one to three places; every other client has a draft."""
        schedule = await make_schedule()
        procedure = await make_procedure(appointment="OPTIONAL", schedules=[schedule], fields=())
        places = 0
        while places < max(clients // 4, 1):
            capacity = self.chance.randint(1, 3)
            slot = await make_slot(schedule, hours=24 + len(self.slots), capacity=capacity)
            self.slots.append(id_of(slot))
            places += capacity
        for number in range(clients):
            self.racers.append(await self._racer(procedure, is_draft=number % 2 == 1))

    async def _racer(self, procedure: Procedure, *, is_draft: bool) -> Racer:
        citizen = await make_citizen()
        credential = await Credential.get(account_id=citizen.account_id)
        token = f"{self.chance.getrandbits(256):064x}"
        await make_session(credential.id, token=token)
        status = "DRAFT" if is_draft else "SUBMITTED"
        request = await make_request(procedure, citizen=citizen, status=status)
        return Racer(self, token, id_of(request), is_draft=is_draft)

    async def run(self, attempts: int, *, harmed: bool = True) -> Tally:
        """As many attempts, shared by the racers as they come; then looks at what the database says."""
        left = iter(range(attempts))

        async def race(racer: Racer) -> None:
            for _ in left:
                await racer.attempt()

        beside = [asyncio.create_task(self._watch())]
        if harmed:
            beside.append(asyncio.create_task(self._harm()))
        try:
            async with asyncio.TaskGroup() as tasks:
                for racer in self.racers:
                    tasks.create_task(race(racer))
        finally:
            for task in beside:
                task.cancel()
            ended = await asyncio.gather(*beside, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended), ended
        for api in self.apis:
            if not api.running:
                await api.start()
            await api.wait_until_ready()
        await self._judge()
        return self.tally

    async def _judge(self) -> None:
        """Once nothing runs any more: every place that was acknowledged is there, and no slot has too many."""
        self.tally.overbooked |= {row["id"] for row in await fetch(WRONG)}
        rows = await fetch("SELECT request_id, slot_id FROM appointment WHERE state = 'CONFIRMED'")
        slots = {row["request_id"]: row["slot_id"] for row in rows}
        names = {decode_as("Slot", slot): slot for slot in self.slots}
        for racer in self.racers:
            if not racer.is_draft:
                found = slots.get(decode_as("ServiceRequest", racer.request) or UUID(int=0))
                racer.check(names[found] if found else None)

    async def _watch(self) -> None:
        """Looks all the while: what is wrong for a moment only is wrong, too."""
        connection = await asyncpg.connect(self.database_url)
        try:
            while True:
                self.tally.overbooked |= {row["id"] for row in await connection.fetch(WRONG)}
                await asyncio.sleep(0.05)
        finally:
            connection.terminate()

    async def _harm(self) -> None:
        connection = await asyncpg.connect(self.database_url)

        async def cut_connections() -> None:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'espace-citoyens' "
                "ORDER BY random() LIMIT $1) AS chosen",
                self.chance.randint(1, 4),
            )

        async def let_holds_run_out() -> None:
            await connection.execute(
                "UPDATE appointment SET held_until = now() - interval '1 second' "
                "WHERE id IN (SELECT id FROM appointment WHERE state = 'HELD' AND random() < 0.5 "
                "ORDER BY slot_id FOR UPDATE SKIP LOCKED)"
            )

        async def kill_an_api_process() -> None:
            await kill(self.chance.choice(self.apis))

        async def kill_the_worker() -> None:
            await kill(self.worker)

        async def kill(part: Command) -> None:
            part.kill()
            await asyncio.sleep(0.3 * self.chance.random())
            # Clients come as soon as it listens, ready or not; it is killed again no sooner.
            await Command.start(part)
            if isinstance(part, Api):
                await listens(part)

        quick: list[Callable[[], Any]] = [
            cut_connections,
            cut_connections,
            cut_connections,
            let_holds_run_out,
        ]
        slow: list[Callable[[], Any]] = [kill_an_api_process, kill_the_worker]
        try:
            for number in range(1_000_000):
                harm = slow[number // 12 % 2] if number % 12 == 6 else self.chance.choice(quick)
                await asyncio.sleep(0.05 + 0.15 * self.chance.random())
                try:
                    await harm()
                except asyncpg.DeadlockDetectedError:
                    continue
                self.tally.harm[harm.__name__.replace("_", " ")] += 1
        finally:
            connection.terminate()


async def listens(api: Api) -> None:
    """Returns once it takes connections. Fails with its output where it ended instead."""
    while True:
        assert api.running, api.output()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", api.port)
        except OSError:
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        writer.close()
        await writer.wait_closed()
        return


@asynccontextmanager
async def race(settings: Settings, seed: int, *, clients: int, folder: Path) -> AsyncIterator[Race]:
    """Two API processes and a worker on the test's database, and clients who wait for the start."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ESPACE_")},
        "ESPACE_DATA": str(settings.data),
        "ESPACE_DATABASE_URL": settings.database_url or "",
        "ESPACE_REDIS_URL": settings.redis_url or "",
        "ESPACE_SMTP_URL": "smtp://127.0.0.1:9",
        # Everybody is one address here, and tries again faster than people do.
        "ESPACE_RATE_LIMITS": "10000",
        "ESPACE_SECRET_KEY": settings.secret_key.get_secret_value(),
    }
    running = Race(seed, settings.database_url or "", environment, folder)
    try:
        await running.prepare(clients)
        await running.worker.start()
        await asyncio.gather(*(api.start() for api in running.apis))
        yield running
    finally:
        await running.http.aclose()
        for part in (*running.apis, running.worker):
            if part.running:
                part.kill()
