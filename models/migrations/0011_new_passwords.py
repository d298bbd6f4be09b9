from tortoise import migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops
from core.clock import now
from models.ids import new_id
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0016_partner_link_constraints")]

    initial = False

    operations = [
        ops.CreateModel(
            name="NewPasswordRequest",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("typed", fields.BinaryField()),
                ("language", fields.CharField(max_length=2)),
                ("due_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "new_password_request",
                "app": "models",
                "pk_attr": "id",
                "table_description": "Mot de passe oublié ? `typed` is the username or address that somebody typed, sealed. The row is the job.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TemporaryPassword",
            fields=[
                ("id", fields.UUIDField(primary_key=True, unique=True, db_index=True)),
                (
                    "credential",
                    fields.ForeignKeyField(
                        "models.Credential",
                        source_field="credential_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="temporary_passwords",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "temporary_password",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A mailed password that can still be used. Its id is the mail's, of which the password derives: it is nowhere.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Account",
            name="former_email",
            field=fields.CharField(null=True, max_length=254),
        ),
        ops.AddField(
            model_name="Session",
            name="temporary_password_id",
            field=fields.UUIDField(null=True),
        ),
    ]
