"""Every word of a receipt. The template (template/receipt.typ) has none of its own: it only lays out."""

from __future__ import annotations

import io
import unicodedata
from typing import Any

import segno

from core.i18n import Language, Text
from core.settings import get_settings
from core.wording import readable_date, readable_moment
from jobs.dates import local, months_later
from jobs.links import request_url
from jobs.receipt_document.facts import ReceiptFacts
from jobs.rendering import SILENCE_MONTHS

Document = dict[str, Any]

_TITLE = Text(fr="Accusé de réception", en="Acknowledgement of receipt")
_DESCRIPTION = Text(
    fr="Accusé de réception d’une demande adressée à la mairie",
    en="Acknowledgement of a request made to the mairie",
)
_POSTAL_ADDRESS = Text(fr="Adresse", en="Address")
_PHONE = Text(fr="Téléphone", en="Telephone")
_EMAIL = Text(fr="Courriel", en="E-mail")
_PROCEDURE = Text(fr="Démarche", en="Procedure")
_RECEIVED = Text(fr="Reçue le", en="Received on")
_TICKET = Text(fr="Numéro de ticket", en="Ticket number")
_QR_CODE = Text(fr="Suivre ma demande", en="Follow my request")
_QR_CODE_ALTERNATIVE = Text(
    fr="Code QR : il ouvre la page de suivi de la demande, la même que le lien écrit plus bas.",
    en="QR code: it opens the page that follows the request, the same as the link written below.",
)
_KEEP_SECRET = Text(
    fr="Gardez ce document pour vous. Le numéro de ticket et le code QR ouvrent votre demande à qui les connaît : "
    "ne les communiquez qu’aux personnes qui peuvent la consulter.",
    en="Keep this document to yourself. The ticket number and the QR code open your request to whoever has them: "
    "give them only to people who may see it.",
)
_ASKED = Text(fr="Renseignement", en="Question")
_ANSWERED = Text(fr="Votre réponse", en="Your answer")
_PIECES = Text(fr="Pièces reçues", en="Documents received")
_NO_PIECES = Text(fr="Aucune pièce n’était jointe à la demande.", en="No document was joined to the request.")
_FOLLOW = Text(fr="Suivre votre demande", en="Following your request")
_BY_LINK = Text(
    fr="En scannant le code QR de la première page, ou par ce lien : ",
    en="By scanning the QR code of the first page, or through this link: ",
)
_BY_TICKET = Text(
    fr="Sur {site}, en saisissant votre numéro de ticket.",
    en="On {site}, by entering your ticket number.",
)
_IN_THE_ACCOUNT = Text(
    fr="Dans Mon espace, où vous la trouverez parmi vos demandes.",
    en="In Mon espace, where you will find it among your requests.",
)
_INTO_AN_ACCOUNT = Text(
    fr="Dans Mon espace, une fois que vous l’aurez rattachée à votre compte par son numéro de ticket.",
    en="In Mon espace, once you have attached it to your account by its ticket number.",
)
_EXCHANGES = Text(
    fr="Vous y lirez les messages de la mairie et pourrez lui répondre.",
    en="There you will read the mairie’s messages and can answer them.",
)
_NEXT = Text(fr="Et ensuite ?", en="What happens next?")
_SILENCE = Text(
    fr="Si la demande est complète et sans réponse de notre part le {day}, elle sera réputée acceptée, sauf si un "
    "texte prévoit un autre délai ou que le silence vaut rejet. Si elle est acceptée ainsi, vous pourrez demander "
    "l’attestation prévue à l’article L. 232-3 du code des relations entre le public et l’administration. Si le "
    "silence vaut rejet, vous pourrez, dans les deux mois qui suivent, adresser un recours gracieux à la mairie ou "
    "saisir le tribunal administratif. S’il manque une pièce, nous vous l’indiquerons.",
    en="If the request is complete and we have not answered by {day}, it is deemed accepted, unless a text sets "
    "another time limit or silence means refusal. If it is accepted that way, you may ask for the certificate of "
    "article L. 232-3 of the French code of relations between the public and the administration. If silence means "
    "refusal, you may, within the following two months, ask the mairie to reconsider or apply to the administrative "
    "court. If a document is missing, we will tell you.",
)
_WHAT_IT_IS = Text(
    fr="Ce document est l’accusé de réception prévu à l’article L. 112-3 du même code.",
    en="This document is the acknowledgement required by article L. 112-3 of that code.",
)
_PAGE = Text(fr="Page", en="Page")
_OF = Text(fr="sur", en="of")

_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_LINE_ENDS = str.maketrans({"\r": "\n", "\v": "\n", "\f": "\n", "\x85": "\n", "\u2028": "\n", "\u2029": "\n"})
REPLACEMENT = "\ufffd"


def put_into_words(facts: ReceiptFacts) -> Document:
    """What the template is given: strings, lists and dictionaries of strings.

    Colons and question marks carry their French no-break spaces; whatever cannot be printed is replaced.
    """
    language = facts.language
    received = local(facts.submitted_at, facts.timezone)
    url = request_url(facts.ticket)
    day = readable_date(months_later(received.date(), SILENCE_MONTHS), language)
    document = {
        "language": language,
        "title": _TITLE.in_(language),
        "description": _DESCRIPTION.in_(language),
        "municipality": facts.municipality_name,
        "contacts": _contacts(facts),
        "identity": [
            [_PROCEDURE.in_(language), facts.procedure],
            [_RECEIVED.in_(language), readable_moment(received, language)],
        ],
        "ticket": [_TICKET.in_(language), facts.ticket],
        "qr_code": {
            "svg": qr_code(url),
            "caption": _QR_CODE.in_(language),
            "alternative": _QR_CODE_ALTERNATIVE.in_(language),
        },
        "keep_secret": _KEEP_SECRET.in_(language),
        "columns": [_ASKED.in_(language), _ANSWERED.in_(language)],
        "sections": [
            {
                "title": section["title"],
                "lines": [[line["label"], line["value"]] for line in section["lines"]],
            }
            for section in facts.sections
        ],
        "pieces": {
            "title": _PIECES.in_(language),
            "none": _NO_PIECES.in_(language),
            "items": [_labelled(label, title, language) if label else title for label, title in facts.pieces],
        },
        "follow": {
            "title": _FOLLOW.in_(language),
            "by_link": _BY_LINK.in_(language),
            "url": url,
            "others": [
                _BY_TICKET.format(site=get_settings().public_url).in_(language),
                (_IN_THE_ACCOUNT if facts.is_in_an_account else _INTO_AN_ACCOUNT).in_(language),
            ],
            "then": _EXCHANGES.in_(language),
        },
        "next": {
            "title": _NEXT.in_(language),
            "paragraphs": [_SILENCE.format(day=day).in_(language), _WHAT_IT_IS.in_(language)],
        },
        "page": [_PAGE.in_(language), _OF.in_(language)],
    }
    printed = _printable(document)
    assert isinstance(printed, dict)
    return printed


def qr_code(url: str) -> str:
    """As SVG, with the quiet zone of four modules that readers need (ISO/IEC 18004)."""
    svg = io.BytesIO()
    segno.make_qr(url, error="m").save(svg, kind="svg", border=4, xmldecl=False)
    return svg.getvalue().decode("ascii")


def _contacts(facts: ReceiptFacts) -> list[str]:
    address = facts.municipality_address
    known = (
        (_POSTAL_ADDRESS, ", ".join(address.to_lines()) if address else None),
        (_PHONE, facts.municipality_phone),
        (_EMAIL, facts.municipality_email),
    )
    return [_labelled(label.in_(facts.language), value, facts.language) for label, value in known if value]


def _labelled(label: str, value: str, language: Language) -> str:
    return f"{label}\u00a0: {value}" if language == "fr" else f"{label}: {value}"


def _printable(value: Any) -> Any:
    """The same with what must not be on a page replaced, in every string of it.

    Control characters; private and unassigned ones that PDF/A forbids (ISO 19005-2, 6.2.11.7.3); the marks that turn
    the direction of writing, which make a text read as another.
    """
    match value:
        case str():
            return "".join(
                REPLACEMENT if _is_unprintable(character) else character
                for character in value.replace("\r\n", "\n").translate(_LINE_ENDS).replace("\t", " ")
            )
        case list():
            return [_printable(item) for item in value]
        case dict():
            return {key: _printable(item) for key, item in value.items()}
        case _:
            raise TypeError(f"a document holds no {type(value).__name__}")


def _is_unprintable(character: str) -> bool:
    if character == "\n" or character.isprintable():
        return False
    return (
        unicodedata.category(character) in {"Cc", "Cs", "Co"}
        or character in _TURNING
        or character == "\ufeff"
        or ord(character) & 0xFFFE == 0xFFFE
        or 0xFDD0 <= ord(character) <= 0xFDEF
    )
