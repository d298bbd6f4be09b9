"""What each kind of event says in one sentence, to people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.i18n import Text, same
from models.actors import ANSWERING, Party

PARTIES = {
    "CITIZEN": Text(fr="Le demandeur", en="The applicant"),
    "MUNICIPALITY": Text(fr="La mairie", en="The mairie"),
    "PARTNER": Text(fr="Un service partenaire", en="A partner service"),
    "SYSTEM": Text(fr="Le service", en="The service"),
}

STATUSES = {
    "DRAFT": Text(fr="Brouillon", en="Draft"),
    "SUBMITTED": Text(fr="Envoyée", en="Submitted"),
    "IN_PROGRESS": Text(fr="En cours de traitement", en="In progress"),
    "AWAITING_CITIZEN": Text(fr="En attente de votre réponse", en="Awaiting your answer"),
    "ACCEPTED": Text(fr="Acceptée", en="Accepted"),
    "REFUSED": Text(fr="Refusée", en="Refused"),
    "CANCELLED": Text(fr="Annulée", en="Cancelled"),
}
"""As the citizen reads them."""

_STATUSES_OF_THE_ANSWERING = STATUSES | {
    "AWAITING_CITIZEN": Text(fr="En attente du demandeur", en="Waiting for the citizen")
}

_SENTENCES = {
    "RequestSubmitted": Text(fr="La demande a été envoyée.", en="The request was submitted."),
    "RequestStatusChanged": Text(
        fr="L’état de la demande est passé de « {previous} » à « {status} ».",
        en="The status of the request went from “{previous}” to “{status}”.",
    ),
    "RequestClaimed": Text(
        fr="La demande a été rattachée à un compte citoyen.",
        en="The request was attached to a citizen account.",
    ),
    "RequestCancelled": Text(fr="La demande a été annulée.", en="The request was cancelled."),
    "RequestAssigned": Text(
        fr="La demande a été attribuée à un agent.", en="The request was assigned to an agent."
    ),
    "ExchangePosted": Text(fr="{party} a écrit un échange.", en="{party} wrote a message."),
    "ExchangesRead": Text(fr="{party} a lu les échanges reçus.", en="{party} read the messages received."),
    "AttachmentAdded": Text(fr="{party} a joint la pièce « {title} ».", en="{party} attached “{title}”."),
    "AttachmentReplaced": Text(
        fr="{party} a remplacé la pièce « {title} ».", en="{party} replaced “{title}”."
    ),
    "AttachmentRemoved": Text(fr="{party} a retiré la pièce « {title} ».", en="{party} removed “{title}”."),
    "AttachmentRejected": Text(
        fr="La pièce « {title} » a été écartée : l’antivirus y a trouvé un virus. Joignez-en une autre.",
        en="“{title}” was put aside: the virus scanner found a virus in it. Attach another one.",
    ),
    "AppointmentBooked": Text(fr="Un rendez-vous a été pris.", en="An appointment was booked."),
    "AppointmentMoved": Text(fr="Le rendez-vous a été déplacé.", en="The appointment was moved."),
    "AppointmentCancelled": Text(fr="Le rendez-vous a été annulé.", en="The appointment was cancelled."),
}

_YOURS = {
    "ExchangePosted": Text(fr="Vous avez écrit un échange.", en="You wrote a message."),
    "ExchangesRead": Text(fr="Vous avez lu les échanges reçus.", en="You read the messages received."),
    "AttachmentAdded": Text(fr="Vous avez joint la pièce « {title} ».", en="You attached “{title}”."),
    "AttachmentReplaced": Text(fr="Vous avez remplacé la pièce « {title} ».", en="You replaced “{title}”."),
    "AttachmentRemoved": Text(fr="Vous avez retiré la pièce « {title} ».", en="You removed “{title}”."),
}
"""What citizens read of what they did themselves."""


KINDS = tuple(_SENTENCES)
"""Every kind of event: the names of the GraphQL types."""


def statuses_for(reader: Party) -> Mapping[str, Text]:
    """What each status is called to those of one side: what waits for “your answer” waits for somebody else's there."""
    return _STATUSES_OF_THE_ANSWERING if reader in ANSWERING else STATUSES


def describe(kind: str, actor: str, data: Mapping[str, Any], reader: Party) -> Text:
    """The sentence for an event of this kind, done by this party, with this data, told to that side."""
    statuses = statuses_for(reader)
    sentences = _SENTENCES | _YOURS if actor == reader == "CITIZEN" else _SENTENCES
    return sentences[kind].format(
        party=PARTIES[actor],
        title=same(str(data.get("title", ""))),
        previous=statuses.get(data.get("previous", ""), same("")),
        status=statuses.get(data.get("status", ""), same("")),
    )
