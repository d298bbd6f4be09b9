"""Reading accounts and sessions."""

from __future__ import annotations

from uuid import UUID

from core.selection import SelectedField, Selection
from models.actors import ANSWERING, AgentActor, CitizenActor
from models.ids import encode
from resolvers.reading.data_exports import export_of_account
from resolvers.reading.pages import OrderBy, list_of
from resolvers.reading.partner_links import partner_link_list
from resolvers.reading.requests import request_page
from resolvers.reading.shape import Part, Reading, Shape
from resolvers.reading.storage import storage_part

REQUESTS_DEFAULT = 20


def account_part(reading: Reading, selection: Selection, a: str) -> Part:
    """The account at alias `a`."""
    shape = Shape(reading, "Account")
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{a}.id"})
                shape.output("id", lambda raw: encode("Account", UUID(raw["id"])))
            case "username":
                c = reading.alias("c")
                shape.plain(
                    "username", f"(SELECT {c}.username FROM credential {c} WHERE {c}.account_id = {a}.id)"
                )
            case "profile" | "created_at" | "email_confirmed_at":
                shape.plain(field.name, f"{a}.{field.name}")
            case "requests":
                shape.child(field.key, _requests(reading, field, a))
            case "unread_exchange_count":
                shape.plain("unread_exchange_count", unread_of_account(reading, f"{a}.id"))
            case "storage":
                shape.child("storage", storage_part(reading, field.selection, a))
            case "data_export":
                shape.child("data_export", export_of_account(reading, field.selection, f"{a}.id"))
            case "has_password":
                c = reading.alias("c")
                shape.plain(
                    "has_password",
                    f"(SELECT {c}.password_hash IS NOT NULL FROM credential {c} WHERE {c}.account_id = {a}.id)",
                )
            case "identities":
                shape.child("identities", identity_list(reading, field.selection, f"{a}.id"))
            case "partner_links":
                shape.child("partner_links", partner_link_list(reading, field.selection))
            case "sessions":
                c = reading.alias("c")
                owner = f"(SELECT {c}.id FROM credential {c} WHERE {c}.account_id = {a}.id)"
                shape.child("sessions", session_list(reading, field.selection, owner))
    return shape.part()


def session_part(reading: Reading, selection: Selection, s: str, current: UUID | None) -> Part:
    """The session at alias `s`; `current` is the one that the caller is in."""
    shape = Shape(reading, "Session")
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{s}.id"})
                shape.output("id", lambda raw: encode("Session", UUID(raw["id"])))
            case "created_at" | "last_seen_at" | "expires_at" | "user_agent":
                shape.plain(field.name, f"{s}.{field.name}")
            case "identity_provider":
                i = reading.alias("i")
                shape.plain(
                    "identity_provider",
                    f"(SELECT {i}.provider FROM identity {i} WHERE {i}.id = {s}.identity_id)",
                )
            case "current":
                shape.need({"id": f"{s}.id"})
                shape.output("current", lambda raw: UUID(raw["id"]) == current)
    return shape.part()


def session_list(reading: Reading, selection: Selection, credential_id: str) -> Part:
    """The sessions of a credential that still hold, the latest used first."""
    s = reading.alias("s")
    current = reading.actor.session_id if isinstance(reading.actor, (CitizenActor, AgentActor)) else None
    return list_of(
        f"session {s} WHERE {s}.credential_id = {credential_id} AND {s}.expires_at > now()",
        f"{s}.last_seen_at DESC, {s}.id",
        session_part(reading, selection, s, current),
    )


def identity_list(reading: Reading, selection: Selection, account_id: str) -> Part:
    """The identities that open the account which an SQL expression names."""
    i = reading.alias("i")
    shape = Shape(reading, "Identity")
    for field in selection:
        match field.name:
            case "id":
                shape.need({"id": f"{i}.id"})
                shape.output("id", lambda raw: encode("Identity", UUID(raw["id"])))
            case "provider" | "acr" | "amr" | "linked_at" | "last_used_at":
                shape.plain(field.name, f"{i}.{field.name}")
    return list_of(f"identity {i} WHERE {i}.account_id = {account_id}", f"{i}.id", shape.part())


def unread_of_account(reading: Reading, account_id: str) -> str:
    """How many exchanges of the mairie wait to be read, over all requests of an account."""
    r, x = reading.alias("r"), reading.alias("x")
    answering = ", ".join(f"'{party}'" for party in ANSWERING)
    return (
        f"(SELECT count(*) FROM service_request {r} JOIN exchange {x} ON {x}.request_id = {r}.id "
        f"WHERE {r}.account_id = {account_id} AND {x}.author IN ({answering}) AND {x}.read_at IS NULL)"
    )


def _requests(reading: Reading, field: SelectedField, a: str) -> Part:
    r = reading.alias("r")
    archived = "IS NOT NULL" if field.arguments.get("archived") else "IS NULL"
    return request_page(
        reading,
        field,
        r,
        condition=f"{r}.account_id = {a}.id AND {r}.archived_at {archived}",
        order=[OrderBy(f"{r}.id", "uuid", descending=True)],
        default=REQUESTS_DEFAULT,
    )
