"""A schema small enough to know by heart: the protocol is tested against it, whatever the real one says."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from uuid import UUID

import strawberry
from strawberry.schema.config import StrawberryConfig

from core.errors import (
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    UnauthenticatedError,
    UnavailableError,
)
from core.i18n import Language
from models.actors import Actor, CitizenActor, PartnerActor, TicketHolder
from schema.context import Context
from schema.scalars import SCALARS, Upload
from uploads.received import ReceivedFile

Info = strawberry.Info[Context, None]

FAR = datetime(2100, 1, 1, tzinfo=UTC)
SOMEBODY = UUID("00000000-0000-4000-8000-000000000001")
SECRET = "postgresql://secret"

closed_subscriptions: list[str] = []
revoked: set[str | None] = set()
CONTEXTS: list[Context] = []
seen_files: list[ReceivedFile] = []


async def authenticate(*, bearer: str | None, ticket: str | None, language: Language) -> Actor:
    """Knows one token and one ticket; `down` plays a database that is away."""
    if bearer == "down":
        raise UnavailableError
    if bearer in revoked:
        raise UnauthenticatedError
    if bearer in ("good", "soon revoked"):
        return CitizenActor(account_id=SOMEBODY, session_id=SOMEBODY, language=language)
    if bearer == "partner":
        return PartnerActor(
            token_id=SOMEBODY, scopes=frozenset(), procedure_ids=frozenset(), language=language
        )
    if ticket == "GOOD-TICKET":
        return TicketHolder(request_id=SOMEBODY, language=language)
    raise UnauthenticatedError


@strawberry.type
class PageInfo:
    has_next_page: bool = False


@strawberry.type
class Item:
    name: str = "item"

    @strawberry.field
    def tags(self) -> list["Item"]:
        return []

    @strawberry.field
    def items(self, first: int | None = 20) -> "ItemConnection":
        return ItemConnection(nodes=[Item() for _ in range(min(first or 0, 3))])


@strawberry.type
class ItemConnection:
    nodes: list[Item]
    page_info: PageInfo = strawberry.field(default_factory=PageInfo)
    total_count: int = 3


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"hello {name}"

    @strawberry.field
    def who(self, info: Info) -> str:
        return type(info.context.actor).__name__

    @strawberry.field
    def language(self, info: Info) -> str:
        return info.context.language

    @strawberry.field
    def kept(self, info: Info) -> int:
        """How often this context has asked: 1, however many operations the connection has seen."""
        CONTEXTS.append(info.context)
        return sum(context is info.context for context in CONTEXTS)

    @strawberry.field
    def items(self, first: int | None = 20, last: int | None = None) -> ItemConnection:
        return ItemConnection(nodes=[Item() for _ in range(min(first or last or 0, 3))])

    @strawberry.field
    def item(self) -> Item:
        return Item()

    @strawberry.field
    def too_large(self) -> int:
        return 2**40

    @strawberry.field
    def fail(self, how: str) -> str | None:
        raise {
            "defect": ValueError(SECRET),
            "unavailable": UnavailableError(),
            "unauthenticated": UnauthenticatedError(),
            "forbidden": ForbiddenError(),
            "limited": RateLimitedError(7),
            "absent": NotFoundError(),
        }[how]


@strawberry.type
class Seen:
    """What a resolver sees of a file that was sent."""

    name: str
    media_type: str
    size: int
    sha256: str

    @staticmethod
    def of(upload: Upload) -> "Seen":
        file: ReceivedFile = upload
        seen_files.append(file)
        file.content.seek(0)
        return Seen(
            name=file.name,
            media_type=file.media_type,
            size=file.size,
            sha256=hashlib.sha256(file.content.read()).hexdigest(),
        )


@strawberry.input
class Piece:
    title: str | None = None
    file: Upload | None = None


@strawberry.type
class Mutation:
    @strawberry.mutation
    def see(self, file: Upload) -> Seen:
        return Seen.of(file)

    @strawberry.mutation
    def see_all(self, files: list[Upload]) -> list[Seen]:
        return [Seen.of(file) for file in files]

    @strawberry.mutation
    def see_pieces(self, pieces: list[Piece]) -> list[Seen | None]:
        return [Seen.of(piece.file) if piece.file else None for piece in pieces]

    @strawberry.mutation
    def break_down(self, file: Upload) -> int:
        seen_files.append(file)
        raise ValueError(SECRET)

    @strawberry.mutation
    async def hold(self, file: Upload) -> int:
        """Never answers by itself."""
        seen_files.append(file)
        await asyncio.sleep(60)
        return 1

    @strawberry.mutation
    def log_in(self, info: Info) -> bool:
        info.context.keep_session("good", FAR)
        return True

    @strawberry.mutation
    def log_out(self, info: Info) -> bool:
        info.context.forget_session()
        return True


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int = 3) -> AsyncGenerator[int, None]:
        for number in range(1, to + 1):
            yield number
            await asyncio.sleep(0)

    @strawberry.subscription
    async def wait(self, name: str = "wait") -> AsyncGenerator[int, None]:
        try:
            yield 1
            await asyncio.sleep(60)
        finally:
            closed_subscriptions.append(name)

    @strawberry.subscription
    async def break_down(self) -> AsyncGenerator[int, None]:
        yield 1
        raise ValueError(SECRET)

    @strawberry.subscription
    async def refused(self) -> AsyncGenerator[int, None]:
        raise NotFoundError
        yield 1


def sample_schema() -> strawberry.Schema:
    return strawberry.Schema(
        Query,
        Mutation,
        Subscription,
        config=StrawberryConfig(scalar_map={Upload: SCALARS[Upload]}),
    )
