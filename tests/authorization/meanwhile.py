"""Looks past the first of two policies that stand one behind the other: at what the second refuses by itself.

Between what lets a caller in and what they then do, a session may end, a row may come to be somebody else's, a password
may run out. So a statement that changes something decides once more, and nobody sees it at work as long as nothing
comes in between. Here the functions behind the doors are called as if something had.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Awaitable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from hashlib import sha256
from typing import Any
from uuid import uuid4

from core.errors import EspaceError
from core.openid.provider import Person
from core.selection import Selection
from models.accounts import Session
from models.actors import AgentActor, CitizenActor, RestrictedActor, Visitor
from models.database import execute
from models.ids import new_id
from models.uploads import PARTS_LIMIT
from resolvers import catalogue
from resolvers.credentials import change_credentials
from resolvers.desk import desk
from resolvers.events import desk_events, notifications
from resolvers.identities import arrive, leave
from resolvers.new_passwords import use_temporary_password
from resolvers.partner_calls import Granted
from resolvers.partner_links import _keep
from resolvers.policies import RequestState, permitted_actions
from resolvers.sessions import find_credential
from resolvers.uploads import append_part, create_upload, open_upload
from tests.authorization.calling import Callers, actor_of
from tests.authorization.following import SOON_SECONDS, START
from tests.authorization.kinds import AGENTS, CITIZENS, HOLDERS, PARTNERS, RESTRICTED, Kind
from tests.authorization.matrix import Look
from tests.authorization.world import ISSUER, row_of
from tests.factories import PASSWORD

NEW_PASSWORD = "Chevaux-Violets-2049!"


@dataclass(repr=False)
class Meanwhile:
    callers: Callers

    def looks(self, kind: Kind) -> Iterator[Look]:
        if kind in HOLDERS | CITIZENS | PARTNERS | RESTRICTED:
            yield Look("the desk's events, behind the door", kind, partial(self.desk_events, kind))
        if kind in HOLDERS | AGENTS | PARTNERS | RESTRICTED:
            yield Look("an account's events, behind the door", kind, partial(self.notifications, kind))
        if kind in CITIZENS:
            yield Look("events after the session", kind, partial(self.read_on, kind))
            yield Look("other credentials after the session", kind, partial(self.credentials, kind))
            yield Look("a link that is another's meanwhile", kind, partial(self.link, kind))
            yield Look("parts of another's upload", kind, partial(self.parts, kind), spoils=True)
            yield Look("a piece that another has as well", kind, partial(self.same_piece, kind), spoils=True)
            yield Look("the last way into an account", kind, partial(self.last_way, kind), spoils=True)
            yield Look("what an identity opens", kind, partial(self.identity, kind), spoils=True)
        if kind is Kind.OWNER:
            yield Look("a captcha that nobody asked for", kind, self.captcha, spoils=True)
        if kind in RESTRICTED:
            yield Look("what may be done by who has a duty first", kind, partial(self.permitted, kind))
        if kind is Kind.ENROLLING:
            yield Look("whose second factor is enabled", kind, self.second_factor)
        if kind is Kind.VISITOR:
            yield Look("a mailed password that is over", kind, self.password)
            yield Look("an upload, behind the door", kind, self.upload)
            yield Look("the session of whoever has none", kind, self.leave)

    async def desk_events(self, kind: Kind) -> list[str]:
        actor = await actor_of(self.callers.world.headers[kind])
        told = await _first(desk_events(actor, after=START, selection=Selection.of("id")))
        return [] if told == "ForbiddenError" else [f"the desk's events answer {told} to the {kind}"]

    async def notifications(self, kind: Kind) -> list[str]:
        actor = await actor_of(self.callers.world.headers[kind])
        told = await _first(notifications(actor, after=START, selection=Selection.of("cursor")))
        return [] if told == "ForbiddenError" else [f"an account's events answer {told} to the {kind}"]

    async def _afterwards(self, kind: Kind) -> list[CitizenActor]:
        """The citizen in a session that has run out, and in one that was ended, since they were let in."""
        actor = await actor_of(self.callers.world.headers[kind])
        assert isinstance(actor, CitizenActor)
        over = row_of(self.callers.world.things[f"session that is over {kind}"])
        return [replace(actor, session_id=over), replace(actor, session_id=uuid4())]

    async def read_on(self, kind: Kind) -> list[str]:
        """The log, read at once by who has read it before: it is not for the watch over sessions to be faster."""
        selection = Selection.of("cursor", event=Selection.of("id"))
        heard = 0
        for actor in await self._afterwards(kind):
            async with aclosing(notifications(actor, after=START, selection=selection)) as told:
                await anext(told)
                try:
                    await asyncio.wait_for(anext(told), SOON_SECONDS)
                    heard += 1
                except TimeoutError:
                    pass
        return [f"events reached the {kind} after the session"] if heard else []

    async def credentials(self, kind: Kind) -> list[str]:
        answers = [
            await _answer(
                change_credentials(
                    actor,
                    current_password=PASSWORD,
                    username=None,
                    password=NEW_PASSWORD,
                    selection=Selection.of("id"),
                )
            )
            for actor in await self._afterwards(kind)
        ]
        wrong = [answer for answer in answers if answer != "UnauthenticatedError"]
        return [f"the password of the {kind} was changed after the session: {wrong}"] if wrong else []

    async def link(self, kind: Kind) -> list[str]:
        """What the partner has granted to one citizen does not come to lie in the link of another."""
        actor = await actor_of(self.callers.world.headers[kind])
        assert isinstance(actor, CitizenActor)
        (other,) = CITIZENS - {kind}
        id, reference = row_of(self.callers.world.things[f"link {other}"]), new_id()
        (system,) = (await catalogue.current()).offered_partners()
        await execute(
            "INSERT INTO partner_revocation (id, system_id, next_attempt_at, created_at) "
            "VALUES ($1, $2, now() + interval '1 day', now())",
            reference,
            system.id,
        )
        granted = Granted(token="granted", label="Famille")
        answer = await _answer(_keep(system, actor.account_id, reference, granted, id))
        await execute("DELETE FROM partner_revocation WHERE id = $1", reference)
        return [] if answer == "NotFoundError" else [f"a link was changed by the {kind}: {answer}"]

    async def parts(self, kind: Kind) -> list[str]:
        """An upload that is under way takes no bytes of another caller's, nor says how many parts it has come in."""
        (other,) = CITIZENS - {kind}
        theirs = await create_upload(
            await actor_of(self.callers.world.headers[other]), name="piece.pdf", media_type="", length=9
        )
        actor, answers = await actor_of(self.callers.world.headers[kind]), []
        for parts in (0, PARTS_LIMIT + 1):
            await execute(
                "INSERT INTO upload_part (id, upload_id, start, size, address) "
                "SELECT gen_random_uuid(), $1, number + 9, 1, 'nowhere ' || number "
                "FROM generate_series(1, $2::int) AS number",
                theirs.id,
                parts,
            )
            part = append_part(
                actor,
                theirs.id,
                start=0,
                size=9,
                content=io.BytesIO(b"%PDF-1.7 "),
                sha256=sha256(b"x").digest(),
            )
            answers.append(await _answer(part))
        return (
            []
            if answers == ["False", "False"]
            else [f"parts of the {other}'s upload answer {answers} to the {kind}"]
        )

    async def same_piece(self, kind: Kind) -> list[str]:
        """The same bytes under the same title are each one's own document."""
        answers = []
        for one in (*(CITIZENS - {kind}), kind):
            upload = self.callers.world.things[f"upload {one}"].id
            call = f'addStoredDocument(input: {{resumableUpload: "{upload}", title: "Commune"}}) {{ __typename }}'
            reply = await self.callers.ask(one, f"mutation {{ {call} }}")
            answers.append(reply.data.get("addStoredDocument", reply.codes))
        expected = {"__typename": "AddStoredDocumentSuccess"}
        return [] if answers == [expected, expected] else [f"the same piece of the {kind} answers {answers}"]

    async def last_way(self, kind: Kind) -> list[str]:
        """Identities of others are no way into an account that has one, and no password."""
        actor = await actor_of(self.callers.world.headers[kind])
        assert isinstance(actor, CitizenActor)
        await execute("UPDATE credential SET password_hash = NULL WHERE account_id = $1", actor.account_id)
        identity = self.callers.world.things[f"identity {kind}"].id
        reply = await self.callers.ask(
            kind, f'mutation {{ unlinkIdentity(identity: "{identity}") {{ __typename }} }}'
        )
        expected = {"unlinkIdentity": {"__typename": "NotAllowedError"}}
        return [] if reply.data == expected else [f"the last way of the {kind} answers {reply.data}"]

    async def captcha(self) -> list[str]:
        """Whoever has logged in is asked for none, whatever they answer to one."""
        things = self.callers.world.things
        captcha = f'{{captcha: "{things["captcha"].id}", answer: "FAUXXX"}}'
        call = (
            f'submitRequest(input: {{request: "{things["owner draft"].id}", version: 1, captcha: {captcha}}})'
        )
        reply = await self.callers.ask(Kind.OWNER, f"mutation {{ {call} {{ __typename }} }}")
        expected = {"submitRequest": {"__typename": "SubmitRequestSuccess"}}
        return [] if reply.data == expected else [f"a captcha that nobody asked for answers {reply.data}"]

    async def identity(self, kind: Kind) -> list[str]:
        """Whoever comes back from the provider is the citizen of the account that their identity is linked to."""
        person = Person(
            subject=kind,
            given_name=None,
            family_name=None,
            birth_date=None,
            email=None,
            acr=None,
            amr=(),
            id_token="token",
        )
        arrival = await arrive(person, issuer=ISSUER, provider="FranceConnect", user_agent=None)
        actor = await actor_of({"Authorization": f"Bearer {arrival.token}"})
        account = row_of(self.callers.world.things[f"account {kind}"])
        is_theirs = isinstance(actor, CitizenActor) and actor.account_id == account
        return [] if is_theirs else [f"the identity of the {kind} opens what is not theirs"]

    async def permitted(self, kind: Kind) -> list[str]:
        actor = await actor_of(self.callers.world.headers[kind])
        rows = [filed.row for filed in self.callers.world.requests.values()]
        told = {
            action
            for row in rows
            for action in permitted_actions(actor, RequestState(row.status, row.account_id))
        }
        return [f"the {kind} may {told}"] if told else []

    async def second_factor(self) -> list[str]:
        """Of an agent who was offered one, and has not confirmed it: as it is shown where none is required."""
        actor = await actor_of(self.callers.world.headers[Kind.ENROLLING])
        assert isinstance(actor, RestrictedActor)
        assert isinstance(actor.who, AgentActor)
        row = await desk(actor.who, selection=Selection.of(second_factor=Selection.of("enabled")))
        assert row is not None
        return ["a second factor of others is shown as one's own"] if row["second_factor"]["enabled"] else []

    async def password(self) -> list[str]:
        """Neither found, nor used by who had found it in time."""
        world, wrong = self.callers.world, []
        credential = await find_credential(world.usernames[Kind.OWNER])
        assert credential is not None
        if world.old_temporary_password in credential["temporary_password_ids"]:
            wrong.append("a mailed password that is over is found")
        session = Session(credential_id=credential["id"], temporary_password_id=world.old_temporary_password)
        answer = await _answer(use_temporary_password(Visitor(), credential, session))
        if answer != "InvalidCredentialsError":
            wrong.append(f"an access was changed by a mailed password that is over: {answer}")
        return wrong

    async def upload(self) -> list[str]:
        """Whoever has nowhere to use one neither begins one nor opens somebody's."""
        partner = await actor_of(self.callers.world.headers[Kind.PARTNER])
        begun = [
            await _answer(create_upload(actor, name="piece.pdf", media_type="", length=9))
            for actor in (Visitor(), partner)
        ]
        opened = [await open_upload(Visitor(), thing.id) for thing in self.callers.world.of_type("Upload")]
        wrong = ["an upload is opened to the visitor"] if any(opened) else []
        if begun != ["UnauthenticatedError", "ForbiddenError"]:
            wrong.append(f"a new upload of nobody's answers {begun}")
        return wrong

    async def leave(self) -> list[str]:
        return [] if await leave(Visitor()) is None else ["the visitor has left a session"]


async def _answer(call: Awaitable[Any]) -> str:
    """What comes of it: what it raises, or what it answers."""
    try:
        return str(await call)
    except EspaceError as error:
        return type(error).__name__


async def _first(answers: AsyncGenerator[Any, None]) -> str:
    async with aclosing(answers):
        return await _answer(asyncio.wait_for(anext(answers), 3))
