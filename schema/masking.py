"""What an answer tells of an error: the few codes of the contract, and nothing internal.

Top-level codes: MALFORMED_OPERATION (whatever is wrong with the operation itself: envelope, syntax,
validation, variables, limits), UNAUTHENTICATED, FORBIDDEN, RATE_LIMITED, UNAVAILABLE, and INTERNAL for
every defect.
"""

import logging
import traceback
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from graphql import GraphQLError, GraphQLFormattedError

from core.errors import (
    CallError,
    ForbiddenError,
    RateLimitedError,
    RefusedError,
    ValidationError,
)
from core.i18n import Language, Text
from schema.limits import LimitError

__all__ = [
    "INTERNAL",
    "MALFORMED_OPERATION",
    "describe_call_error",
    "describe_defect",
    "describe_errors",
    "describe_malformed",
    "malformed",
]

MALFORMED_OPERATION = "MALFORMED_OPERATION"
INTERNAL = "INTERNAL"

_INTERNAL_TEXT = Text(
    fr="Une erreur inattendue s’est produite. Si elle persiste, indiquez cette référence : {reference}.",
    en="Something unexpected went wrong. If it goes on, quote this reference: {reference}.",
)

logger = logging.getLogger("espace.graphql")


def malformed(text: Text, language: Language) -> GraphQLFormattedError:
    """An error of the operation itself, where there is no document to point into."""
    return {"message": text.in_(language), "extensions": {"code": MALFORMED_OPERATION}}


def describe_malformed(errors: Sequence[GraphQLError], language: Language) -> list[GraphQLFormattedError]:
    """What is wrong with a document or its variables, as graphql-core says it (in English), or in both
    languages.
    """
    described: list[GraphQLFormattedError] = []
    for error in errors:
        text = error.text.in_(language) if isinstance(error, LimitError) else error.message
        formatted: GraphQLFormattedError = {"message": text, "extensions": {"code": MALFORMED_OPERATION}}
        if error.locations:
            formatted["locations"] = [location.formatted for location in error.locations]
        described.append(formatted)
    return described


def describe_call_error(error: CallError, language: Language) -> GraphQLFormattedError:
    """A refusal of the whole call. RATE_LIMITED also says `retryAfterSeconds`; FORBIDDEN the `duty` that comes first,
    where that is the reason.
    """
    extensions: dict[str, Any] = {"code": error.code}
    if isinstance(error, RateLimitedError):
        extensions["retryAfterSeconds"] = error.retry_after_seconds
    if isinstance(error, ForbiddenError) and error.duty is not None:
        extensions["duty"] = error.duty
    return {"message": error.text.in_(language), "extensions": extensions}


def describe_defect(
    error: BaseException, language: Language, *, verbose: bool, reference: str = ""
) -> GraphQLFormattedError:
    """INTERNAL: the caller gets a reference, the log gets what it refers to.

    The log holds the error's type and where it was raised. Its message may quote what a person wrote (a
    database says which value it refused), so that is only logged in development (`verbose`).
    """
    reference = reference or new_reference()
    frames = traceback.extract_tb(error.__traceback__)
    place = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    logger.error(
        "%s: %s at %s",
        reference,
        type(error).__qualname__,
        " < ".join(reversed(place[-8:])) or "an unknown place",
        extra={"reference": reference, "error_type": type(error).__qualname__},
        exc_info=error if verbose else None,
    )
    return {
        "message": _INTERNAL_TEXT.format(reference=reference).in_(language),
        "extensions": {"code": INTERNAL, "reference": reference},
    }


def new_reference() -> str:
    return uuid4().hex[:12]


def describe_errors(
    errors: Sequence[GraphQLError], language: Language, *, verbose: bool
) -> list[GraphQLFormattedError]:
    """The `errors` of an answer. Defects of one answer share one reference; each kind is logged once."""
    reference = new_reference()
    logged: dict[tuple[object, ...], GraphQLFormattedError] = {}
    described: list[GraphQLFormattedError] = []
    for error in errors:
        cause = _cause(error)
        formatted: GraphQLFormattedError
        if isinstance(cause, CallError):
            formatted = describe_call_error(cause, language)
        elif isinstance(cause, ValidationError):
            formatted = malformed(_text_of(cause), language)
        elif isinstance(cause, RefusedError):
            # Only mutations have a union to put it in: for a field or a subscription it means "not for you".
            formatted = describe_call_error(ForbiddenError(cause.text), language)
        elif isinstance(cause, GraphQLError) and (cause.nodes or cause.positions):
            # graphql-core points into the document where the document or its variables are to blame only.
            formatted = {"message": cause.message, "extensions": {"code": MALFORMED_OPERATION}}
        else:
            kind = _kind(cause)
            if kind not in logged:
                logged[kind] = describe_defect(cause, language, verbose=verbose, reference=reference)
            formatted = {**logged[kind]}
        if error.locations:
            formatted["locations"] = [location.formatted for location in error.locations]
        if error.path is not None:
            formatted["path"] = error.path
        described.append(formatted)
    return described


def _cause(error: GraphQLError) -> BaseException:
    """What was raised first, under the wrappings that give it a place in the answer."""
    cause: BaseException = error
    while isinstance(cause, GraphQLError) and cause.original_error is not None:
        cause = cause.original_error
    return cause


def _kind(error: BaseException) -> tuple[object, ...]:
    frames = traceback.extract_tb(error.__traceback__)
    return (type(error), frames[-1].filename, frames[-1].lineno) if frames else (type(error),)


def _text_of(error: ValidationError) -> Text:
    """One sentence with each problem: outside a mutation there is no list of fields to answer."""
    problems = error.problems
    return Text(
        fr=error.text.fr + "".join(f" {p.path} : {p.text.fr}" for p in problems),
        en=error.text.en + "".join(f" {p.path}: {p.text.en}" for p in problems),
    )
