"""Citizens who send, replace and remove pieces over HTTP, on and on, whatever becomes of the processes that answer."""

from __future__ import annotations

import asyncio
import random
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from models.ids import decode_as
from tests.faults.insisting import NO_ANSWER
from tests.faults.uploading import KNOWN_PICTURES, a_picture
from tests.journeys.client import Client, Data, FileToSend, RefusedError
from tests.journeys.stories import draft_request, open_account
from tests.stack import Api

NAME = "photo.jpg"
MEDIA_TYPE = "image/jpeg"
PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 40.0
ATTEMPTS = 300
MOST_HELD = 25
"""Pieces of a citizen, in both places: then one goes before another comes."""

SEEN = """query Seen($request: ID!) {
  request(id: $request) { attachments { id file { sha256 size scan url preview } } }
  me { storage { usedBytes documents(first: 100) { nodes { id file { sha256 size scan url preview } } } } }
}"""


class NotNowError(Exception):
    """No answer, or UNAVAILABLE: it may have been done, or not."""


class Citizen:
    """One account with a draft, who asks whichever process `apis` names.

    `known`: what was answered of each piece, its size, or None where it is gone. A piece whose change was not answered
    is not in it. `loose`: pieces that are there, though nobody was told so.
    """

    def __init__(self, client: Client, request: str, apis: Callable[[], list[Api]], seed: int) -> None:
        self.client, self.request, self.apis = client, request, apis
        self.chance = random.Random(seed)
        self.known: dict[str, int | None] = {}
        self.loose: set[str] = set()
        self.done: Counter[str] = Counter()
        client.patience(PATIENCE_SECONDS)

    @classmethod
    async def move_in(cls, apis: Callable[[], list[Api]], seed: int) -> Citizen:
        client, _ = await open_account(apis()[0])
        draft = await draft_request(client)
        return cls(client, draft["id"], apis, seed)

    async def live(self, until: Callable[[], bool], answered: Callable[[], None] = lambda: None) -> None:
        doings = [self.attach, self.keep, self.attach, self.keep, self.replace, self.update, self.give_up]
        while not until():
            try:
                held = [*(id for id, size in self.known.items() if size is not None), *self.loose]
                doing = self.throw_away if len(held) > MOST_HELD else self.chance.choice(doings)
                await doing()
                self.done[doing.__name__] += 1
                answered()
            except NotNowError:
                self.done["not answered"] += 1
                await asyncio.sleep(PAUSE_SECONDS)

    async def attach(self) -> None:
        answer = await self._change("AddAttachment", request=self.request, source=await self._file())
        self._is_there(answer["attachment"])

    async def keep(self) -> None:
        self._is_there((await self._change("AddStoredDocument", input=await self._file()))["document"])

    async def replace(self) -> None:
        id = self._any("Attachment")
        if id is None:
            return await self.attach()
        source = await self._file()
        del self.known[id]
        self._is_there((await self._change("ReplaceAttachment", attachment=id, source=source))["attachment"])
        return None

    async def update(self) -> None:
        id = self._any("StoredDocument")
        if id is None:
            return await self.keep()
        source = await self._file()
        del self.known[id]
        self._is_there(
            (await self._change("UpdateStoredDocument", input={"document": id, **source}))["document"]
        )
        return None

    async def throw_away(self) -> None:
        """Of all that is there, also what nobody was told of."""
        there = await self.look()
        self.loose = there.keys() - self.known.keys()
        id = self.chance.choice(list(there))
        self.known.pop(id, None)
        if decode_as("Attachment", id):
            await self._change("RemoveAttachment", attachment=id)
        else:
            await self._change("DeleteStoredDocument", document=id)
        self.known[id] = None
        self.loose.discard(id)

    async def give_up(self) -> None:
        """A resumable upload that is begun, and not wanted any more."""
        content = self._content()
        path = await self._begin(content)
        await self._tus("PATCH", path, content[: len(content) // 2], {"Upload-Offset": "0"})
        await self._tus("DELETE", path)

    async def look(self) -> dict[str, Data]:
        """The file of each piece that is to be seen."""
        try:
            answer = (await self._now().send(SEEN, {"request": self.request})).json()
        except NO_ANSWER as error:
            raise NotNowError from error
        if answer.get("errors"):
            if answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE":
                raise NotNowError
            raise RefusedError("Seen", answer["errors"])
        pieces = [
            *answer["data"]["request"]["attachments"],
            *answer["data"]["me"]["storage"]["documents"]["nodes"],
        ]
        return {piece["id"]: piece["file"] for piece in pieces}

    async def wrong(self) -> list[str]:
        """Ids of pieces that are not as they were answered, or whose bytes are not those that they should be."""
        there = await self.look()
        found = [
            id for id, size in self.known.items() if (there[id]["size"] if id in there else None) != size
        ]
        for id, file in there.items():
            content = await self._now().fetch(file["url"])
            if (len(content), sha256(content).hexdigest()) != (file["size"], file["sha256"]):
                found.append(id)
        return found

    async def _file(self) -> Data:
        """As a file sent along, or as a finished resumable upload."""
        if self.chance.random() < 0.5:
            return {"upload": FileToSend(self._content(), NAME, MEDIA_TYPE)}
        content = self._content()
        path = await self._begin(content)
        offset = 0
        while offset < len(content):
            end = min(len(content), offset + self.chance.randrange(200_000, 1_500_000))
            try:
                await self._tus("PATCH", path, content[offset:end], {"Upload-Offset": str(offset)})
                offset = end
            except NotNowError:
                answered = offset
                offset = await self._asked_again(path)
                assert offset >= answered, "bytes that were acknowledged are gone"
                self.done["resumed"] += 1
        return {"resumableUpload": path.rpartition("/")[2]}

    async def _begin(self, content: bytes) -> str:
        headers = {
            "Upload-Length": str(len(content)),
            "Upload-Metadata": f"filename {b64encode(NAME.encode()).decode()}",
        }
        response = await self._tus("POST", "/uploads", headers=headers)
        return urlsplit(response.headers["location"]).path

    async def _asked_again(self, path: str) -> int:
        for _ in range(ATTEMPTS):
            try:
                return int((await self._tus("HEAD", path)).headers["upload-offset"])
            except NotNowError:
                await asyncio.sleep(PAUSE_SECONDS)
        raise NotNowError

    async def _tus(
        self, method: str, path: str, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        sent = {
            "Authorization": self.client.authorization or "",
            "Tus-Resumable": "1.0.0",
            **({"Content-Type": "application/offset+octet-stream"} if content else {}),
            **(headers or {}),
        }
        api = self.chance.choice(self.apis())
        try:
            async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as http:
                response = await http.request(method, f"{api.url}{path}", content=content, headers=sent)
        except NO_ANSWER as error:
            raise NotNowError from error
        # 429: too many of the uploads that were broken off wait for their end.
        if response.status_code in (429, 503):
            raise NotNowError
        assert response.is_success, (method, response.status_code, response.text)
        return response

    async def _change(self, name: str, **variables: Any) -> Data:
        """Fails where it is refused."""
        if name.endswith("StoredDocument") and "input" in variables:
            variables["input"]["title"] = uuid4().hex
        elif name in ("AddAttachment", "ReplaceAttachment"):
            variables["title"] = uuid4().hex
        try:
            return await self._now().change(name, **variables)
        except NO_ANSWER as error:
            raise NotNowError from error
        except RefusedError as error:
            if error.code != "UNAVAILABLE":
                raise
            raise NotNowError from error

    def _now(self) -> Client:
        self.client.api = self.chance.choice(self.apis())
        return self.client

    def _is_there(self, piece: Data) -> None:
        self.known[piece["id"]] = piece["file"]["size"]

    def _any(self, kind: str) -> str | None:
        ids = [id for id, size in self.known.items() if size is not None and decode_as(kind, id)]
        return self.chance.choice(ids) if ids else None

    def _content(self) -> bytes:
        """A picture, sent before now and then; what follows its end is dropped when it is checked."""
        known = self.chance.random() < 0.3
        seed = self.chance.randrange(KNOWN_PICTURES if known else 1 << 62)
        return a_picture(seed) + self.chance.randbytes(self.chance.randrange(1_500_000))
