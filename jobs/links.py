"""Addresses of the front end that mails and receipts send people to."""

from __future__ import annotations

from core.settings import get_settings


def request_url(ticket: str) -> str:
    """Where a request is followed by its ticket. As secret as the ticket: not for logs."""
    return f"{get_settings().public_url}/demandes/{ticket}"
