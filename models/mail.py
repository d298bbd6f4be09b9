"""Mail to send, written in the transaction of the change that it tells of. The row is the job."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from core.clock import now
from models.accounts import Account
from models.appointments import Appointment
from models.events import RequestEvent
from models.exchanges import Exchange
from models.ids import new_id
from models.requests import ServiceRequest
from models.webhooks import Webhook


class Mail(Model):
    """Holds no secret: tickets and tokens are put in when it is rendered, from the rows it names.

    The foreign key to `event` is checked at commit (models/migrations), because mails are written before the event.
    """

    id: UUID = fields.UUIDField(primary_key=True, default=new_id)
    template = fields.CharField(max_length=40)
    recipient = fields.CharField(max_length=254)
    language = fields.CharField(max_length=2)
    request: fields.ForeignKeyNullableRelation[ServiceRequest] = fields.ForeignKeyField(
        "models.ServiceRequest", null=True, on_delete=fields.CASCADE, related_name="mails"
    )
    request_id: UUID | None
    account: fields.ForeignKeyNullableRelation[Account] = fields.ForeignKeyField(
        "models.Account", null=True, on_delete=fields.CASCADE, related_name="mails"
    )
    account_id: UUID | None
    exchange: fields.ForeignKeyNullableRelation[Exchange] = fields.ForeignKeyField(
        "models.Exchange", null=True, on_delete=fields.CASCADE, related_name="mails"
    )
    exchange_id: UUID | None
    event: fields.ForeignKeyNullableRelation[RequestEvent] = fields.ForeignKeyField(
        "models.RequestEvent", null=True, on_delete=fields.CASCADE, related_name="mails"
    )
    event_id: UUID | None
    appointment: fields.ForeignKeyNullableRelation[Appointment] = fields.ForeignKeyField(
        "models.Appointment", null=True, on_delete=fields.CASCADE, related_name="mails"
    )
    appointment_id: UUID | None
    webhook: fields.ForeignKeyNullableRelation[Webhook] = fields.ForeignKeyField(
        "models.Webhook", null=True, on_delete=fields.CASCADE, related_name="mails"
    )
    webhook_id: UUID | None
    appointment_sequence = fields.IntField(null=True)
    """What the appointment's was: a reminder of one that has moved since is not sent."""
    state = fields.CharField(max_length=10, default="PENDING")
    attempts = fields.IntField(default=0)
    next_attempt_at: datetime = fields.DatetimeField(default=now)
    last_error = fields.TextField(null=True)
    message_id = fields.CharField(max_length=200)
    created_at: datetime = fields.DatetimeField(default=now)
    sent_at: datetime | None = fields.DatetimeField(null=True)

    class Meta:
        table = "mail"
