from tortoise import migrations
from tortoise.migrations import operations as ops
from core.clock import now
from models.ids import new_id
from tortoise.fields.base import OnDelete
from tortoise import fields


class Migration(migrations.Migration):
    dependencies = [("models", "0004_file_constraints")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Slot",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "schedule",
                    fields.ForeignKeyField(
                        "models.Schedule",
                        source_field="schedule_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="slots",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("start", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("end", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("capacity", fields.IntField(default=1)),
                ("taken", fields.IntField(default=0)),
                ("held", fields.IntField(default=0)),
                ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("changed_in", fields.BigIntField(default=0)),
            ],
            options={
                "table": "slot",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A span of time in a schedule. `taken` is how many appointments count in it: a trigger keeps it, and a constraint",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Appointment",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "request",
                    fields.ForeignKeyField(
                        "models.ServiceRequest",
                        source_field="request_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="appointments",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "slot",
                    fields.ForeignKeyField(
                        "models.Slot",
                        source_field="slot_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="appointments",
                        on_delete=OnDelete.RESTRICT,
                    ),
                ),
                ("state", fields.CharField(max_length=10)),
                ("counts", fields.BooleanField(default=True)),
                ("held_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("sequence", fields.IntField(default=0)),
                ("reminder_email", fields.CharField(null=True, max_length=254)),
                ("reminder_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("reminder_sent_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "appointment",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A place in a slot, for one request. A request has one that is not cancelled, at most.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Mail",
            name="appointment",
            field=fields.ForeignKeyField(
                "models.Appointment",
                source_field="appointment_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="mails",
                on_delete=OnDelete.CASCADE,
            ),
        ),
        ops.AddField(
            model_name="Mail",
            name="appointment_sequence",
            field=fields.IntField(null=True),
        ),
    ]
