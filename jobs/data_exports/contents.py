"""What an export holds, put together file by file: JSON for programs, pages for people, and the pieces themselves.

It reads as the account's citizen does, by the same code that answers the API (resolvers/), so it holds nothing that
they do not see there. In memory are a page of rows and some chunks of a file, however much there is.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import orjson

from core.clock import now
from core.selection import Selection
from jobs.data_exports.archive import Archive
from jobs.data_exports.pages import account_page, request_page
from jobs.data_exports.selections import ACCOUNT, DOCUMENT, EVENT, EXCHANGE, REFERENCE, REQUEST, paged
from models.actors import CitizenActor
from models.database import Row, fetch_one
from models.ids import decode_as
from resolvers import catalogue
from resolvers.accounts import read_account
from resolvers.requests import read_request
from uploads.checking.names import split_extension
from uploads.storing import CorruptBlobError, MissingBlobError, UnknownKeyError, blobs

FORMAT = "espace-citoyens/data-export/1"
NAME_LIMIT = 80
"""Characters of a file's own name in its path, extension included."""


class UnreadablePieceError(Exception):
    """A stored file that cannot be read: the rest can be exported without it."""

    def __init__(self, sha256: str) -> None:
        super().__init__()
        self.sha256 = sha256


@dataclass(frozen=True, slots=True)
class Entry:
    """What the first page says of a request. `path` is that of its page."""

    title: str
    ticket: str
    status: str
    submitted_at: datetime | None
    path: str


@dataclass
class Contents:
    """`without`: SHA-256 of files that are known to be unreadable."""

    actor: CitizenActor
    without: Collection[str] = ()
    _archive: Archive = field(default_factory=Archive)
    _paths: dict[str, str] = field(default_factory=dict)
    """Where each content is in the ZIP: it is there once."""

    async def zipped(self) -> AsyncGenerator[bytes, None]:
        """The ZIP. Raises UnreadablePieceError; UnavailableError; LookupError where the account is gone."""
        entries: list[Entry] = []
        async for id in self._request_ids():
            row = await self._request(id, REQUEST)
            if row is None:
                continue  # Thrown away since.
            path = f"requests/{len(entries) + 1:04}-{row['procedure']['slug'][:NAME_LIMIT]}"
            async for piece in self._put_request(id, row, path):
                yield piece
            entries.append(_entry(row, f"{path}.html"))
        async for document in self._documents():
            async for piece in self._put_file(document["file"]):
                yield piece
        account = await read_account(self.actor, self.actor.account_id, ACCOUNT)
        if account is None:
            raise LookupError("no such account")
        page = account_page(
            self.actor.language, await self._zone(), account, self._documents_shown(), entries
        )
        for name, content in (("account.json", self._account_json(account, entries)), ("index.html", page)):
            async for piece in self._put(name, content):
                yield piece
        yield self._archive.end()

    async def _put_request(self, id: str, row: Row, path: str) -> AsyncIterator[bytes]:
        files = [*(attachment["file"] for attachment in row["attachments"]), row["receipt"]]
        for file in filter(None, files):
            async for piece in self._put_file(file):
                yield piece
        page = request_page(
            self.actor.language,
            await self._zone(),
            self._shown(row),
            self._pages(id, "exchanges", EXCHANGE),
            self._pages(id, "history", EVENT),
        )
        for name, content in ((f"{path}.json", self._request_json(id, row)), (f"{path}.html", page)):
            async for piece in self._put(name, content):
                yield piece

    async def _put(self, path: str, content: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
        dated = now().astimezone(await self._zone())
        async for piece in self._archive.add(path, content, dated=dated, compressed=True):
            yield piece

    async def _put_file(self, file: Row) -> AsyncIterator[bytes]:
        """A file that its citizen could open, once; nothing where it cannot be opened, or is gone."""
        sha256 = file["sha256"]
        if file["scan"] != "CLEAN" or sha256 in self._paths or sha256 in self.without:
            return
        stored = await fetch_one(
            "SELECT address, size, created_at FROM file WHERE sha256 = decode($1, 'hex') AND scan = 'CLEAN'",
            sha256,
        )
        if stored is None:
            return
        path = f"pieces/{len(self._paths) + 1:04}-{_short(file['name'])}"
        dated = stored["created_at"].astimezone(await self._zone())
        chunks = cast("AsyncGenerator[bytes, None]", blobs().read(stored["address"]))
        added = self._archive.add(path, chunks, dated=dated, compressed=False, size=stored["size"])
        try:
            async for piece in added:
                yield piece
        except UnknownKeyError:
            raise  # An operator gives the key back; then it can be read.
        except (MissingBlobError, CorruptBlobError) as error:
            raise UnreadablePieceError(sha256) from error
        self._paths[sha256] = path

    async def _account_json(self, account: Row, entries: list[Entry]) -> AsyncGenerator[bytes, None]:
        municipality = (await catalogue.current()).municipality
        head = {
            "format": FORMAT,
            "municipality": municipality.name,
            "madeAt": now(),
            "account": self._json(account, ACCOUNT),
            "requests": [
                {
                    "ticket": entry.ticket,
                    "title": entry.title,
                    "path": f"{entry.path.removesuffix('.html')}.json",
                }
                for entry in entries
            ],
        }
        async with aclosing(_document(head, documents=self._listed(self._documents(), DOCUMENT))) as pieces:
            async for piece in pieces:
                yield piece

    async def _request_json(self, id: str, row: Row) -> AsyncGenerator[bytes, None]:
        document = _document(
            self._json(row, REQUEST),
            exchanges=self._listed(self._pages(id, "exchanges", EXCHANGE), EXCHANGE),
            history=self._listed(self._pages(id, "history", EVENT), EVENT, without_null=True),
        )
        async with aclosing(document) as pieces:
            async for piece in pieces:
                yield piece

    async def _request_ids(self) -> AsyncIterator[str]:
        """Of all requests, those under way first, the latest first."""
        for archived in (False, True):
            after: str | None = None
            while True:
                asked = paged("requests", REFERENCE, archived=archived, after=after)
                account = await read_account(self.actor, self.actor.account_id, asked)
                if account is None:
                    raise LookupError("no such account")
                page = account[asked.fields[0].key]
                for node in page["nodes"]:
                    yield node["id"]
                after = page["page_info"]["end_cursor"]
                if not page["page_info"]["has_next_page"]:
                    break

    async def _documents(self) -> AsyncGenerator[Row, None]:
        """Those of the storage space."""
        after: str | None = None
        while True:
            asked = paged("documents", DOCUMENT, after=after)
            account = await read_account(self.actor, self.actor.account_id, Selection.of(storage=asked))
            if account is None:
                raise LookupError("no such account")
            page = account["storage"][asked.fields[0].key]
            for node in page["nodes"]:
                yield node
            after = page["page_info"]["end_cursor"]
            if not page["page_info"]["has_next_page"]:
                break

    async def _documents_shown(self) -> AsyncGenerator[Row, None]:
        async with aclosing(self._documents()) as documents:
            async for document in documents:
                yield self._shown(document)

    async def _pages(self, id: str, name: str, node: Selection) -> AsyncGenerator[Row, None]:
        """All nodes of a connection of a request, a page at a time."""
        after: str | None = None
        while True:
            asked = paged(name, node, after=after)
            row = await self._request(id, asked)
            if row is None:
                return
            page = row[asked.fields[0].key]
            for found in page["nodes"]:
                yield found
            after = page["page_info"]["end_cursor"]
            if not page["page_info"]["has_next_page"]:
                return

    async def _request(self, id: str, selection: Selection) -> Row | None:
        return await read_request(self.actor, decode_as("ServiceRequest", id), selection)

    async def _listed(
        self, rows: AsyncGenerator[Row, None], selection: Selection, *, without_null: bool = False
    ) -> AsyncGenerator[Any, None]:
        async with aclosing(rows):
            async for row in rows:
                value = self._json(row, selection)
                yield {k: v for k, v in value.items() if v is not None} if without_null else value

    def _json(self, value: Any, selection: Selection) -> Any:
        """What is selected of a row, under the schema's names; of files also where they are in the ZIP, or null."""
        if isinstance(value, list):
            return [self._json(item, selection) for item in value]
        if not isinstance(value, dict):
            return value
        if not selection:
            return {_schema_name(key): self._json(item, selection) for key, item in value.items()}
        chosen = {_schema_name(one.name): self._json(value[one.key], one.selection) for one in selection}
        return {**chosen, "path": self._paths.get(value["sha256"])} if "sha256" in value else chosen

    def _shown(self, row: Row) -> Row:
        """The row for a page, each file with the path that it has in the ZIP."""
        return cast("Row", _with_paths(row, self._paths))

    async def _zone(self) -> ZoneInfo:
        return ZoneInfo((await catalogue.current()).municipality.timezone)


def _entry(row: Row, path: str) -> Entry:
    submitted_at = row["submitted_at"]
    return Entry(
        title=row["procedure"]["title"],
        ticket=row["ticket"],
        status=row["status"],
        submitted_at=datetime.fromisoformat(submitted_at) if submitted_at else None,
        path=path,
    )


def _with_paths(value: Any, paths: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_with_paths(item, paths) for item in value]
    if not isinstance(value, dict):
        return value
    copied = {key: _with_paths(item, paths) for key, item in value.items()}
    return {**copied, "path": paths.get(value["sha256"])} if "sha256" in value else copied


async def _document(head: dict[str, Any], **lists: AsyncGenerator[Any, None]) -> AsyncGenerator[bytes, None]:
    """One JSON object: `head`, and after it lists that are written as they come."""
    yield _dump(head).removesuffix(b"\n}")
    for name, items in lists.items():
        yield b",\n  " + orjson.dumps(name) + b": ["
        separator = b"\n"
        async with aclosing(items):
            async for item in items:
                # Safe: what is in a string has its line breaks escaped.
                yield separator + b"    " + _dump(item).replace(b"\n", b"\n    ")
                separator = b",\n"
        yield b"\n  ]"
    yield b"\n}\n"


def _dump(value: Any) -> bytes:
    return orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2)


def _schema_name(key: str) -> str:
    """`read_at` is readAt; what a row is, where there are several kinds, is its type."""
    if key == "__typename":
        return "type"
    first, *others = key.split("_")
    return first + "".join(map(str.capitalize, others))


def _short(name: str) -> str:
    """The name that a file has (uploads/checking/names.py made it safe), shorter where it is long."""
    stem, extension = split_extension(name)
    if len(name) <= NAME_LIMIT:
        return name
    kept = stem[: NAME_LIMIT - len(extension) - 1].rstrip(". ")
    return f"{kept}.{extension}" if extension else kept
