"""What an export asks of the reading that answers the API: all that the schema has, but for what is named here.

Whoever adds a field to the schema adds it here, or to LEFT_OUT with its reason: a test compares the two.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.selection import SelectedField, Selection

AT_ONCE = 50
"""Rows of a page: what is in memory at a time."""

FILE = Selection.of("name", "media_type", "size", "sha256", "scan")
REFERENCE = Selection.of("id")

ACCOUNT = Selection.of(
    "id",
    "username",
    "profile",
    "created_at",
    "email_confirmed_at",
    "has_password",
    identities=Selection.of("id", "provider", "acr", "amr", "linked_at", "last_used_at"),
    storage=Selection.of("used_bytes", "quota_bytes"),
    partner_links=Selection.of("id", "label", "state", "linked_at", system=Selection.of("slug", "name")),
    sessions=Selection.of(
        "id", "created_at", "last_seen_at", "expires_at", "user_agent", "identity_provider"
    ),
)
DOCUMENT = Selection.of(
    "id",
    "title",
    "kind",
    "stored_at",
    "updated_at",
    "valid_until",
    file=FILE,
    used_by=Selection.of("id", "ticket"),
)
REQUEST = Selection.of(
    "id",
    "ticket",
    "status",
    "version",
    "contact",
    "answers",
    "claimed",
    "created_at",
    "updated_at",
    "submitted_at",
    "closed_at",
    "archived_at",
    procedure=Selection.of("id", "slug", "title"),
    summary=Selection.of("step", "title", "lines"),
    attachments=Selection.of(
        "id", "title", "field", "added_by", "added_at", file=FILE, copied_from=REFERENCE
    ),
    appointments=Selection.of(
        "id",
        "state",
        "held_until",
        "reminder",
        slot=Selection.of("id", "start", "end", schedule=Selection.of("id", "title", "place", "address")),
    ),
    receipt=FILE,
)
EXCHANGE = Selection.of(
    "id", "author", "author_name", "body", "posted_at", "read_at", "read_state", attachments=REFERENCE
)
EVENT = Selection.of(
    "__typename",
    "id",
    "occurred_at",
    "actor",
    "description",
    "previous",
    "status",
    "reason",
    "title",
    "previous_start",
    "start",
    exchange=REFERENCE,
    up_to=REFERENCE,
    attachment=REFERENCE,
    appointment=REFERENCE,
)
"""Of whatever kind; null are those that only other kinds have."""

SELECTIONS: Mapping[str, Selection] = {
    "Account": ACCOUNT,
    "StorageSpace": ACCOUNT.get("storage"),
    "Identity": ACCOUNT.get("identities"),
    "PartnerLink": ACCOUNT.get("partner_links"),
    "PartnerSystem": ACCOUNT.get("partner_links").get("system"),
    "Session": ACCOUNT.get("sessions"),
    "StoredDocument": DOCUMENT,
    "ServiceRequest": REQUEST,
    "Procedure": REQUEST.get("procedure"),
    "Attachment": REQUEST.get("attachments"),
    "Appointment": REQUEST.get("appointments"),
    "Slot": REQUEST.get("appointments").get("slot"),
    "Schedule": REQUEST.get("appointments").get("slot").get("schedule"),
    "Exchange": EXCHANGE,
    "RequestEvent": EVENT,
    "File": FILE,
}

_THE_MAIRIES_OWN = "says nothing of the citizen: anybody reads it in the catalogue"
LEFT_OUT: Mapping[str, Mapping[str, str]] = {
    "Account": {
        "requests": "each has a file of its own",
        "unread_exchange_count": "a count of what is there",
        "data_export": "is this one",
    },
    "StorageSpace": {"documents": "a list of its own in account.json"},
    "PartnerSystem": dict.fromkeys(("credential_labels",), _THE_MAIRIES_OWN),
    "Session": {"current": "nobody's session asks"},
    "ServiceRequest": {
        "exchanges": "a list of its own, page by page",
        "history": "a list of its own, page by page",
        "steps": _THE_MAIRIES_OWN,
        "problems": "advice on filling the form in",
        "unread_exchange_count": "a count of what is there",
        "permitted_actions": "buttons",
        "permitted_statuses": "buttons of the mairie's side",
        "permitted_assignees": "buttons of the mairie's side",
        "assignee": "never told to citizens",
    },
    "Procedure": dict.fromkeys(
        (
            "category",
            "summary",
            "keywords",
            "requires_account",
            "state",
            "version",
            "steps",
            "appointment",
            "schedules",
            "estimated_days",
            "retention_months",
            "own_retention_months",
            "first_available_slot",
        ),
        _THE_MAIRIES_OWN,
    ),
    "Attachment": {"editable": "a button"},
    "Appointment": {
        "request": "is the request around it",
        "calendar_url": "an address, which expires",
        "suggested_reminder_email": "the contact's",
    },
    "Slot": dict.fromkeys(("capacity", "remaining", "closed", "appointments"), _THE_MAIRIES_OWN),
    "Schedule": dict.fromkeys(("slots", "first_available_slot"), _THE_MAIRIES_OWN),
    "Exchange": {"request": "is the request around it"},
    "RequestEvent": {
        "request": "is the request around it",
        "cursor": "a place to resume after",
        "agent": "never told to citizens",
    },
    "File": dict.fromkeys(("url", "preview"), "an address, which expires: the bytes are there themselves"),
}


def paged(name: str, node: Selection, **arguments: Any) -> Selection:
    """A page of a connection, and where the next begins. Arguments that are None are left out."""
    given = {key: value for key, value in arguments.items() if value is not None}
    below = Selection.of(nodes=node, page_info=Selection.of("has_next_page", "end_cursor"))
    return Selection((SelectedField(name, {"first": AT_ONCE, **given}, below),))
