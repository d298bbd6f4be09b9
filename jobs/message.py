"""A rendered mail as the bytes that go over the wire (RFC 5322, MIME)."""

from __future__ import annotations

from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from core.i18n import Language
from jobs.rendering import AttachedInvitation, Rendered
from models.invitations import FILE_NAME

# Message-IDs and addresses must not be folded, nor cut into encoded words; RFC 5322 (2.1.1) allows 998 characters.
_HEADERS = SMTP.clone(max_line_length=900)


def compose(
    rendered: Rendered,
    *,
    sender: str,
    recipient: str,
    message_id: str,
    language: Language,
    written_at: datetime,
) -> bytes:
    """Text and HTML as alternatives, UTF-8 in quoted-printable: ASCII only, whatever the way.

    An invitation is one more alternative, which calendar programs act on (RFC 6047, 2.4), and a file for those that do
    not: not as text/calendar again, so that none acts on it twice.

    Composing again gives the same Message-ID and Date: a mail that had to be sent twice is recognised as one.
    Raises ValueError where a header would not be one line or an address is none.
    """
    sender_name, sender_address = parseaddr(sender)
    message = EmailMessage(policy=SMTP)
    message["Date"] = format_datetime(written_at)
    message["From"] = _address(sender_address, sender_name)
    message["To"] = _address(recipient)
    message["Subject"] = rendered.subject
    message["Message-ID"] = message_id
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    if rendered.invitation is not None:
        _invite(message, rendered.invitation)
    # Last, because making the alternatives takes Content-* headers away.
    message["Content-Language"] = language
    return message.as_bytes(policy=_HEADERS)


def _invite(message: EmailMessage, invitation: AttachedInvitation) -> None:
    message.add_alternative(
        invitation.content.decode(), subtype="calendar", cte="base64", params={"method": invitation.method}
    )
    message.add_attachment(invitation.content, maintype="application", subtype="ics", filename=FILE_NAME)


def _address(address: str, name: str = "") -> Address:
    try:
        return Address(display_name=name, addr_spec=address)
    except (MessageError, IndexError) as error:
        # What the parser raises (CPython 3.11: IndexError for an empty one) says nothing more than this.
        raise ValueError("not an address") from error
