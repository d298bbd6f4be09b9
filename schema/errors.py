"""The answers No: one type for each RefusedError of core/errors.py, under the same name and with the same
fields.
"""

from typing import TYPE_CHECKING, Annotated

import strawberry

from schema.declare import enumeration, interface, output

if TYPE_CHECKING:
    from schema.appointments import Slot
from enum import StrEnum


@enumeration
class ErrorCode(StrEnum):
    """Why a mutation was refused."""

    VALIDATION = "VALIDATION"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    NOT_ALLOWED = "NOT_ALLOWED"
    INVALID_CREDENTIALS = "INVALID_CREDENTIALS"
    SECOND_FACTOR_REQUIRED = "SECOND_FACTOR_REQUIRED"
    USERNAME_TAKEN = "USERNAME_TAKEN"
    CAPTCHA_REJECTED = "CAPTCHA_REJECTED"
    ACCOUNT_REQUIRED = "ACCOUNT_REQUIRED"
    SLOT_UNAVAILABLE = "SLOT_UNAVAILABLE"
    FILE_REJECTED = "FILE_REJECTED"
    QUOTA_EXCEEDED = "QUOTA_EXCEEDED"
    PARTNER_REFUSED = "PARTNER_REFUSED"
    PARTNER_UNREACHABLE = "PARTNER_UNREACHABLE"


@interface
class Error:
    """What every refusal has. Unions of results may gain members: keep a `... on Error { code message }`
    branch.
    """

    code: ErrorCode
    """For programs."""
    message: str
    """For people, in the language of Accept-Language."""


@output
class FieldError:
    """What is wrong with one field."""

    path: str
    """The path of the input field (`profile.email`), or the key of the form field."""
    message: str
    """For people, in the language of Accept-Language."""


@output
class ValidationError(Error):
    """Every problem of an input at once, each at the path of the input field (or the key of the form field)
    it concerns.
    """

    fields: list[FieldError]


@output
class NotFoundError(Error):
    """Absent, or not yours: the two can't be told apart."""


@output
class ConflictError(Error):
    """Somebody changed the object meanwhile: read it again, then decide."""

    current_version: int


@output
class NotAllowedError(Error):
    """The object's state does not allow it (say, cancelling a closed request)."""


@output
class InvalidCredentialsError(Error):
    """Wrong username or password: which of the two is not told."""


@output
class SecondFactorRequiredError(Error):
    """Username and password are right, and this agent has a second factor: send both again, with its code."""

    code_rejected: bool
    """True where a code was given: it is wrong, or was used already."""


@output
class UsernameTakenError(Error):
    """Somebody has this username."""

    suggestions: list[str]
    """Usernames like it that were free a moment ago."""


@output
class CaptchaError(Error):
    """The answer is wrong, or the challenge has expired, was used, or was made for something else: ask for a
    new one.
    """


@output
class AccountRequiredError(Error):
    """The procedure has the padlock: only account holders may file it."""


@output
class SlotUnavailableError(Error):
    """Somebody took the slot meanwhile, or it has been withdrawn."""

    next_available: Annotated["Slot", strawberry.lazy("schema.appointments")] | None
    """The next slot that was free in the same schedule."""


@enumeration
class FileRejection(StrEnum):
    """Why a file was not taken."""

    EMPTY = "EMPTY"
    """No bytes."""
    TOO_LARGE = "TOO_LARGE"
    """Too many bytes, pixels or pages, or too much once decompressed; `message` says which."""
    TYPE_NOT_ACCEPTED = "TYPE_NOT_ACCEPTED"
    """None of the kinds that are taken here, or in this field."""
    CONTENT_DOES_NOT_MATCH_TYPE = "CONTENT_DOES_NOT_MATCH_TYPE"
    """Extension, declared type and content disagree."""
    INFECTED = "INFECTED"
    """These bytes are known to hold a virus."""
    UNREADABLE = "UNREADABLE"
    """Damaged, cut off, or protected by a password."""


@output
class FileRejectedError(Error):
    """The file was not taken; nothing of it is kept."""

    reason: FileRejection


@output
class QuotaExceededError(Error):
    """The storage space has no room for the file."""

    used_bytes: int
    quota_bytes: int


@output
class PartnerError(Error):
    """The partner system refused (PARTNER_REFUSED), or could not be reached (PARTNER_UNREACHABLE: worth
    another try).
    """
