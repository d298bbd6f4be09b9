"""iCalendar objects: whole in one library, the same after a trip through another, and calendars that follow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import vobject  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from core.i18n import LANGUAGES, Language
from models.address import Address
from models.invitations import Invitation, Method, to_icalendar

START = datetime(2026, 12, 7, 8, 0, tzinfo=UTC)
MADE_AT = datetime(2026, 11, 25, 10, 0, 0, 123456, tzinfo=UTC)
INVITATION = Invitation(
    appointment_id=UUID("0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000"),
    sequence=3,
    is_cancelled=False,
    start=START,
    end=START + timedelta(minutes=20),
    language="fr",
    schedule="Cartes d’identité et passeports",
    place="Mairie, guichet 1",
    address=Address(("1 place de la Mairie",), "49985", "Saint-Aubin"),
    municipality_name="Mairie de Saint-Aubin",
)
SENDER = '"Mairie; de, Saint-Aubin" <ne-pas-repondre@Mairie.Example>'
# Readers differ over a backslash before an n in a text, and over any in a parameter, where it means nothing (RFC 5545).
WRITTEN = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n,;:\\\"'^é😀\u2028"), max_size=200
).filter(lambda text: "\\n" not in text.lower())
NAMES = WRITTEN.map(lambda text: text.replace("\n", " ").replace("\\", "/"))


def _made(invitation: Invitation, method: Method | None = None, **changed: Any) -> bytes:
    options: dict[str, Any] = {
        "sender": SENDER,
        "public_url": "https://demarches.mairie.example",
        "made_at": MADE_AT,
        "recipient": "marie@example.fr",
        **changed,
    }
    return to_icalendar(invitation, method or invitation.method, **options)


def _read(content: bytes) -> tuple[Any, Any]:
    calendar = Calendar.from_ical(content)
    assert isinstance(calendar, Calendar)
    (event,) = calendar.events
    return calendar, event


def _parameters(value: Any) -> dict[str, str]:
    return dict(value.params)


def test_an_invitation_says_all_that_programs_need() -> None:
    calendar, event = _read(_made(INVITATION))
    assert (calendar["METHOD"], calendar["VERSION"]) == ("REQUEST", "2.0")
    assert calendar["PRODID"]
    assert event["UID"] == "0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000"
    assert event["SEQUENCE"] == 3
    assert event["DTSTAMP"].dt == MADE_AT.replace(microsecond=0)
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (START, START + timedelta(minutes=20))
    assert event["SUMMARY"] == "Rendez-vous à la mairie\u00a0: Cartes d’identité et passeports"
    assert event["LOCATION"] == "Mairie, guichet 1, 1 place de la Mairie, 49985 Saint-Aubin"
    assert "https://demarches.mairie.example" in event["DESCRIPTION"]
    assert (event["STATUS"], event["TRANSP"], event["CLASS"]) == ("CONFIRMED", "OPAQUE", "PRIVATE")
    assert event["ORGANIZER"] == "mailto:ne-pas-repondre@Mairie.Example"
    assert _parameters(event["ORGANIZER"])["CN"] == "Mairie de Saint-Aubin"
    assert event["ATTENDEE"] == "mailto:marie@example.fr"
    assert _parameters(event["ATTENDEE"])["RSVP"] == "FALSE"


def test_a_cancellation_is_of_the_same_event_and_says_so_twice() -> None:
    calendar, event = _read(_made(replace(INVITATION, is_cancelled=True, sequence=4)))
    assert (calendar["METHOD"], event["STATUS"], event["SEQUENCE"]) == ("CANCEL", "CANCELLED", 4)
    assert event["UID"] == _read(_made(INVITATION))[1]["UID"]


def test_it_is_the_same_event_once_the_sender_has_changed() -> None:
    _, event = _read(_made(INVITATION, sender="rendez-vous@ville.example"))
    assert event["UID"] == _read(_made(INVITATION))[1]["UID"]


def test_what_is_published_names_nobody() -> None:
    """RFC 5546, 3.2.1: no ATTENDEE, an ORGANIZER."""
    for invitation in (INVITATION, replace(INVITATION, is_cancelled=True)):
        calendar, event = _read(_made(invitation, "PUBLISH"))
        assert calendar["METHOD"] == "PUBLISH"
        assert "ATTENDEE" not in event
        assert "ORGANIZER" in event
        assert event["STATUS"] == ("CANCELLED" if invitation.is_cancelled else "CONFIRMED")


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_speaks_the_language_of_the_request(language: Language) -> None:
    _, event = _read(_made(replace(INVITATION, language=language)))
    assert {"fr": "Rendez-vous", "en": "Appointment"}[language] in event["SUMMARY"]
    assert {"fr": "annuler", "en": "cancel"}[language] in event["DESCRIPTION"]


def test_its_digest_follows_what_it_tells_and_nothing_else() -> None:
    assert INVITATION.digest() == replace(INVITATION).digest()
    changes: list[dict[str, Any]] = [
        {"sequence": 4},
        {"is_cancelled": True},
        {"start": START - timedelta(minutes=5)},
        {"place": "Salle 2"},
        {"address": None},
        {"municipality_name": "Mairie"},
    ]
    digests = {replace(INVITATION, **change).digest() for change in changes}
    assert len(digests | {INVITATION.digest()}) == len(changes) + 1


@settings(deadline=None)
@given(schedule=WRITTEN, place=WRITTEN, name=NAMES)
def test_whatever_is_written_survives_both_libraries(schedule: str, place: str, name: str) -> None:
    content = _made(replace(INVITATION, schedule=schedule, place=place, municipality_name=name))
    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= 75, "RFC 5545, 3.1: octets"
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert lines[-1] == b""
    assert all(line.decode() is not None for line in lines), "no character is cut in two"
    expected_summary = f"Rendez-vous à la mairie\u00a0: {schedule}"
    expected_location = f"{place}, 1 place de la Mairie, 49985 Saint-Aubin"
    _, event = _read(content)
    assert event["SUMMARY"] == expected_summary
    assert event["LOCATION"] == expected_location
    assert _parameters(event["ORGANIZER"]).get("CN", "") == name
    once = vobject.readOne(content.decode())
    again = vobject.readOne(once.serialize())
    for calendar in (once, again):
        found = calendar.vevent
        assert found.summary.value == expected_summary
        assert found.location.value == expected_location
        assert (found.dtstart.value, found.dtend.value) == (START, START + timedelta(minutes=20))
        assert found.uid.value == event["UID"]
        assert found.sequence.value == "3"
        assert calendar.method.value == "REQUEST"
    _, round_trip = _read(once.serialize().encode())
    assert {name: round_trip[name] for name in ("UID", "SEQUENCE", "SUMMARY", "LOCATION", "STATUS")} == {
        name: event[name] for name in ("UID", "SEQUENCE", "SUMMARY", "LOCATION", "STATUS")
    }


@given(st.text(st.characters(categories=["Cc"]), max_size=5))
def test_control_characters_add_no_line(control: str) -> None:
    content = _made(replace(INVITATION, schedule=f"a{control}BEGIN:VALARM{control}b"))
    assert not any(byte < 32 and byte not in b"\r\n" for byte in content)
    calendar, event = _read(content)
    assert not event.subcomponents
    assert len(calendar.subcomponents) == 1


@dataclass
class Store:
    """A calendar program, by RFC 5546, 2.1.4 and 2.1.5: the greater SEQUENCE holds, then the later DTSTAMP."""

    events: dict[str, Any] = field(default_factory=dict)
    methods: dict[str, str] = field(default_factory=dict)

    def receive(self, content: bytes) -> None:
        calendar, event = _read(content)
        uid = str(event["UID"])
        known = self.events.get(uid)
        if known is not None and _rank(event) < _rank(known):
            return
        self.events[uid], self.methods[uid] = event, str(calendar["METHOD"])


def _rank(event: Any) -> tuple[int, datetime]:
    stamp: datetime = event["DTSTAMP"].dt
    return int(event["SEQUENCE"]), stamp


@given(st.data())
def test_a_calendar_ends_in_the_right_state_whatever_arrives_when(data: st.DataObject) -> None:
    """Each change has its mail, which tells the row as it is when the mail leaves: at once, or some changes later."""
    rows = [INVITATION]
    for _ in range(data.draw(st.integers(0, 5))):
        days = timedelta(days=data.draw(st.integers(-30, 30)))
        last = rows[-1]
        rows.append(replace(last, sequence=last.sequence + 1, start=last.start + days, end=last.end + days))
    if data.draw(st.booleans()):
        rows.append(replace(rows[-1], sequence=rows[-1].sequence + 1, is_cancelled=True))
    mails = []
    for number in range(len(rows)):
        left_after = data.draw(st.integers(number, len(rows) - 1))
        mails.append(_made(rows[left_after], made_at=MADE_AT + timedelta(minutes=left_after)))
    store = Store()
    for mail in data.draw(
        st.permutations([*mails, *data.draw(st.lists(st.sampled_from(mails), max_size=3))])
    ):
        store.receive(mail)
    ((uid, event),) = store.events.items()
    assert event["SEQUENCE"] == rows[-1].sequence
    assert event["DTSTART"].dt == rows[-1].start
    assert (store.methods[uid] == "CANCEL") == rows[-1].is_cancelled
