"""Mails in words: from what a mail tells to its subject, its text and its HTML.

`templates/<language>/<template>.txt` begins with the subject on a line of its own; `.html` extends
`templates/layout.html`. A template that is given nothing for a place does not render.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from core.clock import now
from core.settings import get_settings
from core.wording import readable_date, readable_moment
from jobs.dates import local, months_later
from jobs.facts import MailFacts
from jobs.links import request_url
from models.email_confirmation import LIFETIME, confirmation_token
from models.event_texts import STATUSES

SILENCE_MONTHS = 2
"""After how long the mairie's silence is a decision: CRPA, article L. 231-1."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """One mail in words. The subject is one line."""

    subject: str
    text: str
    html: str


def render(facts: MailFacts) -> Rendered:
    """The mail in its language.

    What it raises is a defect of the template or of the facts: it would raise again.
    """
    values = _values(facts)
    text = _environment().get_template(f"{facts.language}/{facts.template}.txt").render(values)
    subject, _, body = text.partition("\n")
    html = (
        _environment().get_template(f"{facts.language}/{facts.template}.html").render(values, subject=subject)
    )
    return Rendered(subject=" ".join(subject.split()), text=body.strip() + "\n", html=html)


def _values(facts: MailFacts) -> dict[str, Any]:
    public_url = get_settings().public_url
    values: dict[str, Any] = {
        "facts": facts,
        "public_url": public_url,
        "date": lambda day: readable_date(day, facts.language),
        "instant": lambda instant: readable_moment(local(instant, facts.timezone), facts.language),
    }
    if facts.ticket is not None:
        values["request_url"] = request_url(facts.ticket)
    if facts.template == "email_confirmation":
        expires_at = now() + LIFETIME
        token = confirmation_token(_present(facts.account_id), facts.recipient, expires_at)
        values |= {"confirm_url": f"{public_url}/confirmer?token={quote(token)}", "expires_at": expires_at}
    if facts.template == "acknowledgement":
        received = local(_present(facts.submitted_at), facts.timezone).date()
        values["silence_ends"] = months_later(received, SILENCE_MONTHS)
    if facts.template == "status_changed":
        values["status"] = STATUSES[_present(facts.status)].in_(facts.language)
    return values


def _present(value: Any) -> Any:
    """Raises ValueError instead of telling somebody « None »."""
    if value is None:
        raise ValueError("the mail lacks something that its template tells")
    return value


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("jobs", "templates"),
        autoescape=select_autoescape(enabled_extensions=("html",)),
        undefined=StrictUndefined,
        finalize=_present,
        trim_blocks=True,
        lstrip_blocks=True,
    )
