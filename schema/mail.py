"""Mail that could not be sent, for agents to see."""

from datetime import datetime

from schema.connections import Connection, Node
from schema.declare import output
from schema.references import ServiceRequestReference


@output
class ParkedMail(Node):
    """A mail that the program no longer tries to send: it was refused for good, or 48 hours went by."""

    template: str
    """Which mail: `acknowledgement`, `new_exchange`, `status_changed`, `email_confirmation`."""
    recipient: str
    """The address that it was for."""
    attempts: int
    last_error: str | None
    """What the mail server answered last."""
    created_at: datetime
    request: ServiceRequestReference | None
    """The request that it tells of. Null for mail about an account, which only administrators see."""


ParkedMailConnection = Connection[ParkedMail]
