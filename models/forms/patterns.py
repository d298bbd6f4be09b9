"""Patterns that a text field may set, kept to those that can be matched quickly whatever is typed.

Python's `re` backtracks: `(a+)+b` takes centuries over forty characters. So a pattern is read first, in the
part of the language that Python and the HTML `pattern` attribute understand alike (characters, escapes,
classes, groups, alternation, greedy quantifiers), and the ways in which a match can branch are counted. Every
branching multiplies: the product bounds the work of the matcher, and a pattern over the limit is refused
before anybody types anything.
"""

from __future__ import annotations

import re
from functools import lru_cache

from core.i18n import Text

MOST_WAYS = 50_000
_QUANTIFIER = re.compile(r"\{(\d{1,4})(,(\d{1,4})?)?\}")
_ESCAPES = "dDwWsS"
_SPECIAL = r"\.[]{}()*+?^$|/-"


class PatternError(ValueError):
    """The pattern is not read, or may branch too often. `text` says which."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


_TOO_MANY_WAYS = Text(
    fr="Ce motif peut demander trop de calcul : retirez des répétitions, ou réduisez la longueur de la réponse.",
    en="This pattern may take too much computing: remove repetitions, or shorten the answer’s length.",
)


class _Reader:
    """Recursive descent over the pattern; each method answers in how many ways its part may match."""

    def __init__(self, pattern: str, length: int) -> None:
        self.pattern = pattern
        self.length = length
        self.position = 0

    def peek(self) -> str:
        return self.pattern[self.position : self.position + 1]

    def refuse(self, fr: str, en: str) -> PatternError:
        place = self.position + 1
        return PatternError(
            Text(fr=f"Motif, caractère {place} : {fr}", en=f"Pattern, character {place}: {en}")
        )

    def alternation(self, depth: int) -> int:
        ways = self.sequence(depth)
        while self.peek() == "|":
            self.position += 1
            ways += self.sequence(depth)
        return ways

    def sequence(self, depth: int) -> int:
        ways = 1
        while self.peek() not in ("", "|", ")"):
            ways *= self.repeated(depth)
            if ways > MOST_WAYS:
                raise PatternError(_TOO_MANY_WAYS)
        return ways

    def repeated(self, depth: int) -> int:
        ways = self.atom(depth)
        character = self.peek()
        if character in ("*", "+", "?"):
            self.position += 1
            least, most = {"*": (0, self.length), "+": (1, self.length), "?": (0, 1)}[character]
        elif character == "{":
            found = _QUANTIFIER.match(self.pattern, self.position)
            if found is None:
                raise self.refuse("répétition illisible.", "unreadable repetition.")
            least = int(found[1])
            most = least if found[2] is None else self.length if found[3] is None else int(found[3])
            if most < least:
                raise self.refuse("répétition à l’envers.", "repetition the wrong way round.")
            self.position = found.end()
        else:
            return ways
        if self.peek() in ("*", "+", "?", "{"):
            raise self.refuse("répétition d’une répétition.", "repetition of a repetition.")
        return self.repetitions(ways, least, most)

    def repetitions(self, ways: int, least: int, most: int) -> int:
        if ways == 1:
            return most - least + 1
        total = 0
        for times in range(least, most + 1):
            if times * ways.bit_length() > 40:
                raise PatternError(_TOO_MANY_WAYS)
            total += ways**times
            if total > MOST_WAYS:
                raise PatternError(_TOO_MANY_WAYS)
        return total

    def atom(self, depth: int) -> int:
        character = self.peek()
        if character == "(":
            return self.group(depth)
        if character == "[":
            self.character_class()
            return 1
        if character == "\\":
            self.escape()
            return 1
        if character in ("*", "+", "?", "{", "}", "]"):
            raise self.refuse(f"« {character} » inattendu.", f"unexpected “{character}”.")
        if character in ("^", "$"):
            raise self.refuse(
                "retirez ^ et $ : le motif vaut toujours pour la réponse entière.",
                "remove ^ and $: the pattern always stands for the whole answer.",
            )
        self.position += 1
        return 1

    def group(self, depth: int) -> int:
        if depth == 10:
            raise self.refuse("trop de groupes imbriqués.", "too many nested groups.")
        self.position += 1
        if self.pattern.startswith("?:", self.position):
            self.position += 2
        elif self.peek() == "?":
            raise self.refuse(
                "seuls les groupes (…) et (?:…) sont admis.", "only groups (…) and (?:…) are allowed."
            )
        ways = self.alternation(depth + 1)
        if self.peek() != ")":
            raise self.refuse("parenthèse non fermée.", "unclosed parenthesis.")
        self.position += 1
        return ways

    def character_class(self) -> None:
        self.position += 1
        if self.peek() == "^":
            self.position += 1
        start = self.position
        while self.peek() != "]":
            if self.peek() == "":
                raise self.refuse("crochet non fermé.", "unclosed bracket.")
            if self.peek() == "[":
                raise self.refuse("échappez « [ » : \\[.", "escape “[”: \\[.")
            if self.peek() == "\\":
                self.escape()
            elif self.pattern[self.position : self.position + 2] in ("--", "&&", "~~", "||"):
                raise self.refuse("signe doublé entre crochets.", "doubled sign in brackets.")
            else:
                self.position += 1
        if self.position == start:
            raise self.refuse("crochets vides.", "empty brackets.")
        self.position += 1

    def escape(self) -> None:
        escaped = self.pattern[self.position + 1 : self.position + 2]
        if not escaped or escaped not in _ESCAPES + _SPECIAL:
            raise self.refuse(
                "après « \\ », seuls d, D, w, W, s, S ou un signe sont admis.",
                "after “\\” only d, D, w, W, s, S or a sign is allowed.",
            )
        self.position += 2


def check_pattern(pattern: str, max_length: int) -> re.Pattern[str]:
    """The pattern compiled, or PatternError. `max_length` is the longest text it will ever be matched
    against.
    """
    reader = _Reader(pattern, max_length)
    reader.alternation(0)
    if reader.position < len(pattern):
        raise reader.refuse("parenthèse de trop.", "one parenthesis too many.")
    try:
        # ASCII: \d and \w then mean what they mean in a browser.
        return re.compile(pattern, re.ASCII)
    except re.error as error:
        raise PatternError(
            Text(fr=f"Ce motif ne peut pas être lu ({error}).", en=f"This pattern cannot be read ({error}).")
        ) from error


@lru_cache(maxsize=1_000)
def matches(pattern: str) -> re.Pattern[str]:
    """The pattern of a checked definition, compiled once."""
    return re.compile(pattern, re.ASCII)
