"""The commune that an installation serves."""

import resolvers.procedures
from schema.callers import EVERYONE
from schema.contact import Address
from schema.declare import output
from schema.fields import Info, query, selection_of
from schema.partners import PartnerSystem
from schema.rows import Row


@output
class UploadLimits:
    """What may be sent."""

    max_file_bytes: int
    accepted_media_types: list[str]


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
    partners: list[PartnerSystem]
    """Partner systems that citizens may link to their account, Espace Famille among them."""
    upload: UploadLimits


@query(Municipality, callers=EVERYONE)
async def municipality(info: Info) -> Row:
    """The commune that this installation serves."""
    return await resolvers.procedures.municipality(info.context.actor, selection=selection_of(info))
