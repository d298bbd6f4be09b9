"""Two languages, kept side by side: a text that lacks one of them cannot be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Language = Literal["fr", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT_LANGUAGE: Language = "fr"


@dataclass(frozen=True, slots=True)
class Text:
    """One sentence for people, in French and in English."""

    fr: str
    en: str

    def in_(self, language: Language) -> str:
        return self.fr if language == "fr" else self.en

    def format(self, **values: object) -> Text:
        """The same text with `{name}` places filled; a value that is a Text is put in its own language."""
        return Text(
            **{
                language: self.in_(language).format(
                    **{name: v.in_(language) if isinstance(v, Text) else v for name, v in values.items()}
                )
                for language in LANGUAGES
            }
        )


def same(text: str) -> Text:
    """A text that reads the same in both languages: a name, a code, what a person wrote."""
    return Text(fr=text, en=text)


def negotiate(accept_language: str | None) -> Language:
    """The language to answer in, from an Accept-Language header (RFC 9110, 12.5.4). French is the default."""
    best: Language = DEFAULT_LANGUAGE
    best_quality = 0.0
    for part in (accept_language or "")[:500].split(","):
        tag, _, parameters = part.strip().partition(";")
        primary = tag.strip().lower().split("-")[0]
        name, _, value = parameters.strip().partition("=")
        try:
            quality = float(value) if name.strip() == "q" else 1.0
        except ValueError:
            continue
        for language in LANGUAGES:
            if primary == language and quality > best_quality:
                best, best_quality = language, quality
    return best
