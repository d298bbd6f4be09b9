"""Why a call did not bring an answer. Texts name neither the address nor what was sent: both may hold secrets."""

from __future__ import annotations

from core.i18n import Text


class OutgoingError(Exception):
    """`text` is for whoever chose the address."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class TargetRefusedError(OutgoingError):
    """It is not called: because of how it is written, or of where its name leads."""


class UnreachableError(OutgoingError):
    """Nobody answers there."""


class OutOfTimeError(OutgoingError):
    """The answer was not there, or not whole, when the time was over."""

    def __init__(self) -> None:
        super().__init__(
            Text(
                fr="L’adresse n’a pas répondu dans le temps imparti.",
                en="The address did not answer in time.",
            )
        )


class AnswerRefusedError(OutgoingError):
    """What answered does not keep to HTTP, or says more than was asked for."""
