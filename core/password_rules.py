"""Which passwords are strong enough.

Three rules, all of which hold: the form that the CNIL asks for; something of its own, beside the words that everybody
chooses and those that are known of the person; and a strength that is estimated as whoever guesses would go about it
(zxcvbn).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import cache
from itertools import pairwise
from pathlib import Path

from zxcvbn_rs_py import zxcvbn

from core.errors import FieldProblem
from core.i18n import Text
from core.passwords import normalised

SHORTEST = 12
SHORTEST_WITHOUT_SYMBOL = 14
FEWEST_WORDS = 7
FEWEST_DIFFERENT_CHARACTERS = 6
LONGEST = 128

LOWEST_SCORE = 3
"""Of zxcvbn's 0 to 4: more than a hundred million guesses by somebody who knows what people do."""

ESTIMATED_CHARACTERS = 64
"""How much of a password the estimate looks at: its work grows with the square, and takes some 10 ms for so many."""

FEWEST_OWN_CHARACTERS = 5
SHORTEST_KNOWN = 4

_LOOKS_LIKE = str.maketrans("@4301!57$€", "aaeoiistse")
_WORD = re.compile(r"[^\W_]{3,}")
_YEAR = re.compile(r"(?:19|20)\d\d")


def password_problems(
    password: str, username: str, path: str = "password", *, about: Iterable[str] = ()
) -> list[FieldProblem]:
    """Everything that keeps `password` from being accepted; empty where it is strong enough.

    The form is that of the CNIL's recommendation 2022-100 of 21 July 2022 for a password alone (80 bits), in the three
    ways that it gives as examples, any of which will do: 12 characters with upper case, lower case, digits and
    symbols; 14 characters with upper case, lower case and digits; a phrase of 7 different words. On top of it: at most
    128 characters, at least 6 different ones, and without the username.

    `about` is what others may know of the person, and would try first: names, addresses, the commune.
    """
    is_too_long = len(password) > LONGEST
    password = normalised(password)
    texts: list[Text] = []
    if not _has_form(password):
        texts.append(_what_form_lacks(password))
    elif len(set(password.casefold())) < FEWEST_DIFFERENT_CHARACTERS:
        texts.append(_TOO_MUCH_ALIKE.format(least=FEWEST_DIFFERENT_CHARACTERS))
    if is_too_long or len(password) > LONGEST:
        texts.append(_TOO_LONG.format(most=LONGEST))
    name = normalised(username).strip().casefold()
    if name and name in password.casefold():
        texts.append(_HAS_USERNAME)
    personal = dict.fromkeys(word for text in (username, *about) for word in _words(text))
    known = [*personal, *common_words()]
    if _own(password, common_words()) < FEWEST_OWN_CHARACTERS <= _own(password, ()):
        texts.append(_COMMON)
    elif not texts and (
        _own(password, known) < FEWEST_OWN_CHARACTERS or _score(password, known) < LOWEST_SCORE
    ):
        texts.append(_EASY_TO_GUESS)
    return [FieldProblem(path, text) for text in texts]


def another_password_problems(
    password: str, current: str, username: str, path: str = "password", *, about: Iterable[str] = ()
) -> list[FieldProblem]:
    """The same of a password that takes the place of `current`, which it must not be."""
    problems = password_problems(password, username, path, about=about)
    return [*problems, FieldProblem(path, _SAME)] if password == current else problems


@cache
def common_words() -> tuple[str, ...]:
    """What people choose again and again, the commonest first: small letters without accents."""
    text = (Path(__file__).parent / "common_passwords.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if not line.startswith("#"))


def password_advice() -> Text:
    """One sentence that says what to choose."""
    return Text(
        fr="Choisissez au moins {least} caractères avec majuscule, minuscule, chiffre et caractère spécial "
        "(ou {without} sans caractère spécial, ou une phrase d’au moins {words} mots).",
        en="Choose at least {least} characters with upper case, lower case, a digit and a symbol "
        "(or {without} without a symbol, or a phrase of at least {words} words).",
    ).format(least=SHORTEST, without=SHORTEST_WITHOUT_SYMBOL, words=FEWEST_WORDS)


_SAME = Text(
    fr="Choisissez un mot de passe différent du mot de passe actuel.",
    en="Choose a password that is not the current one.",
)
_TOO_MUCH_ALIKE = Text(
    fr="Le mot de passe doit avoir au moins {least} caractères différents.",
    en="The password must have at least {least} different characters.",
)
_TOO_LONG = Text(
    fr="Le mot de passe ne doit pas dépasser {most} caractères.",
    en="The password must not exceed {most} characters.",
)
_HAS_USERNAME = Text(
    fr="Le mot de passe ne doit pas contenir le nom d’utilisateur.",
    en="The password must not contain the username.",
)
_COMMON = Text(
    fr="Ce mot de passe est trop courant : des chiffres ou des symboles autour d’un mot que beaucoup choisissent ne le "
    "protègent pas. Choisissez-en un autre.",
    en="This password is too common: digits or symbols around a word that many choose do not protect it. Choose "
    "another one.",
)
_EASY_TO_GUESS = Text(
    fr="Ce mot de passe est trop facile à deviner : évitez les mots courants, les suites, les dates, et ce qu’on sait "
    "de vous (nom, adresse, commune). Quelques mots sans lien entre eux conviennent mieux.",
    en="This password is too easy to guess: avoid common words, sequences, dates, and what is known of you (name, "
    "address, commune). A few words that have nothing to do with each other are better.",
)

_KINDS: tuple[tuple[Text, Callable[[str], bool]], ...] = (
    (Text(fr="une majuscule", en="an upper case letter"), str.isupper),
    (Text(fr="une minuscule", en="a lower case letter"), str.islower),
    (Text(fr="un chiffre", en="a digit"), str.isdigit),
    (Text(fr="un caractère spécial", en="a symbol"), lambda character: not character.isalnum()),
)


def _missing_kinds(password: str) -> list[Text]:
    return [name for name, is_one in _KINDS if not any(map(is_one, password))]


def _has_form(password: str) -> bool:
    missing = _missing_kinds(password)
    words = "".join(c if c.isalpha() else " " for c in password.casefold()).split()
    return (
        (len(password) >= SHORTEST and not missing)
        or (len(password) >= SHORTEST_WITHOUT_SYMBOL and missing == [_KINDS[-1][0]])
        or (len(set(words)) >= FEWEST_WORDS and len(password) >= SHORTEST_WITHOUT_SYMBOL)
    )


def _what_form_lacks(password: str) -> Text:
    lacks: list[Text] = []
    if len(password) < SHORTEST:
        lacks.append(
            Text(fr="{count} caractère(s) de plus", en="{count} more character(s)").format(
                count=SHORTEST - len(password)
            )
        )
    lacks += _missing_kinds(password)
    return Text(fr="{advice} Il manque : {lacks}.", en="{advice} Missing: {lacks}.").format(
        advice=password_advice(),
        lacks=Text(fr=", ".join(lack.fr for lack in lacks), en=", ".join(lack.en for lack in lacks)),
    )


def _own(password: str, known: Iterable[str]) -> int:
    """How many letters and digits are left of a password, once known words, years, sequences (`12345`, `aaaa`) and
    symbols are taken away; as it is typed, or with `0` read as `o` and so on, whichever leaves less.

    zxcvbn counts every further piece ten thousandfold, whatever it is: it thinks well of two first names and a digit.
    """
    words = sorted((word for word in known if len(word) >= SHORTEST_KNOWN), key=len, reverse=True)
    plain = _without_accents(password.casefold())
    return min(_left(text, words) for text in (plain, plain.translate(_LOOKS_LIKE)))


def _left(text: str, words: Iterable[str]) -> int:
    for word in words:
        text = text.replace(word, " ")
    text = "".join(filter(str.isalnum, _YEAR.sub("", text)))
    return sum(abs(ord(one) - ord(before)) > 1 for before, one in pairwise(f"\0{text}"))


def _score(password: str, known: Iterable[str]) -> int:
    """zxcvbn's estimate, 0 to 4, with the known words in its dictionary, those guessed first at the front."""
    return int(zxcvbn(_without_accents(password)[:ESTIMATED_CHARACTERS], [*known]).score)


def _words(text: str) -> list[str]:
    """The text and its parts, as somebody would try them: `Jean-Luc` is also `jeanluc`, `jean` and `luc`."""
    plain = _without_accents(normalised(text).casefold())
    return [word for word in ("".join(filter(str.isalnum, plain)), *_WORD.findall(plain)) if len(word) > 2]


def _without_accents(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
