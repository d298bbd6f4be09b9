"""Everything that can go wrong and be told, as one family.

    EspaceError
    ├── RefusedError            the operation is sound, the answer is no: a member of the mutation's union
    │   ├── ValidationError         every problem of an input at once
    │   ├── NotFoundError           absent, or not yours
    │   ├── ConflictError           somebody changed it meanwhile
    │   ├── NotAllowedError         its state does not allow it
    │   ├── InvalidCredentialsError
    │   ├── SecondFactorRequiredError
    │   ├── UsernameTakenError
    │   ├── CaptchaError
    │   ├── AccountRequiredError
    │   ├── SlotUnavailableError
    │   ├── FileRejectedError
    │   ├── QuotaExceededError
    │   └── PartnerError
    └── CallError               the call itself cannot be served: the top-level `errors` of the answer
        ├── UnauthenticatedError
        ├── ForbiddenError
        ├── RateLimitedError
        ├── UnavailableError
        │   └── NotMigratedError
        └── MalformedError

Whatever else is raised is a defect: it is logged, and the caller is told INTERNAL and nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.i18n import Text


class EspaceError(Exception):
    """An error that people may read: a code for programs, a text for people."""

    code: str
    text: Text

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class RefusedError(EspaceError):
    """The answer is no. Declared by the mutations that may give it."""


class CallError(EspaceError):
    """The call cannot be served at all."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one input field.

    `path` is that of the input field (`profile.email`) or the key of the form field.
    """

    path: str
    text: Text


class ValidationError(RefusedError):
    code = "VALIDATION"

    def __init__(self, problems: Sequence[FieldProblem]) -> None:
        super().__init__(
            Text(
                fr="Certaines informations sont à corriger ou à compléter.",
                en="Some of the information has to be corrected or completed.",
            )
        )
        self.problems = tuple(problems)

    @classmethod
    def raise_for(cls, problems: Sequence[FieldProblem]) -> None:
        """Raises where there is any problem."""
        if problems:
            raise cls(problems)


class NotFoundError(RefusedError):
    code = "NOT_FOUND"

    def __init__(self, text: Text | None = None) -> None:
        super().__init__(
            text
            or Text(
                fr="Introuvable. Vérifiez le numéro ou connectez-vous avec le compte concerné.",
                en="Not found. Check the number, or log in with the account it belongs to.",
            )
        )


class ConflictError(RefusedError):
    code = "CONFLICT"

    def __init__(self, current_version: int, text: Text | None = None) -> None:
        super().__init__(
            text
            or Text(
                fr="La demande a changé entre-temps. Relisez-la, puis recommencez.",
                en="The request has changed in the meantime. Read it again, then retry.",
            )
        )
        self.current_version = current_version


class NotAllowedError(RefusedError):
    code = "NOT_ALLOWED"


class InvalidCredentialsError(RefusedError):
    code = "INVALID_CREDENTIALS"

    def __init__(self) -> None:
        super().__init__(
            Text(
                fr="Nom d’utilisateur ou mot de passe incorrect.",
                en="Wrong username or password.",
            )
        )


class SecondFactorRequiredError(RefusedError):
    """The password is right, and that is not enough. `code_rejected`: a code was given, and is not good."""

    code = "SECOND_FACTOR_REQUIRED"

    def __init__(self, *, code_rejected: bool) -> None:
        super().__init__(
            Text(
                fr="Ce code n’est pas le bon, ou a déjà servi. Attendez le suivant, ou utilisez un code de secours.",
                en="This code is wrong, or was used already. Wait for the next one, or use a recovery code.",
            )
            if code_rejected
            else Text(
                fr="Donnez aussi le code de votre application d’authentification, ou un code de secours.",
                en="Give the code of your authenticator program as well, or a recovery code.",
            )
        )
        self.code_rejected = code_rejected


class UsernameTakenError(RefusedError):
    code = "USERNAME_TAKEN"

    def __init__(self, suggestions: Sequence[str]) -> None:
        super().__init__(
            Text(
                fr="Ce nom d’utilisateur est déjà pris. Choisissez-en un autre.",
                en="This username is already taken. Choose another one.",
            )
        )
        self.suggestions = tuple(suggestions)


class CaptchaError(RefusedError):
    code = "CAPTCHA_REJECTED"

    def __init__(self) -> None:
        super().__init__(
            Text(
                fr="Le code de sécurité est incorrect ou a expiré. Recommencez avec un nouveau code.",
                en="The security code is wrong or has expired. Try again with a new code.",
            )
        )


class AccountRequiredError(RefusedError):
    code = "ACCOUNT_REQUIRED"

    def __init__(self) -> None:
        super().__init__(
            Text(
                fr="Cette démarche demande un compte citoyen. Connectez-vous ou créez votre compte.",
                en="This procedure needs a citizen account. Log in or create your account.",
            )
        )


class SlotUnavailableError(RefusedError):
    code = "SLOT_UNAVAILABLE"

    def __init__(self, next_available: dict[str, Any] | None) -> None:
        super().__init__(
            Text(
                fr="Ce créneau n’est plus disponible. Choisissez-en un autre.",
                en="This slot is no longer available. Choose another one.",
            )
        )
        self.next_available = next_available


FileRejection = Literal[
    "EMPTY", "TOO_LARGE", "TYPE_NOT_ACCEPTED", "CONTENT_DOES_NOT_MATCH_TYPE", "INFECTED", "UNREADABLE"
]


class FileRejectedError(RefusedError):
    code = "FILE_REJECTED"

    def __init__(self, reason: FileRejection, text: Text) -> None:
        super().__init__(text)
        self.reason = reason


class QuotaExceededError(RefusedError):
    code = "QUOTA_EXCEEDED"

    def __init__(self, used_bytes: int, quota_bytes: int) -> None:
        super().__init__(
            Text(
                fr="Votre espace de stockage est plein. Supprimez une pièce, puis recommencez.",
                en="Your storage space is full. Delete a document, then retry.",
            )
        )
        self.used_bytes = used_bytes
        self.quota_bytes = quota_bytes


class PartnerError(RefusedError):
    """`code` is PARTNER_REFUSED or PARTNER_UNREACHABLE, instance by instance."""

    code: Literal["PARTNER_REFUSED", "PARTNER_UNREACHABLE"]

    def __init__(self, code: Literal["PARTNER_REFUSED", "PARTNER_UNREACHABLE"], text: Text) -> None:
        super().__init__(text)
        self.code = code


class UnauthenticatedError(CallError):
    code = "UNAUTHENTICATED"

    def __init__(self, text: Text | None = None) -> None:
        super().__init__(
            text
            or Text(
                fr="Votre session n’est pas ou n’est plus valable. Connectez-vous de nouveau.",
                en="Your session is not or no longer valid. Log in again.",
            )
        )


class ForbiddenError(CallError):
    """`duty` is what would help, where that is something that the caller has to do first (models/actors.py)."""

    code = "FORBIDDEN"

    def __init__(self, text: Text | None = None, *, duty: str | None = None) -> None:
        self.duty = duty
        super().__init__(
            text
            or Text(
                fr="Vous n’avez pas accès à cette opération.",
                en="You do not have access to this operation.",
            )
        )


class RateLimitedError(CallError):
    code = "RATE_LIMITED"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            Text(
                fr="Trop de tentatives. Réessayez dans {seconds} secondes.",
                en="Too many attempts. Try again in {seconds} seconds.",
            ).format(seconds=retry_after_seconds)
        )
        self.retry_after_seconds = retry_after_seconds


class UnavailableError(CallError):
    code = "UNAVAILABLE"

    def __init__(self, text: Text | None = None) -> None:
        super().__init__(
            text
            or Text(
                fr="Le service est momentanément indisponible. Réessayez dans quelques instants.",
                en="The service is unavailable for the moment. Try again shortly.",
            )
        )


class NotMigratedError(UnavailableError):
    """The database lacks a table or a column: `migrate` has not run since this program was installed."""


class MalformedError(CallError):
    """An argument that no well-made client sends, such as a cursor that we did not give out."""

    code = "MALFORMED_OPERATION"
