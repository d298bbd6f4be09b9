"""Mails in words: from what a mail tells to its subject, its text and its HTML.

`templates/<language>/<template>.txt` begins with the subject on a line of its own; `.html` extends
`templates/layout.html`. A template that is given nothing for a place does not render.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from core.clock import now
from core.settings import get_settings
from core.wording import readable_appointment, readable_date, readable_moment
from jobs.dates import local, months_later
from jobs.facts import MailFacts
from jobs.links import request_url
from models.email_confirmation import LIFETIME, confirmation_token
from models.event_texts import STATUSES
from models.invitations import Invitation, Method, to_icalendar
from models.temporary_password import LIFETIME as PASSWORD_LIFETIME
from models.temporary_password import TEMPLATE as NEW_PASSWORD

INVITING = ("appointment_booked", "appointment_moved", "appointment_cancelled", "appointment_closed")
"""Mails that have calendar programs follow."""

ABOUT_APPOINTMENTS = (*INVITING, "appointment_reminder")

SILENCE_MONTHS = 2
"""After how long the mairie's silence is a decision: CRPA, article L. 231-1."""


@dataclass(frozen=True, slots=True)
class AttachedInvitation:
    """An iCalendar object, and what the program that gets it is to do with it."""

    method: Method
    content: bytes


@dataclass(frozen=True, slots=True)
class Rendered:
    """One mail in words. The subject is one line."""

    subject: str
    text: str
    html: str
    invitation: AttachedInvitation | None = None


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
    return Rendered(
        subject=" ".join(subject.split()),
        text=body.strip() + "\n",
        html=html,
        invitation=_invitation(facts) if facts.template in INVITING else None,
    )


def _invitation(facts: MailFacts) -> AttachedInvitation:
    settings = get_settings()
    invitation: Invitation = _present(facts.appointment)
    method = invitation.method
    content = to_icalendar(
        invitation,
        method,
        sender=settings.mail_from,
        public_url=settings.public_url,
        made_at=now(),
        recipient=facts.recipient,
    )
    return AttachedInvitation(method, content)


def _values(facts: MailFacts) -> dict[str, Any]:
    public_url = get_settings().public_url
    values: dict[str, Any] = {
        "facts": facts,
        "public_url": public_url,
        "provider": get_settings().openid_name,
        "date": lambda day: readable_date(day, facts.language),
        "instant": lambda instant: readable_moment(local(instant, facts.timezone), facts.language),
    }
    if facts.ticket is not None and facts.to_the_contact:
        values["request_url"] = request_url(facts.ticket)
    if facts.template in ("email_confirmation", "new_password_unconfirmed"):
        expires_at = now() + LIFETIME
        token = confirmation_token(_present(facts.account_id), facts.recipient, expires_at)
        values |= {"confirm_url": f"{public_url}/confirmer?token={quote(token)}", "expires_at": expires_at}
    if facts.template == NEW_PASSWORD:
        values |= {
            "temporary_password": _present(facts.temporary_password),
            "minutes": PASSWORD_LIFETIME // timedelta(minutes=1),
            "log_in_url": f"{public_url}/connexion",
        }
    if facts.template == "acknowledgement":
        received = local(_present(facts.submitted_at), facts.timezone).date()
        values["silence_ends"] = months_later(received, SILENCE_MONTHS)
    if facts.template in ABOUT_APPOINTMENTS:
        values |= _about_the_appointment(facts)
    if facts.template == "account_closed":
        values["erasure_day"] = local(_present(facts.erasure_at), facts.timezone).date()
    if facts.template == "data_export_ready":
        values["expires_at"] = _present(facts.expires_at)
    if facts.template == "status_changed":
        values["status"] = STATUSES[_present(facts.status)].in_(facts.language)
    return values


def _about_the_appointment(facts: MailFacts) -> dict[str, Any]:
    appointment: Invitation = _present(facts.appointment)

    def moment(instant: datetime) -> str:
        return readable_appointment(local(instant, facts.timezone), facts.language)

    start, today = local(appointment.start, facts.timezone).date(), local(now(), facts.timezone).date()
    return {
        "start": moment(appointment.start),
        "schedule": appointment.schedule,
        "location": appointment.location,
        "days_ahead": (start - today).days,
        "previous_start": moment(facts.previous_start) if facts.previous_start else "",
        "next_free": moment(facts.next_free) if facts.next_free else "",
    }


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
