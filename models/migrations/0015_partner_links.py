from tortoise import migrations
from tortoise.migrations import operations as ops
from core.clock import now
from models.ids import new_id
from tortoise.fields.base import OnDelete
from uuid import uuid4
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0022_past_appointments")]

    initial = False

    operations = [
        ops.CreateModel(
            name="PartnerSystem",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("slug", fields.CharField(max_length=100)),
                ("name", fields.CharField(max_length=200)),
                ("address", fields.CharField(max_length=500)),
                ("code_label", fields.CharField(max_length=200)),
                ("password_label", fields.CharField(max_length=200)),
                ("position", fields.IntField()),
                ("offered", fields.BooleanField(default=True)),
            ],
            options={
                "table": "partner_system",
                "app": "models",
                "pk_attr": "id",
                "table_description": "One of the municipality's data. `offered` is false once it is there no more: its links are still to be ended.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PartnerLink",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "system",
                    fields.ForeignKeyField(
                        "models.PartnerSystem",
                        source_field="system_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="links",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="partner_links",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("reference", fields.UUIDField()),
                ("token_sealed", fields.BinaryField(null=True)),
                ("label", fields.CharField(max_length=200)),
                ("state", fields.CharField(default="ACTIVE", max_length=10)),
                ("linked_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "partner_link",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The partner knows it by `reference`. The database itself has a reference that goes ended at the partner.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PartnerRevocation",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                (
                    "system",
                    fields.ForeignKeyField(
                        "models.PartnerSystem",
                        source_field="system_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="revocations",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("attempts", fields.IntField(default=0, db_default=0)),
                ("next_attempt_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "partner_revocation",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A link to be ended at the partner; its id is the link's reference. The row is the job, and outlives the account.",
            },
            bases=["Model"],
        ),
    ]
