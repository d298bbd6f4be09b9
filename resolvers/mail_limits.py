"""Mail that callers cause, counted before it is written down: nobody's mailbox is filled, and nobody's name is used to.

Anybody can type anybody's address, so mail counts for its recipient. To the address that a citizen has proved to be
theirs it counts for their account instead: strangers who use a recipient up hold no citizen up. What an agent causes,
and what the mairie's own jobs send, is not counted.
"""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from core.errors import RateLimitedError
from core.limits import count
from core.limits.declared import CONFIRMATION, MAIL, MAIL_OF_ACCOUNT, MAIL_OF_REQUEST, NEW_PASSWORD_MAIL
from models.actors import Actor, AgentActor, CitizenActor, PartnerActor, TicketHolder


async def count_mail(actor: Actor, recipient: str) -> None:
    """Counts one mail about a request. Raises RateLimitedError."""
    if isinstance(actor, (AgentActor, PartnerActor)):
        return
    if isinstance(actor, CitizenActor):
        await count(MAIL_OF_ACCOUNT, caller=str(actor.account_id))
        if _is_theirs(actor, recipient):
            return
    await count(MAIL, subject=recipient.lower())


async def count_mail_of_change(actor: Actor, request_id: UUID, recipient: str) -> None:
    """Counts one mail about a change of a request that is filed. Raises RateLimitedError.

    The first that somebody causes for a request count for them and that alone: whoever fills the mailbox keeps nobody
    from cancelling.
    """
    if isinstance(actor, (CitizenActor, TicketHolder)) and not _is_theirs(actor, recipient):
        who = str(actor.account_id) if isinstance(actor, CitizenActor) else "ticket"
        with suppress(RateLimitedError):
            await count(MAIL_OF_REQUEST, caller=f"{who} {request_id}")
            return
    await count_mail(actor, recipient)


async def count_confirmation(actor: Actor, recipient: str) -> None:
    """Counts one mail to an address that is not known to be its account's. Raises RateLimitedError."""
    caller = str(actor.account_id) if isinstance(actor, CitizenActor) else None
    await count(CONFIRMATION, caller=caller, subject=recipient.lower())


async def may_mail_new_password(recipient: str) -> bool:
    """Counts one mail with a new password; False where the recipient has had enough of them.

    Nothing is raised, so that nothing is told: whoever asks hears the same whether or not there is such an account.
    """
    try:
        await count(NEW_PASSWORD_MAIL, subject=recipient.lower())
    except RateLimitedError:
        return False
    return True


def _is_theirs(actor: Actor, recipient: str) -> bool:
    return isinstance(actor, CitizenActor) and recipient.lower() == actor.confirmed_email
