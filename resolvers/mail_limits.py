"""Mail that callers cause, counted before it is written down: nobody's mailbox is filled, and nobody's name is used to.

Who holds a ticket can have typed anybody's address: that mail counts for the recipient. A citizen's counts for their
account, so that strangers who use a recipient up hold no citizen up. An agent's, and what the mairie's own jobs send,
is not counted.
"""

from __future__ import annotations

from core.limits import count
from core.limits.declared import CONFIRMATION, MAIL, MAIL_OF_ACCOUNT
from models.actors import Actor, AgentActor, CitizenActor, PartnerActor


async def count_mail(actor: Actor, recipient: str | None) -> None:
    """Counts one mail about a request. Raises RateLimitedError."""
    if not recipient or isinstance(actor, (AgentActor, PartnerActor)):
        return
    if isinstance(actor, CitizenActor):
        await count(MAIL_OF_ACCOUNT, caller=str(actor.account_id))
    else:
        await count(MAIL, subject=recipient.lower())


async def count_mail_elsewhere(actor: Actor, recipient: str) -> None:
    """Counts one mail to an address that the caller names beside that of the request: for a citizen, too, it counts for
    the recipient as well, who may be anybody. Raises RateLimitedError."""
    await count_mail(actor, recipient)
    if isinstance(actor, CitizenActor):
        await count(MAIL, subject=recipient.lower())


async def count_confirmation(actor: Actor, recipient: str) -> None:
    """Counts one mail to an address that is not known to be its account's. Raises RateLimitedError."""
    if isinstance(actor, CitizenActor):
        await count(CONFIRMATION, caller=str(actor.account_id))
    await count(MAIL, subject=recipient.lower())
