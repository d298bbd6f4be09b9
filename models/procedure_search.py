"""Keyword search over the catalogue, in memory: forgives accents, plurals, unfinished words and typing slips.

A catalogue has some hundred procedures, a thousand in a large town. What people type is seldom a name: «
faire garder mon enfant », « trou dans la route », « cantinne ». So every word is brought to its stem, is
completed where it may be unfinished, and is mended where nobody wrote it that way; a rare word counts more
than a frequent one, the title more than a keyword, a keyword more than the summary, and words that make up a
whole keyword or title most of all.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log, sqrt
from threading import Lock

import snowballstemmer  # type: ignore[import-untyped]
from rapidfuzz import process
from rapidfuzz.distance import OSA

LONGEST_QUERY = 200
MOST_WORDS = 12

TITLE_WEIGHT = 3.0
KEYWORD_WEIGHT = 2.5
SUMMARY_WEIGHT = 1.0

STEM_WEIGHT = 0.95
PREFIX_WEIGHT = 0.8
SLIP_WEIGHT = 0.7
SHORTEST_WITH_TWO_SLIPS = 6
PHRASE_WEIGHT = 4.0

WORST_SHARE = 0.3
"""A procedure that scores less than this share of the best one is not an answer."""

_WORD = re.compile(r"[^\W_]+")
_STOP_WORDS = frozenset(
    _WORD.findall(
        "a afin ai au aux avec avoir c ce ces cet cette chez comment d dans de des du elle en est et"
        " etre eux faire faut il ils j je l la le les leur leurs lui m ma mais me mes moi mon n ne nos"
        " notre nous on ou par pas peut pour qu quand que quel quelle quelles quels qui s sa se ses si"
        " son sont suis sur t ta te tes toi ton tu un une veut veux vos votre vouloir voulons vous y"
    )
)


@dataclass(frozen=True, slots=True)
class Document:
    """What of a procedure is searched."""

    slug: str
    title: str
    summary: str = ""
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Phrase:
    """A title or a keyword, as the stems that carry its meaning."""

    document: int
    stems: frozenset[str]
    weight: float


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it was written, in lower case, and without its accents."""

    written: str
    bare: str


def words_of(text: str) -> list[Word]:
    """The words of a text; elided articles stand alone, ligatures are two letters. Stop words stay."""
    spread = unicodedata.normalize("NFKC", text).lower().replace("œ", "oe").replace("æ", "ae")
    return [Word(written, _bare(written)) for written in _WORD.findall(spread) if _bare(written)]


def _bare(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if c.isalnum())


_snowball = snowballstemmer.stemmer("french")
_snowball_lock = Lock()


@lru_cache(maxsize=20_000)
def _stem(word: str) -> str:
    # The stemmer keeps the word it works on in itself, and indexes are built in threads.
    with _snowball_lock:
        return _bare(_snowball.stemWord(word))


def _stems(word: Word) -> tuple[str, str]:
    """Snowball knows French endings by their accents (-ité, -ée); people leave those out. So: with, and
    without.
    """
    return _stem(word.written), _stem(word.bare)


class SearchIndex:
    """Built once for a revision of the catalogue, then only read.

    Inside, a word is known by its stem; `_stems_of` leads there from the word itself, and from either stem
    that it has.
    """

    def __init__(self, documents: Iterable[Document]) -> None:
        self._slugs: list[str] = []
        self._weights: dict[str, dict[int, float]] = defaultdict(dict)
        self._phrases_with: dict[str, list[_Phrase]] = defaultdict(list)
        self._stems_of: dict[str, set[str]] = defaultdict(set)
        words: set[str] = set()
        for number, document in enumerate(documents):
            self._slugs.append(document.slug)
            words.update(self._add(number, document))
        self._words = sorted(words)
        total = len(self._slugs)
        self._rarity = {
            stem: sqrt(log(1 + (total - len(found) + 0.5) / (len(found) + 0.5)))
            for stem, found in self._weights.items()
        }

    def _add(self, number: int, document: Document) -> set[str]:
        phrases = [(document.title, TITLE_WEIGHT)] + [(k, KEYWORD_WEIGHT) for k in document.keywords]
        words: set[str] = set()
        for text, weight in [*phrases, (document.summary, SUMMARY_WEIGHT)]:
            stems = set()
            for word in words_of(text):
                if word.bare in _STOP_WORDS:
                    continue
                stem, other_stem = _stems(word)
                stems.add(stem)
                words.add(word.bare)
                for way in (word.bare, stem, other_stem):
                    self._stems_of[way].add(stem)
                self._weights[stem][number] = max(weight, self._weights[stem].get(number, 0.0))
            if weight > SUMMARY_WEIGHT:
                phrase = _Phrase(number, frozenset(stems), weight)
                for stem in stems:
                    self._phrases_with[stem].append(phrase)
        return words

    def search(self, query: str, limit: int | None = None) -> list[tuple[str, float]]:
        """Slugs and scores, best first; equal ones in the order in which the documents were given."""
        words = self._joined(words_of(query[:LONGEST_QUERY])[:MOST_WORDS])
        asked = [word for word in words if word.bare not in _STOP_WORDS] or words
        if not asked:
            return []
        readings = [
            self._readings(word, last=position == len(asked) - 1) for position, word in enumerate(asked)
        ]
        scores = self._sum(readings)
        self._add_phrases(readings, scores)
        if not scores:
            return []
        least = WORST_SHARE * max(scores.values())
        ranked = sorted(
            ((number, score) for number, score in scores.items() if score >= least),
            key=lambda found: (-round(found[1], 9), found[0]),
        )
        return [(self._slugs[number], score) for number, score in ranked[:limit]]

    def _joined(self, words: list[Word]) -> list[Word]:
        """« péri scolaire » is « périscolaire » where the catalogue knows that word."""
        joined: list[Word] = []
        for word in words:
            if joined and joined[-1].bare + word.bare in self._stems_of:
                before = joined.pop()
                joined.append(Word(before.written + word.written, before.bare + word.bare))
            else:
                joined.append(word)
        return joined

    def _readings(self, word: Word, *, last: bool) -> dict[str, float]:
        """The stems that a typed word may stand for, each with how far it is to be believed."""
        readings: dict[str, float] = {}

        def read(way: str, belief: float) -> None:
            for stem in self._stems_of.get(way, ()):
                readings[stem] = max(belief, readings.get(stem, 0.0))

        read(word.bare, 1.0)
        for stem in _stems(word):
            read(stem, STEM_WEIGHT)
        is_known = bool(readings)
        if last and len(word.bare) >= 2:
            for known in self._completions(word.bare):
                read(known, PREFIX_WEIGHT * (0.5 + 0.5 * len(word.bare) / len(known)))
        if len(word.bare) >= 4 and not is_known:
            for known, distance in self._slips_of(word.bare):
                read(known, SLIP_WEIGHT**distance)
        return readings

    def _slips_of(self, typed: str) -> list[tuple[str, int]]:
        """Known words that differ by a slip; by two where the word is long, or of some length and nothing is nearer."""
        for slips in (1, 2) if len(typed) < 8 else (2,):
            if slips == 2 and len(typed) < SHORTEST_WITH_TWO_SLIPS:
                break
            found = process.extract(typed, self._words, scorer=OSA.distance, score_cutoff=slips, limit=8)
            if found:
                return [(known, int(distance)) for known, distance, _ in found]
        return []

    def _completions(self, start: str) -> Sequence[str]:
        first = bisect_left(self._words, start)
        found = []
        for known in self._words[first : first + 40]:
            if not known.startswith(start):
                break
            if known != start:
                found.append(known)
        return found

    def _sum(self, readings: Sequence[dict[str, float]]) -> dict[int, float]:
        """What each word that was typed brings to each document, by its best reading there; documents that
        answer to few of the words lose most of it."""
        scores: dict[int, float] = defaultdict(float)
        answered: dict[int, float] = defaultdict(float)
        importance = [max((self._rarity[stem] for stem in reading), default=3.0) for reading in readings]
        for reading, important in zip(readings, importance, strict=True):
            brought: dict[int, float] = {}
            for stem, belief in reading.items():
                worth = belief * self._rarity[stem]
                for number, weight in self._weights[stem].items():
                    if worth * weight > brought.get(number, 0.0):
                        brought[number] = worth * weight
            for number, score in brought.items():
                scores[number] += score
                answered[number] += important
        whole = sum(importance) or 1.0
        return {number: score * (answered[number] / whole) for number, score in scores.items()}

    def _add_phrases(self, readings: Sequence[dict[str, float]], scores: dict[int, float]) -> None:
        """A title or a keyword that is wholly, or nearly, what was typed says more than its words one by
        one.
        """
        believed: dict[str, float] = {}
        for reading in readings:
            for stem, belief in reading.items():
                believed[stem] = max(belief, believed.get(stem, 0.0))
        candidates = {id(p): p for stem in believed for p in self._phrases_with[stem]}
        best: dict[int, float] = {}
        for phrase in candidates.values():
            whole = sum(self._rarity[stem] for stem in phrase.stems)
            common = sum(self._rarity[stem] * believed.get(stem, 0.0) for stem in phrase.stems)
            typed = sum(
                max(belief for stem, belief in reading.items() if stem in phrase.stems)
                for reading in readings
                if reading.keys() & phrase.stems
            ) / len(readings)
            worth = phrase.weight * PHRASE_WEIGHT * (common / whole) * typed
            best[phrase.document] = max(worth, best.get(phrase.document, 0.0))
        for number, worth in best.items():
            scores[number] = scores.get(number, 0.0) + worth
