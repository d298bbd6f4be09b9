"""Addresses of files: signed, good for some minutes, and for one caller. What they open is decided again each time.

An address names what is shown (an attachment, a stored document, a receipt, an export), never the bytes: once the piece
is removed or replaced, or its caller has lost sight of it, the address opens nothing, or what is there now.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, get_args
from urllib.parse import quote
from uuid import UUID

from core.clock import now
from core.errors import NotFoundError
from core.i18n import DEFAULT_LANGUAGE, Language, Text
from core.keys import sign, verify
from core.settings import get_settings
from models.actors import (
    Actor,
    AgentActor,
    AgentRole,
    CitizenActor,
    PartnerActor,
    RestrictedActor,
    TicketHolder,
    Visitor,
)
from models.data_exports import MEDIA_TYPE, export_name
from models.database import fetch_one
from models.receipts import receipt_name
from models.statement import Statement
from models.visibility import visible_requests

Kind = Literal["attachment", "stored_document", "receipt", "data_export"]

PURPOSE = "file-link"
LIFETIME_SECONDS = 600
"""The shortest that an address holds. Who reads the same page again within `STEP_SECONDS` mostly gets the same address,
so that browsers find in their cache what they have already fetched."""
STEP_SECONDS = 300
TOLD_APART = timedelta(days=1)
"""How long a link that has expired is still told from one that we never made."""

PREVIEW_MEDIA_TYPE = "image/webp"
SHOWN_CHARACTERS = 60
"""How much of a name an address shows before the extension: it is there for people only, and addresses have a limit."""

_EXPIRED = Text(
    fr="Ce lien a expiré. Rechargez la page sur laquelle il se trouve, puis recommencez.",
    en="This link has expired. Reload the page that it is on, then try again.",
)


class ExpiredLinkError(NotFoundError):
    """A link of ours whose time is over: the page that it is on has a new one."""

    def __init__(self) -> None:
        super().__init__(_EXPIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedFile:
    """What a link opens. `etag` is the SHA-256 in hexadecimal: of the content, or of where a preview is kept.

    `size` is in bytes, None for a preview: previews are small, and only the store knows.
    """

    address: str
    size: int | None
    media_type: str
    etag: str
    name: str


def file_url(actor: Actor, kind: Kind, id: UUID, name: str, *, preview: bool = False) -> str | None:
    """Where this caller may fetch a file until 10 to 15 minutes from now; None for visitors and partners.

    `id` is that of the attachment or of the stored document, for a receipt that of the request. Whether the caller may
    see it is asked when the address is opened. Costs some microseconds: no statement.
    """
    caller = _caller(actor)
    if caller is None:
        return None
    ends_at = _link_ends_at()
    payload = {"what": kind, "id": id.hex, "for": caller, "ends": int(ends_at.timestamp())}
    token = sign(PURPOSE, {**payload, "preview": True} if preview else payload, ends_at + TOLD_APART)
    settings = get_settings()
    shown = _shown(preview_name(name) if preview else name)
    return f"{settings.files_origin or settings.public_url}/files/{token}/{shown}"


async def open_link(
    token: str, *, credentials_actor: Actor | None = None, language: Language = DEFAULT_LANGUAGE
) -> ServedFile | None:
    """What the link opens now; None where it is not ours, or opens nothing for the caller for whom it was made.

    `credentials_actor` is whoever the HTTP request says it is, if it says: a link is not for other callers; `language`
    is for the name of what we have named ourselves. One statement. Raises ExpiredLinkError, UnavailableError.
    """
    payload = verify(PURPOSE, token)
    if payload is None:
        return None
    ends_at = datetime.fromtimestamp(payload["ends"], UTC)
    if ends_at <= now():
        raise ExpiredLinkError
    caller = _actor(payload["for"])
    if not _is_for(caller, credentials_actor):
        return None
    row = await _find(payload["what"], UUID(payload["id"]), caller, language)
    if row is None:
        return None
    if not payload.get("preview"):
        return ServedFile(
            address=row["address"],
            size=row["size"],
            media_type=row["media_type"],
            etag=bytes(row["sha256"]).hex(),
            name=row["name"],
        )
    if row["preview_address"] is None:
        return None
    return ServedFile(
        address=row["preview_address"],
        size=None,
        media_type=PREVIEW_MEDIA_TYPE,
        # Addresses are new at every write, so one never stands for other bytes; and it need not be shown to anybody.
        etag=sha256(row["preview_address"].encode()).hexdigest(),
        name=preview_name(row["name"]),
    )


def preview_name(name: str) -> str:
    """`passeport.pdf` → `passeport.webp`."""
    stem, _, _ = name.rpartition(".")
    return f"{stem or name}.webp"


def _link_ends_at() -> datetime:
    """The first multiple of `STEP_SECONDS` that leaves it `LIFETIME_SECONDS`."""
    earliest = int(now().timestamp()) + LIFETIME_SECONDS
    return datetime.fromtimestamp(earliest + -earliest % STEP_SECONDS, UTC)


def _shown(name: str) -> str:
    """The name's end of an address. `.` and `..` would be taken for folders, however they are written."""
    stem, dot, extension = name.rpartition(".")
    if len(name) > SHOWN_CHARACTERS:
        name = f"{(stem or name)[:SHOWN_CHARACTERS]}{dot if stem else ''}{extension[:10] if stem else ''}"
    return quote(name, safe="") if name.strip(".") else "file"


def _caller(actor: Actor) -> list[str] | None:
    """For whom a link is, as its token says it."""
    match actor:
        case CitizenActor():
            return ["citizen", actor.account_id.hex, actor.session_id.hex]
        case AgentActor():
            return ["agent", actor.agent_id.hex, actor.session_id.hex]
        case TicketHolder():
            return ["ticket", actor.request_id.hex]
        case Visitor() | PartnerActor() | RestrictedActor():
            return None


def _actor(caller: list[str]) -> CitizenActor | AgentActor | TicketHolder:
    """What `_caller` was made of. An agent's role is not in it: it is the database's to say."""
    kind, *ids = caller
    first, *others = [UUID(id) for id in ids]
    match kind:
        case "citizen":
            return CitizenActor(account_id=first, session_id=others[0])
        case "agent":
            return AgentActor(agent_id=first, session_id=others[0], role="HANDLER", display_name="")
        case _:
            return TicketHolder(request_id=first)


def _is_for(caller: Actor, credentials_actor: Actor | None) -> bool:
    """Whether the link may be opened by whoever sends these credentials along.

    Browsers send the session's cookie with everything: citizens who are logged in also open what a ticket shows them.
    """
    match credentials_actor, caller:
        case (None | Visitor(), _):
            return True
        case CitizenActor(), CitizenActor():
            return credentials_actor.account_id == caller.account_id
        case AgentActor(), AgentActor():
            return credentials_actor.agent_id == caller.agent_id
        case TicketHolder(), TicketHolder():
            return credentials_actor.request_id == caller.request_id
        case CitizenActor(), TicketHolder():
            return True
        case _:
            return False


async def _find(
    kind: Kind, id: UUID, caller: CitizenActor | AgentActor | TicketHolder, language: Language
) -> dict[str, Any] | None:
    statement = Statement()
    if kind == "data_export":
        return await _find_export(id, caller, language)
    match kind:
        case "attachment":
            source = "attachment l JOIN service_request r ON r.id = l.request_id"
            key, name, visible = "l.id", "l.name", _visible(statement, caller)
        case "receipt":
            source = "receipt l JOIN service_request r ON r.id = l.request_id"
            key, visible = "r.id", _visible(statement, caller)
            name = statement.bind(receipt_name(language), "text")
        case "stored_document":
            if not isinstance(caller, CitizenActor):
                return None
            source, key, name = "stored_document l", "l.id", "l.name"
            visible = f"l.account_id = {statement.bind(caller.account_id, 'uuid')}"
    return await fetch_one(
        f"SELECT f.address, f.size, f.media_type, f.sha256, f.preview_address, {name} AS name "
        f"FROM {source} JOIN file f ON f.id = l.file_id WHERE {key} = {statement.bind(id, 'uuid')} "
        f"AND f.scan = 'CLEAN' AND ({visible}) AND {_still_logged_in(statement, caller)}",
        *statement.values,
    )


async def _find_export(
    id: UUID, caller: CitizenActor | AgentActor | TicketHolder, language: Language
) -> dict[str, Any] | None:
    """Its bytes are no file that anybody sent: its own row says where they are."""
    if not isinstance(caller, CitizenActor):
        return None
    statement = Statement()
    return await fetch_one(
        f"SELECT e.address, e.size, '{MEDIA_TYPE}' AS media_type, e.sha256, NULL AS preview_address, "
        f"{statement.bind(export_name(language), 'text')} AS name FROM data_export e "
        f"WHERE e.id = {statement.bind(id, 'uuid')} AND e.account_id = {statement.bind(caller.account_id, 'uuid')} "
        f"AND e.address IS NOT NULL AND e.expires_at > now() AND {_still_logged_in(statement, caller)}",
        *statement.values,
    )


def _visible(statement: Statement, caller: CitizenActor | AgentActor | TicketHolder) -> str:
    """Whether the request at `r` exists for the caller: for an agent, in the role that they have now."""
    if not isinstance(caller, AgentActor):
        return visible_requests(statement, caller, "r")
    roles = " ".join(
        f"WHEN '{role}' THEN {visible_requests(statement, _in_role(caller, role), 'r')}"
        for role in get_args(AgentRole)
    )
    role_now = f"SELECT role FROM agent WHERE id = {statement.bind(caller.agent_id, 'uuid')}"
    return f"CASE ({role_now}) {roles} ELSE FALSE END"


def _in_role(agent: AgentActor, role: AgentRole) -> AgentActor:
    return AgentActor(agent_id=agent.agent_id, session_id=agent.session_id, role=role, display_name="")


def _still_logged_in(statement: Statement, caller: CitizenActor | AgentActor | TicketHolder) -> str:
    if isinstance(caller, TicketHolder):
        return "TRUE"
    column = "account_id" if isinstance(caller, CitizenActor) else "agent_id"
    owner = caller.account_id if isinstance(caller, CitizenActor) else caller.agent_id
    return (
        "EXISTS (SELECT 1 FROM session s JOIN credential c ON c.id = s.credential_id "
        f"WHERE s.id = {statement.bind(caller.session_id, 'uuid')} AND s.expires_at > now() "
        f"AND c.{column} = {statement.bind(owner, 'uuid')})"
    )
