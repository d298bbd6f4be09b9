"""Systems of other providers that citizens link to their account, such as Espace Famille."""

from datetime import datetime
from enum import StrEnum

import strawberry

import resolvers.partner_links
from core.limits.declared import OPEN_PARTNER
from resolvers.partner_links import PartnerCredentials, WantedLink
from schema.callers import CITIZENS
from schema.connections import Node
from schema.context import Context
from schema.counting import Counted
from schema.declare import enumeration, input_object, output
from schema.errors import NotFoundError, PartnerError, ValidationError
from schema.fields import Info, mutation, selection_of
from schema.rows import Row
from schema.scalars import URL


@output
class PartnerCredentialLabels:
    """What the partner calls what it gives its users."""

    code: str
    password: str


@output
class PartnerSystem:
    """A system of another provider that a citizen can link, such as Espace Famille."""

    slug: str
    name: str
    credential_labels: PartnerCredentialLabels


@enumeration
class PartnerLinkState(StrEnum):
    """Whether a link opens its partner."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    """Its time is up, or the password has changed at the partner: `updatePartnerCredentials`."""
    REVOKED = "REVOKED"
    """It was ended at the partner."""


@output
class PartnerLink(Node):
    """The password is checked with the partner and never kept: a revocable token is."""

    system: PartnerSystem
    label: str
    """The partner's own name for the linked account, say 'Famille DURAND'."""
    state: PartnerLinkState
    """As the partner last said; `openPartner` asks it again."""
    linked_at: datetime


@input_object()
class PartnerCredentialsInput:
    system: str
    """Slug of the partner system."""
    code: str
    password: str


@input_object()
class LinkPartnerInput:
    system: str
    """Slug of the partner system."""
    code: str
    password: str


@input_object()
class UpdatePartnerCredentialsInput:
    link: strawberry.ID
    code: str
    password: str


Typed = PartnerCredentialsInput | LinkPartnerInput


def wanted_link_of(typed: Typed, context: Context) -> WantedLink:
    """What was typed, and where it comes from."""
    return WantedLink(typed.system, _credentials_of(typed, context))


def _credentials_of(typed: Typed | UpdatePartnerCredentialsInput, context: Context) -> PartnerCredentials:
    return PartnerCredentials(typed.code, typed.password, context.facts.address)


@output
class LinkPartnerSuccess:
    link: PartnerLink


@output
class UnlinkPartnerSuccess:
    partner_links: list[PartnerLink]


@output
class OpenPartnerSuccess:
    url: URL
    expires_at: datetime


LINKING_REFUSALS = (PartnerError, ValidationError, NotFoundError)


@mutation(LinkPartnerSuccess, refusals=LINKING_REFUSALS, callers=CITIZENS)
async def link_partner(info: Info, input: LinkPartnerInput) -> Row:
    """Links the caller's account to the one they have with a partner; once more, to whichever these credentials
    are of.
    """
    link = await resolvers.partner_links.link_partner(
        info.context.actor,
        wanted=wanted_link_of(input, info.context),
        selection=selection_of(info, "link"),
    )
    return {"link": link}


@mutation(LinkPartnerSuccess, refusals=LINKING_REFUSALS, callers=CITIZENS)
async def update_partner_credentials(info: Info, input: UpdatePartnerCredentialsInput) -> Row:
    """Modifier les identifiants de mon compte Espace Famille: the link rests on these from now on. They are not
    changed at the partner.
    """
    link = await resolvers.partner_links.update_partner_credentials(
        info.context.actor,
        link=input.link,
        credentials=_credentials_of(input, info.context),
        selection=selection_of(info, "link"),
    )
    return {"link": link}


@mutation(UnlinkPartnerSuccess, refusals=(NotFoundError,), callers=CITIZENS)
async def unlink_partner(info: Info, link: strawberry.ID) -> Row:
    """Ends a link and revokes its token; where the partner is away, as soon as it is back."""
    links = await resolvers.partner_links.unlink_partner(
        info.context.actor, link=link, selection=selection_of(info, "partner_links")
    )
    return {"partner_links": links}


@mutation(
    OpenPartnerSuccess,
    refusals=(PartnerError, NotFoundError),
    callers=CITIZENS,
    limits=(Counted(OPEN_PARTNER),),
)
async def open_partner(info: Info, link: strawberry.ID) -> Row:
    """A one-time address that opens the partner's site already logged in."""
    opened = await resolvers.partner_links.open_partner(info.context.actor, link=link)
    return {"url": opened.url, "expires_at": opened.expires_at}
