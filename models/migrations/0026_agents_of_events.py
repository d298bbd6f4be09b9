"""Which agent did what happened to a request. Of what happened before, that is not known."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.migrations import operations as ops

UNIQUE: dict[str, str] = {}

INDEXES = {"request_event_agent_index": "request_event (agent_id) WHERE agent_id IS NOT NULL"}

CHECKS = {
    "request_event": {"request_event_agent": "agent_id IS NULL OR actor = 'MUNICIPALITY'"},
}

FORWARD = [
    *(f"CREATE INDEX {name} ON {columns}" for name, columns in INDEXES.items()),
    *(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({rule})"
        for table, rules in CHECKS.items()
        for name, rule in rules.items()
    ),
]

BACKWARD = [
    *(f"ALTER TABLE {table} DROP CONSTRAINT {name}" for table, rules in CHECKS.items() for name in rules),
    *(f"DROP INDEX {name}" for name in INDEXES),
]


class Migration(migrations.Migration):
    dependencies = [("models", "0025_found_by")]

    operations = [
        ops.AddField(
            model_name="RequestEvent",
            name="agent",
            field=fields.ForeignKeyField(
                "models.Agent",
                source_field="agent_id",
                null=True,
                db_constraint=True,
                to_field="id",
                related_name="events",
                on_delete=OnDelete.RESTRICT,
            ),
        ),
        ops.RunSQL(";\n".join(FORWARD), reverse_sql=";\n".join(BACKWARD)),
    ]
