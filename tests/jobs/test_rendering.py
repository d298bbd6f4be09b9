from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import pytest
from jinja2 import UndefinedError

from core.clock import now
from core.i18n import LANGUAGES, Language
from jobs.facts import TEMPLATES, MailFacts, Template
from jobs.rendering import render
from models.address import Address
from models.email_confirmation import read_confirmation_token
from models.invitations import Invitation

ACCOUNT = UUID("0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000")
FACTS = MailFacts(
    template="acknowledgement",
    language="fr",
    recipient="marie@example.fr",
    municipality_name="Mairie de Saint-Aubin",
    municipality_email="contact@mairie.example",
    municipality_phone="02 61 91 00 12",
    municipality_address=Address(("1 place de la Mairie",), "49985", "Saint-Aubin"),
    timezone="Europe/Paris",
    account_id=ACCOUNT,
    username="marie",
    ticket="K7QM-2XRD-9F4T-W8ZB-3HNC",
    temporary_password="bido-lamu-mito-ravo-nifu",
    written_at=datetime(2026, 11, 22, 9, 0, tzinfo=UTC),
    procedure="Demande d’acte de naissance",
    submitted_at=datetime(2026, 11, 23, 8, 5, tzinfo=UTC),
    author_name="Service état civil",
    posted_at=datetime(2026, 11, 24, 9, 30, tzinfo=UTC),
    status="AWAITING_CITIZEN",
    has_reason=True,
    changed_at=datetime(2026, 11, 25, 10, 0, tzinfo=UTC),
    title="Justificatif de domicile",
    appointment=Invitation(
        appointment_id=ACCOUNT,
        sequence=1,
        is_cancelled=False,
        start=datetime(2026, 12, 7, 8, 0, tzinfo=UTC),
        end=datetime(2026, 12, 7, 8, 20, tzinfo=UTC),
        language="fr",
        schedule="Cartes d’identité et passeports",
        place="Mairie, guichet 1",
        address=Address(("1 place de la Mairie",), "49985", "Saint-Aubin"),
        municipality_name="Mairie de Saint-Aubin",
    ),
    partner="Logiciel d’état civil",
    host="partenaire.example",
    problem="L’adresse a répondu 500 au lieu d’un code 2xx.",
    previous_start=datetime(2026, 12, 1, 9, 20, tzinfo=UTC),
    next_free=datetime(2026, 12, 8, 13, 40, tzinfo=UTC),
    erasure_at=datetime(2026, 12, 23, 23, 30, tzinfo=UTC),
    expires_at=datetime(2026, 12, 2, 8, 5, tzinfo=UTC),
)
ALL = [(template, language) for template in TEMPLATES for language in LANGUAGES]


class Page(HTMLParser):
    """What assistive technology finds in a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio of two #rrggbb colours."""

    def luminance(colour: str) -> float:
        channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize(("template", "language"), ALL)
def test_every_mail_is_whole_in_both_forms_and_languages(template: Template, language: Language) -> None:
    mail = render(replace(FACTS, template=template, language=language))
    assert 10 < len(mail.subject) < 100
    assert "\n" not in mail.subject
    for form in (mail.text, mail.html):
        assert "Mairie de Saint-Aubin" in form
        assert "contact@mairie.example" in form
        assert "None" not in form
        assert "{{" not in form
        assert "{%" not in form
    links = {attributes["href"] for attributes in Page(mail.html).all("a")}
    assert all(link in mail.text for link in links if link and link.startswith("http"))


@pytest.mark.parametrize(("template", "language"), ALL)
def test_every_page_can_be_read_without_seeing_it(template: Template, language: Language) -> None:
    page = Page(render(replace(FACTS, template=template, language=language)).html)
    assert page.open == []
    assert page.all("html") == [{"lang": language}]
    assert len(page.all("title")) == len(page.all("h1")) == 1
    assert not page.all("img")
    assert not page.all("script")
    assert not page.all("table")
    assert all(attributes.get("href") for attributes in page.all("a"))


@pytest.mark.parametrize(("template", "language"), ALL)
def test_every_colour_stands_out(template: Template, language: Language) -> None:
    html = render(replace(FACTS, template=template, language=language)).html
    inks = set(re.findall(r"(?<![-\w])color:(#\w{6})", html)) - {"#ffffff"}
    assert inks
    for ink in inks:
        assert _contrast(ink, "#ffffff") > 7
        assert _contrast(ink, "#f2f4f8") > 7
    assert _contrast("#ffffff", "#1b3a6b") > 7


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_acknowledgement_says_what_the_law_asks(language: Language) -> None:
    """CRPA, articles L. 112-3 and R. 112-5."""
    mail = render(replace(FACTS, language=language))
    assert FACTS.ticket is not None
    received, silence_ends = {
        "fr": ("23 novembre 2026 à 9\u00a0h\u00a005", "23 janvier 2027"),
        "en": ("23 November 2026 at 09:05", "23 January 2027"),
    }[language]
    for form in (mail.text, mail.html):
        for told in (
            FACTS.ticket,
            "Demande d’acte de naissance",
            received,
            silence_ends,
            "contact@mairie.example",
            "232-3",
            "112-3",
            f"http://localhost:8000/demandes/{FACTS.ticket}",
        ):
            assert told in form
    assert FACTS.ticket not in mail.subject


def test_a_confirmation_carries_a_token_for_that_account_and_address() -> None:
    mail = render(replace(FACTS, template="email_confirmation"))
    found = re.search(r"http://localhost:8000/confirmer\?token=(\S+)", mail.text)
    assert found is not None
    assert read_confirmation_token(found[1]) == (ACCOUNT, "marie@example.fr")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_temporary_password_is_in_its_mail_and_in_no_other(language: Language) -> None:
    secret = FACTS.temporary_password
    assert secret is not None
    assert secret not in repr(FACTS)
    for template in TEMPLATES:
        mail = render(replace(FACTS, template=template, language=language))
        assert secret not in mail.subject
        for form in (mail.text, mail.html):
            assert (secret in form) is (template == "new_password")
    mail = render(replace(FACTS, template="new_password", language=language))
    assert "10 minutes" in mail.text
    assert "« marie »" in mail.text or "“marie”" in mail.text


def test_an_unconfirmed_address_is_asked_to_be_confirmed_and_gets_no_password() -> None:
    mail = render(replace(FACTS, template="new_password_unconfirmed", temporary_password=None))
    token = mail.text.split("token=")[1].split()[0]
    assert read_confirmation_token(token) == (ACCOUNT, "marie@example.fr")


def test_the_token_holds_for_48_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    token = render(replace(FACTS, template="email_confirmation")).text.split("token=")[1].split()[0]
    for hours, holds in ((47.9, True), (48.1, False)):
        later = now() + timedelta(hours=hours)
        with monkeypatch.context() as patch:
            patch.setattr("core.keys.now", lambda later=later: later)
            assert (read_confirmation_token(token) is not None) == holds


def test_a_new_exchange_says_who_wrote_and_never_what() -> None:
    mail = render(replace(FACTS, template="new_exchange"))
    assert "Service état civil vous a écrit le 24 novembre 2026" in mail.text


def test_a_reason_is_announced_only_where_there_is_one() -> None:
    changed = replace(FACTS, template="status_changed")
    assert "En attente de votre réponse" in render(changed).subject
    assert "pourquoi" in render(changed).text
    assert "pourquoi" not in render(replace(changed, has_reason=False)).text


@pytest.mark.parametrize(("language", "day"), [("fr", "24 décembre 2026"), ("en", "24 December 2026")])
def test_a_closed_account_is_told_until_when_it_can_be_reopened(language: Language, day: str) -> None:
    mail = render(replace(FACTS, template="account_closed", language=language))
    for form in (mail.text, mail.html):
        assert day in form
        assert "marie" in form


def test_what_people_wrote_is_text_and_not_html() -> None:
    mail = render(replace(FACTS, template="new_exchange", author_name="<b>Paul</b> & fils"))
    assert "&lt;b&gt;Paul&lt;/b&gt; &amp; fils" in mail.html
    assert "<b>Paul</b> & fils" in mail.text


def test_a_subject_is_one_line_whatever_the_title() -> None:
    mail = render(replace(FACTS, procedure="Acte\r\nBcc: everybody@example.fr"))
    assert "\n" not in mail.subject
    assert "\r" not in mail.subject


@pytest.mark.parametrize(
    ("template", "lacking"),
    [
        ("acknowledgement", "ticket"),
        ("acknowledgement", "submitted_at"),
        ("acknowledgement", "procedure"),
        ("email_confirmation", "account_id"),
        ("email_confirmation", "username"),
        ("new_password", "temporary_password"),
        ("new_password", "username"),
        ("new_password_unconfirmed", "account_id"),
        ("temporary_password_used", "written_at"),
        ("credentials_changed", "username"),
        ("email_changed", "written_at"),
        ("new_exchange", "author_name"),
        ("new_exchange", "posted_at"),
        ("status_changed", "status"),
        ("status_changed", "changed_at"),
        ("attachment_rejected", "title"),
        ("attachment_rejected", "changed_at"),
        ("appointment_booked", "appointment"),
        ("appointment_moved", "procedure"),
        ("appointment_cancelled", "ticket"),
        ("appointment_closed", "appointment"),
        ("appointment_reminder", "appointment"),
        ("account_closed", "erasure_at"),
        ("account_closed", "username"),
        ("account_restored", "username"),
        ("data_export_ready", "expires_at"),
    ],
)
def test_a_mail_that_would_tell_nothing_is_not_written(template: Template, lacking: str) -> None:
    lacks: dict[str, Any] = {lacking: None}
    with pytest.raises((ValueError, UndefinedError, AttributeError, KeyError)):
        render(replace(FACTS, template=template, **lacks))


def test_without_an_address_of_the_mairie_none_is_shown() -> None:
    mail = render(replace(FACTS, municipality_email=""))
    assert "mailto" not in mail.html
    assert "Pour joindre" not in mail.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_acknowledgement_says_where_the_service_in_charge_is(language: Language) -> None:
    """CRPA, article R. 112-5: postal and e-mail address, telephone."""
    mail = render(replace(FACTS, language=language))
    for part in (mail.text, mail.html):
        for fact in ("1 place de la Mairie, 49985 Saint-Aubin", "02 61 91 00 12", "contact@mairie.example"):
            assert fact in part
    without = render(replace(FACTS, language=language, municipality_phone=None, municipality_address=None))
    assert "49985" not in without.text + without.html


WHEN = {
    "fr": "lundi 7 décembre 2026 à 9\u00a0h\u00a000",
    "en": "Monday 7 December 2026 at 09:00",
}
ABOUT_APPOINTMENTS = [one for one in ALL if one[0].startswith("appointment_")]


@pytest.mark.parametrize(("template", "language"), ABOUT_APPOINTMENTS)
def test_mails_about_appointments_say_when_in_words(template: Template, language: Language) -> None:
    mail = render(replace(FACTS, template=template, language=language))
    assert WHEN[language].replace("\u00a0", " ") in mail.subject
    for form in (mail.text, mail.html):
        assert WHEN[language] in form
        assert f"http://localhost:8000/demandes/{FACTS.ticket}" in form


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_moved_appointment_says_when_it_was_to_be(language: Language) -> None:
    moved = replace(FACTS, template="appointment_moved", language=language)
    before = {"fr": "mardi 1er décembre 2026 à 10\u00a0h\u00a020", "en": "Tuesday 1 December 2026 at 10:20"}
    for form in (render(moved).text, render(moved).html):
        assert before[language] in form
    assert "prévu" not in render(replace(moved, language="fr", previous_start=None)).text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_closed_slot_is_regretted_and_the_next_one_offered(language: Language) -> None:
    closed = replace(FACTS, template="appointment_closed", language=language)
    offered = {"fr": "mardi 8 décembre 2026 à 14\u00a0h\u00a040", "en": "Tuesday 8 December 2026 at 14:40"}
    sorry = {"fr": "désolés", "en": "sorry"}
    for form in (render(closed).text, render(closed).html):
        assert offered[language] in form
        assert sorry[language] in form
    without = render(replace(closed, next_free=None)).text
    assert offered[language] not in without
    assert {"fr": "Aucun autre créneau", "en": "No other slot"}[language] in without


@pytest.mark.parametrize(
    ("at", "said", "not_said"),
    [
        (datetime(2026, 12, 5, 22, 59, tzinfo=UTC), "du lundi", ["demain", "aujourd’hui"]),
        (datetime(2026, 12, 5, 23, 0, tzinfo=UTC), "de demain", ["aujourd’hui"]),
        (datetime(2026, 12, 6, 22, 59, tzinfo=UTC), "de demain", ["aujourd’hui"]),
        (datetime(2026, 12, 6, 23, 0, tzinfo=UTC), "d’aujourd’hui", ["demain"]),
    ],
)
def test_a_reminder_says_tomorrow_only_where_that_is_true(
    at: datetime, said: str, not_said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.rendering.now", lambda: at)
    mail = render(replace(FACTS, template="appointment_reminder"))
    assert said in mail.subject
    for word in not_said:
        assert word not in mail.subject + mail.text + mail.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reminder_to_somebody_else_opens_nothing(language: Language) -> None:
    """The address of a reminder is typed by whoever books: the ticket goes to the request's own address only."""
    mail = render(replace(FACTS, template="appointment_reminder", language=language, to_the_contact=False))
    assert FACTS.ticket is not None
    assert FACTS.procedure is not None
    for form in (mail.subject, mail.text, mail.html):
        assert FACTS.ticket not in form
        assert FACTS.procedure not in form
    assert "http://localhost:8000\n" in mail.text


@pytest.mark.parametrize(("template", "language"), ALL)
def test_only_what_changes_an_appointment_carries_an_invitation(
    template: Template, language: Language
) -> None:
    invitation = render(replace(FACTS, template=template, language=language)).invitation
    assert (invitation is not None) == (
        template.startswith("appointment_") and template != "appointment_reminder"
    )
    if invitation is not None:
        assert FACTS.ticket is not None
        assert FACTS.ticket.encode() not in invitation.content
