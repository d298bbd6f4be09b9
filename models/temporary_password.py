"""The password that Mot de passe oublié mails: derived from the mail's id and the secret key, and kept nowhere.

Five invented words of two syllables, to be read out over the telephone and written down as they are heard, by whoever
speaks French: `bido-lamu-mito-ravo-nifu`. Their consonants and vowels are those that are written in one way only (but
for p, with which not all of them would be fit to be read out). 51 bits for ten minutes, against attempts that are
counted (core/limits), and nothing at rest to be tried at.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from core.keys import hmac_digest
from core.passwords import normalised

TEMPLATE = "new_password"
"""Of the mail that brings one."""

LIFETIME = timedelta(minutes=10)
"""From the moment that the mail server takes the mail."""

CONSONANTS = "bdflmnrtv"
VOWELS = "aiou"
SYLLABLES = 10
SYLLABLES_OF_A_WORD = 2

_SYLLABLES = [consonant + vowel for consonant in CONSONANTS for vowel in VOWELS]
_NOBODY = UUID(int=0)


def temporary_password(mail_id: UUID) -> str:
    """The password that this mail brings: always the same one, however often it is sent."""
    number = int.from_bytes(hmac_digest("temporary password", mail_id.bytes))
    syllables = []
    for _ in range(SYLLABLES):
        number, place = divmod(number, len(_SYLLABLES))
        syllables.append(_SYLLABLES[place])
    starts = range(0, SYLLABLES, SYLLABLES_OF_A_WORD)
    return "-".join("".join(syllables[start : start + SYLLABLES_OF_A_WORD]) for start in starts)


def find_temporary_password(typed: str, mail_ids: Sequence[UUID]) -> UUID | None:
    """Which of these mails brought what somebody typed; in any case, with or without the dashes."""
    letters = _letters(typed)
    found = None
    # Where there is none, as much is done as where there is one.
    for mail_id in mail_ids or [_NOBODY]:
        if hmac.compare_digest(_letters(temporary_password(mail_id)), letters) and mail_ids:
            found = mail_id
    return found


def _letters(typed: str) -> bytes:
    return "".join(filter(str.isalpha, normalised(typed).casefold())).encode()
