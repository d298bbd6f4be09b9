from tortoise import migrations
from tortoise.migrations import operations as ops
from core.clock import now
from models.ids import new_id
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0014_leaving_constraints")]

    initial = False

    operations = [
        ops.CreateModel(
            name="PartnerToken",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("name", fields.CharField(max_length=100)),
                ("token_digest", fields.BinaryField()),
                ("scopes", ArrayField(element_type="text")),
                ("procedure_ids", ArrayField(element_type="uuid", default=list)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("last_used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "partner_token",
                "app": "models",
                "pk_attr": "id",
                "table_description": "`procedure_ids`: whose requests it sees; empty, all. One whose procedure is gone sees nothing of it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Webhook",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "token",
                    fields.ForeignKeyField(
                        "models.PartnerToken",
                        source_field="token_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="webhooks",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("number", fields.SmallIntField()),
                ("url_sealed", fields.BinaryField()),
                ("host", fields.CharField(max_length=300)),
                ("events", ArrayField(element_type="text", default=list)),
                ("state", fields.CharField(default="ACTIVE", max_length=10)),
                ("secret_sealed", fields.BinaryField()),
                ("previous_secret_sealed", fields.BinaryField(null=True)),
                (
                    "previous_secret_until",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
                ("position", fields.BigIntField()),
                ("runs", fields.BigIntField(default=0)),
                ("next_attempt_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("failures", fields.IntField(default=0)),
                ("failing_since", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("last_delivery_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("last_error", fields.JSONField(null=True)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "webhook",
                "app": "models",
                "pk_attr": "id",
                "table_description": "`last_error`: a sentence in each language, by `fr` and `en`.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="WebhookBlock",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "webhook",
                    fields.ForeignKeyField(
                        "models.Webhook",
                        source_field="webhook_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="blocks",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "request",
                    fields.ForeignKeyField(
                        "models.ServiceRequest",
                        source_field="request_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="webhook_blocks",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("position", fields.BigIntField()),
                ("attempts", fields.IntField(default=0)),
                ("failing_since", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("next_attempt_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "webhook_block",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A request whose event at `position` was not taken: it and the later ones, up to the webhook's cursor, wait.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Mail",
            name="webhook",
            field=fields.ForeignKeyField(
                "models.Webhook",
                source_field="webhook_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="mails",
                on_delete=OnDelete.CASCADE,
            ),
        ),
    ]
