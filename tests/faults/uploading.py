"""Somebody who sends, replaces and removes pieces until the process dies: `python -m tests.faults.uploading`.

Everything is as the doors have it: bodies read by uploads/receiving and espace/tus, resolvers, the real store and
database. What was answered is said once it was; what an answer is still awaited for is said before.
"""

from __future__ import annotations

import asyncio
import io
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, aclosing, closing
from hashlib import sha256
from typing import IO, Any
from uuid import UUID, uuid4

from PIL import Image

import espace.tus.body
import resolvers.files
import uploads.sandbox.running  # noqa: F401 - loaded before the first process is forked
from core.selection import Selection
from core.settings import get_settings
from espace.tus.body import Continuation
from jobs.file_retention import sweep_files
from models import database
from models.actors import CitizenActor
from models.ids import encode
from resolvers import attachments, storage
from resolvers.file_sources import FileSource
from resolvers.storage import DocumentChange
from resolvers.uploads import create_upload, end_upload
from tests.faults.doomed import Doom, run
from uploads.received import ReceivedFile
from uploads.receiving import Part, keep_file, read_parts
from uploads.storing import Blobs, blobs
from uploads.storing.addresses import new_address
from uploads.storing.folder import Folder

PIECE = Selection.of("id", file=Selection.of("sha256"))
MEDIA_TYPE = "image/jpeg"
LARGEST_SIDE = 450
KNOWN_PICTURES = 5
"""Of these many are sent again and again, by everybody."""


def a_picture(seed: int) -> bytes:
    """Noise, of a few kB to some hundred: no encoder makes it much smaller."""
    chance = random.Random(seed)
    side = chance.randint(40, LARGEST_SIDE)
    content = io.BytesIO()
    Image.frombytes("L", (side, side), chance.randbytes(side * side)).save(content, "JPEG", quality=90)
    return content.getvalue()


class Uploader:
    """One citizen with a storage space and a request. Titles are never used twice."""

    def __init__(
        self, doom: Doom, actor: CitizenActor, request: str, catch_up: Callable[[], Awaitable[None]]
    ) -> None:
        self.doom, self.actor, self.request, self.catch_up = doom, actor, request, catch_up
        self.chance = random.Random(doom.plan.number)
        self.attached: list[str] = []
        self.kept: list[str] = []
        self.doings: Mapping[str, Callable[[], Awaitable[None]]] = {
            "attach": self.attach,
            "keep": self.keep,
            "replace": self.replace,
            "update": self.update,
            "resume": self.resume,
            "send again": self.send_again,
            "remove": self.remove,
            "delete": self.delete,
            "give up": self.give_up,
        }

    async def live(self, opening: str) -> None:
        while True:
            await self.doings[opening]()
            opening = self.chance.choice(list(self.doings))

    async def attach(self) -> None:
        with ExitStack() as files:
            await self._attach(FileSource(upload=await self._receive(files, self._content())))

    async def keep(self) -> None:
        with ExitStack() as files:
            await self._keep(FileSource(upload=await self._receive(files, self._content())))

    async def replace(self) -> None:
        if not self.attached:
            await self.attach()
        id = self.chance.choice(self.attached)
        with ExitStack() as files:
            source = FileSource(upload=await self._receive(files, self._content()))
            self.doom.say(touched=[id])
            row = await attachments.replace_attachment(
                self.actor, attachment=id, source=source, title=self._title(), selection=PIECE
            )
        await self._answered(id, row["file"]["sha256"])

    async def update(self) -> None:
        if not self.kept:
            await self.keep()
        id = self.chance.choice(self.kept)
        with ExitStack() as files:
            source = FileSource(upload=await self._receive(files, self._content()))
            self.doom.say(touched=[id])
            row = await storage.update_stored_document(
                self.actor,
                document=id,
                source=source,
                change=DocumentChange(title=self._title()),
                selection=PIECE,
            )
        await self._answered(id, row["file"]["sha256"])

    async def send_again(self) -> None:
        """A content that is there already: what was stored for it is thrown away."""
        with ExitStack() as files:
            content = a_picture(self.chance.randrange(KNOWN_PICTURES))
            await self._attach(FileSource(upload=await self._receive(files, content)))
            await self._keep(FileSource(upload=await self._receive(files, content)))

    async def remove(self) -> None:
        if not self.attached:
            await self.attach()
        id = self.attached.pop(self.chance.randrange(len(self.attached)))
        self.doom.say(touched=[id])
        await attachments.remove_attachment(self.actor, attachment=id, selection=Selection.of("id"))
        await self._answered(id, None)

    async def delete(self) -> None:
        if not self.kept:
            await self.keep()
        id = self.kept.pop(self.chance.randrange(len(self.kept)))
        self.doom.say(touched=[id])
        await storage.delete_stored_document(self.actor, document=id, selection=Selection.of("used_bytes"))
        await self._answered(id, None)

    async def resume(self) -> None:
        """A resumable upload, in two requests, then used."""
        id = await self._upload(break_off=False)
        source = FileSource(resumable_upload=encode("Upload", id))
        await (self._attach(source) if self.chance.random() < 0.5 else self._keep(source))

    async def give_up(self) -> None:
        id = await self._upload(break_off=True)
        self.doom.say(touched=[encode("Upload", id)])
        await end_upload(self.actor, id)
        await self._answered(encode("Upload", id), None)

    async def _attach(self, source: FileSource) -> None:
        row = await attachments.add_attachment(
            self.actor, request=self.request, source=source, title=self._title(), field=None, selection=PIECE
        )
        await self._answered(row["id"], row["file"]["sha256"])
        self.attached.append(row["id"])

    async def _keep(self, source: FileSource) -> None:
        row = await storage.add_stored_document(
            self.actor, source=source, title=self._title(), kind="OTHER", valid_until=None, selection=PIECE
        )
        await self._answered(row["id"], row["file"]["sha256"])
        self.kept.append(row["id"])

    async def _upload(self, *, break_off: bool) -> UUID:
        # More than one part: what follows the end of a picture is dropped when it is checked.
        content = self._content() + self.chance.randbytes(self.chance.randint(1_000_000, 1_500_000))
        upload = await create_upload(self.actor, name="photo.jpg", media_type=MEDIA_TYPE, length=len(content))
        cut = self.chance.randrange(1, len(content))
        for start, end in ((0, cut),) if break_off else ((0, cut), (cut, len(content))):
            with closing(Continuation(self.actor, upload)) as continuation:
                continuation.offset = start
                await continuation.take(self._chunks(content[start:end]))
            await self._answered(encode("Upload", upload.id), [end, sha256(content[:end]).hexdigest()])
        return upload.id

    async def _receive(self, files: ExitStack, content: bytes) -> ReceivedFile:
        head = b'--cut\r\nContent-Disposition: form-data; name="0"; filename="photo.jpg"\r\n\r\n'
        async with aclosing(read_parts(self._chunks(head + content + b"\r\n--cut--\r\n"), b"cut")) as events:
            async for event in events:
                if isinstance(event, Part):
                    return await keep_file(event, events, files, get_settings().upload_file_bytes)
        raise AssertionError("there is no file in it")

    async def _chunks(self, content: bytes) -> AsyncIterator[bytes]:
        rest = memoryview(content)
        while rest:
            size = self.chance.randrange(1, 200_000)
            self.doom.reached("receiving")
            yield bytes(rest[:size])
            rest = rest[size:]

    async def _answered(self, id: str, value: Any) -> None:
        self.doom.say(answered=[id, value])
        await self.catch_up()

    def _content(self) -> bytes:
        return a_picture(self.chance.randrange(1 << 62))

    def _title(self) -> str:
        return f"Pièce {uuid4()}"


def write_in_place(folder: Folder, address: str, pieces: Iterator[bytes]) -> None:
    """How it must not be done: straight to the address."""
    path = folder._root / address
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for piece in pieces:
            os.write(file.fileno(), piece)


class RowFirst(Blobs):
    """How it must not be done, either: the row names an address whose bytes come after it."""

    def __init__(self, real: Blobs) -> None:
        super().__init__(real._backend, real._keys)
        self._owed: list[tuple[str, bytes]] = []

    async def write(self, content: IO[bytes], sha256: bytes) -> str:
        address = new_address(sha256)
        content.seek(0)
        self._owed.append((address, content.read()))
        return address

    async def catch_up(self) -> None:
        while self._owed:
            address, content = self._owed.pop()
            await asyncio.to_thread(self._write, io.BytesIO(content), address)


def live(doom: Doom, order: Mapping[str, Any]) -> None:
    if order["how"] == "in place":
        setattr(Folder, "write", write_in_place)  # noqa: B010 - no type checker likes it otherwise
    doom.watch_store()
    doom.watch_database()
    doom.announce(resolvers.files, "check", "checking", "checked")
    doom.announce(resolvers.files, "put_file", "writing down")
    doom.announce(espace.tus.body, "append_part", "adding a part", "part added")
    asyncio.run(_sweep() if order["how"] == "sweep" else _upload(doom, order))


async def _upload(doom: Doom, order: Mapping[str, Any]) -> None:
    async def nothing() -> None:
        pass

    catch_up: Callable[[], Awaitable[None]] = nothing
    if order["how"] == "row first":
        store = RowFirst(blobs())
        setattr(resolvers.files, "blobs", lambda: store)  # noqa: B010
        catch_up = store.catch_up
    # Nobody else is this citizen at the same time: each lane has its own.
    mine = order["citizens"][order["lane"] :: order["lanes"]]
    account, session, request = mine[doom.plan.number % len(mine)]
    async with database.connected(get_settings()):
        actor = CitizenActor(account_id=UUID(account), session_id=UUID(session))
        await Uploader(doom, actor, request, catch_up).live(doom.plan.opening)


async def _sweep() -> None:
    async with database.connected(get_settings()):
        while True:
            await sweep_files()


if __name__ == "__main__":
    run(live)
