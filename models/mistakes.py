"""Mistakes in what an operator or an administrator writes (a form, a data file), each at its place, in words
for people.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import AfterValidator, ValidationError
from pydantic_core import PydanticCustomError

from core.i18n import Text, same

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Mistake:
    """`path` leads to the place from the root: `("fields", 2, "options", 0, "value")`."""

    path: Path
    text: Text


_TEXTS = {
    "missing": Text(fr="« {name} » manque.", en="“{name}” is missing."),
    "extra_forbidden": Text(fr="« {name} » n’est pas connu ici.", en="“{name}” is not known here."),
    "string_type": Text(
        fr="Un texte est attendu ; mettez la valeur entre guillemets.",
        en="A text is expected; put the value in quotes.",
    ),
    "bool_type": Text(fr="« true » ou « false » est attendu.", en="“true” or “false” is expected."),
    "int_type": Text(fr="Un nombre entier est attendu.", en="A whole number is expected."),
    "int_from_float": Text(fr="Un nombre entier est attendu.", en="A whole number is expected."),
    "float_type": Text(fr="Un nombre est attendu.", en="A number is expected."),
    "finite_number": Text(fr="Un nombre fini est attendu.", en="A finite number is expected."),
    "tuple_type": Text(fr="Une liste est attendue.", en="A list is expected."),
    "list_type": Text(fr="Une liste est attendue.", en="A list is expected."),
    "dict_type": Text(fr="Un ensemble de clés est attendu.", en="A set of keys is expected."),
    "mapping_type": Text(fr="Un ensemble de clés est attendu.", en="A set of keys is expected."),
    "model_type": Text(fr="Un ensemble de clés est attendu.", en="A set of keys is expected."),
    "model_attributes_type": Text(fr="Un ensemble de clés est attendu.", en="A set of keys is expected."),
    "enum": Text(
        fr="Valeur inconnue ; sont admises : {expected}.", en="Unknown value; allowed are: {expected}."
    ),
    "literal_error": Text(
        fr="Valeur inconnue ; sont admises : {expected}.", en="Unknown value; allowed are: {expected}."
    ),
    "union_tag_invalid": Text(
        fr="Type inconnu « {tag} » ; sont admis : {expected_tags}.",
        en="Unknown type “{tag}”; allowed are: {expected_tags}.",
    ),
    "union_tag_not_found": Text(fr="« type » manque.", en="“type” is missing."),
    "date_type": Text(fr="Une date AAAA-MM-JJ est attendue.", en="A date YYYY-MM-DD is expected."),
    "date_parsing": Text(fr="Une date AAAA-MM-JJ est attendue.", en="A date YYYY-MM-DD is expected."),
    "date_from_datetime_parsing": Text(
        fr="Une date AAAA-MM-JJ est attendue.", en="A date YYYY-MM-DD is expected."
    ),
    "string_too_short": Text(
        fr="Texte trop court : {min_length} caractères au moins.",
        en="The text is too short: at least {min_length} characters.",
    ),
    "empty": Text(fr="À remplir.", en="To be filled in."),
    "string_too_long": Text(
        fr="Texte trop long : {max_length} caractères au plus.",
        en="The text is too long: at most {max_length} characters.",
    ),
    "not_written_as": Text(
        fr="Écriture non admise ; il faut {form}.", en="Not written as allowed; it takes {form}."
    ),
    "too_short": Text(
        fr="Liste trop courte : {min_length} éléments au moins.",
        en="The list is too short: at least {min_length} elements.",
    ),
    "too_long": Text(
        fr="Liste trop longue : {max_length} éléments au plus.",
        en="The list is too long: at most {max_length} elements.",
    ),
    "greater_than_equal": Text(
        fr="Nombre trop petit : {ge} au moins.", en="The number is too small: at least {ge}."
    ),
    "less_than_equal": Text(
        fr="Nombre trop grand : {le} au plus.", en="The number is too large: at most {le}."
    ),
}


def written_as(pattern: str, form: Text) -> AfterValidator:
    """Holds a text to a pattern, which `form` says in words: who writes a form reads no regular expressions."""
    expected = re.compile(pattern)

    def check(text: str) -> str:
        if expected.fullmatch(text) is None:
            raise PydanticCustomError("not_written_as", "another form is expected", {"form": form})
        return text

    return AfterValidator(check)


def place_of(location: tuple[str | int, ...], field_types: Sequence[str] = ()) -> Path:
    """Where pydantic's location is in what was written.

    Pydantic names the chosen member of a tagged union in it; that is no place, so a member of `field_types` that
    follows an index is left out.
    """
    return tuple(
        part
        for position, part in enumerate(location)
        if not (position and isinstance(location[position - 1], int) and part in field_types)
        and part != "[key]"
    )


def mistakes_of(error: ValidationError, field_types: Sequence[str] = ()) -> list[Mistake]:
    """Pydantic's errors as mistakes.

    It calls a list too short whose elements are there but wrong: those are told, the list is not.
    """
    found: list[Mistake] = []
    for entry in error.errors(include_url=False, include_input=False):
        path = place_of(entry["loc"], field_types)
        values: dict[str, Any] = dict(entry.get("ctx", {})) | {"name": path[-1] if path else ""}
        for listed in values.keys() & {"expected", "expected_tags"}:
            values[listed] = values[listed].replace(" or ", ", ").replace("'", "")
        known = _TEXTS.get("empty" if values.get("min_length") == 1 else entry["type"])
        text = same(entry["msg"]) if known is None else known.format(**values)
        inside = any(mistake.path[: len(path)] == path for mistake in found)
        if not (entry["type"] == "too_short" and inside):
            found.append(Mistake(path, text))
    return found
