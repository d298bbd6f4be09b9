from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.message import compose
from jobs.rendering import AttachedInvitation, Rendered

RENDERED = Rendered(
    subject="Accusé de réception de votre demande\u00a0: acte de naissance",
    text="Bonjour,\n\nÀ bientôt, «\u00a0la mairie\u00a0».\n.\nhttps://mairie.example/" + "x" * 300 + "\n",
    html='<!DOCTYPE html><html lang="fr"><body><p>À bientôt…</p></body></html>',
)
WRITTEN_AT = datetime(2026, 11, 23, 8, 5, tzinfo=UTC)
GIVEN: dict[str, Any] = {
    "sender": '"Mairie de Saint-Aubin, côté jardin" <ne-pas-repondre@mairie.example>',
    "recipient": "marie@example.fr",
    "message_id": "<0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000@mairie.example>",
    "language": "fr",
    "written_at": WRITTEN_AT,
}


def _read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def test_it_says_who_writes_to_whom_about_what() -> None:
    message = _read(compose(RENDERED, **GIVEN))
    assert message["From"].addresses[0].addr_spec == "ne-pas-repondre@mairie.example"
    assert message["To"].addresses[0].addr_spec == "marie@example.fr"
    assert message["Subject"] == RENDERED.subject
    assert message["Message-ID"] == GIVEN["message_id"]
    assert message["Date"].datetime == WRITTEN_AT
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "fr"
    assert message["MIME-Version"] == "1.0"
    assert message.get_content_type() == "multipart/alternative"


def test_both_forms_arrive_as_they_were_written_the_plain_one_first() -> None:
    message = _read(compose(RENDERED, **GIVEN))
    kinds = [part.get_content_type() for part in message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert plain.get_content().replace("\r\n", "\n") == RENDERED.text
    assert html.get_content().rstrip() == RENDERED.html
    assert plain.get_content_charset() == html.get_content_charset() == "utf-8"


def test_the_bytes_are_ascii_in_lines_that_every_server_takes() -> None:
    content = compose(RENDERED, **GIVEN)
    assert content.isascii()
    lines = content.split(b"\r\n")
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert max(map(len, lines)) < 998
    body = content.partition(b"\r\n\r\n")[2]
    assert max(map(len, body.split(b"\r\n"))) <= 78


def test_a_long_message_id_is_left_in_one_piece() -> None:
    long = f"<0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000@{'sous-domaine.' * 9}mairie.example>"
    content = compose(RENDERED, **{**GIVEN, "message_id": long})
    assert f"Message-ID: {long}\r\n".encode() in content


@pytest.mark.parametrize("name", ["recipient", "message_id", "sender"])
def test_nothing_can_add_a_header(name: str) -> None:
    injected = {**GIVEN, name: GIVEN[name] + "\r\nBcc: everybody@example.fr"}
    try:
        message = _read(compose(RENDERED, **injected))
    except ValueError:
        return
    assert message["Bcc"] is None


def test_an_invitation_is_one_more_alternative_and_a_file() -> None:
    """RFC 6047, 2.4: charset and the same method as the object's own."""
    content = b"BEGIN:VCALENDAR\r\nMETHOD:CANCEL\r\nX-A:" + "é😀".encode() + b"\r\nEND:VCALENDAR\r\n"
    invited = replace(RENDERED, invitation=AttachedInvitation("CANCEL", content))
    message = _read(compose(invited, **GIVEN))
    assert message.get_content_type() == "multipart/mixed"
    assert message["Content-Language"] == "fr"
    alternatives, file = message.iter_parts()
    assert alternatives.get_content_type() == "multipart/alternative"
    assert isinstance(alternatives, EmailMessage)
    plain, html, calendar = alternatives.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert calendar.get_content_type() == "text/calendar"
    assert calendar["Content-Type"].params == {"charset": "utf-8", "method": "CANCEL"}
    assert calendar.get_payload(decode=True) == content
    assert file.get_content_type() == "application/ics"
    assert isinstance(file, EmailMessage)
    assert (file.get_filename(), file.get_content_disposition()) == ("rendez-vous.ics", "attachment")
    assert file.get_content() == content


@given(st.text(max_size=200), st.text(min_size=1, max_size=50))
def test_no_subject_adds_a_header_or_is_lost(subject: str, text: str) -> None:
    rendered = Rendered(subject=" ".join(subject.split()), text=text, html=f"<p>{len(text)}</p>")
    try:
        content = compose(rendered, **GIVEN)
    except (ValueError, UnicodeError):
        return  # refused: parked, where an agent sees it
    names = [line.partition(b":")[0] for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n")]
    expected = {b"Date", b"From", b"To", b"Subject", b"Message-ID", b"Auto-Submitted", b"Content-Language"}
    headers = {name for name in names if name[:1].strip()}
    assert headers == expected | {b"MIME-Version", b"Content-Type"}


@pytest.mark.parametrize(
    "recipient", ["", "nobody", "a@b@c", "a b@example.fr", "<a@example.fr>, b@example.fr"]
)
def test_what_is_no_address_is_refused(recipient: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        compose(RENDERED, **{**GIVEN, "recipient": recipient})
