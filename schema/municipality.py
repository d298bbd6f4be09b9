"""The commune that an installation serves."""

import resolvers.procedures
from schema.callers import ANYBODY
from schema.contact import Address
from schema.declare import output
from schema.fields import Info, query, selection_of
from schema.partner_links import PartnerSystem
from schema.rows import Row
from schema.scalars import URL


@output
class MunicipalityLink:
    """A page of the municipality's own site."""

    title: str
    """For people, as the municipality has written it."""
    url: URL


@output
class UploadLimits:
    """What may be sent."""

    max_file_bytes: int
    max_request_bytes: int
    """One GraphQL multipart request, all its files together."""
    accepted_media_types: list[str]
    """What a form's field takes may be less: `FileField.acceptedMediaTypes`."""
    resumable_url: URL
    """Where to send files by tus 1.0 (https://tus.io/protocols/resumable-upload), so that a lost network costs nothing:
    with the same Authorization header as here, and `filename` and `filetype` as Upload-Metadata."""


@output
class IdentityProvider:
    """Where citizens may log in instead of here, such as FranceConnect. These are addresses for browsers, not for
    programs.
    """

    name: str
    log_in_url: URL
    """Send the browser there. `?return=/mon-espace` says which page it is to come back to, of those that the mairie
    has named."""
    log_out_url: URL
    """Send the browser there by POST, with the session's cookie: the session ends here and at the provider."""


@output
class PasswordRules:
    """What a new password has to be, so that a form tells while somebody types, and sends nothing: any one of the three
    forms, and at least `lowestScore` by zxcvbn.
    """

    advice: str
    """One sentence for people."""
    shortest: int
    """Characters, with upper case, lower case, a digit and a symbol."""
    shortest_without_symbol: int
    """Characters, with upper case, lower case and a digit."""
    fewest_words: int
    """Of a phrase, all different."""
    longest: int
    lowest_score: int
    """Of zxcvbn's 0 to 4, with `common` and what the person has typed of themself as its user inputs."""
    common: list[str]
    """What many choose: a password that is nothing but one of these, with digits or symbols around it, is refused."""


@output
class Municipality:
    """The commune that this installation serves."""

    name: str
    timezone: str
    """Name in the IANA database: `Europe/Paris`."""
    contact_email: str
    phone: str | None
    """Of the service that answers, in E.164: `+33261910012`."""
    address: Address | None
    links: list[MunicipalityLink]
    """What belongs at the foot of each page, in its order: legal notice, personal data, accessibility statement (which
    RGAA wants there). Empty where the municipality gave none."""
    partners: list[PartnerSystem]
    """Partner systems that citizens may link to their account, Espace Famille among them."""
    identity_providers: list[IdentityProvider]
    """Other ways to log in; empty where there are none."""
    upload: UploadLimits
    passwords: PasswordRules
    account_grace_days: int
    """How long an account that was closed can be restored, before its data are erased."""


@query(Municipality, callers=ANYBODY)
async def municipality(info: Info) -> Row:
    """The commune that this installation serves: what every page shows, that of a duty which comes first, too."""
    return await resolvers.procedures.municipality(info.context.actor, selection=selection_of(info))
