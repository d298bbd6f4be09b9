from tortoise import migrations
from tortoise.migrations import operations as ops
from core.clock import now
from models.ids import new_id
from tortoise.fields.base import OnDelete
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0012_new_password_constraints")]

    initial = False

    operations = [
        ops.CreateModel(
            name="DataExport",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "account",
                    fields.ForeignKeyField(
                        "models.Account",
                        source_field="account_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="data_exports",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("language", fields.CharField(max_length=2)),
                ("state", fields.CharField(default="PENDING", max_length=10)),
                ("attempts", fields.IntField(default=0)),
                (
                    "next_attempt_at",
                    fields.DatetimeField(null=True, default=now, auto_now=False, auto_now_add=False),
                ),
                ("address", fields.CharField(null=True, max_length=200)),
                ("size", fields.BigIntField(null=True)),
                ("sha256", fields.BinaryField(null=True)),
                ("requested_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("ready_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("expires_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "data_export",
                "app": "models",
                "pk_attr": "id",
                "table_description": "The last one that an account has asked for. PENDING until it is READY, or FAILED after its last attempt.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ErasedRequestFigure",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "procedure",
                    fields.ForeignKeyField(
                        "models.Procedure",
                        source_field="procedure_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="erased_request_figures",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("status", fields.CharField(max_length=20)),
                ("submitted_on", fields.DateField()),
                ("closed_on", fields.DateField()),
                ("requests", fields.IntField()),
            ],
            options={
                "table": "erased_request_figure",
                "app": "models",
                "pk_attr": "id",
                "table_description": "So many requests of one procedure that came on one day and ended so on another. It names nobody, and no request.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Account",
            name="closed_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Account",
            name="erasure_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Procedure",
            name="retention_months",
            field=fields.SmallIntField(null=True),
        ),
    ]
