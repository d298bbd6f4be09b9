"""The pages of an export, in the citizen's language. They need nothing but a browser: no script, no network.

What people wrote is escaped; links lead to files beside the page, by paths that are made by us.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from core.clock import now
from core.i18n import Language, Text
from core.wording import readable_date, readable_moment
from models.database import Row
from models.event_texts import PARTIES, STATUSES

if TYPE_CHECKING:
    from jobs.data_exports.contents import Entry

AT_ONCE = 32 * 1024
"""Characters that are gathered before they are handed on."""

WORDS: dict[str, Text] = {
    "title": Text(fr="Mes données", en="My data"),
    "made": Text(fr="Archive faite le", en="Archive made on"),
    "explained": Text(
        fr="Cette archive contient tout ce que le service garde de votre compte citoyen et que vous pouvez y voir. Les "
        "fichiers .json sont pour les programmes, les pages .html pour la lecture ; vos pièces sont dans « pieces ».",
        en="This archive holds all that the service keeps of your citizen account and that you can see there. The "
        ".json files are for programs, the .html pages for reading; your documents are in “pieces”.",
    ),
    "keep_safe": Text(
        fr="Gardez-la en lieu sûr : un numéro de ticket ouvre la demande à qui le connaît.",
        en="Keep it in a safe place: a ticket number opens the request to whoever has it.",
    ),
    "account": Text(fr="Mon compte", en="My account"),
    "username": Text(fr="Nom d’utilisateur", en="Username"),
    "created": Text(fr="Créé le", en="Created on"),
    "confirmed": Text(fr="Adresse confirmée le", en="Address confirmed on"),
    "name": Text(fr="Nom", en="Name"),
    "birth_date": Text(fr="Date de naissance", en="Date of birth"),
    "email": Text(fr="Courriel", en="E-mail"),
    "mobile_phone": Text(fr="Téléphone mobile", en="Mobile phone"),
    "landline_phone": Text(fr="Téléphone fixe", en="Landline phone"),
    "address": Text(fr="Adresse", en="Address"),
    "contact_method": Text(fr="Moyen de contact préféré", en="Preferred contact method"),
    "sessions": Text(fr="Sessions ouvertes", en="Open sessions"),
    "last_seen": Text(fr="vue le", en="seen on"),
    "partners": Text(fr="Services partenaires liés", en="Linked partner services"),
    "requests": Text(fr="Mes demandes", en="My requests"),
    "documents": Text(fr="Mon espace de stockage", en="My storage space"),
    "stored": Text(fr="Gardée le", en="Stored on"),
    "valid_until": Text(fr="Valable jusqu’au", en="Valid until"),
    "none": Text(fr="Aucun élément.", en="None."),
    "back": Text(fr="Toutes mes données", en="All my data"),
    "ticket": Text(fr="Numéro de ticket", en="Ticket number"),
    "status": Text(fr="État", en="Status"),
    "started": Text(fr="Commencée le", en="Started on"),
    "submitted": Text(fr="Envoyée le", en="Submitted on"),
    "closed": Text(fr="Close le", en="Closed on"),
    "pieces": Text(fr="Pièces jointes", en="Attachments"),
    "receipt": Text(fr="Accusé de réception", en="Acknowledgement of receipt"),
    "not_here": Text(
        fr="ce fichier n’est pas dans l’archive : il n’a pas pu être ouvert",
        en="this file is not in the archive: it could not be opened",
    ),
    "appointments": Text(fr="Rendez-vous", en="Appointments"),
    "exchanges": Text(fr="Échanges", en="Messages"),
    "history": Text(fr="Historique", en="History"),
}
METHODS = {
    "EMAIL": Text(fr="Courriel", en="E-mail"),
    "MOBILE_PHONE": Text(fr="Téléphone mobile", en="Mobile phone"),
    "LANDLINE_PHONE": Text(fr="Téléphone fixe", en="Landline phone"),
    "POST": Text(fr="Courrier postal", en="Post"),
}
CIVILITIES = {"MADAME": Text(fr="Madame", en="Ms"), "MONSIEUR": Text(fr="Monsieur", en="Mr")}


def account_page(
    language: Language,
    zone: ZoneInfo,
    account: Row,
    documents: AsyncGenerator[Row, None],
    entries: Sequence[Entry],
) -> AsyncGenerator[bytes, None]:
    """The first page: the account, its documents, and the way to each request."""
    return _written(
        "index.html", language, zone, made_at=now(), account=account, documents=documents, entries=entries
    )


def request_page(
    language: Language,
    zone: ZoneInfo,
    request: Row,
    exchanges: AsyncGenerator[Row, None],
    history: AsyncGenerator[Row, None],
) -> AsyncGenerator[bytes, None]:
    """A request as its page in the portal has it, from the récapitulatif to the history."""
    return _written("request.html", language, zone, request=request, exchanges=exchanges, history=history)


async def _written(
    name: str, language: Language, zone: ZoneInfo, **values: Any
) -> AsyncGenerator[bytes, None]:
    """The page in pieces: what it is given as generators is written as it comes."""

    def moment(instant: str | datetime) -> str:
        at = datetime.fromisoformat(instant) if isinstance(instant, str) else instant
        return readable_moment(at.astimezone(zone), language)

    def day(text: str | date) -> str:
        return readable_date(date.fromisoformat(text) if isinstance(text, str) else text, language)

    texts = {key: text.in_(language) for key, text in WORDS.items()}
    functions = {
        "moment": moment,
        "day": day,
        "status": lambda key: STATUSES[key].in_(language),
        "party": lambda key: PARTIES[key].in_(language),
        "method": lambda key: METHODS[key].in_(language),
        "civility": lambda key: CIVILITIES[key].in_(language),
        "address_of": quote,
    }
    template: Template = _environment().get_template(name)
    gathered, characters = [], 0
    page = template.generate_async(language=language, texts=texts, **functions, **values)
    async with aclosing(page) as written:
        async for text in written:
            gathered.append(text)
            characters += len(text)
            if characters >= AT_ONCE:
                yield "".join(gathered).encode()
                gathered, characters = [], 0
    yield "".join(gathered).encode()


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("jobs.data_exports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        enable_async=True,
    )
