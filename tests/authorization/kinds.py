"""The kinds of caller that the matrix knows, and the groups of them that its expectations speak of."""

from __future__ import annotations

from enum import StrEnum

from schema.callers import Caller


class Kind(StrEnum):
    """Everybody is one of two, so that what is the one's can be looked for at the other's."""

    VISITOR = "visitor"
    STALE = "visitor with a stale cookie"
    ARRIVING = "visitor who has proved who they are"
    HOLDER = "holder of a ticket"
    OTHER_HOLDER = "holder of another ticket"
    OWNER = "citizen"
    OTHER_CITIZEN = "another citizen"
    HANDLER = "handler of the procedure"
    OTHER_HANDLER = "handler of another procedure"
    ADMINISTRATOR = "administrator"
    PARTNER = "partner for the procedure"
    OTHER_PARTNER = "partner for another procedure"
    SCOPELESS = "partner without the scope"
    RESTRICTED = "citizen with a mailed password"
    ENROLLING = "agent without a second factor"


Kinds = frozenset[Kind]

NOBODY: Kinds = frozenset()
RESTRICTED: Kinds = frozenset({Kind.RESTRICTED, Kind.ENROLLING})
"""Whoever has something to do before anything else. They are in no other group; the first is the citizen, too."""
ANYBODY: Kinds = frozenset(Kind)
EVERYONE: Kinds = ANYBODY - RESTRICTED
VISITORS: Kinds = frozenset({Kind.VISITOR, Kind.STALE, Kind.ARRIVING})
HOLDERS: Kinds = frozenset({Kind.HOLDER, Kind.OTHER_HOLDER})
CITIZENS: Kinds = frozenset({Kind.OWNER, Kind.OTHER_CITIZEN})
HANDLERS: Kinds = frozenset({Kind.HANDLER, Kind.OTHER_HANDLER})
ADMINISTRATORS: Kinds = frozenset({Kind.ADMINISTRATOR})
AGENTS: Kinds = HANDLERS | ADMINISTRATORS
READING_PARTNERS: Kinds = frozenset({Kind.PARTNER, Kind.OTHER_PARTNER})
PARTNERS: Kinds = READING_PARTNERS | {Kind.SCOPELESS}
APPLICANTS: Kinds = HOLDERS | CITIZENS
PEOPLE: Kinds = EVERYONE - PARTNERS
PARTIES: Kinds = APPLICANTS | AGENTS
"""Both sides of a request."""
READERS: Kinds = APPLICANTS | AGENTS | READING_PARTNERS
"""Whoever sees some request."""
TOLD: Kinds = READERS | {Kind.SCOPELESS}
"""Whoever sees that something happens to some request."""

CALLERS = {
    **dict.fromkeys(VISITORS, Caller.VISITOR),
    **dict.fromkeys(HOLDERS, Caller.TICKET_HOLDER),
    **dict.fromkeys(CITIZENS, Caller.CITIZEN),
    **dict.fromkeys(HANDLERS, Caller.AGENT),
    **dict.fromkeys(ADMINISTRATORS, Caller.ADMINISTRATOR),
    **dict.fromkeys(PARTNERS, Caller.PARTNER),
    Kind.RESTRICTED: Caller.MUST_CHANGE_PASSWORD,
    Kind.ENROLLING: Caller.MUST_ENROL,
}
"""What each is to the schema."""
