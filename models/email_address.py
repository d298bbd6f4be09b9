"""E-mail addresses, as far as they can be judged without writing to them."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

from core.i18n import Text

LONGEST = 254
"""RFC 5321, 4.5.3.1.3, less the angle brackets."""

EMAIL_ADVICE = Text(
    fr="Indiquez une adresse de courriel complète, par exemple prenom.nom@exemple.fr.",
    en="Give a whole e-mail address, for example first.last@example.org.",
)


def normalised_email(typed: str) -> str | None:
    """The address in ASCII, its domain in lower case, or None where no mail can be sent to it.

    Local parts outside ASCII (RFC 6531) are refused: too many servers do, and an acknowledgement must arrive.
    """
    if len(typed) > 2 * LONGEST:
        return None
    try:
        checked = validate_email(typed.strip(), check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError:
        return None
    return checked.ascii_email if checked.ascii_email and len(checked.ascii_email) <= LONGEST else None
