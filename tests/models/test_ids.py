from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from models.ids import decode, decode_as, encode, new_id

ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


def test_an_id_is_a_version_7_uuid_that_holds_its_instant() -> None:
    at = datetime(2026, 7, 1, 12, 30, 15, 123_000, tzinfo=UTC)
    id = new_id(at)
    assert id.version == 7
    assert id.variant == "specified in RFC 4122"
    assert id.int >> 80 == int(at.timestamp() * 1000)


def test_ids_grow_with_time_and_never_repeat() -> None:
    day = [new_id(datetime(2026, 7, 1, hour, tzinfo=UTC)) for hour in range(24)]
    assert day == sorted(day)
    microseconds = [new_id(datetime(2026, 7, 1, microsecond=number, tzinfo=UTC)) for number in range(3_000)]
    assert microseconds == sorted(microseconds)
    assert len({new_id(datetime(2026, 7, 1, tzinfo=UTC)) for _ in range(10_000)}) == 10_000


def test_a_global_id_says_its_type_and_its_row() -> None:
    text = encode("ServiceRequest", ID)
    assert decode(text) == ("ServiceRequest", ID)
    assert decode_as("ServiceRequest", text) == ID
    assert text.isascii()
    assert "=" not in text


def test_another_type_answers_as_absent_does() -> None:
    assert decode_as("Account", encode("ServiceRequest", ID)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "é",
        "\0",
        "\ud800",
        "a" * 10_000,
        "U2VydmljZVJlcXVlc3Q",
        str(ID),
        encode("ServiceRequest", ID) + "A",
        encode("ServiceRequest", ID)[:-2],
        encode("ServiceRequest", ID) + "==",
        encode("Service-Request", ID),
        encode("", ID),
        " " + encode("ServiceRequest", ID),
        "1 OR 1=1",
    ],
)
def test_whatever_we_did_not_make_is_none(text: str) -> None:
    assert decode(text) is None
    assert decode_as("ServiceRequest", text) is None


def test_a_name_outside_ascii_is_none() -> None:
    assert decode(encode("Démarche", ID)) is None
