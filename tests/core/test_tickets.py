from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.tickets import (
    ALPHABET,
    LENGTH,
    new_ticket,
    parse_ticket,
    seal_ticket,
    ticket_digest,
    unseal_ticket,
)


@st.composite
def drawn_tickets(draw: st.DrawFn) -> str:
    """A ticket of Hypothesis's choosing, so that a failure can be replayed: the one check character that
    fits.
    """
    chosen = draw(st.text(ALPHABET, min_size=LENGTH - 1, max_size=LENGTH - 1))
    (ticket,) = filter(None, (parse_ticket(chosen + check) for check in ALPHABET))
    return ticket


tickets = drawn_tickets()
places = st.integers(0, LENGTH - 1)


def _bare(ticket: str) -> str:
    return ticket.replace("-", "")


def test_it_is_shown_in_five_groups_of_four() -> None:
    groups = new_ticket().split("-")
    assert [len(group) for group in groups] == [4, 4, 4, 4, 4]
    assert set("".join(groups)) <= set(ALPHABET)


def test_tickets_do_not_repeat_and_use_every_letter_in_every_place() -> None:
    made = [_bare(new_ticket()) for _ in range(2_000)]
    assert len(set(made)) == len(made)
    for place in range(LENGTH):
        assert {ticket[place] for ticket in made} == set(ALPHABET)


@given(tickets)
def test_a_new_ticket_is_a_ticket(ticket: str) -> None:
    assert parse_ticket(ticket) == ticket


@given(tickets, st.data())
def test_it_is_read_in_any_case_with_any_spaces_and_dashes(ticket: str, data: st.DataObject) -> None:
    typed = ""
    for character in _bare(ticket):
        typed += data.draw(st.sampled_from(["", " ", "-", "\u00a0", "\u2011", "\u2013", "\t"]))
        looks_like = {"0": "0Oo", "1": "1IiLl"}.get(character, character + character.lower())
        typed += data.draw(st.sampled_from(looks_like))
    assert parse_ticket(typed) == ticket


@given(tickets, places, st.sampled_from(ALPHABET))
def test_every_wrong_character_is_seen(ticket: str, place: int, wrong: str) -> None:
    bare = _bare(ticket)
    changed = bare[:place] + wrong + bare[place + 1 :]
    assert (parse_ticket(changed) is None) == (wrong != bare[place])


@given(tickets, places, places)
def test_every_swap_of_two_characters_is_seen(ticket: str, one: int, other: int) -> None:
    characters = list(_bare(ticket))
    characters[one], characters[other] = characters[other], characters[one]
    changed = "".join(characters)
    assert (parse_ticket(changed) is None) == (changed != _bare(ticket))


@given(st.text(max_size=200))
def test_any_text_is_a_ticket_or_is_not(text: str) -> None:
    parsed = parse_ticket(text)
    assert parsed is None or parse_ticket(parsed) == parsed


@pytest.mark.parametrize(
    "text",
    ["", "K7QM", "0" * 19, "0" * 21, "U" * 20, "ı" * 20, "٣" * 20, "*" * 20, "0" * 20 + " " * 100],
)
def test_what_is_no_ticket_is_refused(text: str) -> None:
    assert parse_ticket(text) is None


@given(tickets)
def test_a_ticket_has_one_digest_however_it_is_typed(ticket: str) -> None:
    digest = ticket_digest(ticket)
    assert len(digest) == 32
    assert ticket_digest(_bare(ticket).lower()) == digest
    assert ticket_digest(new_ticket()) != digest


def test_only_tickets_have_a_digest() -> None:
    with pytest.raises(ValueError, match="not a ticket"):
        ticket_digest("not a ticket")


@given(tickets)
def test_what_is_sealed_shows_again_and_never_looks_the_same_twice(ticket: str) -> None:
    sealed = seal_ticket(ticket)
    assert unseal_ticket(sealed) == ticket
    assert seal_ticket(ticket) != sealed
    with pytest.raises(ValueError, match="not sealed"):
        unseal_ticket(sealed[:-1] + bytes([sealed[-1] ^ 1]))
