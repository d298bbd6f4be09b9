"""How letters are told apart on the telephone: in French by first names, in English by the words of the ICAO."""

from __future__ import annotations

from core.i18n import Language

Phrase = tuple[str, str]
"""A character, and what is said after it."""

_FRENCH = (
    "Anatole Berthe Célestin Désiré Eugène François Gaston Henri Irma Joseph Kléber Louis Marcel Nicolas Oscar Pierre "
    "Quintal Raoul Suzanne Thérèse Ursule Victor William Xavier Yvonne Zoé"
)
_ENGLISH = (
    "Alpha Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliet Kilo Lima Mike November Oscar Papa "
    "Quebec Romeo Sierra Tango Uniform Victor Whiskey X-ray Yankee Zulu"
)
_WORDS: dict[Language, dict[str, str]] = {
    "fr": {word[0]: f"comme {word}" for word in _FRENCH.split()},
    "en": {word[0]: f"as in {word}" for word in _ENGLISH.split()},
}
_DIGITS: dict[Language, str] = {"fr": "en chiffre", "en": "the digit"}


def phrases(code: str, language: Language) -> list[Phrase]:
    """What to say for each character of a code: `("B", "comme Berthe")`. Raises ValueError for one that has no name."""
    return [_phrase(character, language) for character in code.upper()]


def _phrase(character: str, language: Language) -> Phrase:
    if character.isascii() and character.isdigit():
        return character, _DIGITS[language]
    try:
        return character, _WORDS[language][character]
    except KeyError:
        raise ValueError("a code is made of the letters A to Z and of digits") from None
