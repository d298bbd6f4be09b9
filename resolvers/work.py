"""One intention, one transaction: what changed, what happened and what is to be mailed are kept together or not at all.

    @unit_of_work
    async def cancel(work: Work, actor: Actor, ...) -> UUID:
        request = await ServiceRequest.lock_visible(actor, id)
        ...
        work.happened("RequestCancelled", request, actor)

Events are written last, because their insertion queues up with every other writer's until the commit.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from email.utils import parseaddr
from functools import partial, wraps
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar
from uuid import UUID

import asyncpg

from core.event_bus import Kind, event_bus
from core.i18n import Language
from core.settings import get_settings
from models.actors import Actor, AgentActor, party
from models.appointments import Appointment
from models.database import transaction
from models.events import RequestEvent
from models.ids import new_id
from models.mail import Mail
from models.requests import ServiceRequest
from resolvers import catalogue
from resolvers.mail_limits import count_mail, count_mail_of_change

ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 0.01
LOST_RACES = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError)

P = ParamSpec("P")
R = TypeVar("R")


class Work:
    """What a transaction has to say once it is done with its changes."""

    def __init__(self) -> None:
        self.events: list[RequestEvent] = []
        self.mails: list[Mail] = []
        self._actors: dict[UUID, Actor] = {}
        self._counts: list[Callable[[], Awaitable[None]]] = []
        self._wake_ups: set[Kind] = set()

    def wake(self, channel: Kind) -> None:
        """Workers that listen to the channel look for due rows after the commit."""
        self._wake_ups.add(channel)

    def happened(
        self,
        kind: str,
        request: ServiceRequest,
        actor: Actor | Literal["SYSTEM"],
        *,
        exchange_id: UUID | None = None,
        data: dict[str, Any] | None = None,
    ) -> RequestEvent:
        """An event of the request's log. `kind` is the name of the GraphQL type."""
        event = RequestEvent(
            kind=kind,
            request_id=request.id,
            actor="SYSTEM" if actor == "SYSTEM" else party(actor),
            agent_id=actor.agent_id if isinstance(actor, AgentActor) else None,
            exchange_id=exchange_id,
            data=data or {},
        )
        self.events.append(event)
        if actor != "SYSTEM":
            self._actors[event.id] = actor
        return event

    def mail(
        self,
        template: str,
        recipient: str,
        language: Language,
        *,
        request_id: UUID | None = None,
        account_id: UUID | None = None,
        exchange_id: UUID | None = None,
        appointment: Appointment | None = None,
        event: RequestEvent | None = None,
        webhook_id: UUID | None = None,
    ) -> None:
        """A mail to be sent by a worker after the commit. At most one for an event, a template and an address.

        Of an event it counts for whoever caused that (resolvers/mail_limits.py): the work is undone where it is too
        much. Of anything else the caller has to count it.
        """
        if event is not None and event.id in self._actors:
            actor = self._actors[event.id]
            self._counts.append(
                partial(count_mail, actor, recipient)
                if event.kind == "RequestSubmitted"
                else partial(count_mail_of_change, actor, event.request_id, recipient)
            )
        id = new_id()
        self.mails.append(
            Mail(
                id=id,
                template=template,
                recipient=recipient,
                language=language,
                request_id=request_id,
                account_id=account_id,
                exchange_id=exchange_id,
                appointment_id=appointment.id if appointment else None,
                appointment_sequence=appointment.sequence if appointment else None,
                event_id=event.id if event else None,
                webhook_id=webhook_id,
                message_id=message_id(id),
            )
        )

    async def _write(self) -> None:
        for count in self._counts:
            await count()
        for row in (*self.mails, *self.events):
            await row.save(force_create=True)

    async def _tell(self) -> None:
        if self.events:
            self.wake("events")
        if self.mails:
            self.wake("mail")
        for channel in self._wake_ups:
            await event_bus().wake(channel)


def unit_of_work(function: Callable[Concatenate[Work, P], Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Runs the function in a transaction, then writes its events and mails, commits, and wakes who waits for them.

    A transaction that lost a race (deadlock, serialization failure) is run again, from the start, some times.
    """

    @wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> R:
        # Known before the transaction opens, it need not be read with a connection in hand.
        await catalogue.current()
        for attempt in range(1, ATTEMPTS + 1):
            work = Work()
            try:
                async with transaction():
                    result = await function(work, *args, **kwargs)
                    await work._write()
            except LOST_RACES:
                if attempt == ATTEMPTS:
                    raise
                await asyncio.sleep(FIRST_PAUSE_SECONDS * 2**attempt * random.random())  # noqa: S311
            else:
                await work._tell()
                return result
        raise AssertionError("unreachable")

    return run


def mail_the_citizen(
    work: Work,
    request: ServiceRequest,
    template: str,
    event: RequestEvent,
    *,
    appointment: Appointment | None = None,
) -> None:
    """A mail about a request, in its citizen's language; none where they left no address."""
    recipient = (request.contact or {}).get("email")
    if recipient:
        work.mail(
            template,
            recipient,
            "en" if request.language == "en" else "fr",
            request_id=request.id,
            exchange_id=event.exchange_id,
            appointment=appointment,
            event=event,
        )


def message_id(id: UUID) -> str:
    """Fixed from the start (RFC 5322, 3.6.4), so that a mail sent twice is recognised as one."""
    _, address = parseaddr(get_settings().mail_from)
    return f"<{id}@{address.rpartition('@')[2] or 'localhost'}>"
