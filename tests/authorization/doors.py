"""The ways in besides GraphQL: addresses of files, uploads, calendars, spoken codes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from models.actors import CitizenActor
from models.database import execute
from resolvers.file_links import Kind as FileKind
from resolvers.file_links import file_url
from tests.authorization.calling import Callers, actor_of
from tests.authorization.changes import digest
from tests.authorization.kinds import CITIZENS, HOLDERS, PARTIES, PARTNERS, RESTRICTED, VISITORS, Kind
from tests.authorization.matrix import Look
from tests.authorization.world import row_of
from tests.factories import PASSWORD

FILES: Mapping[str, FileKind] = {
    "Attachment": "attachment",
    "StoredDocument": "stored_document",
    "ServiceRequest": "receipt",
    "DataExport": "data_export",
}
"""What addresses of files are of, by the types of the schema."""
TUS = {"Tus-Resumable": "1.0.0", "X-Requested-With": "tests"}
MY_URLS = "{ url preview }"
MY_FILE = f"{{ file {MY_URLS} }}"


@dataclass(repr=False)
class Doors:
    callers: Callers

    def looks(self, kind: Kind) -> Iterator[Look]:
        yield Look("uploads", kind, partial(self.uploads, kind))
        yield Look("new uploads", kind, partial(self.new_upload, kind))
        if kind in self.callers.world.old_tokens:
            yield Look("a token that is over", kind, partial(self.expired, kind))
        if kind in CITIZENS:
            yield Look("forged calls", kind, partial(self.forged, kind))
        if kind is Kind.ARRIVING:
            yield Look("a proof that is over", kind, partial(self.too_late, kind))
        if kind in PARTIES:
            yield Look("files out of sight", kind, partial(self.lost, kind))
        if kind in CITIZENS:
            yield Look("an export that is over", kind, partial(self.exported, kind), spoils=True)
        yield Look("a spoken code that is over", kind, partial(self.over, kind))
        for owner in sorted(PARTIES):
            yield Look(f"files of the {owner}", kind, partial(self.files, kind, owner))

    async def forged(self, kind: Kind) -> list[str]:
        """Another site has the browser call, which adds the cookie by itself."""
        token = self.callers.world.headers[kind]["Authorization"].removeprefix("Bearer ")
        cookie = {"Cookie": f"session={token}"}
        elsewhere = {**cookie, "Origin": "https://elsewhere.example"}
        http, upload = self.callers.http, self.callers.world.things[f"upload {kind}"]
        statuses = {
            "POST": (
                await http.post("/graphql", json={"query": "{ me { id } }"}, headers=cookie)
            ).status_code,
            "DELETE": (
                await http.delete(f"/uploads/{upload.id}", headers={**cookie, "Tus-Resumable": "1.0.0"})
            ).status_code,
        }
        wrong = [
            f"a forged {method} answers {status}" for method, status in statuses.items() if status != 403
        ]
        if await self.callers.open_websocket(elsewhere):
            wrong.append("another site opened a WebSocket")
        if not await self.callers.open_websocket(cookie):
            wrong.append("our own site could not open a WebSocket")
        return wrong

    async def lost(self, kind: Kind) -> list[str]:
        """Addresses of ours, signed for this caller, of what does not exist for them, or not any more: what they open
        is decided each time."""
        world = self.callers.world
        actor = await actor_of(world.headers[kind])
        pieces = [
            (FILES[thing.type], row_of(thing))
            for thing in world.things.values()
            if thing.type in FILES and kind not in thing.reach
        ]
        addresses = [file_url(actor, of, id, "piece.pdf") for of, id in pieces]
        if isinstance(actor, CitizenActor):
            over = row_of(world.things[f"session that is over {kind}"])
            ended = CitizenActor(account_id=actor.account_id, session_id=over)
            of_another = row_of(world.things[f"session {Kind.ADMINISTRATOR}"])
            mixed = CitizenActor(account_id=actor.account_id, session_id=of_another)
            own = row_of(world.things[f"document {kind}"])
            addresses += [file_url(one, "stored_document", own, "piece.pdf") for one in (ended, mixed)]
            export = row_of(world.things[f"export {kind}"])
            addresses += [file_url(one, "data_export", export, "piece.zip") for one in (ended, mixed)]
        wrong = []
        for address in addresses:
            assert address is not None
            response = await self.callers.http.get(urlsplit(address).path)
            if response.status_code != 404:
                wrong.append(f"{address[-40:]} answers {response.status_code} to the {kind}")
            wrong += self.callers.reply(kind, response).leaks
        return wrong

    async def expired(self, kind: Kind) -> list[str]:
        """A token whose time is over opens nothing, as if it had never been one."""
        headers = {"Authorization": f"Bearer {self.callers.world.old_tokens[kind]}"}
        response = await self.callers.http.post("/graphql", json={"query": "{ me { id } }"}, headers=headers)
        return [] if response.status_code == 401 else [f"a token that is over answers {response.status_code}"]

    async def exported(self, kind: Kind) -> list[str]:
        """One that could be fetched until now: neither shown, nor at the address that was shown before."""
        asked = "{ me { dataExport { file { url } } } }"
        before = (await self.callers.ask(kind, asked)).data["me"]["dataExport"]["file"]["url"]
        export = row_of(self.callers.world.things[f"export {kind}"])
        await execute("UPDATE data_export SET expires_at = now() WHERE id = $1", export)
        after = (await self.callers.ask(kind, asked)).data["me"]["dataExport"]["file"]
        response = await self.callers.http.get(urlsplit(before).path)
        told = (after, response.status_code)
        return [] if told == (None, 404) else [f"an export that is over answers {told} to the {kind}"]

    async def too_late(self, kind: Kind) -> list[str]:
        """Whoever has proved who they are some time ago has to prove it again."""
        headers = {"Cookie": self.callers.world.old_arrival, "X-Requested-With": "tests"}
        username = self.callers.world.usernames[Kind.OTHER_CITIZEN]
        link = f'linkIdentity(input: {{username: "{username}", password: "{PASSWORD}"}}) {{ __typename }}'
        told = []
        for document in ("{ pendingIdentity { provider } }", f"mutation {{ {link} }}"):
            response = await self.callers.http.post("/graphql", json={"query": document}, headers=headers)
            told.append(response.json()["data"])
            self.callers.http.cookies.clear()
        expected = [{"pendingIdentity": None}, {"linkIdentity": {"__typename": "NotFoundError"}}]
        return [] if told == expected else [f"the {kind} is answered {told}"]

    async def over(self, kind: Kind) -> list[str]:
        response = await self.callers.http.get(
            self.callers.world.old_recording, headers=self.callers.world.headers[kind]
        )
        return (
            []
            if response.status_code == 404
            else [f"a recording answers {response.status_code} to the {kind}"]
        )

    async def uploads(self, kind: Kind) -> list[str]:
        """Everybody's uploads, asked after, continued and thrown away by their ids."""
        before, wrong = await digest(), []
        for thing in self.callers.world.of_type("Upload"):
            for method, expected in (("HEAD", 200), ("PATCH", 409), ("DELETE", 204)):
                if method == "DELETE" and kind in thing.owners:
                    continue
                headers = {
                    **self.callers.world.headers[kind],
                    **TUS,
                    "Upload-Offset": "0",
                    "Content-Type": "application/offset+octet-stream",
                }
                response = await self.callers.http.request(method, f"/uploads/{thing.id}", headers=headers)
                wanted = expected if kind in thing.owners else _absent(kind)
                if response.status_code != wanted:
                    wrong.append(f"{method} of {thing.name} answers {response.status_code} to the {kind}")
                wrong += self.callers.reply(kind, response).leaks
        after = await digest()
        return [
            *wrong,
            *(
                f"{table} was changed by uploads of the {kind}"
                for table in before
                if before[table] != after[table]
            ),
        ]

    async def new_upload(self, kind: Kind) -> list[str]:
        """An empty one, which nobody may begin who has nowhere to use it. It is ended again."""
        headers = {
            **self.callers.world.headers[kind],
            **TUS,
            "Upload-Length": "9",
            "Upload-Metadata": "filename cGllY2UucGRm",
        }
        response = await self.callers.http.post("/uploads", headers=headers)
        expected = _absent(kind) if kind in VISITORS | PARTNERS | RESTRICTED else 201
        if response.status_code == 201:
            await self.callers.http.delete(urlsplit(response.headers["location"]).path, headers=headers)
        return (
            []
            if response.status_code == expected
            else [f"a new upload answers {response.status_code} to the {kind}"]
        )

    async def files(self, kind: Kind, owner: Kind) -> list[str]:
        """Addresses that were signed for `owner`, opened with the credentials of `kind`."""
        wrong = []
        for address in await self.addresses(owner):
            response = await self.callers.http.get(address, headers=self.callers.world.headers[kind])
            expected = 200 if opens(kind, owner) else 404
            if response.status_code != expected:
                wrong.append(f"a file of the {owner} answers {response.status_code} to the {kind}")
            if expected == 404:
                wrong += self.callers.reply(kind, response).leaks
        return wrong

    async def addresses(self, owner: Kind) -> list[str]:
        """Those that this kind of caller is given: of a request, and of a storage space."""
        world = self.callers.world
        request = next(
            filed for filed in world.requests.values() if filed.row.submitted_at and owner in filed.reach
        )
        piece = world.things[f"{request.name}/citizen attachment"].id
        asked = [
            f'request(id: "{world.things[request.name].id}") {{ receipt {MY_URLS} }}',
            f'node(id: "{piece}") {{ ... on Attachment {MY_FILE} }}',
        ]
        if owner in CITIZENS:
            document = f"storage {{ documents(first: 1) {{ nodes {MY_FILE} }} }}"
            asked.append(f"me {{ dataExport {{ file {{ url }} }} {document} }}")
        reply = await self.callers.ask(owner, f"{{ {' '.join(asked)} }}")
        found = re.findall(r'/files/[^"]*', reply.response.text)
        assert len(found) >= 4
        return found


def opens(kind: Kind, owner: Kind) -> bool:
    """Without credentials an address is enough; with others than the owner's it is not, save for a citizen who was
    given a ticket's."""
    return kind in VISITORS or kind is owner or (kind in CITIZENS and owner in HOLDERS)


def _absent(kind: Kind) -> int:
    return 401 if kind in VISITORS else 403 if kind in PARTNERS | RESTRICTED else 404
