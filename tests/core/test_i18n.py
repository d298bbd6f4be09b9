"""Two languages: which one is meant, and texts that hold both."""

from __future__ import annotations

import pytest

from core.i18n import Language, Text, negotiate, same


@pytest.mark.parametrize(
    ("header", "language"),
    [
        (None, "fr"),
        ("", "fr"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("en;q=0.3, fr;q=0.7", "fr"),
        ("en;q=0.7, fr;q=0.3", "en"),
        ("de-DE,de;q=0.9,en;q=0.5", "en"),
        ("de", "fr"),
        ("*", "fr"),
        ("en;q=0", "fr"),
        ("en;q=much, fr;q=0.1", "fr"),
        ("EN-us", "en"),
        (",;=,;q=,", "fr"),
        ("x" * 10_000, "fr"),
    ],
)
def test_accept_language(header: str | None, language: Language) -> None:
    assert negotiate(header) == language


def test_a_text_is_filled_in_both_languages() -> None:
    text = Text(fr="{party} a écrit {count} échanges.", en="{party} wrote {count} messages.")
    filled = text.format(party=Text(fr="La mairie", en="The mairie"), count=2)
    assert filled.in_("fr") == "La mairie a écrit 2 échanges."
    assert filled.in_("en") == "The mairie wrote 2 messages."


def test_what_a_person_wrote_is_filled_in_as_it_stands() -> None:
    filled = Text(fr="« {title} »", en="“{title}”").format(title=same("{count} {0} {title}"))
    assert filled == Text(fr="« {count} {0} {title} »", en="“{count} {0} {title}”")
