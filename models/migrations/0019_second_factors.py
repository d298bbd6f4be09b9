"""Second factors of agents, and what must never be of them, said to the database."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from core.clock import now
from models.ids import new_id
from tortoise.fields.base import OnDelete
from tortoise import fields

UNIQUE = {
    "second_factor_agent_unique": "second_factor (agent_id)",
    "recovery_code_unique": "recovery_code (second_factor_id, digest)",
}

INDEXES = {
    "second_factor_offer_index": "second_factor (offered_at) WHERE confirmed_at IS NULL",
    "security_event_agent_index": "security_event (agent_id)",
    "security_event_by_index": "security_event (by_id)",
    "security_event_age_index": "security_event (created_at)",
}

CHECKS = {
    "second_factor": {
        "second_factor_step": "last_step >= 0",
        # A code is used up by confirming: one that has no step behind it could be used again.
        "second_factor_confirmed_by_a_code": "confirmed_at IS NULL OR last_step > 0",
    },
    "security_event": {
        "security_event_kind": (
            "kind IN ('SECOND_FACTOR_ENABLED', 'SECOND_FACTOR_DISABLED', 'SECOND_FACTOR_RESET', "
            "'RECOVERY_CODES_RENEWED', 'RECOVERY_CODE_USED')"
        ),
    },
}

FORWARD = [
    *(f"CREATE UNIQUE INDEX {name} ON {columns}" for name, columns in UNIQUE.items()),
    *(f"CREATE INDEX {name} ON {columns}" for name, columns in INDEXES.items()),
    *(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({rule})"
        for table, rules in CHECKS.items()
        for name, rule in rules.items()
    ),
]


class Migration(migrations.Migration):
    dependencies = [("models", "0018_webhook_constraints")]

    initial = False

    operations = [
        ops.CreateModel(
            name="SecondFactor",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "agent",
                    fields.ForeignKeyField(
                        "models.Agent",
                        source_field="agent_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="second_factors",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("secret", fields.BinaryField()),
                ("last_step", fields.BigIntField(default=0)),
                ("offered_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
                ("confirmed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "second_factor",
                "app": "models",
                "pk_attr": "id",
                "table_description": "`secret` is sealed. Until `confirmed_at` is set it is an offer, and no log-in asks for it.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="RecoveryCode",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                (
                    "second_factor",
                    fields.ForeignKeyField(
                        "models.SecondFactor",
                        source_field="second_factor_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="recovery_codes",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("digest", fields.BinaryField()),
            ],
            options={
                "table": "recovery_code",
                "app": "models",
                "pk_attr": "id",
                "table_description": "A recovery code that is still good: one that is used loses its row. `digest` is an HMAC.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SecurityEvent",
            fields=[
                ("id", fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ("kind", fields.CharField(max_length=40)),
                (
                    "agent",
                    fields.ForeignKeyField(
                        "models.Agent",
                        source_field="agent_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="security_events",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "by",
                    fields.ForeignKeyField(
                        "models.Agent",
                        source_field="by_id",
                        null=True,
                        db_constraint=True,
                        to_field="id",
                        related_name="security_events_caused",
                        on_delete=OnDelete.SET_NULL,
                    ),
                ),
                ("created_at", fields.DatetimeField(default=now, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "security_event",
                "app": "models",
                "pk_attr": "id",
                "table_description": "What happened to the access of an agent, and who did it; nobody where the operator did, from a terminal.",
            },
            bases=["Model"],
        ),
        # Dropping the tables drops their indexes and rules with them.
        ops.RunSQL(";\n".join(FORWARD), reverse_sql="SELECT 1"),
    ]
